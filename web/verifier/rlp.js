// Recursive Length Prefix: Ethereum's headers, accounts and trie nodes. Only the canonical form is read.
// Bytes are Uint8Arrays, lists are arrays.

const MOST_NESTED = 8;

/** @typedef {Uint8Array | RlpItem[]} RlpItem */

/** Bytes that are not the canonical encoding of one item. */
export class RlpError extends Error {}

/**
 * The one item that `data` encodes.
 * @param {Uint8Array} data
 * @returns {RlpItem}
 */
export function decode(data) {
  const [item, end] = itemAt(data, 0, data.length, 0);
  if (end !== data.length) throw new RlpError("bytes are left over");
  return item;
}

/**
 * The items of an encoded list.
 * @param {Uint8Array} data
 * @returns {RlpItem[]}
 */
export function decodeList(data) {
  const item = decode(data);
  if (!Array.isArray(item)) throw new RlpError("this is no list");
  return item;
}

/**
 * @param {Uint8Array} data
 * @param {number} at
 * @param {number} end
 * @param {number} depth
 * @returns {[RlpItem, number]}
 */
function itemAt(data, at, end, depth) {
  if (at >= end || depth > MOST_NESTED) throw new RlpError("an item is cut short or nests too deep");
  const first = data[at];
  if (first < 0x80) return [data.slice(at, at + 1), at + 1];
  const isList = first >= 0xc0;
  const [from, stop] = payload(data, at, end, first - (isList ? 0xc0 : 0x80));
  if (!isList) {
    const bytes = data.slice(from, stop);
    if (bytes.length === 1 && bytes[0] < 0x80) {
      throw new RlpError("a single byte is written longer than it has to be");
    }
    return [bytes, stop];
  }
  const items = [];
  for (let next = from; next < stop; ) {
    const [item, after] = itemAt(data, next, stop, depth + 1);
    items.push(item);
    next = after;
  }
  return [items, stop];
}

/**
 * Where an item's bytes begin and end.
 * @param {Uint8Array} data
 * @param {number} at
 * @param {number} end
 * @param {number} code
 * @returns {[number, number]}
 */
function payload(data, at, end, code) {
  let from = at + 1;
  let length = code;
  if (code > 55) {
    const size = data.subarray(from, from + code - 55);
    from += code - 55;
    // Beyond 2^53 it is not exact, and beyond any file.
    length = size.reduce((sum, byte) => sum * 256 + byte, 0);
    if (from > end || !size.length || size[0] === 0 || length < 56) {
      throw new RlpError("a length is written longer than it has to be");
    }
  }
  if (from + length > end) throw new RlpError("an item is cut short");
  return [from, from + length];
}
