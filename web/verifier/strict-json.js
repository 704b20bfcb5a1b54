// JSON as a proof file may hold it: whole numbers and text, no key twice, everything bounded.
// Objects become Maps (no key of a file can touch a prototype), numbers BigInts.

import { describe } from "./unreadable.js";

export const DEEPEST = 16;
const SHORTEST_CONTAINER = 24;
const SHORTEST_MEMBER = 8;
const ALLOWANCE = 64;
const MAX_U64 = 2n ** 64n - 1n;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;

/** @import { Description } from "./unreadable.js" */

/** @typedef {null | boolean | bigint | string | JsonValue[] | Map<string, any>} JsonValue */

/** A file that is not a proof file; `place` is a JSON pointer, empty for the whole file. */
export class ProofFileError extends Error {
  /**
   * @param {string} step
   * @param {string} place
   * @param {string} reason
   * @param {Description | null} [described]
   */
  constructor(step, place, reason, described = null) {
    super(`${step}: ${place || "the file"}: ${reason}`);
    this.step = step;
    this.place = place;
    this.reason = reason;
    /** Of a file that is no JSON: what it is, and what to do. */
    this.described = described;
  }
}

/**
 * The value of a JSON text, given as bytes: Map, array, string, BigInt, boolean or null.
 * @param {Uint8Array} raw
 * @param {number} largest
 * @returns {JsonValue}
 */
export function parseJson(raw, largest) {
  if (raw.length > largest) throw new ProofFileError("size", "", `is larger than ${largest} bytes`);
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw new ProofFileError("json", "", "is not UTF-8", describe(raw));
  }
  try {
    return new Parser(text, raw.length).whole();
  } catch (error) {
    if (error instanceof ProofFileError) error.described = describe(raw);
    throw error;
  }
}

class Parser {
  /**
   * @param {string} text
   * @param {number} size
   */
  constructor(text, size) {
    this.text = text;
    this.at = 0;
    this.depth = 0;
    this.containers = ALLOWANCE + Math.floor(size / SHORTEST_CONTAINER);
    this.members = ALLOWANCE + Math.floor(size / SHORTEST_MEMBER);
  }

  /**
   * @param {string} reason
   * @returns {never}
   */
  fail(reason) {
    throw new ProofFileError("json", "", reason);
  }

  /** @returns {never} */
  unexpected() {
    this.fail(`is not JSON at character ${this.at}`);
  }

  /** @param {RegExp} pattern */
  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  peek() {
    this.match(SPACE);
    return this.text[this.at];
  }

  /** @param {string} character */
  take(character) {
    if (this.peek() !== character) this.unexpected();
    this.at += 1;
  }

  whole() {
    const value = this.value();
    if (this.peek() !== undefined) this.unexpected();
    return value;
  }

  /** @returns {JsonValue} */
  value() {
    switch (this.peek()) {
      case "{":
        return this.container(() => this.object());
      case "[":
        return this.container(() => this.list());
      case '"':
        return this.string();
      case "t":
        return this.word("true", true);
      case "f":
        return this.word("false", false);
      case "n":
        return this.word("null", null);
      default:
        return this.number();
    }
  }

  /**
   * @template T
   * @param {string} word
   * @param {T} value
   */
  word(word, value) {
    if (!this.text.startsWith(word, this.at)) this.unexpected();
    this.at += word.length;
    return value;
  }

  /**
   * @template T
   * @param {() => T} read
   */
  container(read) {
    this.depth += 1;
    if (this.depth > DEEPEST) this.fail(`nests deeper than ${DEEPEST} levels`);
    this.containers -= 1;
    if (this.containers < 0) this.fail("has too many lists and objects for its size");
    this.at += 1;
    const value = read();
    this.depth -= 1;
    return value;
  }

  /**
   * Whether another member follows; takes the comma, or the closing bracket.
   * @param {string} closing
   */
  more(closing) {
    const next = this.peek();
    this.at += 1;
    if (next === closing) return false;
    if (next !== ",") this.unexpected();
    this.members -= 1;
    if (this.members < 0) this.fail("has too many members for its size");
    return true;
  }

  object() {
    /** @type {Map<string, JsonValue>} */
    const fields = new Map();
    if (this.peek() === "}") {
      this.at += 1;
      return fields;
    }
    do {
      if (this.peek() !== '"') this.unexpected();
      const key = this.string();
      if (fields.has(key)) this.fail(`holds the key ${shown(key)} twice in one object`);
      this.take(":");
      fields.set(key, this.value());
    } while (this.more("}"));
    return fields;
  }

  list() {
    /** @type {JsonValue[]} */
    const entries = [];
    if (this.peek() === "]") {
      this.at += 1;
      return entries;
    }
    do entries.push(this.value());
    while (this.more("]"));
    return entries;
  }

  /**
   * Taken whole: a text put together escape by escape takes many times its size.
   * @returns {string}
   */
  string() {
    const start = this.at;
    let end = start;
    let escaped;
    do {
      end = this.text.indexOf('"', end + 1);
      if (end < 0) this.unexpected();
      escaped = false;
      for (let before = end - 1; this.text[before] === "\\"; before -= 1) escaped = !escaped;
    } while (escaped);
    this.at = end + 1;
    try {
      return JSON.parse(this.text.slice(start, this.at));
    } catch {
      this.at = start;
      return this.unexpected();
    }
  }

  number() {
    const token = this.match(NUMBER);
    if (!token) this.unexpected();
    if (!/^[0-9]{1,20}$/.test(token) || BigInt(token) > MAX_U64) {
      this.fail(`holds the number ${shown(token)}, not a whole one below 2**64`);
    }
    return BigInt(token);
  }
}

/**
 * A value of a file as a short piece of text for an error message.
 * @param {JsonValue | undefined} value
 */
export function shown(value) {
  if (value === null || value === undefined) return "missing or null";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Map) return "an object";
  const text = typeof value === "string" ? `'${value.slice(0, 60)}'` : String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
