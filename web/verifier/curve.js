// Edwards25519: its points and scalars, as RFC 8032 writes them.

import { ed25519 } from "@noble/curves/ed25519.js";

import { hexOf } from "./bytes.js";

export const { Point } = ed25519;

/** The order of the group that the base point makes. */
export const ORDER = Point.Fn.ORDER;

/** @typedef {InstanceType<typeof Point>} CurvePoint */

/**
 * The number of little-endian bytes.
 * @param {Uint8Array} bytes
 */
export const littleEndian = (bytes) => BigInt(hexOf(bytes.slice().reverse()));

/**
 * The point of a canonical encoding (32 bytes); null where there is none.
 * @param {Uint8Array} bytes
 * @returns {CurvePoint | null}
 */
export function pointOf(bytes) {
  try {
    return Point.fromBytes(bytes);
  } catch {
    return null;
  }
}

/**
 * The same, of prime order only: not the identity, and no small-order part.
 * @param {Uint8Array} bytes
 * @returns {CurvePoint | null}
 */
export function primeOrderPoint(bytes) {
  const point = pointOf(bytes);
  return point === null || point.isSmallOrder() || !point.isTorsionFree() ? null : point;
}

/**
 * A multiple of a point; the scalar is from 0 to the order, exclusive.
 * @param {bigint} scalar
 * @param {CurvePoint} point
 */
export const times = (scalar, point) => (scalar === 0n ? Point.ZERO : point.multiplyUnsafe(scalar));
