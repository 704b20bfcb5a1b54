// @ts-nocheck
// A chain's evidence in a file: a contract's head and pins in one block, provable without any node.

import { equal, hexOf, join, keccak, ZERO } from "./bytes.js";
import { address, bytesUpTo, hash, listOf, Members, object, u64 } from "./members.js";
import { ChainUnavailable, EventsUnavailable, PinUnknown } from "./on-chain.js";
import {
  HEAD_SLOT,
  LARGEST_NODE,
  LONGEST_PROOF,
  pinnedSlot,
  readAccount,
  readHeader,
  readSlot,
} from "./state-proof.js";
import { ProofFileError, parseJson, shown } from "./strict-json.js";
import { ProofError } from "./trees.js";

export const LARGEST_EVIDENCE = 1024 * 1024;
const FORMAT = "anchor-chain-evidence";
const LARGEST_CODE = 24_576;
const MOST_SLOTS = 64;

/** Keccak-256 of the code of the AnchorLog that ships with this page, zeros in place of its log id. */
const ANCHOR_LOG_CODE = "0x8808ba224e022415cc7506b2465252d9da178cb500dbbc0f7456c81da0d23455";
const LOG_ID_PLACE = 526;

const nodeList = listOf(bytesUpTo(LARGEST_NODE), LONGEST_PROOF);
const slotProof = object((members) => ({
  slot: members.take("slot", hash),
  proof: members.take("proof", nodeList),
}));

/** The values of an evidence file given as its bytes; throws ProofFileError, and nothing else. */
export function parseEvidence(raw) {
  const members = Members.of(parseJson(raw, LARGEST_EVIDENCE), "");
  for (const [name, expected] of [
    ["format", FORMAT],
    ["version", 1n],
  ]) {
    const found = members.fields.get(name);
    if (found !== expected) throw new ProofFileError(name, `/${name}`, `is ${shown(found)}, not ${expected}`);
    members.take(name, () => null);
  }
  const evidence = {
    chainId: members.take("chainId", u64),
    contract: members.take("contract", address),
    header: members.take("blockHeader", bytesUpTo(LARGEST_NODE)),
    code: members.take("code", bytesUpTo(LARGEST_CODE)),
    accountProof: members.take("accountProof", nodeList),
    slots: members.take("slots", listOf(slotProof, MOST_SLOTS)),
  };
  members.done();
  return evidence;
}

/**
 * A chain of which one block is known: it answers as JsonRpcChain does, for the state of that block only,
 * which counts as final because the reader trusts its hash.
 */
export class EvidenceChain {
  /** Throws ProofError where the evidence is not of that block, or does not hold together. */
  constructor(evidence, trusted) {
    this.byHash = true;
    this.evidence = evidence;
    const header = readHeader(evidence.header, trusted);
    this.known = { number: header.number, hash: header.hash, timestamp: header.timestamp };
    const account = accountOf(header.stateRoot, evidence);
    this.slots = new Map();
    for (const { slot, proof } of evidence.slots) {
      this.slots.set(hexOf(slot), readSlot(account.storageRoot, slot, proof));
    }
  }

  async chainId() {
    return this.evidence.chainId;
  }

  async finalBlock() {
    return this.known;
  }

  async block(number) {
    if (number === this.known.number) return this.known;
    throw new EventsUnavailable("no node was asked, and the evidence is of another block");
  }

  /** The log id in the contract's code, which has to be the AnchorLog that we know. */
  async logId(contract) {
    if (!equal(contract, this.evidence.contract)) {
      throw new ChainUnavailable("the evidence is of another contract");
    }
    const { code } = this.evidence;
    const end = LOG_ID_PLACE + 32;
    const masked = join(code.subarray(0, LOG_ID_PLACE), ZERO, code.subarray(end));
    if (hexOf(keccak(masked)) !== ANCHOR_LOG_CODE) return null;
    return code.slice(LOG_ID_PLACE, end);
  }

  async head(contract) {
    const head = this.slots.get(hexOf(HEAD_SLOT));
    if (!equal(contract, this.evidence.contract) || head === undefined) {
      throw new ChainUnavailable("the evidence does not show this contract's head");
    }
    return head;
  }

  /** When a root was pinned, 0 where it was not; throws PinUnknown without its slot. */
  async pinnedAt(_contract, root) {
    const pinned = this.slots.get(hexOf(pinnedSlot(root)));
    if (pinned === undefined) throw new PinUnknown("the evidence does not show whether this root is pinned");
    return BigInt(hexOf(pinned));
  }

  async anchored() {
    throw new EventsUnavailable("no node was asked for events");
  }
}

function accountOf(stateRoot, evidence) {
  const account = readAccount(stateRoot, evidence.contract, evidence.accountProof);
  if (account === null) {
    throw new ProofError("account proof", `a contract at ${hexOf(evidence.contract)}`, "none");
  }
  const found = keccak(evidence.code);
  if (!equal(found, account.codeHash))
    throw new ProofError("contract code", hexOf(account.codeHash), hexOf(found));
  return account;
}
