// What is hashed, and in what order: sections 2 to 7 of docs/protocol.md.

import { sha256 } from "@noble/hashes/sha2.js";

import { int256, join, keccak, u64, utf8, ZERO } from "./bytes.js";

/** @param {number} value */
const tag = (value) => Uint8Array.of(value);
const PAD = new Uint8Array(24);
/** @typedef {(...parts: Uint8Array[]) => Uint8Array} Hash */
/** @typedef {{ name: string, hash: Hash, leafTag: Uint8Array, nodeTag: Uint8Array }} Tree A tree of RFC 9162. */
/** @typedef {{ number: bigint, historyRoot: Uint8Array, mapRoot: Uint8Array, sealedAt: bigint }} Batch */
/** @typedef {{ commitment: Uint8Array }} HiddenField */
/** @typedef {{ commitment?: undefined, value: string | null, salt: Uint8Array }} ShownField */
/** @typedef {HiddenField | ShownField} TextField */
/** @typedef {{ index: bigint, withheld: true, fingerprint: Uint8Array }} WithheldRecord */

/**
 * @typedef {object} ShownRecord
 * @property {bigint} index
 * @property {false} withheld
 * @property {bigint} amount In 10⁻¹⁸ units, as is the balance.
 * @property {bigint} balance
 * @property {bigint} occurredAt In milliseconds, as is the other time.
 * @property {bigint} recordedAt
 * @property {TextField} reason
 * @property {TextField} referenceId
 * @property {TextField} metadata
 * @property {Uint8Array} adjusts
 */

/** @typedef {WithheldRecord | ShownRecord} DeltaRecord */

/**
 * @typedef {object} Checkpoint
 * @property {Uint8Array} ledgerId
 * @property {bigint} fromIndex
 * @property {bigint} toIndex
 * @property {bigint} openingBalance
 * @property {bigint} closingBalance
 * @property {Uint8Array} openingRoot
 * @property {Uint8Array} closingRoot
 */

/** @type {Hash} */
const sha256Of = (...parts) => sha256(join(...parts));
/** @param {bigint} number */
const word64 = (number) => join(PAD, u64(number));

export const LEDGER_TREE = { name: "ledger tree", hash: keccak, leafTag: tag(0x00), nodeTag: tag(0x01) };
export const HISTORY_TREE = { name: "history", hash: keccak, leafTag: tag(0x06), nodeTag: tag(0x07) };
/** What the log signs (section 6a). */
export const SIGNED_TREE = { name: "signed tree", hash: sha256Of, leafTag: tag(0x00), nodeTag: tag(0x01) };

/**
 * @param {Tree} tree
 * @param {Uint8Array} entry
 */
export const leaf = (tree, entry) => tree.hash(tree.leafTag, entry);
/**
 * @param {Tree} tree
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
export const node = (tree, left, right) => tree.hash(tree.nodeTag, left, right);

/**
 * @param {bigint} size
 * @param {Uint8Array} root
 */
export const headHash = (size, root) => keccak(tag(0x02), u64(size), root);
/**
 * @param {Uint8Array} ledgerId
 * @param {Uint8Array} head
 */
export const mapLeaf = (ledgerId, head) => keccak(tag(0x03), ledgerId, head);
/**
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
export const mapNode = (left, right) => keccak(tag(0x04), left, right);

/**
 * @param {Uint8Array} logId
 * @param {Batch} batch
 */
export const anchorRoot = (logId, batch) =>
  keccak(tag(0x05), logId, u64(batch.number), batch.historyRoot, batch.mapRoot, u64(batch.sealedAt));

/** @param {Uint8Array} beta */
export const ledgerIdOf = (beta) => keccak(tag(0x10), beta);
/**
 * @param {Uint8Array} publicKey
 * @param {Uint8Array} founder
 */
export const logIdOf = (publicKey, founder) => keccak(tag(0x12), publicKey, founder);

/**
 * What a delta's fingerprint holds of a text field, shown or withheld.
 * @param {TextField} field
 */
export function commitment(field) {
  if (field.commitment) return field.commitment;
  if (field.value === null) return keccak(tag(0x11), field.salt, tag(0x00));
  return keccak(tag(0x11), field.salt, tag(0x01), utf8(field.value));
}

// EIP-712

const DOMAIN_TYPE = "EIP712Domain(string name,string version,bytes32 salt)";
const DELTA_TYPE =
  "Delta(bytes32 ledgerId,uint64 index,int256 amount,int256 balance,uint64 occurredAt,uint64 recordedAt," +
  "bytes32 reason,bytes32 referenceId,bytes32 metadata,bytes32 adjusts)";
const CHECKPOINT_TYPE =
  "Checkpoint(bytes32 ledgerId,uint64 fromIndex,uint64 toIndex,int256 openingBalance," +
  "int256 closingBalance,bytes32 openingRoot,bytes32 closingRoot)";
const DELTA_TYPEHASH = keccak(utf8(DELTA_TYPE));
const CHECKPOINT_TYPEHASH = keccak(utf8(CHECKPOINT_TYPE));

/** @param {Uint8Array} logId */
export const domainSeparator = (logId) =>
  keccak(keccak(utf8(DOMAIN_TYPE)), keccak(utf8("Anchor")), keccak(utf8("1")), logId);

/**
 * @param {Uint8Array} separator
 * @param {Uint8Array} structHash
 */
const digest = (separator, structHash) => keccak(Uint8Array.of(0x19, 0x01), separator, structHash);

/**
 * @param {Uint8Array} separator
 * @param {Uint8Array} ledgerId
 * @param {DeltaRecord} record
 */
export function fingerprint(separator, ledgerId, record) {
  if (record.withheld) return record.fingerprint;
  const commitments = [record.reason, record.referenceId, record.metadata].map(commitment);
  for (const word of [ledgerId, ...commitments, record.adjusts]) {
    if (word.length !== 32) throw new RangeError("a fingerprint is taken of words of 32 bytes");
  }
  return digest(
    separator,
    keccak(
      DELTA_TYPEHASH,
      ledgerId,
      word64(record.index),
      int256(record.amount),
      int256(record.balance),
      word64(record.occurredAt),
      word64(record.recordedAt),
      ...commitments,
      record.adjusts,
    ),
  );
}

/**
 * @param {Uint8Array} separator
 * @param {Checkpoint} checkpoint
 */
export function checkpointHash(separator, checkpoint) {
  return digest(
    separator,
    keccak(
      CHECKPOINT_TYPEHASH,
      checkpoint.ledgerId,
      word64(checkpoint.fromIndex),
      word64(checkpoint.toIndex),
      int256(checkpoint.openingBalance),
      int256(checkpoint.closingBalance),
      checkpoint.openingRoot,
      checkpoint.closingRoot,
    ),
  );
}

export { ZERO };
