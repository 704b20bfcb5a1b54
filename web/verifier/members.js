// The members of a JSON object, taken one by one, and the values that they may have.

import { isAmount, isBalance, parseUnits } from "./amounts.js";
import { bytesOf } from "./bytes.js";
import { ProofFileError, shown } from "./strict-json.js";

/** @import { JsonValue } from "./strict-json.js" */

/**
 * @template T
 * @typedef {(value: JsonValue | undefined, place: string) => T} Reader
 */

/**
 * @param {string} place
 * @param {string} reason
 * @returns {never}
 */
export function refuse(place, reason) {
  throw new ProofFileError("shape", place, reason);
}

/** @param {JsonValue | undefined} value */
function named(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return "a number";
  if (typeof value === "string") return "text";
  return Array.isArray(value) ? "a list" : "an object";
}

export class Members {
  /**
   * @param {JsonValue | undefined} value
   * @param {string} place
   */
  constructor(value, place) {
    if (!(value instanceof Map)) refuse(place, `is ${named(value)}, not an object`);
    this.fields = value;
    this.place = place;
    /** @type {Set<string>} */
    this.taken = new Set();
  }

  /**
   * @param {JsonValue | undefined} value
   * @param {string} place
   */
  static of(value, place) {
    return new Members(value, place);
  }

  /**
   * @template T
   * @param {string} key
   * @param {Reader<T>} read
   * @returns {T}
   */
  take(key, read) {
    const place = `${this.place}/${key}`;
    if (!this.fields.has(key)) refuse(place, "is missing");
    this.taken.add(key);
    return read(this.fields.get(key), place);
  }

  /**
   * @template T
   * @param {string} key
   * @param {Reader<T>} read
   * @returns {T | null}
   */
  optional(key, read) {
    return this.fields.has(key) ? this.take(key, read) : null;
  }

  /**
   * @template T
   * @param {string} key
   * @param {Reader<T>} read
   * @returns {T | null}
   */
  nullable(key, read) {
    return this.take(key, (value, place) => (value === null ? null : read(value, place)));
  }

  /** @param {string[]} keys */
  has(...keys) {
    return keys.some((key) => this.fields.has(key));
  }

  /** Refuse the object where it holds anything that nobody took. */
  done() {
    for (const key of this.fields.keys()) {
      if (!this.taken.has(key)) refuse(this.place, `holds ${shown(key)}, which does not belong there`);
    }
  }
}

/**
 * A reader of one object: takes its members with `read`, and lets nothing be left over.
 * @template T
 * @param {(members: Members) => T} read
 * @returns {Reader<T>}
 */
export function object(read) {
  return (value, place) => {
    const members = new Members(value, place);
    const found = read(members);
    members.done();
    return found;
  };
}

/**
 * @param {JsonValue | undefined} value
 * @param {string} place
 */
export function text(value, place) {
  if (typeof value !== "string") refuse(place, `is ${named(value)}, not text`);
  if (/\p{Surrogate}/u.test(value)) refuse(place, "holds half of a surrogate pair");
  return value;
}

/**
 * @param {JsonValue | undefined} value
 * @param {string} place
 */
export function u64(value, place) {
  if (typeof value !== "bigint") refuse(place, `is ${named(value)}, not a number`);
  return value;
}

/**
 * @param {number} length
 * @returns {Reader<Uint8Array>}
 */
function bytes(length) {
  return (value, place) => {
    if (typeof value !== "string") refuse(place, `is ${named(value)}, not text`);
    if (value.length !== 2 + 2 * length || !/^0x[0-9a-f]*$/.test(value)) {
      refuse(place, `is ${shown(value)}, not 0x and ${2 * length} lower-case digits`);
    }
    return bytesOf(value);
  };
}

/**
 * @param {number} most
 * @returns {Reader<Uint8Array>}
 */
export function bytesUpTo(most) {
  return (value, place) => {
    if (typeof value !== "string") refuse(place, `is ${named(value)}, not text`);
    const length = Math.floor(value.length / 2) - 1;
    if (length > most) refuse(place, `has more than ${most} bytes`);
    return bytes(Math.max(0, length))(value, place);
  };
}

export const hash = bytes(32);
export const salt = bytes(16);
export const address = bytes(20);
export const identityProof = bytes(80);

/**
 * @template T
 * @param {Reader<T>} read
 * @param {number} most
 * @returns {Reader<T[]>}
 */
export function listOf(read, most) {
  return (value, place) => {
    if (!Array.isArray(value)) refuse(place, `is ${named(value)}, not a list`);
    if (value.length > most) refuse(place, `has ${value.length} entries; at most ${most} are possible`);
    return value.map((entry, at) => read(entry, `${place}/${at}`));
  };
}

export const inclusionPath = listOf(hash, 64);
export const consistencyPath = listOf(hash, 65);
export const mapSiblings = listOf(hash, 256);

/**
 * @param {(units: bigint) => boolean} within
 * @returns {Reader<bigint>}
 */
function decimal(within) {
  return (value, place) => {
    const units = parseUnits(text(value, place));
    if (units === null) refuse(place, `is ${shown(value)}, not an amount in its one form`);
    if (!within(units)) refuse(place, `${shown(value)} is out of range`);
    return units;
  };
}

export const amount = decimal(isAmount);
export const balance = decimal(isBalance);
