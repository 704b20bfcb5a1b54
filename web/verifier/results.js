// What a verification says: a verdict, each step with its two values, and what is proven in plain words.

import { hexOf } from "./bytes.js";

export const VALID = "valid";
export const INVALID = "invalid";
export const NOT_CHECKED = "not_checked_against_a_chain";

/** A step failed: nothing that rests on it is looked at. */
export class Stopped extends Error {
  constructor(verdict) {
    super(verdict);
    this.verdict = verdict;
  }
}

/** The steps taken so far. A step that fails ends the verification by throwing Stopped. */
export class Checks {
  constructor(onStep = () => {}) {
    this.steps = [];
    this.onStep = onStep;
  }

  note(name, outcome, expected, found, explanation) {
    const step = { name, outcome, expected: textOf(expected), found: textOf(found), explanation };
    this.steps.push(step);
    this.onStep(step);
  }

  same(name, expected, found, explanation, otherwise = explanation) {
    if (textOf(expected) !== textOf(found)) this.fail(name, expected, found, otherwise);
    this.passed(name, expected, explanation);
  }

  holds(name, condition, expected, found, explanation) {
    if (!condition) this.fail(name, expected, found, explanation);
    this.passed(name, found, explanation);
  }

  passed(name, found, explanation) {
    this.note(name, "passed", null, found, explanation);
  }

  skipped(name, explanation) {
    this.note(name, "skipped", null, null, explanation);
  }

  fail(name, expected, found, explanation, verdict = INVALID) {
    this.note(name, "failed", expected, found, explanation);
    throw new Stopped(verdict);
  }

  /** Note a ProofError, and stop. */
  refused(name, failure, explanation) {
    this.fail(name, failure.expected, failure.found, `${explanation} (${failure.step})`);
  }
}

export function textOf(value) {
  if (value === null || value === undefined) return null;
  return value instanceof Uint8Array ? hexOf(value) : String(value);
}
