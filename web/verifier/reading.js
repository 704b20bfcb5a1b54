// @ts-nocheck
// From the text of a proof file to its values: the shape of every object, and nothing unknown in it.

import { equal, ZERO } from "./bytes.js";
import {
  address,
  amount,
  balance,
  consistencyPath,
  hash,
  identityProof,
  inclusionPath,
  listOf,
  Members,
  mapSiblings,
  object,
  refuse,
  salt,
  text,
  u64,
} from "./members.js";
import { ProofFileError, shown } from "./strict-json.js";
import { REFUSAL, UNSIGNED } from "./unreadable.js";

export const LARGEST_FILE = 256 * 1024;
export const LARGEST_PERIOD_FILE = 64 * 1024 * 1024;
const MOST_ANCHORS = 64;
const VERSION = 2n;

/**
 * The values of a proof file given as its JSON value, which was written in `size` bytes, or of a proof within
 * a larger file; throws ProofFileError, and nothing else.
 */
export function proofOf(value, size = 0) {
  const file = new Members(value, "");
  const format = file.fields.get("format");
  if (format !== "anchor-proof") {
    const refusal = ["code", "status", "title"].every((key) => file.fields.has(key)) ? REFUSAL : null;
    throw new ProofFileError("format", "/format", `is ${shown(format)}, not "anchor-proof"`, refusal);
  }
  const version = file.fields.get("version");
  if (version !== VERSION) {
    const reason = `is ${shown(version)}; this verifier knows ${VERSION} only`;
    throw new ProofFileError("version", "/version", reason, version === 1n ? UNSIGNED : null);
  }
  file.take("format", () => null);
  file.take("version", () => null);
  const kind = file.take("kind", text);
  if (!Object.hasOwn(CLAIMS, kind)) {
    refuse("/kind", `is ${shown(kind)}, not one of ${Object.keys(CLAIMS).join(", ")}`);
  }
  if (kind !== "period" && size > LARGEST_FILE) {
    throw new ProofFileError("size", "", `is larger than ${LARGEST_FILE} bytes`);
  }
  const log = file.take("log", readLog);
  const ledger = file.optional("ledger", readLedger);
  const claim = CLAIMS[kind](file);
  file.done();
  const aboutBatches = kind === "fraud" && claim.cheat === "two_batches";
  if (aboutBatches && ledger !== null) refuse("/ledger", "does not belong to a proof about two batches");
  if (!aboutBatches && ledger === null) refuse("/ledger", "is missing");
  return { kind, log, ledger, claim };
}

// A delta

const field = object((members) =>
  members.has("commitment")
    ? { commitment: members.take("commitment", hash) }
    : { value: members.nullable("value", text), salt: members.take("salt", salt) },
);

function reason(value, place) {
  const found = field(value, place);
  if (found.value === null) refuse(`${place}/value`, "is null, and every delta has a reason");
  return found;
}

function recordOf(record) {
  const index = record.take("index", u64);
  if (record.has("fingerprint"))
    return { index, fingerprint: record.take("fingerprint", hash), withheld: true };
  const adjusts = record.nullable("adjusts", hash);
  if (adjusts !== null && equal(adjusts, ZERO)) {
    refuse(`${record.place}/adjusts`, "is zero; a delta that adjusts none says null");
  }
  return {
    index,
    withheld: false,
    amount: record.take("amount", amount),
    balance: record.take("balance", balance),
    occurredAt: record.take("occurredAt", u64),
    recordedAt: record.take("recordedAt", u64),
    reason: record.take("reason", reason),
    referenceId: record.take("referenceId", field),
    metadata: record.take("metadata", field),
    adjusts: adjusts ?? ZERO,
  };
}

export const readRecord = object(recordOf);
const included = object((members) => ({
  record: recordOf(members),
  path: members.take("path", inclusionPath),
}));

/** A record that must show its amounts, since the claim is about them. */
function shownDelta(value, place) {
  const found = included(value, place);
  if (found.record.withheld) refuse(place, "withholds the amounts and times that the claim is about");
  return found;
}

// Batches and heads

function batchOf(members) {
  const number = members.take("number", u64);
  if (number === 0n) refuse(`${members.place}/number`, "is 0; batches count from 1");
  return {
    number,
    historyRoot: members.take("historyRoot", hash),
    mapRoot: members.take("mapRoot", hash),
    sealedAt: members.take("sealedAt", u64),
  };
}

const through = object((members) => ({
  batch: members.take("batch", object(batchOf)),
  path: members.take("path", inclusionPath),
}));

const anchor = object((members) => ({
  chainId: members.take("chainId", u64),
  contract: members.take("contract", address),
  location: members.has("transactionHash", "blockNumber", "blockHash")
    ? {
        transactionHash: members.take("transactionHash", hash),
        blockNumber: members.take("blockNumber", u64),
        blockHash: members.take("blockHash", hash),
      }
    : null,
  through: members.optional("through", through),
}));

const signature = object((members) => ({
  checkpoint: members.take("checkpoint", text),
  path: members.take("path", inclusionPath),
}));

const anchoredBatch = object((members) => ({
  batch: batchOf(members),
  anchors: members.take("anchors", listOf(anchor, MOST_ANCHORS)),
  signed: members.optional("signed", signature),
}));

const head = object((members) => ({
  size: members.take("size", u64),
  root: members.take("root", hash),
  siblings: members.take("mapSiblings", mapSiblings),
  batch: members.take("batch", anchoredBatch),
}));

function keptHead(value, place) {
  if (Members.of(value, place).has("mapSiblings", "batch")) return head(value, place);
  return object((members) => ({
    size: members.take("size", u64),
    root: members.take("root", hash),
    batch: null,
  }))(value, place);
}

const mapLeaf = object((members) => ({
  ledgerId: members.take("ledgerId", hash),
  head: members.take("head", hash),
}));

const absence = object((members) => ({
  siblings: members.take("mapSiblings", mapSiblings),
  other: members.nullable("other", mapLeaf),
  batch: members.take("batch", anchoredBatch),
}));

// Claims

function shownRecord(value, place) {
  const record = readRecord(value, place);
  if (record.withheld) refuse(place, "withholds the amounts and times that the claim is about");
  return record;
}

const edge = object((members) => ({
  peaks: members.take("openingPeaks", inclusionPath),
  records: members.take("deltas", listOf(shownRecord, Infinity)),
}));

const opening = (value, place) =>
  Members.of(value, place).has("other") ? absence(value, place) : head(value, place);

const span = object((members) => ({
  start: members.take("start", u64),
  end: members.take("end", u64),
  opening: members.nullable("opening", opening),
  before: members.take("before", edge),
  after: members.take("after", edge),
}));

const periodDeltas = object((members) => ({
  openingPeaks: members.take("openingPeaks", inclusionPath),
  records: members.take("deltas", listOf(readRecord, Infinity)),
}));

const period = object((members) => ({
  fromIndex: members.take("fromIndex", u64),
  toIndex: members.take("toIndex", u64),
  openingRoot: members.take("openingRoot", hash),
  closingRoot: members.take("closingRoot", hash),
  opening: members.nullable("opening", shownDelta),
  closing: members.take("closing", shownDelta),
  openingPath: members.take("openingPath", consistencyPath),
  closingPath: members.take("closingPath", consistencyPath),
  span: members.optional("span", span),
  deltas: members.optional("all", periodDeltas),
}));

const FRAUDS = {
  false_balance: (of) => ({
    before: of.nullable("before", shownDelta),
    after: of.take("after", shownDelta),
    head: of.take("head", head),
  }),
  time_reversed: (of) => ({
    before: of.take("before", shownDelta),
    after: of.take("after", shownDelta),
    head: of.take("head", head),
  }),
  recorded_after_sealed: (of) => ({ delta: of.take("delta", shownDelta), head: of.take("head", head) }),
  backdated: (of) => ({
    earlier: of.take("earlier", head),
    delta: of.take("delta", shownDelta),
    head: of.take("head", head),
  }),
  two_deltas: (of) => ({
    first: of.take("first", included),
    firstHead: of.take("firstHead", head),
    second: of.take("second", included),
    secondHead: of.take("secondHead", head),
  }),
  two_heads: (of) => ({ first: of.take("first", head), second: of.take("second", head) }),
  shrunk_ledger: (of) => ({ earlier: of.take("earlier", head), later: of.take("later", head) }),
  vanished_ledger: (of) => ({ earlier: of.take("earlier", head), absence: of.take("absence", absence) }),
  two_batches: (of) => ({ first: of.take("first", anchoredBatch), second: of.take("second", anchoredBatch) }),
};

const fraud = object((members) => {
  const cheat = members.take("cheat", text);
  if (!Object.hasOwn(FRAUDS, cheat)) {
    refuse(`${members.place}/cheat`, `is ${shown(cheat)}, not one of ${Object.keys(FRAUDS).join(", ")}`);
  }
  return { cheat, ...FRAUDS[cheat](members) };
});

const CLAIMS = {
  delta: (file) => ({ delta: file.take("delta", included), head: file.take("head", head) }),
  balance: (file) => ({ delta: file.take("delta", shownDelta), head: file.take("head", head) }),
  period: (file) => {
    const found = file.take("head", head);
    return { ...file.take("period", period), head: found };
  },
  absence: (file) => ({ absence: file.take("absence", absence) }),
  freshness: (file) => ({ head: file.take("head", head) }),
  consistency: (file) => ({
    earlier: file.take("earlier", keptHead),
    path: file.take("path", consistencyPath),
    head: file.take("head", head),
  }),
  fraud: (file) => file.take("fraud", fraud),
};

// Log and ledger

const readLog = object((members) => ({
  logId: members.take("logId", hash),
  publicKey: members.take("identityPublicKey", hash),
  founder: members.take("founder", address),
}));

const readLedger = object((members) => ({
  ledgerId: members.take("ledgerId", hash),
  customer: members.has("customerId", "unit", "identityProof")
    ? {
        customerId: members.take("customerId", text),
        unit: members.take("unit", text),
        identityProof: members.take("identityProof", identityProof),
      }
    : null,
}));
