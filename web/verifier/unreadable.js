// What a file is that is no proof file, by its first and last bytes, and what to do about it.

/** @typedef {{ found: string, remedy: string }} Description */

const FROM_ANCHOR = "Give a file that anchor proof, anchor pack or anchor sample made.";
const AGAIN = "Fetch it again: it is not as it was made.";
const UTF8 = "Save it in UTF-8 and without a byte order mark, or fetch it again.";
const MARK = [0xef, 0xbb, 0xbf];
const BLANKS = [0x20, 0x09, 0x0d, 0x0a];
/** @type {[number[], string, string][]} */
const BEGINNINGS = [
  [[0x3c], "a web page", "Fetch the file itself, not a page: anchor proof ID --out FILE."],
  [[0x50, 0x4b], "a zip archive", "Only audit packs are checked whole: unpack any other."],
  [[0x1f, 0x8b], "a gzip archive", "Unpack it first."],
  [[0x25, 0x50, 0x44, 0x46], "a PDF", FROM_ANCHOR],
  [[0xff, 0xfe], "text in UTF-16", UTF8],
  [[0xfe, 0xff], "text in UTF-16", UTF8],
];
/** What a file is that holds a problem document. */
export const REFUSAL = { found: "a server's refusal", remedy: "Do what it says, and fetch the file again." };
/** What a proof file of before the log's signature is (protocol, section 6a). */
export const UNSIGNED = {
  found: "a proof file of version 1, made before the log signed what it anchors",
  remedy: "Ask the operator for a new one: it shows less than a proof needs.",
};

/** @type {Record<string, string>} */
const REMEDIES = {
  size: "Have an audit pack made of a long period: anchor pack.",
  format: FROM_ANCHOR,
  version: "Check it with a version of Anchor that knows it.",
};
const SHOWN = 4;

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
  if (content.length === 0) return of("an empty file", "Fetch it again: nothing was written to it.");
  for (const [beginning, found, remedy] of BEGINNINGS)
    if (begins(content, beginning)) return of(found, remedy);
  if (content[0] !== 0x7b) {
    const bytes = [...content.subarray(0, SHOWN)].map((byte) => byte.toString(16).padStart(2, "0"));
    return of(`a file that begins with the bytes ${bytes.join(" ")}`, FROM_ANCHOR);
  }
  if (content[content.length - 1] !== 0x7d) {
    return of(`JSON that is cut off at byte ${raw.length}`, "Fetch it again: its end is missing.");
  }
  return marked ? of("JSON after a byte order mark", UTF8) : of("JSON with a mistake in it", AGAIN);
}

/**
 * What to do about a file that is JSON and no proof file. `step` is the error's.
 * @param {string} step
 * @returns {string}
 */
export const remedyOf = (step) => (Object.hasOwn(REMEDIES, step) ? REMEDIES[step] : AGAIN);

/**
 * @param {string} found
 * @param {string} remedy
 * @returns {Description}
 */
const of = (found, remedy) => ({ found, remedy });
/**
 * @param {Uint8Array} bytes
 * @param {number[]} beginning
 */
const begins = (bytes, beginning) => beginning.every((byte, at) => bytes[at] === byte);
