// A text as a person can tell it from others (the last lines of section 8 of docs/protocol.md): what cannot be
// seen is written out. The same table and the same rules as anchor.protocol.visible_text in Python.

import table from "../../src/anchor/protocol/visible_characters.json" with { type: "json" };

import { hexOf, utf8 } from "./bytes.js";

/**
 * Where runs of code points begin, alternately outside and inside a class; the first is outside.
 * @param {number[]} lengths
 */
function starts(lengths) {
  let at = 0;
  return Uint32Array.from(lengths, (length) => {
    at += length;
    return at - length;
  });
}

const UNSEEN = starts(table.unseen);
const MARKS = starts(table.marks);
const BASES = starts(table.bases);
const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * @param {Uint32Array} runs
 * @param {number} code
 */
function within(runs, code) {
  let [from, to] = [0, runs.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (runs[middle] <= code) from = middle + 1;
    else to = middle;
  }
  return from % 2 === 0;
}

/** @param {number} code */
const written = (code) => `\\u{${code.toString(16)}}`;

/**
 * The text with what cannot be seen or told from others written out (`\u{200b}`): controls, format characters,
 * surrogates, private and unassigned code points, blanks other than U+0020, what may be drawn as nothing, and
 * combining marks that follow no letter or digit. Characters of `keep` stay as they are.
 * @param {string} text
 * @param {string} keep
 */
export function writtenOut(text, keep = "\n") {
  if (PRINTABLE_ASCII.test(text)) return text;
  const letters = [];
  let hasBase = false;
  for (const letter of text) {
    const code = /** @type {number} */ (letter.codePointAt(0));
    if (within(UNSEEN, code)) {
      hasBase = false;
      letters.push(keep.includes(letter) ? letter : written(code));
    } else if (within(MARKS, code)) {
      letters.push(hasBase ? letter : written(code));
    } else {
      hasBase = within(BASES, code);
      letters.push(letter);
    }
  }
  return letters.join("");
}

/**
 * An id as people are shown it: no two are shown alike. Where it is not printable ASCII, or looks like what is
 * written here, its UTF-8 bytes stand beside it. Blanks at its ends, and those after another, are written out:
 * a page would swallow them.
 * @param {string} text
 */
export function shownId(text) {
  const shown = writtenOut(text, "").replace(/^ +| +$|(?<= ) +/g, (blanks) =>
    "\\u{20}".repeat(blanks.length),
  );
  const plain = PRINTABLE_ASCII.test(text) && !text.includes("\\u{") && !text.includes("(UTF-8 ");
  return plain ? shown : `${shown} (UTF-8 ${hexOf(utf8(text)).slice(2)})`;
}
