// Bytes, hexadecimal, and the hash: section 1 of docs/protocol.md.

import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

export const ZERO = new Uint8Array(32);

export const utf8 = utf8ToBytes;
export const join = concatBytes;

/** Keccak-256 of the parts, joined. */
export function keccak(...parts) {
  return keccak_256(parts.length === 1 ? parts[0] : concatBytes(...parts));
}

export function hexOf(bytes) {
  return "0x" + bytesToHex(bytes);
}

/** The bytes of hexadecimal text that is known to be well formed. */
export function bytesOf(hex) {
  return hexToBytes(hex.slice(2));
}

export function equal(left, right) {
  return hexOf(left) === hexOf(right);
}

/** A non-negative BigInt as big-endian bytes. */
export function unsigned(number, length) {
  return hexToBytes(number.toString(16).padStart(2 * length, "0"));
}

export const u64 = (number) => unsigned(number, 8);

/** A BigInt as a 32-byte two's complement word. */
export const int256 = (number) => unsigned(BigInt.asUintN(256, number), 32);

export function bitLength(number) {
  return number === 0n ? 0 : number.toString(2).length;
}

export function bitCount(number) {
  return number.toString(2).replaceAll("0", "").length;
}
