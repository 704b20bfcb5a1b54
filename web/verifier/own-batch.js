// Step 4 of a verification: did the log itself sign the batch that a claim rests on? Section 6a.

import { anchorRoot } from "./hashes.js";
import { labelled } from "./local-checks.js";
import { readCheckpoint, signedRoot } from "./signed-checkpoint.js";
import { ProofError } from "./trees.js";

const STEP = "log's signature";
const SIGNED_BATCH = "signed batch";

/** @import { Checks } from "./results.js" */

/**
 * Check that the log signed a tree that holds this batch, where the file shows a signature at all.
 * @param {Checks} checks
 * @param {{label: string, batch: any}} claimed
 * @param {{logId: Uint8Array, publicKey: Uint8Array}} log
 */
export function checkOwn(checks, claimed, log) {
  const { batch, signed } = claimed.batch;
  let name = labelled(STEP, claimed.label);
  if (signed === null) {
    checks.skipped(name, `The file does not show that the log signed batch ${batch.number}.`);
    return;
  }
  const checkpoint = guarded(checks, name, "The checkpoint is not one that the log signed.", () =>
    readCheckpoint(signed.checkpoint, log.logId, log.publicKey),
  );
  checks.passed(name, checkpoint.root, `The log signed this root of its first ${checkpoint.size} batches.`);
  name = labelled(SIGNED_BATCH, claimed.label);
  const found = guarded(checks, name, "The path cannot be one of that batch.", () =>
    signedRoot(batch.number, anchorRoot(log.logId, batch), checkpoint.size, signed.path),
  );
  checks.same(
    name,
    checkpoint.root,
    found,
    `Batch ${batch.number} is one that the log signed.`,
    `The log signed another batch ${batch.number} than this one.`,
  );
}

/**
 * Whether the file does not show the log's signature over a batch that it rests on.
 * @param {Checks} checks
 */
export const isUnsigned = (checks) =>
  checks.steps.some(({ name, outcome }) => outcome === "skipped" && name.startsWith(STEP));

/**
 * @template T
 * @param {Checks} checks
 * @param {string} name
 * @param {string} explanation
 * @param {() => T} check
 * @returns {T}
 */
function guarded(checks, name, explanation, check) {
  try {
    return check();
  } catch (failure) {
    if (!(failure instanceof ProofError)) throw failure;
    return checks.refused(name, failure, explanation);
  }
}
