// What a verification says: a verdict, each step with its two values, and what is proven in plain words.

import { hexOf } from "./bytes.js";

/** @typedef {typeof VALID | typeof INVALID | typeof NOT_CHECKED} Verdict */
/** @typedef {"passed" | "failed" | "skipped"} Outcome */
/** @typedef {Uint8Array | string | number | bigint | null | undefined} Shown A value of a step. */

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {Outcome} outcome
 * @property {string | null} expected
 * @property {string | null} found
 * @property {string} explanation
 */

export const VALID = "valid";
export const INVALID = "invalid";
export const NOT_CHECKED = "not_checked_against_a_chain";

/** A step failed: nothing that rests on it is looked at. */
export class Stopped extends Error {
  /** @param {Verdict} verdict */
  constructor(verdict) {
    super(verdict);
    this.verdict = verdict;
  }
}

/** The steps taken so far. A step that fails ends the verification by throwing Stopped. */
export class Checks {
  /** @param {(step: Step) => void} [onStep] */
  constructor(onStep = (_step) => {}) {
    /** @type {Step[]} */
    this.steps = [];
    this.onStep = onStep;
  }

  /**
   * @param {string} name
   * @param {Outcome} outcome
   * @param {Shown} expected
   * @param {Shown} found
   * @param {string} explanation
   */
  note(name, outcome, expected, found, explanation) {
    const step = { name, outcome, expected: textOf(expected), found: textOf(found), explanation };
    this.steps.push(step);
    this.onStep(step);
  }

  /**
   * @param {string} name
   * @param {Shown} expected
   * @param {Shown} found
   * @param {string} explanation
   * @param {string} [otherwise] What is said where they differ.
   */
  same(name, expected, found, explanation, otherwise = explanation) {
    if (textOf(expected) !== textOf(found)) this.fail(name, expected, found, otherwise);
    this.passed(name, expected, explanation);
  }

  /**
   * @param {string} name
   * @param {boolean} condition
   * @param {Shown} expected
   * @param {Shown} found
   * @param {string} explanation
   * @param {Verdict} [verdict]
   */
  holds(name, condition, expected, found, explanation, verdict = INVALID) {
    if (!condition) this.fail(name, expected, found, explanation, verdict);
    this.passed(name, found, explanation);
  }

  /**
   * @param {string} name
   * @param {Shown} found
   * @param {string} explanation
   */
  passed(name, found, explanation) {
    this.note(name, "passed", null, found, explanation);
  }

  /**
   * @param {string} name
   * @param {string} explanation
   */
  skipped(name, explanation) {
    this.note(name, "skipped", null, null, explanation);
  }

  /**
   * @param {string} name
   * @param {Shown} expected
   * @param {Shown} found
   * @param {string} explanation
   * @param {Verdict} [verdict]
   * @returns {never}
   */
  fail(name, expected, found, explanation, verdict = INVALID) {
    this.note(name, "failed", expected, found, explanation);
    throw new Stopped(verdict);
  }

  /**
   * Note a ProofError, and stop.
   * @param {string} name
   * @param {{ step: string, expected: string, found: string }} failure
   * @param {string} explanation
   * @returns {never}
   */
  refused(name, failure, explanation) {
    this.fail(name, failure.expected, failure.found, `${explanation} (${failure.step})`);
  }
}

/**
 * @param {Shown} value
 * @returns {string | null}
 */
export function textOf(value) {
  if (value === null || value === undefined) return null;
  return value instanceof Uint8Array ? hexOf(value) : String(value);
}
