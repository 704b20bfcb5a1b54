// The log's signed word that a delta will be anchored, and in which batches it stands: section 9 of
// docs/protocol.md.

import { decimal, hashInHex, readNote, refuseNote } from "./signed-note.js";

const SECOND_LINE = "promise";

/**
 * Every batch from `fromBatch` on holds this fingerprint at this index of this ledger. One of them is on chain
 * `chainId` in a block no later than `anchorBy` (milliseconds since 1970).
 * @typedef {object} LogPromise
 * @property {Uint8Array} ledgerId
 * @property {bigint} index
 * @property {Uint8Array} fingerprint
 * @property {bigint} fromBatch
 * @property {bigint} anchorBy
 * @property {bigint} chainId
 */

/**
 * What a promise of the log says. Throws ProofError for anything else.
 * @param {string} note
 * @param {Uint8Array} logId
 * @param {Uint8Array} publicKey
 * @returns {LogPromise}
 */
export function readPromise(note, logId, publicKey) {
  const [, second, place, fingerprint, fromBatch, due] = readNote(note, logId, publicKey, 6).lines;
  if (second !== SECOND_LINE)
    refuseNote(`the second line '${SECOND_LINE}'`, [...second].slice(0, 40).join(""));
  const [ledgerId, index] = twoOf(place);
  const [anchorBy, chainId] = twoOf(due);
  return {
    ledgerId: hashInHex(ledgerId, "ledger id"),
    index: decimal(index, "index"),
    fingerprint: hashInHex(fingerprint, "fingerprint"),
    fromBatch: decimal(fromBatch, "fromBatch", 1n),
    anchorBy: decimal(anchorBy, "anchorBy"),
    chainId: decimal(chainId, "chainId", 1n),
  };
}

/**
 * What stands before and behind the first blank.
 * @param {string} line
 * @returns {[string, string]}
 */
function twoOf(line) {
  const at = line.indexOf(" ");
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}
