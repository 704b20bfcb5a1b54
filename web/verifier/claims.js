// @ts-nocheck
// What each kind of claim needs to hold, and what it then proves.

import { formatUnits } from "./amounts.js";
import { hexOf } from "./bytes.js";
import { fraud } from "./frauds.js";
import { period } from "./period-claim.js";

function delta(local, claim) {
  const fingerprint = local.included(claim.delta, claim.head);
  const batch = local.head(claim.head);
  const { record } = claim.delta;
  byItself(local, record, claim.head);
  const statements = [`Delta ${record.index} is in the record, exactly as shown here.`];
  if (record.withheld) {
    statements.push(`Only its fingerprint is shown: ${hexOf(fingerprint)}.`);
  } else {
    statements.push(
      `Its amount is ${formatUnits(record.amount)}; the balance after it ${formatUnits(record.balance)}.`,
    );
  }
  return { batches: [batch], statements };
}

function balance(local, claim) {
  local.included(claim.delta, claim.head);
  const batch = local.head(claim.head);
  const { record } = claim.delta;
  const { size } = claim.head;
  const { number } = batch.batch.batch;
  byItself(local, record, claim.head);
  const last = record.index === size - 1n;
  const after = `after delta ${record.index} of ${size}`;
  local.checks.passed(
    "balance as of",
    last ? `batch ${number}` : `delta ${record.index}`,
    `This is the balance ${after}: ${last ? "the last one in the batch" : "the batch has more"}.`,
  );
  const statements = [
    `The balance ${after} is ${formatUnits(record.balance)}: the operator is bound to it.`,
    last
      ? `It is the ledger's balance as of batch ${number}, after all its ${size} deltas.`
      : `The ledger went on: it has ${size} deltas as of batch ${number}.`,
  ];
  return { batches: [batch], statements };
}

function absence(local, claim) {
  const batch = local.absence(claim.absence);
  return {
    batches: [batch],
    statements: [`As of batch ${batch.batch.batch.number} there is no such ledger: not one delta of it.`],
  };
}

function freshness(local, claim) {
  const batch = local.head(claim.head, "", true);
  return {
    batches: [batch],
    statements: [
      `The ledger's head in batch ${batch.batch.batch.number} has ${claim.head.size} deltas and the root ` +
        `${hexOf(claim.head.root)}.`,
    ],
  };
}

function consistency(local, claim) {
  const { earlier, head: later } = claim;
  const batches = [];
  if (earlier.batch !== null) {
    batches.push(local.head(earlier, "earlier head"));
    local.checks.holds(
      "batch order",
      earlier.batch.batch.number <= later.batch.batch.number,
      `a batch from ${earlier.batch.batch.number}`,
      later.batch.batch.number,
      "The earlier head is not from a later batch.",
    );
  }
  batches.push(local.head(later, "later head"));
  local.consistent(
    "consistency",
    [earlier.size, earlier.root],
    [later.size, later.root],
    claim.path,
    `The ledger of ${later.size} deltas begins with the ${earlier.size} of the earlier head.`,
  );
  const statements = [
    `The head of ${later.size} deltas extends the one of ${earlier.size}: ` +
      "nothing before was altered or removed.",
  ];
  if (earlier.batch === null) {
    statements.push(
      `The earlier head is not tied to a batch: see that its root, ${hexOf(earlier.root)}, is the one you kept.`,
    );
  }
  return { batches, statements };
}

/** What a delta says of itself: when it was recorded, and at index 0 its balance. */
function byItself(local, record, head) {
  local.recorded(record, head);
  if (record.index === 0n) local.follows(null, record);
}

export const CLAIMS = { delta, balance, period, absence, freshness, consistency, fraud };
