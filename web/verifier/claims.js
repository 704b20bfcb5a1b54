// What each kind of claim needs to hold, and what it then proves.

import { formatUnits } from "./amounts.js";
import { hexOf } from "./bytes.js";
import { fraud } from "./frauds.js";
import { period } from "./period-claim.js";
import { moment } from "./wording.js";

function delta(local, claim) {
  const fingerprint = local.included(claim.delta, claim.head);
  const batch = local.head(claim.head);
  const { record } = claim.delta;
  const statements = [`Delta ${record.index} is in the record, exactly as shown here.`];
  if (record.withheld) {
    statements.push(`Only its fingerprint is shown: ${hexOf(fingerprint)}.`);
  } else {
    statements.push(
      `Its amount is ${formatUnits(record.amount)}; the balance after it ${formatUnits(record.balance)}.`,
      ...oddities(record, claim.head),
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
  const statements = [
    `The balance after delta ${record.index} is ${formatUnits(record.balance)}: the operator is bound to it.`,
    record.index === size - 1n
      ? `It is the ledger's balance as of batch ${number}, after all its ${size} deltas.`
      : `The ledger went on: it has ${size} deltas as of batch ${number}.`,
    ...oddities(record, claim.head),
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
      `The ledger's newest head has ${claim.head.size} deltas and the root ${hexOf(claim.head.root)}.`,
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

/** What is proven and should not be. */
function oddities(record, head) {
  const { sealedAt } = head.batch.batch;
  if (record.recordedAt <= sealedAt) return [];
  return [
    `But it says it was recorded ${moment(record.recordedAt)}, after its batch was sealed ` +
      `(${moment(sealedAt)}): the operator broke a rule of the log.`,
  ];
}

export const CLAIMS = { delta, balance, period, absence, freshness, consistency, fraud };
