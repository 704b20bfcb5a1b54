// Reads archives as the page does, on an engine that ignores what stands behind a deflate stream. Takes a list
// of archives in base64, in JSON; prints of each the bytes that are in it, or why it is refused.

import { readFileSync } from "node:fs";
import { Duplex } from "node:stream";
import { createInflateRaw } from "node:zlib";

import { ZipArchive } from "../../web/verifier/zip.js";

Object.assign(globalThis, {
  DecompressionStream: function DecompressionStream() {
    return Duplex.toWeb(createInflateRaw());
  },
});

/** @param {string} encoded */
async function read(encoded) {
  const archive = await ZipArchive.of(new Blob([Buffer.from(encoded, "base64")]));
  let length = 0;
  for (const name of archive.entries.keys()) {
    for await (const piece of archive.pieces(name)) length += piece.length;
  }
  return length;
}

const answers = [];
for (const encoded of JSON.parse(readFileSync(0, "utf8"))) {
  answers.push(await read(encoded).catch((error) => error.message));
}
process.stdout.write(JSON.stringify(answers));
