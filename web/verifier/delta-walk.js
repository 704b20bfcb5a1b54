// @ts-nocheck
// A period's deltas, taken one by one in bounded memory, and then held against its two ends.

import { formatUnits } from "./amounts.js";
import { bitCount, ZERO } from "./bytes.js";
import { fingerprint, LEDGER_TREE, leaf } from "./hashes.js";
import { spanText } from "./span-claim.js";
import { Frontier } from "./trees.js";
import { moment } from "./wording.js";

const IN_ORDER = "The deltas follow each other without a gap.";

/**
 * A walk over the deltas of a period claim, once its peaks are found to be those that open it. `opening` is
 * the delta before the period, null where there is none.
 */
export function startWalk(local, claim, peaks, opening) {
  const { checks } = local;
  checks.same(
    "opening peaks",
    bitCount(claim.fromIndex),
    peaks.length,
    "There is one for each bit of fromIndex.",
  );
  const walk = new DeltaWalk(local, claim.fromIndex, peaks, opening, claim.closing.record, claim.span);
  checks.same(
    "opening peaks' root",
    claim.openingRoot,
    walk.frontier.root(),
    "The peaks are those of the ledger that opens the period.",
  );
  return walk;
}

class DeltaWalk {
  /** `closing` is the last delta, which is shown by itself, whatever the list shows of it. */
  constructor({ separator, ledgerId }, start, peaks, opening, closing, span) {
    this.separator = separator;
    this.ledgerId = ledgerId;
    this.start = start;
    this.frontier = new Frontier(LEDGER_TREE, start, peaks);
    this.balance = opening === null ? 0n : opening.balance;
    this.recordedAt = opening === null ? 0n : opening.recordedAt;
    this.closing = closing;
    this.span = span;
    this.compared = 0;
    this.faults = new Map();
    this.count = 0n;
    this.last = ZERO;
  }

  /** Take the next delta; its fingerprint is returned. */
  take(record) {
    const wanted = this.start + this.count;
    if (record.index !== wanted) this.fault("delta order", wanted, record.index, IN_ORDER);
    this.last = fingerprint(this.separator, this.ledgerId, record);
    this.frontier.append(leaf(LEDGER_TREE, this.last));
    this.count += 1n;
    if (!record.withheld) this.compare(record);
    else if (record.index === this.closing.index) this.compare(this.closing);
    else this.balance = null;
    return this.last;
  }

  /** Check all that was taken: order, tree, last delta, balances and times. */
  finish(checks, closingRoot, closing) {
    this.raise(checks, "delta order");
    checks.passed("delta order", `${this.start} to ${this.start + this.count - 1n}`, IN_ORDER);
    checks.same(
      "all deltas",
      closingRoot,
      this.frontier.root(),
      "The listed deltas, and no others, lead from the opening root to the closing root.",
      "A listed delta was altered, or one is missing: the list does not lead to the closing root." +
        this.suspect(),
    );
    checks.same("last delta", closing, this.last, "The last one listed is the closing delta.");
    this.raise(checks, "balances", "times", "span: listed deltas");
    const checked = `${this.compared} of ${this.count}`;
    if (BigInt(this.compared) === this.count) {
      checks.passed("balances", checked, "Each balance is the one before it plus the amount.");
    } else if (this.compared) {
      checks.passed(
        "balances",
        checked,
        `${checked} balances were checked: each is the one before it plus the amount. ` +
          "The others cannot be, since amounts are withheld.",
      );
    } else {
      checks.skipped("balances", "No balance could be checked: the amounts are withheld.");
    }
  }

  /** What to say of the deltas, which are `where`, and of what was not checked of them. */
  told(where) {
    const allThere = `All ${this.count} deltas are ${where}, in order, and none is missing.`;
    if (BigInt(this.compared) === this.count) {
      const within = "Each of them is dated in the span: nothing else is among them.";
      return this.span === null ? [allThere] : [allThere, within];
    }
    let why = "their amounts are withheld: that balance rests on the closing delta's fingerprint alone.";
    if (this.compared) {
      const held = `${this.compared} of ${this.count} balances were held against the one before.`;
      why = `amounts are withheld: ${held}`;
    }
    return [allThere, `Whether they add up to the closing balance was not checked, since ${why}`];
  }

  /** A balance against the one before it, and its time against the latest, where both are shown. */
  compare(record) {
    if (this.balance !== null) {
      this.compared += 1;
      if (this.balance + record.amount !== record.balance) {
        this.fault(
          "balances",
          formatUnits(this.balance + record.amount),
          formatUnits(record.balance),
          `Delta ${record.index}: its balance is not the one before it plus its amount.`,
        );
      }
    }
    if (record.recordedAt < this.recordedAt) {
      this.fault(
        "times",
        `from ${moment(this.recordedAt)}`,
        moment(record.recordedAt),
        `Delta ${record.index} was recorded before one that stands before it.`,
      );
    }
    if (this.span !== null && !(this.span.start <= record.recordedAt && record.recordedAt < this.span.end)) {
      this.fault(
        "span: listed deltas",
        spanText(this.span),
        moment(record.recordedAt),
        `Delta ${record.index} was not recorded in the span.`,
      );
    }
    this.balance = record.balance;
    this.recordedAt = record.recordedAt;
  }

  /** Keep the first fault in the order, and the first in balances or times: the tree is looked at before. */
  fault(name, expected, found, explanation) {
    const kind = name === "delta order" ? name : "balances or times";
    if (!this.faults.has(kind)) this.faults.set(kind, { name, expected, found, explanation });
  }

  /** Where balances or times do not follow, if they do not: that points at what was altered. */
  suspect() {
    return [...this.faults.values()].map(({ explanation }) => ` ${explanation}`).join("");
  }

  raise(checks, ...names) {
    for (const { name, expected, found, explanation } of this.faults.values()) {
      if (names.includes(name)) checks.fail(name, expected, found, explanation);
    }
  }
}
