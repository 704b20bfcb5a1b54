// Runs the verifier out of the built page, as it is shipped, over proof files given on standard input.
// First line: {page, chain}; then one line a file: {raw, trusted, evidence, now, agreed, rpc}, bytes in base64,
// a hash in hexadecimal, a time in ms, what is agreed of a sample, URLs of nodes to ask in place of the chain; where a hash
// is trusted, the chain is not asked. One answer a line comes back.

import { createInterface } from "node:readline";

import { firstAndRest, verifierOf } from "./page_script.mjs";

const [first, lines] = await firstAndRest(createInterface({ input: process.stdin }));
const { page, chain } = JSON.parse(first);
const { verifyFile, parseBlockHash, parseFinality, AgreeingChains, JsonRpcChain } = verifierOf(page);

/** @typedef {{ number: bigint, previousHead: Uint8Array, newHead: Uint8Array, transactionHash: Uint8Array }} Event */
/** @typedef {{ number: bigint, hash: Uint8Array, timestamp: bigint, head: Uint8Array, pins: any, events: Event[] }} Block */

/** @param {string} hex */
const bytes = (hex) => Uint8Array.from(Buffer.from(hex.slice(2), "hex"));
/** @param {Uint8Array} value */
const hex = (value) => `0x${Buffer.from(value).toString("hex")}`;
const ZERO = new Uint8Array(32);
/** @type {Block[]} */
const blocks = (chain?.blocks ?? []).map((/** @type {any} */ block) => ({
  number: BigInt(block.number),
  hash: bytes(block.hash),
  timestamp: BigInt(block.timestamp),
  head: bytes(block.head),
  pins: block.pins,
  events: block.events.map((/** @type {any} */ event) => ({
    number: BigInt(event.number),
    previousHead: bytes(event.previousHead),
    newHead: bytes(event.newHead),
    transactionHash: bytes(event.transactionHash),
  })),
}));
/** @param {Uint8Array} contract */
const ours = (contract) => hex(contract) === chain.contract;
/** The chain in memory; its methods are those of JsonRpcChain. */
const memory = {
  chainId: async () => BigInt(chain.id),
  finalBlock: async () => blocks.at(-1),
  block: async (/** @type {bigint} */ number) => blocks[Number(number)] ?? null,
  logId: async (/** @type {Uint8Array} */ contract) => (ours(contract) ? bytes(chain.logId) : null),
  head: async (/** @type {Uint8Array} */ contract, /** @type {bigint} */ number) =>
    ours(contract) ? blocks[Number(number)].head : ZERO,
  pinnedAt: async (
    /** @type {Uint8Array} */ contract,
    /** @type {Uint8Array} */ root,
    /** @type {bigint} */ number,
  ) => BigInt((ours(contract) && blocks[Number(number)].pins[hex(root)]) || 0),
  anchored: async (/** @type {Uint8Array} */ contract, /** @type {Uint8Array} */ hash) =>
    ours(contract) ? blocks.find((block) => hex(block.hash) === hex(hash))?.events : [],
};

/**
 * What is asked: the nodes that a question names, else the chain in memory.
 * @param {{ rpc: string[], trusted?: string }} question
 */
function chainOf({ rpc, trusted }) {
  const nodes = rpc.map((url) => new JsonRpcChain(url));
  if (nodes.length) return nodes.length > 1 ? new AgreeingChains(nodes) : nodes[0];
  return trusted || !chain ? null : memory;
}

/** @param {number | undefined} number */
const whole = (number) => (number === undefined ? null : BigInt(number));
/** @param {string} text */
const from64 = (text) => Uint8Array.from(Buffer.from(text, "base64"));
for await (const line of lines) {
  const question = JSON.parse(line);
  const { raw, trusted, evidence, now, agreed = {} } = question;
  const { kind, verdict, steps, statements } = await verifyFile(new Blob([from64(raw)]), {
    chain: chainOf(question),
    trusted: trusted ? parseBlockHash(trusted) : null,
    evidence: evidence === undefined ? null : from64(evidence),
    finality: parseFinality("latest"),
    clock: now === undefined ? null : { now: BigInt(now), oldest: 3600n },
    sample: { count: whole(agreed.count), from: whole(agreed.from_index), to: whole(agreed.to_index) },
  });
  process.stdout.write(`${JSON.stringify({ kind, verdict, steps, statements })}\n`);
}
