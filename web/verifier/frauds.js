// @ts-nocheck
// Fraud: two things that the operator is bound to by anchored roots, and that cannot both be.

import { formatUnits } from "./amounts.js";
import { equal } from "./bytes.js";
import { anchorRoot } from "./hashes.js";
import { moment } from "./wording.js";

/** Milliseconds: a delta that a batch does not yet hold may be recorded so long before it was sealed. */
const ALLOWED_LAG = 60_000n;

export function fraud(local, claim) {
  const [batches, statement] = CHECKS[claim.cheat](local, claim);
  return { batches, statements: [`The operator cheated. ${statement}`] };
}

function contradiction(local, broken, rule, found) {
  local.checks.holds(
    "contradiction",
    broken,
    `a breach of the rule that ${rule}`,
    found,
    `This breaks the rule that ${rule}.`,
  );
}

function laterBatch(local, earlier, later) {
  local.checks.holds(
    "batch order",
    later > earlier,
    `a batch after ${earlier}`,
    later,
    "The second batch is the later one.",
  );
}

function falseBalance(local, of) {
  const after = of.after.record;
  let before = 0n;
  if (of.before === null) {
    local.index("first delta", 0n, of.after);
  } else {
    local.included(of.before, of.head, "before");
    local.index("neighbours", of.before.record.index + 1n, of.after);
    before = of.before.record.balance;
  }
  local.included(of.after, of.head, "after");
  const expected = formatUnits(before + after.amount);
  contradiction(
    local,
    before + after.amount !== after.balance,
    "a balance is the one before it plus the amount",
    `balance ${formatUnits(after.balance)}, where the sum is ${expected}`,
  );
  return [
    [local.head(of.head)],
    `The balance after delta ${after.index} has to be ${expected}, and the record says ` +
      `${formatUnits(after.balance)}.`,
  ];
}

function timeReversed(local, of) {
  const before = of.before.record;
  const after = of.after.record;
  local.included(of.before, of.head, "before");
  local.index("neighbours", before.index + 1n, of.after);
  local.included(of.after, of.head, "after");
  contradiction(
    local,
    after.recordedAt < before.recordedAt,
    "no delta is recorded before the one before it",
    `${moment(before.recordedAt)}, then ${moment(after.recordedAt)}`,
  );
  return [
    [local.head(of.head)],
    `Delta ${after.index} says it was recorded ${moment(after.recordedAt)}, before delta ${before.index} ` +
      `(${moment(before.recordedAt)}).`,
  ];
}

function recordedAfterSealed(local, of) {
  const { record } = of.delta;
  const { number, sealedAt } = of.head.batch.batch;
  local.included(of.delta, of.head);
  contradiction(
    local,
    record.recordedAt > sealedAt,
    "a batch holds nothing recorded after it was sealed",
    `recorded ${moment(record.recordedAt)}, sealed ${moment(sealedAt)}`,
  );
  return [
    [local.head(of.head)],
    `Batch ${number}, sealed ${moment(sealedAt)}, holds delta ${record.index}, which says ` +
      `it was recorded ${moment(record.recordedAt)}.`,
  ];
}

function backdated(local, of) {
  const { record } = of.delta;
  const { number, sealedAt } = of.earlier.batch.batch;
  const earlier = local.head(of.earlier, "earlier head");
  local.included(of.delta, of.head);
  contradiction(
    local,
    record.index >= of.earlier.size && record.recordedAt < sealedAt - ALLOWED_LAG,
    "a delta that a batch does not hold was not recorded a minute or more before it was sealed",
    `delta ${record.index}, recorded ${moment(record.recordedAt)}; ${of.earlier.size} deltas sealed ` +
      `${moment(sealedAt)}`,
  );
  return [
    [earlier, local.head(of.head, "later head")],
    `Delta ${record.index} says it was recorded ${moment(record.recordedAt)}, but batch ` +
      `${number}, sealed ${moment(sealedAt)}, did not hold it: it was put in later.`,
  ];
}

function twoDeltas(local, of) {
  const { index } = of.first.record;
  local.index("same index", index, of.second);
  const first = local.included(of.first, of.firstHead, "first");
  const second = local.included(of.second, of.secondHead, "second");
  const differ = !equal(first, second);
  contradiction(
    local,
    differ,
    "a ledger has one delta at an index",
    differ ? "two fingerprints" : "the same fingerprint twice",
  );
  return [
    [local.head(of.firstHead, "first head"), local.head(of.secondHead, "second head")],
    `There are two different deltas ${index} of this ledger: the record was rewritten.`,
  ];
}

function twoHeads(local, of) {
  local.checks.same("same size", of.first.size, of.second.size, "Both heads have as many deltas.");
  const differ = !equal(of.first.root, of.second.root);
  contradiction(
    local,
    differ,
    "a ledger of one size has one root",
    differ ? "two roots" : "the same root twice",
  );
  return [
    [local.head(of.first, "first head"), local.head(of.second, "second head")],
    `The ledger of ${of.first.size} deltas was shown in two forms: the record was rewritten.`,
  ];
}

function shrunkLedger(local, of) {
  laterBatch(local, of.earlier.batch.batch.number, of.later.batch.batch.number);
  contradiction(
    local,
    of.later.size < of.earlier.size,
    "a ledger only grows",
    `${of.earlier.size} deltas, then ${of.later.size}`,
  );
  return [
    [local.head(of.earlier, "earlier head"), local.head(of.later, "later head")],
    `The ledger had ${of.earlier.size} deltas, and later ${of.later.size}: some were removed.`,
  ];
}

function vanishedLedger(local, of) {
  laterBatch(local, of.earlier.batch.batch.number, of.absence.batch.batch.number);
  return [
    [local.head(of.earlier, "earlier head"), local.absence(of.absence, "later batch")],
    `The ledger had ${of.earlier.size} deltas, and later it was gone.`,
  ];
}

function twoBatches(local, of) {
  const { number } = of.first.batch;
  local.checks.same("same number", number, of.second.batch.number, "Both batches have one number.");
  const first = local.batch({ label: "first batch", batch: of.first, mustBeNewest: false });
  const second = local.batch({ label: "second batch", batch: of.second, mustBeNewest: false });
  const differ = !equal(anchorRoot(local.logId, of.first.batch), anchorRoot(local.logId, of.second.batch));
  contradiction(
    local,
    differ,
    "there is one batch of a number",
    differ ? "two roots" : "the same root twice",
  );
  return [[first, second], `There are two different batches ${number}: the log was rewritten.`];
}

const CHECKS = {
  false_balance: falseBalance,
  time_reversed: timeReversed,
  recorded_after_sealed: recordedAfterSealed,
  backdated,
  two_deltas: twoDeltas,
  two_heads: twoHeads,
  shrunk_ledger: shrunkLedger,
  vanished_ledger: vanishedLedger,
  two_batches: twoBatches,
};
