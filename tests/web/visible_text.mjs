// Writes texts out as the page does. Takes a list of texts in JSON; prints each as a text and as an id.

import { readFileSync } from "node:fs";

import { shownId, writtenOut } from "../../web/verifier/visible-text.js";

/** @type {string[]} */
const texts = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(texts.map((text) => [writtenOut(text), shownId(text)])));
