// What a file is that is no proof file, by its first and last bytes, and what to do about it. Python says the
// same, out of the same file.

import said from "../../src/anchor/proof/unreadable.json" with { type: "json" };

import { bytesOf } from "./bytes.js";

/** @typedef {{ found: string, remedy: string }} Description */

const MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
const BLANKS = [0x20, 0x09, 0x0d, 0x0a];
const BEGINNINGS = said.beginnings.map(({ bytes, found, remedy }) => ({
  beginning: bytesOf(`0x${bytes}`),
  described: { found, remedy },
}));
/** @type {Record<string, string>} */
const REMEDIES = said.remedies;
const SHOWN = 4;

/** What a file is that holds a problem document. */
export const REFUSAL = said.refusal;
/** What a proof file of before the log's signature is (protocol, section 6a). */
export const UNSIGNED = said.unsigned;

/**
 * What a file is that cannot be read as JSON, given as its bytes.
 * @param {Uint8Array} raw
 * @returns {Description}
 */
export function describe(raw) {
  const marked = begins(raw, MARK);
  let [from, to] = [marked ? MARK.length : 0, raw.length];
  while (from < to && BLANKS.includes(raw[from])) from += 1;
  while (from < to && BLANKS.includes(raw[to - 1])) to -= 1;
  const content = raw.subarray(from, to);
  if (content.length === 0) return said.empty;
  for (const { beginning, described } of BEGINNINGS) if (begins(content, beginning)) return described;
  if (content[0] !== 0x7b) {
    const bytes = [...content.subarray(0, SHOWN)].map((byte) => byte.toString(16).padStart(2, "0"));
    return { ...said.other, found: said.other.found.replace("{bytes}", bytes.join(" ")) };
  }
  if (content[content.length - 1] !== 0x7d) {
    return { ...said.cut, found: said.cut.found.replace("{length}", `${raw.length}`) };
  }
  return marked ? said.marked : said.mistaken;
}

/**
 * What to do about a file that is JSON and no proof file. `step` is the error's.
 * @param {string} step
 * @returns {string}
 */
export const remedyOf = (step) => (Object.hasOwn(REMEDIES, step) ? REMEDIES[step] : said.mistaken.remedy);

/**
 * @param {Uint8Array} bytes
 * @param {Uint8Array} beginning
 */
const begins = (bytes, beginning) => beginning.every((byte, at) => bytes[at] === byte);
