// ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381 §5.3, suite 0x03): this ledger id is this customer's, and no other.

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";

import { equal, hexOf, join, u64, utf8 } from "./bytes.js";
import { ledgerIdOf } from "./hashes.js";
import { ProofError } from "./trees.js";

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;
const SUITE = Uint8Array.of(0x03);
const byte = (value) => Uint8Array.of(value);

const littleEndian = (bytes) => BigInt(hexOf(bytes.slice().reverse()));

function primeOrder(step, bytes) {
  let point = null;
  try {
    point = Point.fromBytes(bytes);
  } catch {
    // Not a point at all: refused below.
  }
  if (point === null || point.isSmallOrder() || !point.isTorsionFree()) {
    throw new ProofError(step, "a canonical point of prime order", hexOf(bytes));
  }
  return point;
}

function encodeToCurve(salt, alpha) {
  for (let counter = 0; counter < 256; counter += 1) {
    const hash = sha512(join(SUITE, byte(1), salt, alpha, byte(counter), byte(0)));
    try {
      const point = Point.fromBytes(hash.slice(0, 32)).clearCofactor();
      if (!point.is0()) return point;
    } catch {
      // No point has this encoding: the next counter.
    }
  }
  throw new ProofError("identity proof", "a curve point in 256 attempts", "none");
}

const times = (scalar, point) => (scalar === 0n ? Point.ZERO : point.multiplyUnsafe(scalar));

/** The only ledger id that this customer and unit can have in the log of `publicKey`. Throws ProofError. */
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
