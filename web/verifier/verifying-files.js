// @ts-nocheck
// From a file to an answer: a proof file, a sample or an audit pack, checked against a node or a block that one trusts.

import { AuditPack, checkPack, EVIDENCE } from "./audit-pack.js";
import { EvidenceChain, LARGEST_EVIDENCE, parseEvidence } from "./evidence.js";
import { LARGEST_PERIOD_FILE, proofOf } from "./reading.js";
import { Checks, INVALID, NOT_CHECKED } from "./results.js";
import { checkSample, isSample, parseSample } from "./sampling.js";
import { ProofFileError, parseJson } from "./strict-json.js";
import { ProofError } from "./trees.js";
import { remedyOf } from "./unreadable.js";
import { verifyProof } from "./verification.js";

/**
 * Verify a file given as a Blob. `options.chain` is null, or answers as JsonRpcChain does; in its place,
 * `options.trusted` is the hash of a block, and `options.evidence` the bytes of the chain's evidence, where
 * the file is no pack that brings its own. `onStep` hears of each step as it is taken, `onProgress` of the
 * deltas of a pack. Never throws for what is in the file or what a node answers, but where `signal` aborts.
 */
export async function verifyFile(blob, options = {}) {
  if (!(await isPack(blob))) return verifyBytes(await firstBytes(blob, LARGEST_PERIOD_FILE), options);
  try {
    const pack = await AuditPack.of(blob);
    let { evidence = null } = options;
    if (options.trusted && evidence === null && pack.hasEvidence) {
      evidence = await pack.read(EVIDENCE, LARGEST_EVIDENCE);
    }
    return await checkPack(pack, (raw) => verifyProofBytes(raw, { ...options, evidence }), options);
  } catch (error) {
    if (!(error instanceof ProofFileError)) throw error;
    return unreadable(PROOF_FILE, error);
  }
}

/** Verify a proof file or a sample given as its bytes. */
export async function verifyBytes(raw, options = {}) {
  return verifyRead(raw, options, true);
}

/** Verify a proof file alone: a period within a pack is no sample of one. */
function verifyProofBytes(raw, options) {
  return verifyRead(raw, options, false);
}

async function verifyRead(raw, options, samples) {
  let proof;
  let sample = null;
  let what = PROOF_FILE;
  try {
    const value = parseJson(raw, LARGEST_PERIOD_FILE);
    if (samples && isSample(value)) {
      what = SAMPLE;
      sample = parseSample(value);
      proof = sample.period;
    } else {
      proof = proofOf(value, raw.length);
    }
  } catch (error) {
    if (!(error instanceof ProofFileError)) throw error;
    return unreadable(what, error, options.onStep);
  }
  let { chain = null } = options;
  const { trusted = null, evidence = null } = options;
  if (trusted !== null && evidence !== null) {
    try {
      chain = new EvidenceChain(parseEvidence(evidence), trusted);
    } catch (error) {
      if (!(error instanceof ProofFileError || error instanceof ProofError)) throw error;
      return unusableEvidence(proof, error, options.onStep);
    }
  }
  return sample === null ? verifyProof(proof, chain, options) : checkSample(sample, chain, options);
}

async function isPack(blob) {
  const [first, second, third, fourth] = await firstBytes(blob, 3);
  return first === 0x50 && second === 0x4b && third === 3 && fourth === 4;
}

/** A file's bytes, and never more of them than one beyond the largest that can be a proof file. */
export async function firstBytes(blob, largest) {
  return new Uint8Array(await blob.slice(0, largest + 1).arrayBuffer());
}

const PROOF_FILE = ["file", "a proof file"];
const SAMPLE = ["sample", "a sample"];

function unreadable([name, what], error, onStep) {
  const place = error.place || "the file";
  const checks = new Checks(onStep);
  const found = error.described?.found ?? place;
  checks.note(`${name}: ${error.step}`, "failed", what, found, `${place} ${error.reason}.`);
  const remedy = error.described?.remedy ?? remedyOf(error.step);
  return {
    kind: null,
    verdict: INVALID,
    steps: checks.steps,
    statements: [`This is not ${what}.`, checks.steps[0].explanation, remedy],
    proof: null,
  };
}

/** Evidence that is none leaves a file unchecked: it says nothing against it. */
function unusableEvidence(proof, error, onStep) {
  const checks = new Checks(onStep);
  const name = `evidence: ${error.step}`;
  if (error instanceof ProofFileError) {
    const place = error.place || "the file";
    const found = error.described?.found ?? place;
    checks.note(name, "failed", "a chain's evidence", found, `${place} ${error.reason}.`);
  } else {
    const why = "The evidence is not of the block that you trust, or does not hold together.";
    checks.note(name, "failed", error.expected, error.found, why);
  }
  const statements = ["No chain was seen.", checks.steps[0].explanation];
  return { kind: proof.kind, verdict: NOT_CHECKED, steps: checks.steps, statements, proof };
}
