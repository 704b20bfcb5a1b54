// Bytes, hexadecimal, and the hash: section 1 of docs/protocol.md.

import { keccak_256, keccakP } from "@noble/hashes/sha3.js";
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";

export const ZERO = new Uint8Array(32);

const ENCODER = new TextEncoder();
/** @type {(text: string) => Uint8Array} */
export const utf8 = (text) => ENCODER.encode(text);
/** @type {(...parts: Uint8Array[]) => Uint8Array} */
export const join = concatBytes;

const RATE = 136;
const STATE = new Uint32Array(50);
const STATE_BYTES = new Uint8Array(STATE.buffer);

/**
 * Keccak-256 of the parts, joined. A pack of a million deltas takes nine million permutations, so there is
 *  one state for all of them, into which the parts go as they are.
 * @param {Uint8Array[]} parts
 */
function absorbed(...parts) {
  STATE.fill(0);
  let at = 0;
  for (const part of parts) {
    for (let from = 0; from < part.length; from += 1) {
      STATE_BYTES[at] ^= part[from];
      at += 1;
      if (at === RATE) {
        keccakP(STATE);
        at = 0;
      }
    }
  }
  STATE_BYTES[at] ^= 0x01;
  STATE_BYTES[RATE - 1] ^= 0x80;
  keccakP(STATE);
  return STATE_BYTES.slice(0, 32);
}

// The state's words are little-endian, as nearly every machine's are.
const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
/** @type {(...parts: Uint8Array[]) => Uint8Array} */
export const keccak = LITTLE_ENDIAN ? absorbed : (...parts) => keccak_256(concatBytes(...parts));

/** @param {Uint8Array} bytes */
export function hexOf(bytes) {
  return `0x${bytesToHex(bytes)}`;
}

/**
 * The bytes of hexadecimal text that is known to be well formed.
 * @param {string} hex
 * @returns {Uint8Array}
 */
export function bytesOf(hex) {
  return hexToBytes(hex.slice(2));
}

/**
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
export function equal(left, right) {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

/**
 * A non-negative BigInt as big-endian bytes.
 * @param {bigint} number
 * @param {number} length
 * @returns {Uint8Array}
 */
export function unsigned(number, length) {
  return hexToBytes(number.toString(16).padStart(2 * length, "0"));
}

/** @param {bigint} number */
export const u64 = (number) => unsigned(number, 8);

/**
 * A BigInt as a 32-byte two's complement word.
 * @param {bigint} number
 */
export const int256 = (number) => unsigned(BigInt.asUintN(256, number), 32);

/** @param {bigint} number */
export function bitLength(number) {
  return number === 0n ? 0 : number.toString(2).length;
}

/** @param {bigint} number */
export function bitCount(number) {
  return number.toString(2).replaceAll("0", "").length;
}
