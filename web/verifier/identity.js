// ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381 §5.3, suite 0x03): this ledger id is this customer's, and no other.

import { sha512 } from "@noble/hashes/sha2.js";

import { equal, hexOf, join, u64, utf8 } from "./bytes.js";
import { littleEndian, ORDER, Point, pointOf, primeOrderPoint, times } from "./curve.js";
import { ledgerIdOf } from "./hashes.js";
import { ProofError } from "./trees.js";

const SUITE = Uint8Array.of(0x03);
/** @param {number} value */
const byte = (value) => Uint8Array.of(value);

/**
 * @param {string} step
 * @param {Uint8Array} bytes
 */
function primeOrder(step, bytes) {
  const point = primeOrderPoint(bytes);
  if (point === null) throw new ProofError(step, "a canonical point of prime order", hexOf(bytes));
  return point;
}

/**
 * @param {Uint8Array} salt
 * @param {Uint8Array} alpha
 */
function encodeToCurve(salt, alpha) {
  for (let counter = 0; counter < 256; counter += 1) {
    const hash = sha512(join(SUITE, byte(1), salt, alpha, byte(counter), byte(0)));
    const point = pointOf(hash.slice(0, 32))?.clearCofactor();
    if (point !== undefined && !point.is0()) return point;
  }
  throw new ProofError("identity proof", "a curve point in 256 attempts", "none");
}

/**
 * The only ledger id that this customer and unit can have in the log of `publicKey`. Throws ProofError.
 * @param {Uint8Array} publicKey
 * @param {Uint8Array} proof
 * @param {string} customerId
 * @param {string} unit
 */
export function verifyLedgerIdentity(publicKey, proof, customerId, unit) {
  const customer = utf8(customerId);
  const unitBytes = utf8(unit);
  const alpha = join(u64(BigInt(customer.length)), customer, u64(BigInt(unitBytes.length)), unitBytes);
  const response = littleEndian(proof.slice(48));
  if (response >= ORDER) {
    throw new ProofError("identity proof scalar", "s below the group order", hexOf(proof.slice(48)));
  }
  const key = primeOrder("identity public key", publicKey);
  const gamma = primeOrder("identity proof point", proof.slice(0, 32));
  const challenge = littleEndian(proof.slice(32, 48));
  const candidate = encodeToCurve(publicKey, alpha);
  const commitment = times(response, Point.BASE).subtract(times(challenge, key));
  const image = times(response, candidate).subtract(times(challenge, gamma));
  const points = [key, candidate, gamma, commitment, image].map((point) => point.toBytes());
  const found = sha512(join(SUITE, byte(2), ...points, byte(0))).slice(0, 16);
  if (!equal(found, proof.slice(32, 48))) {
    throw new ProofError("identity proof challenge", hexOf(proof.slice(32, 48)), hexOf(found));
  }
  return ledgerIdOf(sha512(join(SUITE, byte(3), gamma.clearCofactor().toBytes(), byte(0))));
}
