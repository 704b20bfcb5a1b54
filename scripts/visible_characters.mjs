// Writes src/anchor/protocol/visible_characters.json, the one table of what can be seen, out of the Unicode
// data of this Node. The version is pinned: another changes what is refused and shown, on purpose only.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const UNICODE = "17.0";
const LAST = 0x10ffff;

// Beside controls, format characters, surrogates, private and unassigned code points and every blank but the
// ordinary one: what Unicode lets a renderer leave out, and letters and symbols that are drawn as a blank.
const UNSEEN =
  /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u{2800}\u{13441}\u{13442}\u{16fe4}\u{1d159}]/u;
const MARK = /\p{M}/u;
const BASE = /[\p{L}\p{N}]/u;

/**
 * The lengths of the runs of code points that are alternately outside and inside a class, from 0 on.
 * @param {(character: string) => boolean} inside
 */
function runs(inside) {
  const lengths = [0];
  for (let code = 0, is = false; code <= LAST; code += 1) {
    if (inside(String.fromCodePoint(code)) !== is) {
      is = !is;
      lengths.push(0);
    }
    lengths[lengths.length - 1] += 1;
  }
  return lengths;
}

if (process.versions.unicode !== UNICODE) {
  throw new Error(`this Node knows Unicode ${process.versions.unicode}, and the table is of ${UNICODE}`);
}
/** @param {string} character */
const unseen = (character) => UNSEEN.test(character);
const table = {
  about:
    "Lengths of runs of code points, alternately outside and inside each class. scripts/visible_characters.mjs",
  unicode: UNICODE,
  unseen: runs(unseen),
  marks: runs((character) => MARK.test(character) && !unseen(character)),
  bases: runs((character) => BASE.test(character) && !unseen(character)),
};
const output =
  process.argv[2] ??
  fileURLToPath(new URL("../src/anchor/protocol/visible_characters.json", import.meta.url));
const lines = Object.entries(table).map(([name, value]) => `  "${name}": ${JSON.stringify(value)}`);
writeFileSync(output, `{\n${lines.join(",\n")}\n}\n`);
