// Amounts: exact decimals as BigInt units of 10^-18, one way to write each.

const UNITS_PER_ONE = 10n ** 18n;
const CANONICAL = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]{0,17}[1-9]))?$/;
const LONGEST = 100;

/**
 * The units of an amount as it is written in a proof file; null where it is written otherwise.
 * @param {string} text
 * @returns {bigint | null}
 */
export function parseUnits(text) {
  const match = text.length <= LONGEST ? CANONICAL.exec(text) : null;
  if (match === null || text === "-0") return null;
  const [, sign, whole, fraction = ""] = match;
  const units = BigInt(whole) * UNITS_PER_ONE + BigInt(fraction.padEnd(18, "0"));
  return sign ? -units : units;
}

/** @param {bigint} units */
export const isAmount = (units) => units > -(2n ** 127n) && units < 2n ** 127n;
/** @param {bigint} units */
export const isBalance = (units) => units >= -(2n ** 255n) && units < 2n ** 255n;

/** @param {bigint} units */
export function formatUnits(units) {
  const size = units < 0n ? -units : units;
  const fraction = (size % UNITS_PER_ONE).toString().padStart(18, "0").replace(/0+$/, "");
  const whole = (size / UNITS_PER_ONE).toString();
  return (units < 0n ? "-" : "") + whole + (fraction ? `.${fraction}` : "");
}
