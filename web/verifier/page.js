// The page: a file in, the steps out. Everything that is shown is set as text, never as HTML.

import { formatUnits } from "./amounts.js";
import { hexOf } from "./bytes.js";
import { AgreeingChains, JsonRpcChain, shownUrl } from "./json-rpc.js";
import { parseContract, parseFinality, verifyBytes } from "./verification.js";
import { moment } from "./wording.js";

const MOST_LISTED = 500;
const HASH = /^0x[0-9a-f]{64}$/;

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

export function start(document) {
  const byId = (id) => document.getElementById(id);
  const results = byId("results");
  let files = [];
  let round = 0;

  const query = new URLSearchParams(document.location.search);
  for (const name of ["rpc", "contract", "customer"]) byId(name).value = query.get(name) ?? "";
  const finality = query.get("finality");
  if (finality !== null && parseFinality(finality) !== null) {
    const select = byId("finality");
    if (![...select.options].some((option) => option.value === finality)) {
      const label = `with ${finality} confirmations`;
      select.append(Object.assign(document.createElement("option"), { value: finality, textContent: label }));
    }
    select.value = finality;
  }

  /** What the reader means, or null after saying what is wrong with it. */
  function options() {
    const contract = byId("contract").value.trim();
    const expectedContract = contract ? parseContract(contract) : null;
    const trouble = byId("trouble");
    trouble.hidden = !contract || expectedContract !== null;
    if (!trouble.hidden) {
      trouble.textContent = "The agreed contract is not an address: 0x and 40 hexadecimal digits.";
      return null;
    }
    return {
      expectedContract,
      expectedCustomer: byId("customer").value || null,
      finality: parseFinality(byId("finality").value),
    };
  }

  const urls = () => byId("rpc").value.split(/[\s,]+/).filter(Boolean);
  const nodes = () => urls().map(shownUrl).join(" and ") || "no node";

  function chain() {
    const chains = urls().map((url) => new JsonRpcChain(url));
    return chains.length > 1 ? new AgreeingChains(chains) : (chains[0] ?? null);
  }

  async function verifyAll() {
    const chosen = options();
    byId("again").disabled = !files.length;
    if (chosen === null || !files.length) return;
    round += 1;
    const current = round;
    results.replaceChildren();
    const asked = `${nodes()}; final ${byId("finality").selectedOptions[0].textContent}`;
    for (const file of files) {
      const card = new Card(document, `${file.name}, checked ${moment(BigInt(Date.now()))} against ${asked}`);
      results.append(card.element);
      const raw = new Uint8Array(await file.arrayBuffer());
      const result = await verifyBytes(raw, chain(), { ...chosen, onStep: (step) => card.step(step) });
      if (current !== round) return;
      card.finish(result);
    }
  }

  function take(list) {
    files = [...list];
    if (files.length) verifyAll();
  }

  const drop = byId("drop");
  byId("files").addEventListener("change", (event) => take(event.target.files));
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") take(event.dataTransfer.files);
    });
  }
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    verifyAll();
  });
}

/** One file's answer, filled while its steps are taken. */
class Card {
  constructor(document, name) {
    this.document = document;
    this.steps = this.make("ol", "steps");
    this.verdict = this.make("div", "verdict", this.make("h2", "", "Verifying …"));
    this.element = this.make("article", "", this.make("p", "name", name), this.verdict);
    this.element.append(this.make("h3", "", "Steps"), this.steps);
  }

  make(tag, className, ...children) {
    const element = this.document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  step(step) {
    const line = this.make(
      "li",
      step.outcome,
      this.make("span", "mark", MARKS[step.outcome]),
      this.make("div", "step", step.name),
      this.make("div", "why", step.explanation),
    );
    line.querySelector(".mark").setAttribute("aria-label", step.outcome);
    if (step.outcome === "failed") {
      line.append(this.value("expected", step.expected, step.found), this.value("found", step.found, step.expected));
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
      element.append(text);
      return element;
    }
    let from = 0;
    while (text[from] === other[from]) from += 1;
    let to = text.length;
    while (text[to - 1] === other[to - 1]) to -= 1;
    element.append(text.slice(0, from), this.make("mark", "", text.slice(from, to)), text.slice(to));
    return element;
  }

  finish(result) {
    this.verdict.className = `verdict ${result.verdict}`;
    this.verdict.replaceChildren(
      this.make("h2", "", TITLES[result.verdict]),
      this.make("p", "", SUBTITLES[result.verdict]),
    );
    this.element.dataset.verdict = result.verdict;
    const statements = this.make("ul", "statements");
    for (const statement of result.statements) statements.append(this.make("li", "", statement));
    this.verdict.after(statements);
    const shown = result.proof === null ? [] : this.shown(result.proof);
    if (shown.length) statements.after(this.make("h3", "", WHAT[result.verdict]), ...shown);
  }

  shown(proof) {
    const rows = [];
    const { customer } = proof.ledger ?? {};
    if (customer) rows.push(["Customer", customer.customerId], ["Unit", customer.unit || "none"]);
    if (proof.ledger) rows.push(["Ledger", hexOf(proof.ledger.ledgerId)]);
    const { claim } = proof;
    if (claim.delta?.record && !claim.delta.record.withheld) rows.push(...deltaRows(claim.delta.record));
    const parts = rows.length ? [this.table(rows)] : [];
    if (claim.deltas) parts.push(...this.listed(claim.deltas.records));
    return parts;
  }

  table(rows) {
    const table = this.make("table", "shown");
    for (const [name, value] of rows) {
      table.append(this.make("tr", "", this.make("th", "", name), this.make("td", HASH.test(value) ? "hash" : "", value)));
    }
    return table;
  }

  listed(records) {
    const table = this.make("table", "shown listed");
    const titles = ["Index", "Recorded", "Reference", "Amount", "Balance"];
    table.append(this.make("tr", "", ...titles.map((title) => this.make("th", "", title))));
    for (const record of records.slice(0, MOST_LISTED)) {
      const values = record.withheld
        ? ["withheld", "", "", ""]
        : [
            moment(record.recordedAt),
            textOf(record.referenceId),
            formatUnits(record.amount),
            formatUnits(record.balance),
          ];
      const cells = [`${record.index}`, ...values].map((value, at) => this.make("td", at > 2 ? "number" : "", value));
      table.append(this.make("tr", "", ...cells));
    }
    const parts = [this.make("div", "scroll", table)];
    if (records.length > MOST_LISTED) {
      parts.push(this.make("p", "name", `The first ${MOST_LISTED} of ${records.length}; all were checked.`));
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
