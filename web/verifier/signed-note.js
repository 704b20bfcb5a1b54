// A signed note (C2SP signed-note) by a log, and its one reading: section 6a of docs/protocol.md. The same
// steps and words as anchor.protocol.signed_note in Python: a test holds the two together.

import { sha256 } from "@noble/hashes/sha2.js";

import { bytesOf, equal, hexOf, join, utf8 } from "./bytes.js";
import { isSigned } from "./signatures.js";
import { ProofError } from "./trees.js";

/** Bytes of UTF-8 that a note has at most, signatures of witnesses included. */
export const LARGEST_NOTE = 128 * 1024;

const STEP = "log's signature";
const ED25519 = 0x01;
const MAX_U64 = 2n ** 64n - 1n;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
// Controls but newline, and halves of surrogate pairs.
const NOT_TEXT = /[^\P{Control}\n]|\p{Surrogate}/u;

/** @typedef {{ name: string, keyId: Uint8Array, signature: Uint8Array }} NoteSignature */
/** @typedef {{ lines: string[], signatures: NoteSignature[] }} SignedNote */

/**
 * @param {string} expected
 * @param {string} found
 * @returns {never}
 */
export function refuseNote(expected, found) {
  throw new ProofError(STEP, expected, found);
}

/**
 * The first characters of a text; a character is never cut in half.
 * @param {string} text
 * @param {number} most
 */
const beginning = (text, most) => [...text.slice(0, 2 * most)].slice(0, most).join("");

/**
 * The log's name in notes.
 * @param {Uint8Array} logId
 */
export const originOf = (logId) => `anchor-log/${hexOf(logId).slice(2)}`;

/**
 * The 4 bytes that tell the log's signatures from those of other keys and kinds.
 * @param {Uint8Array} logId
 * @param {Uint8Array} publicKey
 */
export function keyIdOf(logId, publicKey) {
  return sha256(join(utf8(`${originOf(logId)}\n`), Uint8Array.of(ED25519), publicKey)).slice(0, 4);
}

/**
 * A note of so many lines of text, which begins with the log's origin and is signed by the log. Which kind it
 * is comes from the reader: the number of lines is one of the kind. Throws ProofError for anything else.
 * @param {string} note
 * @param {Uint8Array} logId
 * @param {Uint8Array} publicKey
 * @param {number} lines
 * @returns {SignedNote}
 */
export function readNote(note, logId, publicKey, lines) {
  const [text, marks] = split(note);
  const signatures = marks.map(signatureOf);
  const found = text.split("\n").slice(0, -1);
  if (found.length !== lines) refuseNote(`${lines} lines of text`, `${found.length}`);
  const origin = originOf(logId);
  const keyId = keyIdOf(logId, publicKey);
  if (found[0] !== origin) refuseNote(`the origin ${origin}`, beginning(found[0], origin.length + 1));
  const own = signatures.filter((one) => one.name === origin && equal(one.keyId, keyId));
  if (own.length === 0) refuseNote("a signature of the log", "none of its name and key id");
  for (const { signature } of own) {
    if (isSigned(publicKey, utf8(text), signature)) continue;
    refuseNote("a signature that verifies under the log's key", hexOf(signature).slice(2, 130));
  }
  return { lines: found, signatures };
}

/**
 * A number below 2⁶⁴ written without sign or leading zero.
 * @param {string} text
 * @param {string} what
 * @param {bigint} least
 */
export function decimal(text, what, least = 0n) {
  const plain = /^(?:0|[1-9][0-9]{0,19})$/.test(text);
  if (!plain || BigInt(text) < least || BigInt(text) > MAX_U64) {
    refuseNote(`${what}: a decimal from ${least} to ${MAX_U64}`, beginning(text, 40));
  }
  return BigInt(text);
}

/**
 * The bytes of standard base64 with its padding and no unused bit set.
 * @param {string} text
 * @param {string} what
 */
export function canonicalBase64(text, what) {
  const decoded = text !== "" && BASE64.test(text) ? atob(text) : "";
  if (decoded === "" || btoa(decoded) !== text) refuseNote(`${what}: canonical base64`, beginning(text, 100));
  return Uint8Array.from(decoded, (character) => character.charCodeAt(0));
}

/**
 * The 32 bytes of 64 lower-case hex digits.
 * @param {string} text
 * @param {string} what
 */
export function hashInHex(text, what) {
  if (!/^[0-9a-f]{64}$/.test(text)) refuseNote(`${what}: 64 lower-case hex digits`, beginning(text, 100));
  return bytesOf(`0x${text}`);
}

/**
 * The text with its last newline, and the lines of signatures.
 * @param {string} note
 * @returns {[string, string[]]}
 */
function split(note) {
  if (note.length > LARGEST_NOTE || utf8(note).length > LARGEST_NOTE) {
    refuseNote(`at most ${LARGEST_NOTE} bytes`, `${lengthOf(note)} characters`);
  }
  const [odd] = NOT_TEXT.exec(note) ?? [];
  if (odd !== undefined) {
    const code = odd.charCodeAt(0);
    const named = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
    refuseNote(code < 0xd800 ? "no control character" : "UTF-8", named);
  }
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || end + 2 === note.length || !note.endsWith("\n")) {
    refuseNote("a text, an empty line, and lines of signatures", "no such form");
  }
  return [note.slice(0, end + 1), note.slice(end + 2, -1).split("\n")];
}

/** @param {string} text */
function lengthOf(text) {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

/**
 * @param {string} line
 * @returns {NoteSignature}
 */
function signatureOf(line) {
  const [, name, encoded] = /^— ([^ ]+) (.*)$/su.exec(line) ?? [];
  if (name === undefined || /[+\p{White_Space}]/u.test(name)) {
    refuseNote("a line of signature: dash, name, base64", beginning(line, 100));
  }
  const value = canonicalBase64(encoded, "signature");
  if (value.length < 5) {
    refuseNote("a signature of at least 5 bytes with its key id", `${value.length} bytes`);
  }
  return { name, keyId: value.slice(0, 4), signature: value.slice(4) };
}
