// @ts-nocheck
// A checkpoint of a time span, bounded by two batches: section 7. What the operator writes into a delta's time
// proves nothing by itself. Two blocks bound the span, and every delta that came between them and stands outside
// the range is shown.

import { formatUnits } from "./amounts.js";
import { bitCount } from "./bytes.js";
import { fingerprint, LEDGER_TREE, leaf } from "./hashes.js";
import { NOT_CHECKED } from "./results.js";
import { Frontier } from "./trees.js";
import { moment } from "./wording.js";

/** Deltas at both edges of a span that are checked; one with more is too large to check. */
const MOST_SHOWN = 100_000;
/** Milliseconds after a span's end before which its closing batch is not sealed. */
const SEALED_BEHIND = 60_000n;
const OPENING = "opening batch";
const CLOSING = "closing batch";

export const spanText = ({ start, end }) => `from ${moment(start)} up to, not including, ${moment(end)}`;

/**
 * All of a span that needs no chain, and what it gives: its batches, the opening one first, and what to say.
 * `closing` is the period's last delta, `batch` that of its head.
 */
export function spanOf(local, claim, closing, batch) {
  const { checks } = local;
  const { head, span } = claim;
  const { start, end } = span;
  const shown = span.before.records.length + span.after.records.length;
  if (shown > MOST_SHOWN) {
    checks.fail(
      "span: edges",
      `at most ${MOST_SHOWN} deltas at its edges`,
      shown,
      "The span is too large to check: too many deltas lie between its blocks and its range.",
      NOT_CHECKED,
    );
  }
  const text = spanText(span);
  checks.holds("span", start < end, "a start before the end", text, "The span is not empty.");
  checks.holds(
    "span: closing delta",
    start <= closing.recordedAt && closing.recordedAt < end,
    text,
    moment(closing.recordedAt),
    `Delta ${closing.index} was recorded in the span.`,
  );
  const { sealedAt, number } = head.batch.batch;
  checks.holds(
    "span: closing batch",
    sealedAt >= end + SEALED_BEHIND,
    `from ${moment(end + SEALED_BEHIND)}`,
    moment(sealedAt),
    "The closing batch was sealed a minute or more after the span was over.",
  );
  const [opened, size] = openingOf(local, span);
  checks.holds(
    "span: opening size",
    size <= claim.fromIndex,
    `at most ${claim.fromIndex}`,
    size,
    "The range begins with or after the opening batch's end.",
  );
  const known = [[claim.fromIndex, claim.openingRoot]];
  if (size) known.unshift([size, span.opening.root]);
  const after = claim.toIndex + 1n;
  inTree(local, "before", [size ? size - 1n : 0n, claim.fromIndex], span.before, known);
  inTree(local, "after", [after, head.size], span.after, [
    [after, claim.closingRoot],
    [head.size, head.root],
  ]);
  follow(checks, "before", span.before.records, null);
  follow(checks, "after", span.after.records, closing);
  for (const record of span.before.records) {
    if (record.recordedAt >= start) {
      checks.fail(
        "span: before",
        `before ${moment(start)}`,
        moment(record.recordedAt),
        `Delta ${record.index} stands before the range, and was not recorded before the span.`,
      );
    }
  }
  const counted = (records) => `${records.length}`;
  checks.passed(
    "span: before",
    counted(span.before.records),
    "What stands before the range is of before the span.",
  );
  for (const record of span.after.records) {
    if (record.recordedAt < end) {
      checks.fail(
        "span: after",
        `from ${moment(end)}`,
        moment(record.recordedAt),
        `Delta ${record.index} stands behind the range, and was recorded before the span was over.`,
      );
    }
  }
  checks.passed(
    "span: after",
    counted(span.after.records),
    "What stands behind the range is of after the span.",
  );
  if (span.after.records.length) local.recorded(span.after.records.at(-1), head, "after");
  if (size) local.recorded(span.before.records[0], span.opening, OPENING);
  const between = size ? span.before.records.slice(1) : span.before.records;
  const betweenBlocks = opened === null ? "up to the closing block" : "between the two blocks";
  const closes = { ...batch, label: CLOSING, direct: true, noEarlier: end };
  return {
    batches: opened === null ? [closes] : [opened, closes],
    statements: [
      `Of all that batch ${number} holds of this ledger, nothing recorded ${text}, is missing ` +
        "from this range.",
      ...(opened === null ? ["It is shown from the ledger's first delta on."] : []),
      `Dated outside the span by the operator, on the chain ${betweenBlocks}: ` +
        `${sum(between)} before it, ${sum(span.after.records)} behind it.`,
    ],
  };
}

/** What the two blocks of a span leave open. `committed` are the batches, as `spanOf` returned them. */
export function blocksWords({ start, end }, committed) {
  const closing = committed.at(-1);
  return [
    ...committed
      .slice(0, -1)
      .map(
        (one) =>
          `What was on the chain before ${block(one)} cannot truthfully have been recorded in the span.`,
      ),
    `What came after ${block(closing)} was back-dated where it says ${moment(start)} to ${moment(end)}, ` +
      "or anchored late.",
    "Whether the chain held more between the two blocks was not searched.",
  ];
}

function block({ block: number, time }) {
  const where = number === null ? "the block of its pin" : `block ${number}`;
  return `${where} (${moment(time * 1000n)})`;
}

/** The opening batch, with the ledger's size in it; null and 0 where there is none. */
function openingOf(local, { opening, start }) {
  if (opening === null) {
    local.checks.passed("span: opening batch", "none", "The span is shown from the ledger's first delta.");
    return [null, 0n];
  }
  const absent = opening.size === undefined;
  const opened = absent ? local.absence(opening, OPENING) : local.head(opening, OPENING);
  const { sealedAt } = opening.batch.batch;
  local.checks.holds(
    "span: opening batch",
    sealedAt <= start,
    `up to ${moment(start)}`,
    moment(sealedAt),
    "The opening batch was sealed no later than the span began.",
  );
  return [{ ...opened, noLater: start }, absent ? 0n : opening.size];
}

/** The deltas of an edge, `first` up to, not including, `stop`, lead through the ledger's roots at these sizes. */
function inTree(local, name, [first, stop], { peaks, records }, known) {
  const { checks } = local;
  const count = stop - first;
  checks.same(`span: deltas ${name}`, count, records.length, `There are ${count} ${name} the range.`);
  checks.same(
    `span: peaks ${name}`,
    bitCount(first),
    peaks.length,
    "There is one for each bit of the first index.",
  );
  for (const [at, record] of records.entries()) {
    if (record.index !== first + BigInt(at)) {
      checks.fail(
        `span: deltas ${name}`,
        first + BigInt(at),
        record.index,
        `The deltas ${name} the range follow without a gap.`,
      );
    }
  }
  const frontier = new Frontier(LEDGER_TREE, first, peaks);
  for (const [size, root] of known) {
    for (const record of records.slice(Number(frontier.size - first), Number(size - first))) {
      frontier.append(leaf(LEDGER_TREE, fingerprint(local.separator, local.ledgerId, record)));
    }
    checks.same(
      `span: tree ${name}`,
      root,
      frontier.root(),
      `They are those of the ledger of ${size} deltas.`,
      `A delta ${name} the range was altered, or one is missing: they do not lead to the ` +
        `ledger of ${size} deltas.`,
    );
  }
}

/** Balances follow and times never decrease, from `previous` on. */
function follow(checks, name, records, previous) {
  for (const record of records) {
    if (previous !== null || record.index === 0n) {
      const expected = record.amount + (previous === null ? 0n : previous.balance);
      if (expected !== record.balance) {
        checks.fail(
          `span: balances ${name}`,
          formatUnits(expected),
          formatUnits(record.balance),
          `Delta ${record.index}: its balance is not the one before it plus its amount.`,
        );
      }
    }
    if (previous !== null && record.recordedAt < previous.recordedAt) {
      checks.fail(
        `span: times ${name}`,
        `from ${moment(previous.recordedAt)}`,
        moment(record.recordedAt),
        `Delta ${record.index} was recorded before the one before it.`,
      );
    }
    previous = record;
  }
  checks.passed(`span: balances ${name}`, records.length, "Balances and times follow one another.");
}

function sum(records) {
  if (!records.length) return "none";
  const units = records.reduce((total, { amount }) => total + amount, 0n);
  return `${records.length} delta${records.length === 1 ? "" : "s"} of ${formatUnits(units)}`;
}
