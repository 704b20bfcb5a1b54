// Inclusion and consistency (RFC 9162 §2.1.3 and §2.1.4), and the map of ledgers: sections 4 to 6.

import { bitCount, bitLength, hexOf, ZERO } from "./bytes.js";
import { mapLeaf, mapNode, node } from "./hashes.js";

/** @import { Tree } from "./hashes.js" */

/** @typedef {{ ledgerId: Uint8Array, head: Uint8Array }} MapLeaf */

/** A proof that cannot be right: its shape, its bounds, or the root it leads to. */
export class ProofError extends Error {
  /**
   * @param {string} step
   * @param {string} expected
   * @param {string} found
   */
  constructor(step, expected, found) {
    super(`${step}: expected ${expected}, found ${found}`);
    this.step = step;
    this.expected = expected;
    this.found = found;
  }
}

/**
 * The root that an inclusion path leads to; `index` and `size` are BigInts.
 * @param {Tree} tree
 * @param {Uint8Array} leafHash
 * @param {bigint} index
 * @param {bigint} size
 * @param {Uint8Array[]} path
 */
export function rootFromInclusion(tree, leafHash, index, size, path) {
  const step = `${tree.name} inclusion`;
  if (index < 0n || index >= size) throw new ProofError(step, `an index below the size ${size}`, `${index}`);
  const inner = bitLength(index ^ (size - 1n));
  const wanted = inner + bitCount(index >> BigInt(inner));
  if (path.length !== wanted)
    throw new ProofError(step, `a path of ${wanted} hashes`, `${path.length} hashes`);
  let place = index;
  let last = size - 1n;
  let root = leafHash;
  for (const sibling of path) {
    if (place & 1n || place === last) {
      root = node(tree, sibling, root);
      while (!(place & 1n) && place) {
        place >>= 1n;
        last >>= 1n;
      }
    } else {
      root = node(tree, root, sibling);
    }
    place >>= 1n;
    last >>= 1n;
  }
  return root;
}

/**
 * Throws ProofError unless the tree of `newRoot` extends the one of `oldRoot`.
 * @param {Tree} tree
 * @param {bigint} oldSize
 * @param {Uint8Array} oldRoot
 * @param {bigint} newSize
 * @param {Uint8Array} newRoot
 * @param {Uint8Array[]} path
 */
export function checkConsistency(tree, oldSize, oldRoot, newSize, newRoot, path) {
  const step = `${tree.name} consistency`;
  /**
   * @param {string} name
   * @param {Uint8Array} expected
   * @param {Uint8Array} found
   */
  const same = (name, expected, found) => {
    if (hexOf(expected) !== hexOf(found))
      throw new ProofError(`${step}: ${name} root`, hexOf(expected), hexOf(found));
  };
  if (oldSize > newSize) throw new ProofError(step, `an old size of at most ${newSize}`, `${oldSize}`);
  if (oldSize === 0n || oldSize === newSize) {
    if (path.length) throw new ProofError(step, "an empty path", `${path.length} hashes`);
    same("old", oldSize === 0n ? ZERO : newRoot, oldRoot);
    if (newSize === 0n) same("new", ZERO, newRoot);
    return;
  }
  const hashes = (oldSize & (oldSize - 1n)) === 0n ? [oldRoot, ...path] : path;
  if (!hashes.length) throw new ProofError(step, "a path", "none");
  let place = oldSize - 1n;
  let last = newSize - 1n;
  while (place & 1n) {
    place >>= 1n;
    last >>= 1n;
  }
  let foundOld = hashes[0];
  let foundNew = hashes[0];
  for (const sibling of hashes.slice(1)) {
    if (last === 0n) throw new ProofError(step, "a shorter path", `${path.length} hashes`);
    if (place & 1n || place === last) {
      foundOld = node(tree, sibling, foundOld);
      foundNew = node(tree, sibling, foundNew);
      while (!(place & 1n) && place) {
        place >>= 1n;
        last >>= 1n;
      }
    } else {
      foundNew = node(tree, foundNew, sibling);
    }
    place >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw new ProofError(step, "a longer path", `${path.length} hashes`);
  same("old", oldRoot, foundOld);
  same("new", newRoot, foundNew);
}

/** A growing tree: the roots of its complete subtrees, largest first. `size` is a BigInt. */
export class Frontier {
  /**
   * @param {Tree} tree
   * @param {bigint} size
   * @param {Uint8Array[]} peaks
   */
  constructor(tree, size, peaks) {
    this.tree = tree;
    this.size = size;
    this.peaks = [...peaks];
  }

  /** @param {Uint8Array} leafHash */
  append(leafHash) {
    let carried = leafHash;
    for (let rest = this.size; rest & 1n; rest >>= 1n) {
      // There is a peak for each bit of the size.
      const peak = /** @type {Uint8Array} */ (this.peaks.pop());
      carried = node(this.tree, peak, carried);
    }
    this.peaks.push(carried);
    this.size += 1n;
  }

  root() {
    return this.peaks.length ? this.peaks.reduceRight((root, peak) => node(this.tree, peak, root)) : ZERO;
  }
}

/**
 * @param {Uint8Array} key
 * @param {number} depth
 */
const bitOf = (key, depth) => (key[depth >> 3] >> (7 - (depth & 7))) & 1;

/**
 * @param {Uint8Array} ledgerId
 * @param {Uint8Array} value
 * @param {Uint8Array[]} siblings
 */
function fold(ledgerId, value, siblings) {
  for (let depth = siblings.length - 1; depth >= 0; depth -= 1) {
    const sibling = siblings[depth];
    value = bitOf(ledgerId, depth) ? mapNode(sibling, value) : mapNode(value, sibling);
  }
  return value;
}

/**
 * The map root under which a ledger has this head.
 * @param {Uint8Array} ledgerId
 * @param {Uint8Array} head
 * @param {Uint8Array[]} siblings
 */
export function rootFromPresence(ledgerId, head, siblings) {
  return fold(ledgerId, mapLeaf(ledgerId, head), siblings);
}

/**
 * The map root under which there is no such ledger; `other` is the leaf in its place, or null.
 * @param {Uint8Array} ledgerId
 * @param {Uint8Array[]} siblings
 * @param {MapLeaf | null} other
 */
export function rootFromAbsence(ledgerId, siblings, other) {
  const step = "map absence";
  if (other === null) return fold(ledgerId, ZERO, siblings);
  if (hexOf(other.ledgerId) === hexOf(ledgerId)) {
    throw new ProofError(step, "a leaf of another ledger", hexOf(other.ledgerId));
  }
  const shared = 256 - bitLength(BigInt(hexOf(ledgerId)) ^ BigInt(hexOf(other.ledgerId)));
  if (shared < siblings.length) {
    throw new ProofError(
      step,
      `a leaf that shares the first ${siblings.length} bits`,
      `${shared} bits shared`,
    );
  }
  return fold(ledgerId, mapLeaf(other.ledgerId, other.head), siblings);
}
