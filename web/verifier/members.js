// The members of a JSON object, taken one by one, and the values that they may have.

import { isAmount, isBalance, parseUnits } from "./amounts.js";
import { bytesOf } from "./bytes.js";
import { ProofFileError, shown } from "./strict-json.js";

export function refuse(place, reason) {
  throw new ProofFileError("shape", place, reason);
}

function named(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return "a number";
  if (typeof value === "string") return "text";
  return Array.isArray(value) ? "a list" : "an object";
}

export class Members {
  constructor(value, place) {
    if (!(value instanceof Map)) refuse(place, `is ${named(value)}, not an object`);
    this.fields = value;
    this.place = place;
    this.taken = new Set();
  }

  static of(value, place) {
    return new Members(value, place);
  }

  take(key, read) {
    const place = `${this.place}/${key}`;
    if (!this.fields.has(key)) refuse(place, "is missing");
    this.taken.add(key);
    return read(this.fields.get(key), place);
  }

  optional(key, read) {
    return this.fields.has(key) ? this.take(key, read) : null;
  }

  nullable(key, read) {
    return this.take(key, (value, place) => (value === null ? null : read(value, place)));
  }

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

/** A reader of one object: takes its members with `read`, and lets nothing be left over. */
export function object(read) {
  return (value, place) => {
    const members = new Members(value, place);
    const found = read(members);
    members.done();
    return found;
  };
}

export function text(value, place) {
  if (typeof value !== "string") refuse(place, `is ${named(value)}, not text`);
  if (/\p{Surrogate}/u.test(value)) refuse(place, "holds half of a surrogate pair");
  return value;
}

export function u64(value, place) {
  if (typeof value !== "bigint") refuse(place, `is ${named(value)}, not a number`);
  return value;
}

function bytes(length) {
  return (value, place) => {
    if (typeof value !== "string") refuse(place, `is ${named(value)}, not text`);
    if (value.length !== 2 + 2 * length || !/^0x[0-9a-f]*$/.test(value)) {
      refuse(place, `is ${shown(value)}, not 0x and ${2 * length} lower-case digits`);
    }
    return bytesOf(value);
  };
}

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
