// Inclusion and consistency (RFC 9162 §2.1.3 and §2.1.4), and the map of ledgers: sections 4 to 6.

import { bitCount, bitLength, hexOf, ZERO } from "./bytes.js";
import { mapLeaf, mapNode, node } from "./hashes.js";

/** A proof that cannot be right: its shape, its bounds, or the root it leads to. */
export class ProofError extends Error {
  constructor(step, expected, found) {
    super(`${step}: expected ${expected}, found ${found}`);
    Object.assign(this, { step, expected, found });
  }
}

/** The root that an inclusion path leads to; `index` and `size` are BigInts. */
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

/** Throws ProofError unless the tree of `newRoot` extends the one of `oldRoot`. */
export function checkConsistency(tree, oldSize, oldRoot, newSize, newRoot, path) {
  const step = `${tree.name} consistency`;
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
  constructor(tree, size, peaks) {
    this.tree = tree;
    this.size = size;
    this.peaks = [...peaks];
  }

  append(leafHash) {
    let carried = leafHash;
    for (let rest = this.size; rest & 1n; rest >>= 1n) carried = node(this.tree, this.peaks.pop(), carried);
    this.peaks.push(carried);
    this.size += 1n;
  }

  root() {
    return this.peaks.length ? this.peaks.reduceRight((root, peak) => node(this.tree, peak, root)) : ZERO;
  }
}

const bitOf = (key, depth) => (key[depth >> 3] >> (7 - (depth & 7))) & 1;

function fold(ledgerId, value, siblings) {
  for (let depth = siblings.length - 1; depth >= 0; depth -= 1) {
    const sibling = siblings[depth];
    value = bitOf(ledgerId, depth) ? mapNode(sibling, value) : mapNode(value, sibling);
  }
  return value;
}

/** The map root under which a ledger has this head. */
export function rootFromPresence(ledgerId, head, siblings) {
  return fold(ledgerId, mapLeaf(ledgerId, head), siblings);
}

/** The map root under which there is no such ledger; `other` is the leaf in its place, or null. */
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
