// Fuzzes the page's own script: mutations of files by the thousand, each of which has to be answered, soon,
// and never with 'valid', since no chain is named. First line: {page, seed, runs}; then {raw, trusted,
// evidence} a line, as in agreement.mjs. What comes back is {verdicts}, or a failure with its bytes.

import { createInterface } from "node:readline";

import { firstAndRest, verifierOf } from "./page_script.mjs";

const [first, lines] = await firstAndRest(createInterface({ input: process.stdin }));
const { page, seed, runs } = JSON.parse(first);
const { verifyFile, parseBlockHash } = verifierOf(page);

// Mulberry32: the same mutations for the same seed.
let state = seed >>> 0;
/** @param {number} limit */
function below(limit) {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
}
/**
 * @template T
 * @param {T[]} list
 */
const pick = (list) => list[below(list.length)];

const SPLICES = [
  ...["[", "]", "{", "}", ",", ":", '"', "\\", "\\u0000", "\\ud800", "0", "1e9", "-1", "1.5", "null", "true"],
  ...['{"a":1,"a":1}', "[".repeat(40), "9".repeat(400), '"'.repeat(3), "0x", "\u2028", "\ufeff", "__proto__"],
  ...["18446744073709551616", "constructor", "\x00", "\n", "PK\x01\x02", "\xff\xff\xff\xff"],
].map((text) => Buffer.from(text, "latin1"));

/** @param {Uint8Array} raw */
function mutated(raw) {
  let bytes = Buffer.from(raw);
  for (let times = 1 + below(3); times; times -= 1) {
    const at = below(bytes.length + 1);
    const end = Math.min(bytes.length, at + pick([0, 1, 1, 4, 32, 500]));
    const what = below(6);
    if (what === 0) bytes = Buffer.concat([bytes.subarray(0, at), pick(SPLICES), bytes.subarray(end)]);
    else if (what === 1) bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    else if (what === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    else if (what === 3 && at < bytes.length) bytes[at] ^= 1 << below(8);
    else if (what === 4 && at < bytes.length) bytes[at] = below(256);
    else if (below(8) === 0) bytes = bytes.subarray(0, at);
  }
  return bytes;
}

const seeds = [];
for await (const line of lines) seeds.push(JSON.parse(line));
/** @type {Record<string, number>} */
const verdicts = {};
for (let run = 0; run < runs; run += 1) {
  const { raw, trusted, evidence } = pick(seeds);
  const file = evidence ? Buffer.from(raw, "base64") : mutated(Buffer.from(raw, "base64"));
  const beside = evidence ? mutated(Buffer.from(evidence, "base64")) : null;
  const failed = (/** @type {string} */ why) => {
    const bytes = Buffer.from(beside ?? file).toString("base64");
    process.stdout.write(`${JSON.stringify({ failed: why, bytes, trusted })}\n`);
    process.exit(1);
  };
  const started = performance.now();
  try {
    const { verdict, steps } = await verifyFile(new Blob([file]), {
      chain: null,
      trusted: trusted ? parseBlockHash(trusted) : null,
      evidence: beside && Uint8Array.from(beside),
    });
    if (verdict === "valid" && !trusted) failed("valid without a chain");
    if (
      verdict !== "valid" &&
      !steps.some((/** @type {{ outcome: string }} */ step) => step.outcome !== "passed")
    )
      failed("no step says why");
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
  } catch (error) {
    failed(String(/** @type {Error} */ (error).stack));
  }
  if (performance.now() - started > 3000) failed("took longer than 3 s");
}
process.stdout.write(`${JSON.stringify({ verdicts })}\n`);
