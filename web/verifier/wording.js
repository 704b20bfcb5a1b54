// Times as people read them.

const LAST = 253402300799999n;

/**
 * A time in milliseconds since 1970 (BigInt) as ISO 8601 in UTC; the number itself beyond year 9999.
 * @param {bigint} milliseconds
 */
export function moment(milliseconds) {
  if (milliseconds > LAST) return `${milliseconds} ms after 1970`;
  return new Date(Number(milliseconds)).toISOString().replace(".000Z", "Z");
}
