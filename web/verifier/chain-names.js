// What a chain's id is called, by the table that Python reads too.

import table from "../../src/anchor/verify/chains.json" with { type: "json" };

/** @type {Record<string, string>} */
const NAMES = table.names;

export const UNKNOWN = "a chain that this verifier has no name for";

/**
 * `chain 8453 (Base)`; a chain that has no name here is said to have none.
 * @param {bigint} chainId
 */
export function chainInWords(chainId) {
  return `chain ${chainId} (${NAMES[String(chainId)] ?? UNKNOWN})`;
}
