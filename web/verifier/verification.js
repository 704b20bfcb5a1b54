// @ts-nocheck
// The rules of a verification, whole: section 8 of docs/protocol.md. The same steps, in the same order and
// with the same words, as anchor.verify in Python: a test holds the two together.

import { bytesOf, hexOf, ZERO } from "./bytes.js";
import { chainInWords } from "./chain-names.js";
import { CLAIMS } from "./claims.js";
import { LocalChecks } from "./local-checks.js";
import { ChainUnavailable, checkHistories, NEWEST_BLOCK, OnChain, onWhich } from "./on-chain.js";
import { checkOwn, isUnsigned } from "./own-batch.js";
import { Checks, INVALID, NOT_CHECKED, Stopped, textOf, VALID } from "./results.js";
import { blocksWords } from "./span-claim.js";
import { shownId } from "./visible-text.js";
import { moment } from "./wording.js";

/** `finalized`, `safe`, `latest` or a number of confirmations from 1; null for anything else. */
export function parseFinality(rule) {
  const text = String(rule).trim();
  if (["finalized", "safe", "latest"].includes(text)) return { tag: text, confirmations: 0n };
  if (!/^[0-9]{1,10}$/.test(text) || BigInt(text) < 1n || BigInt(text) > 10n ** 9n) return null;
  return { tag: null, confirmations: BigInt(text) };
}

/** The 20 bytes of a contract's address in hexadecimal, any case; null for anything else. */
export function parseContract(text) {
  const digits = text.trim().replace(/^0x/, "").toLowerCase();
  return /^[0-9a-f]{40}$/.test(digits) ? bytesOf(`0x${digits}`) : null;
}

/** The 32 bytes of a block's hash in hexadecimal, any case; null for anything else. */
export function parseBlockHash(text) {
  const digits = text.trim().replace(/^0x/, "").toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? bytesOf(`0x${digits}`) : null;
}

/** The 32 bytes of a log's id in hexadecimal, any case; null for anything else. */
export const parseLogId = parseBlockHash;

/**
 * Verify a proof file's values. `chain` is null, or answers as JsonRpcChain does; `onStep` hears of each
 * step as it is taken. `clock` is the reader's own time, {now, oldest} (ms and seconds): where a claim to be
 * the newest rests on a final block that is too old by it, no verdict is given; null: none is. Never throws for what is in the file or what a node answers.
 */
export async function verifyProof(proof, chain, options = {}) {
  const {
    expectedContract = null,
    expectedCustomer = null,
    expectedUnit = null,
    expectedLedgerId = null,
    expectedLog = null,
    expectedChains = [],
    finality = parseFinality("finalized"),
    clock = null,
    onStep,
  } = options;
  const checks = new Checks(onStep);
  let proven = null;
  try {
    expected(checks, proof, { expectedLog, expectedLedgerId, expectedCustomer, expectedUnit });
    proven = local(checks, proof);
    if (isUnsigned(checks)) {
      checks.skipped("chain", "Not asked, since the log's signature is not shown.");
      throw new Stopped(NOT_CHECKED);
    }
    await expectedChain(checks, chain, expectedChains);
    if (chain === null) {
      checks.skipped("chain", "No node was named, so no chain was asked.");
      throw new Stopped(NOT_CHECKED);
    }
    const onChain = new OnChain(checks, chain, proof.log.logId, finality, clock);
    const seen = await onChain.check(proven.batches, expectedContract);
    return {
      kind: proof.kind,
      verdict: VALID,
      steps: checks.steps,
      statements: [
        ...proven.statements,
        ...naming(proof),
        whichLog(proof, expectedLog !== null),
        ...chainWords(seen, expectedContract !== null),
        ...asOfWords(proof, seen),
      ],
      proof,
      seen,
    };
  } catch (stopped) {
    if (!(stopped instanceof Stopped)) throw stopped;
    if (proven === null) checks.skipped("chain", "Not asked, since an earlier step failed.");
    return unproven(proof, checks, stopped.verdict);
  }
}

/** Hold the file against what the reader means. */
function expected(checks, proof, { expectedLog, expectedLedgerId, expectedCustomer, expectedUnit }) {
  const customer = proof.ledger?.customer ?? null;
  const wanted = [
    ["expected log", expectedLog, proof.log.logId, "log"],
    ["expected ledger", expectedLedgerId, proof.ledger?.ledgerId ?? null, "ledger"],
    ["expected customer", expectedCustomer, customer?.customerId ?? null, "customer"],
    ["expected unit", expectedUnit, customer?.unit ?? null, "unit"],
  ];
  for (const [name, meant, found, what] of wanted) {
    if (meant === null) continue;
    if (textOf(meant) !== textOf(found)) {
      const why = found === null ? `The file names no ${what}.` : `The file is about another ${what}.`;
      checks.fail(name, idOf(meant), idOf(found), why);
    }
    checks.passed(name, idOf(meant), `The file is about the ${what} that you named.`);
  }
}

/** An id so that two which differ look different. */
const idOf = (value) => (typeof value === "string" ? shownId(value) : value);

/**
 * Hold the node's chain against those that the reader and the operator agreed on. A block that is trusted by
 * its hash says by itself which chain it is of; a node that does not answer is left to the steps that ask it.
 */
async function expectedChain(checks, chain, chains) {
  if (!chains.length || chain.byHash) return;
  let found;
  try {
    found = await chain.chainId();
  } catch (error) {
    if (error instanceof ChainUnavailable) return;
    throw error;
  }
  const known = chains.includes(found);
  checks.holds(
    "expected chain",
    known,
    [...chains]
      .sort((a, b) => (a < b ? -1 : 1))
      .map(chainInWords)
      .join(" or "),
    chainInWords(found),
    known
      ? "The node is of a chain that you named."
      : "The node is of another chain than you named, where anybody can anchor a history of their own.",
    NOT_CHECKED,
  );
}

function local(checks, proof) {
  const checking = new LocalChecks(checks, proof.log.logId, proof.ledger?.ledgerId ?? ZERO);
  checking.identity(proof);
  const proven = CLAIMS[proof.kind](checking, proof.claim);
  for (const claimed of proven.batches) {
    checkHistories(checks, claimed, proof.log.logId);
    checkOwn(checks, claimed, proof.log);
  }
  return proven;
}

function unproven(proof, checks, verdict) {
  const failed = checks.steps.find((step) => step.outcome === "failed");
  let said = "The file fits together, but that is no proof: no chain was seen to hold its root.";
  if (verdict === INVALID) said = "This proves nothing.";
  else if (isUnsigned(checks)) {
    said = "The file fits together, but that is no proof: it does not show that the log signed it.";
  } else if (failed?.name.startsWith(NEWEST_BLOCK)) {
    said = "The chain holds the file's root, but whether it is the newest now was not seen.";
  }
  const statements = failed === undefined ? [said] : [said, failed.explanation];
  return { kind: proof.kind, verdict, steps: checks.steps, statements, proof };
}

function naming(proof) {
  if (proof.ledger === null) return [];
  const { customer } = proof.ledger;
  if (customer === null) {
    return [
      `It names no customer: it proves something about the ledger id ${hexOf(proof.ledger.ledgerId)} only.`,
    ];
  }
  const unit = customer.unit ? `unit “${shownId(customer.unit)}”` : "no unit";
  return [`The ledger is the only one that customer “${shownId(customer.customerId)}” can have in ${unit}.`];
}

function whichLog(proof, namedByReader) {
  const logId = hexOf(proof.log.logId);
  return namedByReader
    ? `It is the log that you named: ${logId}.`
    : `Whether ${logId} is the other party's log is for you to recognise.`;
}

function chainWords(seen, namedByReader) {
  const contract = hexOf(seen.contract);
  const where = onWhich(seen.chainId, seen.byHash);
  const lines = [
    namedByReader
      ? `Valid under contract ${contract}, which you named, on ${where}.`
      : `Valid under contract ${contract} on ${where}: whether that is the agreed contract is for you to recognise.`,
  ];
  for (const one of seen.committed) {
    const what = seen.committed.length > 1 ? `Batch ${one.number}` : "All this";
    const block = one.block === null ? " (pinned)" : ` (block ${one.block})`;
    lines.push(`${what} was committed no later than ${moment(one.time * 1000n)}${block}.`);
    if (one.isHead) {
      const asOf = `block ${one.asOf.number}, ${moment(one.asOf.timestamp * 1000n)}`;
      lines.push(`Batch ${one.number} is the contract's head as of ${asOf}.`);
    }
  }
  return lines;
}

/** As of when what the file shows was the newest, or absent. */
function asOfWords({ kind, ledger, claim }, seen) {
  if (kind === "period" && claim.span !== null) return blocksWords(claim.span, seen.committed);
  let what = "This was the ledger's newest head";
  if (kind === "absence") {
    what = `There was no ledger ${ledger.customer ? "for exactly this customer id and unit" : "of this id"}`;
  } else if (kind !== "freshness") {
    return [];
  }
  return seen.committed.map(
    ({ newest: { time, condition } }) => `${what} as of ${moment(time)}${condition ? ", " : ""}${condition}.`,
  );
}
