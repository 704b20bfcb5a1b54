// Reads signed notes as the page does. Takes, in JSON, a log's id and public key and a list of questions;
// prints what each note says, or why it is none.

import { readFileSync } from "node:fs";

import { bytesOf, hexOf } from "../../web/verifier/bytes.js";
import { readPromise } from "../../web/verifier/promise.js";
import { checkExtends, checkSignedBatch, readCheckpoint } from "../../web/verifier/signed-checkpoint.js";
import { ProofError } from "../../web/verifier/trees.js";

/** @typedef {{ number: number, anchorRoot: string, path: string[] }} Held */
/** @typedef {{ size: number, root: string, path: string[] }} Older */
/** @typedef {{ kind: "checkpoint" | "promise", note: string, batches?: Held[], olders?: Older[] }} Question */
/** @type {{ logId: string, publicKey: string, questions: Question[] }} */
const { logId, publicKey, questions } = JSON.parse(readFileSync(0, "utf8"));
const log = /** @type {const} */ ([bytesOf(logId), bytesOf(publicKey)]);

/** @param {Question} question */
function read({ kind, note, batches = [], olders = [] }) {
  if (kind === "promise") return readPromise(note, ...log);
  const checkpoint = readCheckpoint(note, ...log);
  for (const { number, anchorRoot, path } of batches) {
    checkSignedBatch(checkpoint, BigInt(number), bytesOf(anchorRoot), path.map(bytesOf));
  }
  for (const { size, root, path } of olders) {
    checkExtends({ size: BigInt(size), root: bytesOf(root) }, checkpoint, path.map(bytesOf));
  }
  return checkpoint;
}

/** @param {Question} question */
function answer(question) {
  try {
    return { said: read(question) };
  } catch (error) {
    if (!(error instanceof ProofError)) throw error;
    const { step, expected, found } = error;
    return { refused: { step, expected, found } };
  }
}

const plain = (/** @type {string} */ _, /** @type {unknown} */ value) => {
  if (value instanceof Uint8Array) return hexOf(value);
  return typeof value === "bigint" ? value.toString() : value;
};
process.stdout.write(`${JSON.stringify(questions.map(answer), plain)}\n`);
