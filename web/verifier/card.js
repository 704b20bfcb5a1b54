// @ts-nocheck
// One file's answer on the page. Everything that is shown is set as text, never as HTML.

import { formatUnits } from "./amounts.js";
import { hexOf } from "./bytes.js";
import { shownId, writtenOut } from "./visible-text.js";
import { moment } from "./wording.js";

const MOST_LISTED = 500;
// In characters. No text that Anchor records is longer; a listed cell shows the longest reference.
const LONGEST_TEXT = 20_000;
const LONGEST_STATEMENT = 2_000;
const LONGEST_CELL = 256;
const HASH = /^0x[0-9a-f]{40,}$/;

const TITLES = {
  valid: "Valid",
  invalid: "Not valid",
  not_checked_against_a_chain: "Not checked against a chain",
};
const SUBTITLES = {
  valid: "Every step passed, and the chain holds the root.",
  invalid: "A step failed. This file proves nothing.",
  not_checked_against_a_chain: "Without the chain's word this is no proof.",
};
const WHAT = {
  valid: "What the file shows",
  invalid: "What the file claims",
  not_checked_against_a_chain: "What the file claims",
};
const MARKS = { passed: "✓", failed: "✗", skipped: "–" };

/**
 * A text as a person can tell it from others: what cannot be seen of it, or turns the text around it, is written
 * out (`\u{202e}`); of a longer one than `longest` the beginning.
 */
export function visible(text, longest = LONGEST_TEXT) {
  const length = text.length > longest ? `… (${text.length.toLocaleString("en")} characters)` : "";
  return writtenOut(text.slice(0, longest)) + length;
}

/** How many files have which verdict, in words. */
export function summary(verdicts) {
  const counts = Object.keys(TITLES)
    .map((verdict) => [verdicts.filter((one) => one === verdict).length, TITLES[verdict].toLowerCase()])
    .filter(([count]) => count);
  return `${verdicts.length} files: ${counts.map(([count, title]) => `${count} ${title}`).join(", ")}`;
}

/** One file's answer, filled while its steps are taken. */
export class Card {
  constructor(document, name, asked) {
    this.document = document;
    this.steps = this.make("ol", "steps");
    this.bar = this.make("progress", "");
    this.bar.hidden = true;
    this.verdict = this.make("div", "verdict", this.make("h2", "", "Verifying …"), this.bar);
    this.verdict.setAttribute("role", "status");
    const title = this.make("p", "name", this.make("b", "", name), ` ${asked}`);
    this.element = this.make("article", "", title, this.verdict);
    this.element.append(this.make("h3", "", "Steps"), this.steps);
  }

  make(tag, className, ...children) {
    const element = this.document.createElement(tag);
    if (className) element.className = className;
    element.append(...children.map((child) => (typeof child === "string" ? visible(child) : child)));
    return element;
  }

  progress(done, of) {
    this.bar.hidden = false;
    this.bar.max = Number(of);
    this.bar.value = Number(done);
    this.verdict.firstChild.textContent = `Verifying … ${done} of ${of} deltas`;
  }

  step(step) {
    const line = this.make(
      "li",
      step.outcome,
      this.make("span", "mark", MARKS[step.outcome]),
      this.make("div", "step", step.name),
      this.make("div", "why", step.explanation),
    );
    line.querySelector(".mark").setAttribute("role", "img");
    line.querySelector(".mark").setAttribute("aria-label", step.outcome);
    if (step.outcome === "failed") {
      line.append(
        this.value("expected", step.expected, step.found),
        this.value("found", step.found, step.expected),
      );
    } else if (step.found !== null) {
      line.append(this.value("", step.found, step.found));
    }
    this.steps.append(line);
  }

  /** A value, with the part marked in which it differs from another of the same length. */
  value(label, value, other) {
    const element = this.make("span", "value");
    if (label) element.append(this.make("b", "", label), " ");
    const text = value ?? "nothing";
    if (!text.startsWith("0x") || text.length !== other?.length || text === other) {
      element.append(visible(text));
      return element;
    }
    let from = 0;
    while (text[from] === other[from]) from += 1;
    let to = text.length;
    while (text[to - 1] === other[to - 1]) to -= 1;
    element.append(text.slice(0, from), this.make("mark", "", text.slice(from, to)), text.slice(to));
    return element;
  }

  /** Show the answer. Its steps are all that count: those shown before may have been of a file that is none. */
  finish(result) {
    this.steps.replaceChildren();
    for (const step of result.steps) this.step(step);
    this.conclude(result.verdict, result.statements);
    const shown = result.proof === null ? [] : this.shown(result.proof, result.listed);
    if (shown.length) {
      this.element.querySelector(".statements").after(this.make("h3", "", WHAT[result.verdict]), ...shown);
    }
  }

  /** Say that the reader stopped the check: nothing is known of the file. */
  stopped() {
    this.conclude("not_checked_against_a_chain", ["You stopped this check: nothing is said of the file."]);
  }

  /** Say that this page could not go on: nothing is known of the file. */
  gaveUp(error) {
    const why = "This page could not finish, so nothing is said of the file";
    this.conclude("not_checked_against_a_chain", [`${why} (${error.name}: ${error.message}).`]);
  }

  conclude(verdict, statements) {
    this.verdict.className = `verdict ${verdict}`;
    this.verdict.replaceChildren(
      this.make("h2", "", TITLES[verdict]),
      this.make("p", "", SUBTITLES[verdict]),
    );
    this.element.dataset.verdict = verdict;
    const list = this.make("ul", "statements");
    for (const statement of statements)
      list.append(this.make("li", "", visible(statement, LONGEST_STATEMENT)));
    this.verdict.after(list);
  }

  shown(proof, listed) {
    const rows = [];
    const { customer } = proof.ledger ?? {};
    if (customer)
      rows.push(["Customer", shownId(customer.customerId)], ["Unit", shownId(customer.unit) || "none"]);
    if (proof.ledger) rows.push(["Ledger", hexOf(proof.ledger.ledgerId)]);
    const { claim } = proof;
    if (claim.delta?.record && !claim.delta.record.withheld) rows.push(...deltaRows(claim.delta.record));
    const parts = rows.length ? [this.table(rows)] : [];
    if (claim.deltas) parts.push(...this.listed(claim.deltas.records, claim.deltas.records.length));
    if (listed) parts.push(...this.listed(listed.records, listed.count));
    return parts;
  }

  table(rows) {
    const table = this.make("table", "shown");
    for (const [name, value] of rows) {
      const cell = this.make("td", HASH.test(value) ? "hash" : "", this.make("div", "", value));
      table.append(this.make("tr", "", this.make("th", "", name), cell));
    }
    return table;
  }

  listed(records, count) {
    const table = this.make("table", "shown listed");
    const titles = ["Index", "Recorded", "Reference", "Amount", "Balance"];
    const names = titles.map((title, at) => this.make("th", at > 2 ? "number" : "", title));
    table.append(this.make("thead", "", this.make("tr", "", ...names)));
    const body = this.make("tbody", "");
    for (const record of records.slice(0, MOST_LISTED)) {
      const values = record.withheld
        ? ["withheld", "", "", ""]
        : [
            moment(record.recordedAt),
            textOf(record.referenceId),
            formatUnits(record.amount),
            formatUnits(record.balance),
          ];
      const cells = [`${record.index}`, ...values].map((value, at) =>
        this.make("td", at > 2 ? "number" : "", visible(value, LONGEST_CELL)),
      );
      // Where a row is shown as lines, on a phone, each says what it is.
      for (const [at, cell] of cells.entries()) cell.dataset.title = titles[at];
      body.append(this.make("tr", "", ...cells));
    }
    table.append(body);
    const scroll = this.make("div", "scroll", table);
    scroll.tabIndex = 0;
    const parts = [scroll];
    if (count > MOST_LISTED) {
      parts.push(this.make("p", "name", `The first ${MOST_LISTED} of ${count}; all were checked.`));
    }
    return parts;
  }
}

function textOf(field) {
  if (field.commitment) return "withheld";
  return field.value ?? "none";
}

function deltaRows(record) {
  return [
    ["Delta", `${record.index}`],
    ["Amount", formatUnits(record.amount)],
    ["Balance after it", formatUnits(record.balance)],
    ["Occurred", moment(record.occurredAt)],
    ["Recorded", moment(record.recordedAt)],
    ["Reason", textOf(record.reason)],
    ["Reference", textOf(record.referenceId)],
    ["Metadata", textOf(record.metadata)],
  ];
}
