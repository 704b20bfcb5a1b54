// @ts-nocheck
// The page: files in, steps out.

import { Card, summary, visible } from "./card.js";
import { chosenFiles, droppedFiles, FolderClosed, isEvidence, MOST_FILES } from "./dropping.js";
import { LARGEST_EVIDENCE } from "./evidence.js";
import { AgreeingChains, canAsk, JsonRpcChain, shownUrl } from "./json-rpc.js";
import { OLDEST_FINAL_BLOCK } from "./on-chain.js";
import { LARGEST_SAMPLE } from "./sampling.js";
import { parseBlockHash, parseContract, parseFinality, parseLogId } from "./verification.js";
import { firstBytes, verifyFile } from "./verifying-files.js";
import { moment } from "./wording.js";

/** The fields of what was agreed on of a sample. */
const AGREED = ["from", "to", "count"];

/** What the fields that a link may fill in are called. */
const FILLED = {
  rpc: "the node",
  log: "the other party's log",
  chain: "the agreed chain",
  contract: "the agreed contract",
  customer: "the customer",
  block: "the block",
  finality: "when a block is final",
  from: "the range's start",
  to: "the range's end",
  count: "how many are drawn",
};

export function start(document) {
  const byId = (id) => document.getElementById(id);
  const results = byId("results");
  let files = [];
  let evidence = null;
  let running = new AbortController();
  let stop = () => {};

  const query = new URLSearchParams(document.location.search);
  for (const name of ["rpc", "log", "chain", "contract", "customer", "block", ...AGREED])
    byId(name).value = query.get(name) ?? "";
  byId("agreed").open = AGREED.some((name) => byId(name).value);
  byId(query.get("block") === null ? "online" : "offline").checked = true;
  const finality = query.get("finality");
  if (finality !== null && parseFinality(finality) !== null) {
    const select = byId("finality");
    if (![...select.options].some((option) => option.value === finality)) {
      const label = `with ${finality} confirmations`;
      select.append(Object.assign(document.createElement("option"), { value: finality, textContent: label }));
    }
    select.value = finality;
  }

  const oldest = /^[1-9][0-9]{0,8}$/.test(query.get("oldest") ?? "")
    ? BigInt(query.get("oldest"))
    : OLDEST_FINAL_BLOCK;

  // Whoever made the link chose these, not the reader, until the reader types them.
  const filled = new Set(Object.keys(FILLED).filter((name) => query.get(name)));
  const byLink = () => [...filled].map((name) => FILLED[name]).join(", ");
  function showFilled() {
    byId("filled").hidden = !filled.size;
    byId("filled").textContent =
      `The link that opened this page filled in: ${byLink()}. See that this is what you mean or agreed on.`;
  }
  for (const name of Object.keys(FILLED)) {
    byId(name).addEventListener("input", () => {
      filled.delete(name);
      showFilled();
    });
  }
  showFilled();

  const offline = () => byId("offline").checked;
  function showFields() {
    for (const one of document.querySelectorAll("[data-for]")) {
      one.hidden = one.dataset.for !== (offline() ? "offline" : "online");
    }
  }

  function trouble(text = "") {
    byId("trouble").hidden = !text;
    byId("trouble").textContent = text;
  }

  /** What the reader means, or null after saying what is wrong with it. */
  function options() {
    trouble();
    const contract = byId("contract").value.trim();
    const expectedContract = contract ? parseContract(contract) : null;
    if (contract && expectedContract === null) {
      trouble("The agreed contract is not an address: 0x and 40 hexadecimal digits.");
      return null;
    }
    const log = byId("log").value.trim();
    const expectedLog = log ? parseLogId(log) : null;
    if (log && expectedLog === null) {
      trouble("The log is not an id: 0x and 64 hexadecimal digits.");
      return null;
    }
    const named = byId("chain").value.trim();
    if (!/^(?:[1-9][0-9]{0,18})?$/.test(named)) {
      trouble("The agreed chain is a number: its id.");
      return null;
    }
    const trusted = offline() ? parseBlockHash(byId("block").value) : null;
    if (offline() && trusted === null) {
      trouble("Give the hash of the block that you trust: 0x and 64 hexadecimal digits.");
      return null;
    }
    if (!offline() && !urls().every(canAsk)) {
      trouble("The address of a node begins with http:// or https://, and has no user or password in it.");
      return null;
    }
    const sample = agreed();
    if (sample === null) {
      trouble(
        `What was agreed on of a sample: a range of deltas from 0, and 1 to ${LARGEST_SAMPLE} that are drawn.`,
      );
      return null;
    }
    return {
      expectedContract,
      expectedLog,
      expectedChains: named ? [BigInt(named)] : [],
      sample,
      expectedCustomer: byId("customer").value || null,
      finality: parseFinality(byId("finality").value),
      clock: { now: BigInt(Date.now()), oldest },
      chain: offline() ? null : chain(),
      trusted,
      evidence: offline() ? (evidence?.raw ?? null) : null,
    };
  }

  /** What was agreed on of a sample, each null where its field is empty; null where it cannot be that. */
  function agreed() {
    const texts = AGREED.map((name) => byId(name).value.trim());
    if (texts.some((text) => !/^[0-9]{0,19}$/.test(text))) return null;
    const [from, to, count] = texts.map((text) => (text ? BigInt(text) : null));
    if (from !== null && to !== null && from > to) return null;
    if (count !== null && (count < 1n || count > BigInt(LARGEST_SAMPLE))) return null;
    return { from, to, count };
  }

  const urls = () =>
    byId("rpc")
      .value.split(/[\s,]+/)
      .filter(Boolean);

  /** Against what is checked, in words. */
  function against() {
    const link = filled.size ? `; a link filled in: ${byLink()}` : "";
    if (offline()) return `the block ${byId("block").value.trim()}${link}`;
    const nodes = urls().map(shownUrl).join(" and ") || "no node";
    const rule = byId("finality").selectedOptions[0].textContent;
    // No field shows it: a link that allows more must not do so unseen.
    const allowed =
      oldest === OLDEST_FINAL_BLOCK ? "" : `; newest by a final block of the last ${oldest} seconds`;
    return `${nodes}; final ${rule}${allowed}${link}`;
  }

  function chain() {
    const chains = urls().map((url) => new JsonRpcChain(url));
    return chains.length > 1 ? new AgreeingChains(chains) : (chains[0] ?? null);
  }

  async function verifyAll() {
    byId("again").disabled = !files.length;
    running.abort();
    byId("stop").hidden = true;
    results.replaceChildren();
    const chosen = options();
    if (chosen === null || !files.length) return;
    running = new AbortController();
    const { signal } = running;
    const line = Object.assign(document.createElement("p"), {
      className: "summary",
      hidden: files.length < 2,
    });
    results.append(line);
    const verdicts = [];
    byId("stop").hidden = false;
    for (const { name, file } of files) {
      line.textContent = `${files.length} files: ${verdicts.length} done`;
      const card = new Card(document, name, `checked ${moment(BigInt(Date.now()))} against ${against()}`);
      results.append(card.element);
      stop = () => {
        card.stopped();
        line.textContent = `${files.length} files: ${verdicts.length} done, then stopped`;
      };
      try {
        const result = await verifyFile(file, {
          ...chosen,
          signal,
          onStep: (step) => signal.aborted || card.step(step),
          onProgress: (done, of) => signal.aborted || card.progress(done, of),
        });
        if (signal.aborted) return;
        card.finish(result);
        const skipped = result.steps.some((step) => step.name === "chain" && step.outcome === "skipped");
        const unasked = skipped && result.verdict !== "invalid";
        if (chosen.trusted && unasked) trouble("The chain's evidence is missing: drop evidence.json, too.");
      } catch (error) {
        if (signal.aborted) return;
        card.gaveUp(error);
      }
      verdicts.push(card.element.dataset.verdict);
    }
    byId("stop").hidden = true;
    line.textContent = summary(verdicts);
  }

  async function take(given) {
    let found;
    try {
      found = await given;
    } catch (error) {
      if (!(error instanceof FolderClosed)) throw error;
      trouble(
        "This browser opens no folder that is dropped here: choose it instead, or drop the files in it.",
      );
      return;
    }
    const proofs = [];
    for (const one of found) {
      if (await isEvidence(one.file)) {
        evidence = { name: one.name, raw: await firstBytes(one.file, LARGEST_EVIDENCE) };
      } else {
        proofs.push(one);
      }
    }
    byId("evidence").textContent =
      evidence === null ? "" : visible(`The evidence in ${evidence.name} is used.`);
    if (proofs.length) files = proofs.slice(0, MOST_FILES);
    if (proofs.length || found.length) await verifyAll();
    if (!found.length) trouble("There is no proof file in what you chose.");
    if (proofs.length > MOST_FILES) trouble(`Only the first ${MOST_FILES} files are checked.`);
    if (found.length && !files.length)
      trouble("This is a chain's evidence: now drop the proof files that it is for.");
  }

  const drop = byId("drop");
  for (const name of ["files", "folder"]) {
    byId(name).addEventListener("change", (event) => {
      const chosen = chosenFiles(event.target.files);
      // So that the same files can be chosen again.
      event.target.value = "";
      take(chosen);
    });
  }
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") take(droppedFiles(event.dataTransfer));
    });
  }
  for (const name of ["online", "offline"]) byId(name).addEventListener("change", showFields);
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    verifyAll();
  });
  byId("stop").addEventListener("click", () => {
    running.abort();
    byId("stop").hidden = true;
    stop();
  });
  showFields();
}
