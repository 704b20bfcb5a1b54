// The one reading of an Ed25519 signature: section 6a of docs/protocol.md. Not the library's own: what one
// library accepts another refuses, and an operator who can choose between them can repudiate.

import { sha512 } from "@noble/hashes/sha2.js";

import { equal, join } from "./bytes.js";
import { littleEndian, ORDER, Point, primeOrderPoint, times } from "./curve.js";

/**
 * Whether the signature (`R ‖ s`, 64 bytes) is the key's for the message: `s` is below the group's order, the
 * key is of prime order, `R` is not of small order, and `s·B − SHA-512(R ‖ Y ‖ message)·Y` is encoded as `R`,
 * byte for byte.
 * @param {Uint8Array} publicKey
 * @param {Uint8Array} message
 * @param {Uint8Array} signature
 */
export function isSigned(publicKey, message, signature) {
  if (signature.length !== 64) return false;
  const commitment = signature.slice(0, 32);
  const response = littleEndian(signature.slice(32));
  const key = primeOrderPoint(publicKey);
  if (key === null || response >= ORDER) return false;
  const challenge = littleEndian(sha512(join(commitment, publicKey, message))) % ORDER;
  const found = times(response, Point.BASE).subtract(times(challenge, key));
  // Both terms are multiples of points of prime order: of small order, their difference is the identity.
  return equal(found.toBytes(), commitment) && !found.is0();
}
