// @ts-nocheck
// Steps 1 to 3 of a verification, for one delta, one head, one place: what needs nothing but the file.

import { formatUnits } from "./amounts.js";
import { anchorRoot, domainSeparator, fingerprint, headHash, LEDGER_TREE, leaf, logIdOf } from "./hashes.js";
import { verifyLedgerIdentity } from "./identity.js";
import {
  checkConsistency,
  ProofError,
  rootFromAbsence,
  rootFromInclusion,
  rootFromPresence,
} from "./trees.js";
import { moment } from "./wording.js";

export const labelled = (name, label) => (label ? `${name} (${label})` : name);

export class LocalChecks {
  constructor(checks, logId, ledgerId) {
    this.checks = checks;
    this.logId = logId;
    this.ledgerId = ledgerId;
    this.separator = domainSeparator(logId);
  }

  /** What `compute` gives; where it throws a ProofError, the step fails with its two values. */
  guarded(name, explanation, compute) {
    try {
      return compute();
    } catch (failure) {
      if (!(failure instanceof ProofError)) throw failure;
      return this.checks.refused(name, failure, explanation);
    }
  }

  identity(proof) {
    const { publicKey, founder } = proof.log;
    this.checks.same(
      "log id",
      this.logId,
      logIdOf(publicKey, founder),
      "The log's id is the hash of its public identity key and its founder.",
      "The public identity key and the founder are not those of the log.",
    );
    const customer = proof.ledger?.customer ?? null;
    if (customer === null) return;
    const name = "identity proof";
    const found = this.guarded(name, "The identity proof is not one for this customer and unit.", () =>
      verifyLedgerIdentity(publicKey, customer.identityProof, customer.customerId, customer.unit),
    );
    this.checks.same(
      name,
      this.ledgerId,
      found,
      "This ledger is the only one that this customer can have in this unit.",
      "The identity proof gives another ledger for this customer and unit.",
    );
  }

  fingerprint({ record }, label = "") {
    const found = fingerprint(this.separator, this.ledgerId, record);
    this.checks.passed(
      labelled("fingerprint", label),
      found,
      record.withheld
        ? `Delta ${record.index}: taken as stated, since all its fields are withheld.`
        : `Delta ${record.index}: recomputed from its fields and commitments.`,
    );
    return found;
  }

  included(included, head, label = "") {
    const { index } = included.record;
    const found = this.fingerprint(included, label);
    const name = labelled("ledger inclusion", label);
    const root = this.guarded(name, `The path cannot be that of delta ${index} of ${head.size}.`, () =>
      rootFromInclusion(LEDGER_TREE, leaf(LEDGER_TREE, found), index, head.size, included.path),
    );
    this.checks.same(
      name,
      head.root,
      root,
      `Delta ${index} is in the ledger's tree of ${head.size}.`,
      `Delta ${index}, as shown, is not in this tree: the delta or its path was altered.`,
    );
    return found;
  }

  head(head, label = "", mustBeNewest = false) {
    const name = labelled("map presence", label);
    const { number, mapRoot } = head.batch.batch;
    this.checks.holds(
      labelled("head size", label),
      head.size > 0n,
      "at least 1",
      head.size,
      "A ledger holds deltas.",
    );
    const root = rootFromPresence(this.ledgerId, headHash(head.size, head.root), head.siblings);
    this.checks.same(
      name,
      mapRoot,
      root,
      `Batch ${number} holds this head for the ledger.`,
      `The ledger's head is not in the map of batch ${number}.`,
    );
    return this.batch({ label, batch: head.batch, mustBeNewest });
  }

  absence(absence, label = "") {
    const name = labelled("map absence", label);
    const { number, mapRoot } = absence.batch.batch;
    const root = this.guarded(name, "This place in the map does not show an absence.", () =>
      rootFromAbsence(this.ledgerId, absence.siblings, absence.other),
    );
    this.checks.same(
      name,
      mapRoot,
      root,
      `Batch ${number} holds no such ledger: its only place is empty or another's.`,
      `This place is not in the map of batch ${number}.`,
    );
    return this.batch({ label, batch: absence.batch, mustBeNewest: false });
  }

  batch(claimed) {
    const { batch } = claimed.batch;
    this.checks.passed(
      labelled("anchored root", claimed.label),
      anchorRoot(this.logId, batch),
      `The root of batch ${batch.number}: this is what a chain has to hold.`,
    );
    return claimed;
  }

  consistent(name, [oldSize, oldRoot], [newSize, newRoot], path, explanation) {
    this.guarded(name, `The tree of ${newSize} is not shown to extend that of ${oldSize}.`, () =>
      checkConsistency(LEDGER_TREE, oldSize, oldRoot, newSize, newRoot, path),
    );
    this.checks.passed(name, newRoot, explanation);
  }

  /** A delta, where its time is shown, was recorded before its batch was sealed. */
  recorded(record, head, label = "") {
    if (record.withheld) return;
    const { number, sealedAt } = head.batch.batch;
    this.checks.holds(
      labelled("recorded before sealing", label),
      record.recordedAt <= sealedAt,
      `up to ${moment(sealedAt)}`,
      moment(record.recordedAt),
      `Delta ${record.index} was recorded no later than batch ${number} was sealed.`,
    );
  }

  /** The balances of two neighbours follow; before delta 0 there is null, and 0. */
  follows(before, after, label = "") {
    if (after.withheld || before?.withheld) return;
    const opening = before === null ? 0n : before.balance;
    this.checks.same(
      labelled("balance follows", label),
      formatUnits(opening + after.amount),
      formatUnits(after.balance),
      `Delta ${after.index}: its balance is the one before it plus its amount.`,
      `Delta ${after.index}: its balance is not the one before it plus its amount. ` +
        "The operator broke a rule of the log.",
    );
  }

  index(name, expected, included) {
    this.checks.same(
      name,
      expected,
      included.record.index,
      `It is delta ${expected}.`,
      `A proof like this shows delta ${expected} here.`,
    );
  }
}
