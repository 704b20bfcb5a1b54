// What the log signs when it seals a batch: section 6a of docs/protocol.md. A standard transparency log's
// checkpoint (C2SP tlog-checkpoint) of a tree whose entry n − 1 is the anchored root of batch n.

import { equal, hexOf } from "./bytes.js";
import { leaf, SIGNED_TREE } from "./hashes.js";
import { canonicalBase64, decimal, readNote, refuseNote } from "./signed-note.js";
import { checkConsistency, ProofError, rootFromInclusion } from "./trees.js";

/** @typedef {{ size: bigint, root: Uint8Array }} SignedCheckpoint A tree of the batches 1 to `size`, by its root. */

/**
 * What a signed checkpoint of the log says. Throws ProofError for anything else.
 * @param {string} note
 * @param {Uint8Array} logId
 * @param {Uint8Array} publicKey
 * @returns {SignedCheckpoint}
 */
export function readCheckpoint(note, logId, publicKey) {
  const [, size, encoded] = readNote(note, logId, publicKey, 3).lines;
  const checkpoint = { size: decimal(size, "size", 1n), root: canonicalBase64(encoded, "root") };
  if (checkpoint.root.length !== 32) refuseNote("root: 32 bytes", `${checkpoint.root.length} bytes`);
  return checkpoint;
}

/**
 * Throws ProofError unless the checkpoint's tree holds the root of batch `number` (from 1) in its place.
 * @param {SignedCheckpoint} checkpoint
 * @param {bigint} number
 * @param {Uint8Array} anchorRoot
 * @param {Uint8Array[]} path
 */
export function checkSignedBatch(checkpoint, number, anchorRoot, path) {
  const found = signedRoot(number, anchorRoot, checkpoint.size, path);
  if (!equal(found, checkpoint.root)) {
    throw new ProofError(`${SIGNED_TREE.name} root`, hexOf(checkpoint.root), hexOf(found));
  }
}

/**
 * The root of a tree of `size` batches that the path of batch `number` leads to. Throws ProofError where the
 * path cannot be one of that batch.
 * @param {bigint} number
 * @param {Uint8Array} anchorRoot
 * @param {bigint} size
 * @param {Uint8Array[]} path
 * @returns {Uint8Array}
 */
export function signedRoot(number, anchorRoot, size, path) {
  return rootFromInclusion(SIGNED_TREE, leaf(SIGNED_TREE, anchorRoot), number - 1n, size, path);
}

/**
 * Throws ProofError unless the newer checkpoint's tree begins with the older one's.
 * @param {SignedCheckpoint} old
 * @param {SignedCheckpoint} newer
 * @param {Uint8Array[]} path
 */
export function checkExtends(old, newer, path) {
  checkConsistency(SIGNED_TREE, old.size, old.root, newer.size, newer.root, path);
}
