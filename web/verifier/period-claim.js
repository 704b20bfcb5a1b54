// @ts-nocheck
// A checkpoint and its two balances, the time span that it may stand for, and all deltas in it.

import { formatUnits } from "./amounts.js";
import { startWalk } from "./delta-walk.js";
import { checkpointHash } from "./hashes.js";
import { spanOf } from "./span-claim.js";

export function period(local, claim) {
  const { checks } = local;
  const { fromIndex: start, toIndex: end, head } = claim;
  checks.holds(
    "range",
    start <= end && end < head.size,
    `fromIndex up to toIndex, below the head's size ${head.size}`,
    `${start} to ${end}`,
    "The range lies within the head.",
  );
  const before = opening(local, claim);
  const openingBalance = before === null ? 0n : before.balance;
  local.index("closing delta", end, claim.closing);
  const closingFingerprint = local.included(claim.closing, head, "closing");
  const closing = claim.closing.record;
  local.consistent(
    "closing root",
    [end + 1n, claim.closingRoot],
    [head.size, head.root],
    claim.closingPath,
    `The head begins with the ledger of ${end + 1n} deltas, which closes the period.`,
  );
  local.consistent(
    "opening root",
    [start, claim.openingRoot],
    [end + 1n, claim.closingRoot],
    claim.openingPath,
    `That begins with the ledger of ${start} deltas, which opens it.`,
  );
  const batch = local.head(head);
  if (before !== null) local.recorded(before, head, "opening");
  local.recorded(closing, head, "closing");
  if (start === end) local.follows(before, closing, "closing");
  const walk =
    claim.deltas === null ? null : allDeltas(local, claim, claim.deltas, before, closingFingerprint);
  const bounded = claim.span === null ? null : spanOf(local, claim, closing, batch);
  const proofHash = checkpointHash(local.separator, {
    ledgerId: local.ledgerId,
    fromIndex: start,
    toIndex: end,
    openingBalance,
    closingBalance: closing.balance,
    openingRoot: claim.openingRoot,
    closingRoot: claim.closingRoot,
  });
  checks.passed("proof hash", proofHash, "The hash of this checkpoint.");
  const count = end - start + 1n;
  const statements = [
    `Deltas ${start} to ${end} (${count}): opening balance ${formatUnits(openingBalance)}, ` +
      `closing balance ${formatUnits(closing.balance)}, net change ${formatUnits(closing.balance - openingBalance)}.`,
    ...(bounded === null ? [] : bounded.statements),
    ...(walk === null
      ? ["Only its two ends are shown: what lies between was not looked at."]
      : walk.told("listed")),
  ];
  return { batches: bounded === null ? [batch] : bounded.batches, statements };
}

/** The delta before the period; null where the period begins with the ledger. */
function opening(local, claim) {
  const { opening: before, fromIndex } = claim;
  if (fromIndex === 0n || before === null) {
    local.checks.same(
      "opening delta",
      fromIndex === 0n ? "none" : `delta ${fromIndex - 1n}`,
      before === null ? "none" : `delta ${before.record.index}`,
      "The period begins with the ledger: the balance before it is 0.",
      "The delta before the period opens its balance; before index 0 there is none.",
    );
    return null;
  }
  local.index("opening delta", fromIndex - 1n, before);
  local.included(before, claim.head, "opening");
  return before.record;
}

function allDeltas(local, claim, deltas, before, closing) {
  const { checks } = local;
  const start = claim.fromIndex;
  const count = claim.toIndex - start + 1n;
  checks.same("delta count", count, deltas.records.length, `The period has ${count} deltas.`);
  const walk = startWalk(local, claim, deltas.openingPeaks, before);
  for (const record of deltas.records) walk.take(record);
  walk.finish(checks, claim.closingRoot, closing);
  return walk;
}
