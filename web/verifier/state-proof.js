// @ts-nocheck
// What a block's state holds, by Merkle Patricia proofs (EIP-1186) against a block hash that one trusts.

import { equal, hexOf, join, keccak, unsigned } from "./bytes.js";
import { decode, decodeList, RlpError } from "./rlp.js";
import { ProofError } from "./trees.js";

export const HEAD_SLOT = unsigned(0n, 32);
const PINNED_AT_SLOT = unsigned(4n, 32);
export const LONGEST_PROOF = 128;
export const LARGEST_NODE = 4096;

const EMPTY_TRIE = keccak(Uint8Array.of(0x80));
const [STATE_ROOT, NUMBER, TIMESTAMP] = [3, 8, 11];
// Of the fields that every header of Ethereum's kind begins with; numbers have no length of their own.
const HEADER_LENGTHS = [32, 32, 20, 32, 32, 32, 256, null, null, null, null, null, null, 32, 8];

/** The slot of `pinnedAt[root]`. */
export const pinnedSlot = (root) => keccak(join(root, PINNED_AT_SLOT));

/** What `read` gives; where it meets bytes of another kind, a ProofError with these words. */
function reading(step, expected, found, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof RlpError) throw new ProofError(step, expected, found());
    throw error;
  }
}

/** A header whose hash is the trusted one; `timestamp` in seconds. */
export function readHeader(encoded, trusted) {
  const step = "block header";
  const hash = keccak(encoded);
  if (!equal(hash, trusted)) throw new ProofError(step, hexOf(trusted), hexOf(hash));
  return reading(
    step,
    "a block header",
    () => "something else",
    () => {
      const fields = decodeList(encoded);
      if (!isKnownKind(fields)) {
        throw new ProofError(step, "a block header of Ethereum's kind", "one of another kind of chain");
      }
      return {
        hash,
        stateRoot: word(fields[STATE_ROOT]),
        number: integer(fields[NUMBER]),
        timestamp: integer(fields[TIMESTAMP]),
      };
    },
  );
}

/** Whether the fields that every header of Ethereum's kind has are there, each in its length. */
const isKnownKind = (fields) =>
  HEADER_LENGTHS.every(
    (length, at) => fields[at] instanceof Uint8Array && (length === null || fields[at].length === length),
  );

/** A contract's account, or null where the state holds none. */
export function readAccount(stateRoot, address, proof) {
  const step = "account proof";
  const value = trieValue(step, stateRoot, address, proof);
  if (value === null) return null;
  return reading(
    step,
    "an account",
    () => hexOf(value),
    () => {
      const fields = decodeList(value);
      if (fields.length !== 4) throw new RlpError("not an account");
      return { storageRoot: word(fields[2]), codeHash: word(fields[3]) };
    },
  );
}

/** The word in a storage slot; zero where nothing was ever written. */
export function readSlot(storageRoot, slot, proof) {
  const step = "storage proof";
  const value = trieValue(step, storageRoot, slot, proof);
  if (value === null) return new Uint8Array(32);
  const found = reading(
    step,
    "a word",
    () => hexOf(value),
    () => decode(value),
  );
  if (Array.isArray(found) || found.length > 32) throw new ProofError(step, "a word", hexOf(value));
  return join(new Uint8Array(32 - found.length), found);
}

/** What a secure trie holds under `key`; null where the proof, from the root down, shows that it holds nothing. */
export function trieValue(step, root, key, proof) {
  if (proof.length > LONGEST_PROOF) {
    throw new ProofError(step, `at most ${LONGEST_PROOF} nodes`, `${proof.length} nodes`);
  }
  if (equal(root, EMPTY_TRIE)) {
    // An empty trie needs no node, or its only one.
    if (proof.length > 1 || (proof.length === 1 && hexOf(proof[0]) !== "0x80")) {
      throw new ProofError(step, "no nodes, since the trie is empty", `${proof.length} nodes`);
    }
    return null;
  }
  let path = hexOf(keccak(key)).slice(2);
  const nodes = [...proof];
  let wanted = root;
  for (;;) {
    const node = nodeOf(step, wanted, nodes);
    let below;
    if (node.length === 17) {
      if (!path) throw new ProofError(step, "a path that ends in a leaf", "one that ends in a branch");
      below = node[parseInt(path[0], 16)];
      path = path.slice(1);
    } else {
      const [isLeaf, part] = compact(step, node[0]);
      if (isLeaf || !path.startsWith(part)) return end(step, isLeaf && part === path ? node[1] : null, nodes);
      path = path.slice(part.length);
      below = node[1];
    }
    if (!Array.isArray(below) && !below.length) return end(step, null, nodes);
    wanted = below;
  }
}

/** The node that its parent names: by hash the next of the proof, or held within the parent. */
function nodeOf(step, wanted, nodes) {
  let node = wanted;
  if (!Array.isArray(wanted)) {
    if (!nodes.length) throw new ProofError(step, `the node ${hexOf(wanted)}`, "no more nodes");
    const encoded = nodes.shift();
    if (encoded.length > LARGEST_NODE) {
      throw new ProofError(step, `a node of at most ${LARGEST_NODE} bytes`, `${encoded.length} bytes`);
    }
    const hash = keccak(encoded);
    if (!equal(hash, wanted)) throw new ProofError(step, hexOf(wanted), hexOf(hash));
    node = reading(
      step,
      "a trie node",
      () => hexOf(encoded.subarray(0, 64)),
      () => decodeList(encoded),
    );
  }
  if (node.length !== 2 && node.length !== 17) {
    throw new ProofError(step, "a node of 2 or 17 items", `${node.length} items`);
  }
  return node;
}

/** A hex-prefix encoded part of a path: whether it ends in a leaf, and its digits. */
function compact(step, encoded) {
  if (Array.isArray(encoded) || !encoded.length)
    throw new ProofError(step, "a part of a path", "something else");
  const digits = hexOf(encoded).slice(2);
  const flag = parseInt(digits[0], 16);
  if (flag > 3 || (!(flag & 1) && digits[1] !== "0"))
    throw new ProofError(step, "a part of a path", hexOf(encoded));
  return [Boolean(flag & 2), digits.slice(flag & 1 ? 1 : 2)];
}

function end(step, found, rest) {
  if (rest.length) throw new ProofError(step, "no further nodes", `${rest.length} more`);
  if (Array.isArray(found)) throw new ProofError(step, "a value", "a list");
  return found;
}

function word(item) {
  if (!(item instanceof Uint8Array) || item.length !== 32) throw new RlpError("not 32 bytes");
  return item;
}

function integer(item) {
  if (!(item instanceof Uint8Array) || item.length > 8 || item[0] === 0) throw new RlpError("not a number");
  return item.length ? BigInt(hexOf(item)) : 0n;
}
