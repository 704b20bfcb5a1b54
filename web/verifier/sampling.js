// @ts-nocheck
// A sampled audit: some deltas of a period, drawn by the hash of the block that anchored it. The same steps,
// with the same words, as anchor.verify.sampling in Python: a test holds the two together.

import { equal, hexOf, join, keccak, u64, utf8, ZERO } from "./bytes.js";
import { anchorRoot } from "./hashes.js";
import { ChainUnavailable } from "./on-chain.js";
import { proofOf } from "./reading.js";
import { Checks, INVALID, NOT_CHECKED, VALID } from "./results.js";
import { ProofFileError } from "./strict-json.js";
import { turns } from "./turns.js";
import { verifyProof } from "./verification.js";

const FORMAT = "anchor-sample";
const VERSION = 2n;
const MEMBERS = ["before", "deltas", "format", "period", "version"];
export const LARGEST_SAMPLE = 1000;
const COUNTED_OUT = 1_000_000n;
const DRAWN_BY = utf8("anchor sample 1");

/** Whether a file's JSON value says of itself that it is a sample. */
export const isSample = (value) => value instanceof Map && value.get("format") === FORMAT;

/**
 * So many (a number) different indexes of `from` to `to` (BigInts), ascending; all where there are no more.
 * The k-th draw is H(name ‖ blockHash ‖ ledgerId ‖ u64(from) ‖ u64(to) ‖ u64(k)) modulo the number of deltas.
 */
function drawSample(blockHash, ledgerId, from, to, count) {
  const size = to - from + 1n;
  if (BigInt(count) >= size) return Array.from({ length: Number(size) }, (_, at) => from + BigInt(at));
  const seed = join(DRAWN_BY, blockHash, ledgerId, u64(from), u64(to));
  const drawn = new Set();
  for (let place = 0n; drawn.size < count; place += 1n) {
    drawn.add(from + (BigInt(hexOf(keccak(seed, u64(place)))) % size));
  }
  return [...drawn].sort((one, other) => (one < other ? -1 : 1));
}

/** The share of wrong deltas that a sample without one misses in at most 5 of 100 cases. `size` is a BigInt. */
export function largestShareMissed(sample, size) {
  if (BigInt(sample) >= size) return 0;
  // As if drawn with repeats, which misses no less: a size that a file claims costs no time.
  if (size > COUNTED_OUT) return 1 - (5 / 100) ** (1 / sample);
  const all = Number(size);
  let wrong = 0;
  let missed = 1;
  while (missed > 5 / 100 && wrong < all - sample) {
    missed *= 1 - sample / (all - wrong);
    wrong += 1;
  }
  return wrong / all;
}

/** The proofs in a sample's value; throws ProofFileError, and nothing else. */
export function parseSample(value) {
  if (!value.has("version")) throw new ProofFileError("shape", "", "has no format and version");
  if (value.get("version") !== VERSION) throw new ProofFileError("version", "/version", `is not ${VERSION}`);
  if (value.size !== MEMBERS.length || !MEMBERS.every((name) => value.has(name))) {
    throw new ProofFileError("shape", "", `has other members than ${MEMBERS.join(", ")}`);
  }
  const deltas = value.get("deltas");
  if (!Array.isArray(deltas) || !deltas.length || deltas.length > LARGEST_SAMPLE) {
    throw new ProofFileError("shape", "/deltas", `is not a list of 1 to ${LARGEST_SAMPLE} proofs`);
  }
  const before = value.get("before");
  const sample = {
    period: proofAt(value.get("period"), "/period"),
    before: before === null ? null : proofAt(before, "/before"),
    deltas: deltas.map((delta, at) => proofAt(delta, `/deltas/${at}`)),
  };
  return { ...sample, location: locationOf(sample.period) };
}

function proofAt(value, place) {
  try {
    return proofOf(value);
  } catch (error) {
    if (!(error instanceof ProofFileError)) throw error;
    throw new ProofFileError(error.step, place + error.place, error.reason);
  }
}

/** Where the one anchor of the period's own batch is. */
function locationOf(period) {
  if (period.kind !== "period") throw new ProofFileError("shape", "/period", "is not the proof of a period");
  const { anchors } = period.claim.head.batch;
  if (anchors.length !== 1 || anchors[0].location === null) {
    throw new ProofFileError("shape", "/period", "has to name one anchor with its block, and no other");
  }
  if (anchors[0].through !== null) {
    throw new ProofFileError("shape", "/period", "has to be under the anchored batch itself");
  }
  return anchors[0].location;
}

/**
 * Check a sample. `options` are those of `verifyProof`, and `sample`: what the reader agreed on beforehand,
 * {count, from, to} as BigInts, each null where it is not named. A confidence is stated where all three are:
 * what the file chooses itself may have been chosen among many.
 */
export async function checkSample(sample, chain, options = {}) {
  const { period, location, deltas } = sample;
  const { count = null, from = null, to = null } = options.sample ?? {};
  const result = await verifyProof(period, chain, options);
  // Of a period that is none, nothing can be drawn.
  if (result.verdict === INVALID) return result;
  const checks = new Checks(options.onStep);
  const told = (verdict, ...statements) => ({
    ...result,
    verdict,
    steps: [...result.steps, ...checks.steps],
    statements,
  });
  const range = asked(checks, period.claim, from, to);
  if (range?.outcome === "failed") return told(INVALID, "The sample is not valid.", range.explanation);
  await drawing(checks, sample, count, options);
  if (result.verdict === VALID) {
    try {
      await firstAnchor(checks, sample, location, chain, result.seen.contract);
    } catch (error) {
      if (!(error instanceof ChainUnavailable)) throw error;
      const why = `${error.reason}.`;
      checks.note(FIRST_ANCHOR, "failed", "the event of the anchor", "none", why);
      return told(NOT_CHECKED, "No chain was seen to hold this anchor first.", why);
    }
  }
  const failed = checks.steps.find((step) => step.outcome === "failed");
  if (failed !== undefined) return told(INVALID, "The sample is not valid.", failed.explanation);
  const records = deltas.map((delta) => delta.claim.delta.record);
  const listed = { records, count: BigInt(records.length) };
  if (result.verdict !== VALID) return { ...told(result.verdict, ...result.statements), listed };
  const size = period.claim.toIndex - period.claim.fromIndex + 1n;
  const said = [
    `${deltas.length} of ${size} deltas were drawn by the hash of the block that anchored the period: the ` +
      "first to do so, counted from the head before it. (That no anchor was taken back earlier is for who " +
      "watches the contract's whole history.)",
    [count, from, to].includes(null)
      ? "No confidence is stated, since the file itself says how many were drawn, or of which range: " +
        "agree on the count and the range first, before the period is anchored, and name them here."
      : confidence(deltas.length, size),
  ];
  const ends = result.statements.filter((line) => !line.startsWith("Only its two ends are shown"));
  return { ...told(VALID, ...ends, ...said), listed };
}

function confidence(count, size) {
  // Rounded up: it is an upper bound.
  const percent = (Math.ceil(largestShareMissed(count, size) * 10_000) / 100).toFixed(2);
  return (
    `Where none of them is wrong, no more than ${percent} % of the ` +
    "period's deltas are, with 95 % confidence."
  );
}

/** Hold the period against the ends that the reader named; null where none is. */
function asked(checks, claim, from, to) {
  if (from === null && to === null) return null;
  const expected = `${from ?? "any"} to ${to ?? "any"}`;
  const found = `${claim.fromIndex} to ${claim.toIndex}`;
  const same = (from ?? claim.fromIndex) === claim.fromIndex && (to ?? claim.toIndex) === claim.toIndex;
  const told = same
    ? "The period is the range that was asked for."
    : `The sample is of deltas ${found}: this is not the range that was asked for.`;
  checks.note("sample: range", same ? "passed" : "failed", expected, found, told);
  return checks.steps.at(-1);
}

async function drawing(checks, { period, location, deltas }, count, { onProgress = () => {}, signal }) {
  const { fromIndex, toIndex } = period.claim;
  const wanted = count === null ? deltas.length : Number(count);
  const drawn = listOf(drawSample(location.blockHash, period.ledger.ledgerId, fromIndex, toIndex, wanted));
  const shown = deltas.filter(({ kind, claim }) => kind === "delta" && !claim.delta.record.withheld);
  const found = listOf(shown.map(({ claim }) => claim.delta.record.index));
  const same = found === drawn;
  checks.note(
    "sample: drawing",
    same ? "passed" : "failed",
    drawn,
    found,
    same
      ? "The deltas are those that the hash of the anchoring block draws."
      : "The deltas are not those that the hash of the anchoring block draws.",
  );
  const takeTurns = turns();
  const [head, log, ledger] = [period.claim.head, period.log, period.ledger].map(comparable);
  for (const [at, delta] of deltas.entries()) {
    const belongs =
      delta.kind === "delta" &&
      comparable(delta.claim.head) === head &&
      comparable(delta.log) === log &&
      comparable(delta.ledger) === ledger;
    const why = belongs ? await failedStep(unnamed(delta)) : "another head, log or ledger";
    if (why !== null) {
      const told = "A drawn delta is not proven under the head of the period.";
      checks.note("sample: deltas", "failed", "under the period's head", why, told);
      return;
    }
    onProgress(at + 1, deltas.length);
    await takeTurns(signal);
  }
  const told = "Each drawn delta is proven under the head of the period.";
  checks.note("sample: deltas", "passed", `${deltas.length}`, `${deltas.length}`, told);
}

const listOf = (indexes) => `[${indexes.join(", ")}]`;

/** The step that fails without a chain, by its name; null where none does. */
async function failedStep(proof) {
  const { steps } = await verifyProof(proof, null);
  return steps.find((step) => step.outcome === "failed")?.name ?? null;
}

/** The proof without its customer, who is the period's, where that was checked: it takes most of the time. */
const unnamed = (proof) => ({
  ...proof,
  ledger: { ...proof.ledger, customer: null },
});

/** Parsed values as text: equal where they are. */
const comparable = (value) =>
  JSON.stringify(value, (_, inner) =>
    typeof inner === "bigint" ? `${inner}` : inner instanceof Uint8Array ? hexOf(inner) : inner,
  );

const FIRST_ANCHOR = "sample: first anchor";

/** The head before the anchor did not hold the period yet. Throws ChainUnavailable. */
async function firstAnchor(checks, { period, before }, location, chain, contract) {
  const root = anchorRoot(period.log.logId, period.claim.head.batch.batch);
  const events = await chain.anchored(contract, location.blockHash);
  const event = events.find((one) => equal(one.newHead, root));
  if (event === undefined) throw new ChainUnavailable("the node does not show the event of this anchor");
  const { previousHead } = event;
  let [shown, failed] = before === null ? [ZERO, null] : await headBefore(before, period);
  if (failed === null && !equal(shown, previousHead)) {
    failed = "The contract went on from another head than the file shows the ledger under.";
  }
  checks.note(
    FIRST_ANCHOR,
    failed === null ? "passed" : "failed",
    previousHead,
    shown,
    failed ??
      "It is the first anchor that holds the period: under the head before it, the ledger ends earlier.",
  );
}

/** The anchored root that the ledger is shown under, and what is wrong with that, if anything. */
async function headBefore(before, period) {
  const { kind, claim } = before;
  if (kind !== "freshness" && kind !== "absence") {
    return [ZERO, "What stands before the period is neither a head of the ledger nor its absence."];
  }
  const { batch } = kind === "freshness" ? claim.head : claim.absence;
  const ends = kind === "freshness" ? claim.head.size : 0n;
  const root = anchorRoot(before.log.logId, batch.batch);
  if (
    comparable(before.log) !== comparable(period.log) ||
    !equal(before.ledger.ledgerId, period.ledger.ledgerId)
  ) {
    return [root, "The head before is of another log or ledger."];
  }
  const { steps } = await verifyProof(before, null);
  const step = steps.find((one) => one.outcome === "failed");
  if (step !== undefined) return [root, `The head before does not hold together: ${step.explanation}`];
  if (ends > period.claim.toIndex) {
    return [root, "An earlier anchor held the whole period already: the sample is drawn by its block."];
  }
  return [root, null];
}
