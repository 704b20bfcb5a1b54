// Runs the verifier out of the built page, as it is shipped, over proof files given on standard input.
// First line: {page, chain}; then one line a file: {raw, trusted, evidence, now, agreed, rpc}, bytes in base64,
// a hash in hexadecimal, a time in ms, what is agreed of a sample, URLs of nodes to ask in place of the chain; where a hash
// is trusted, the chain is not asked. One answer a line comes back.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import vm from "node:vm";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { page, chain } = JSON.parse((await lines.next()).value);

const script = /<script>([\s\S]*)<\/script>/.exec(readFileSync(page, "utf8"))[1];
const names = [
  ...["TextDecoder", "TextEncoder", "Uint8Array", "URL", "AbortSignal", "fetch", "crypto"],
  ...["Blob", "DecompressionStream", "ReadableStream", "DataView", "setTimeout"],
];
const sandbox = Object.fromEntries(names.map((name) => [name, globalThis[name]]));
vm.runInNewContext(script, sandbox);
const { verifyFile, parseBlockHash, parseFinality, AgreeingChains, JsonRpcChain } = sandbox.anchorVerifier;

const bytes = (hex) => Uint8Array.from(Buffer.from(hex.slice(2), "hex"));
const hex = (value) => `0x${Buffer.from(value).toString("hex")}`;
const ZERO = new Uint8Array(32);
const blocks = (chain?.blocks ?? []).map((block) => ({
  number: BigInt(block.number),
  hash: bytes(block.hash),
  timestamp: BigInt(block.timestamp),
  head: bytes(block.head),
  pins: block.pins,
  events: block.events.map((event) => ({
    number: BigInt(event.number),
    previousHead: bytes(event.previousHead),
    newHead: bytes(event.newHead),
    transactionHash: bytes(event.transactionHash),
  })),
}));
const ours = (contract) => hex(contract) === chain.contract;
const memory = {
  chainId: async () => BigInt(chain.id),
  finalBlock: async () => blocks.at(-1),
  block: async (number) => blocks[number] ?? null,
  logId: async (contract) => (ours(contract) ? bytes(chain.logId) : null),
  head: async (contract, number) => (ours(contract) ? blocks[number].head : ZERO),
  pinnedAt: async (contract, root, number) => BigInt((ours(contract) && blocks[number].pins[hex(root)]) || 0),
  anchored: async (contract, hash) =>
    ours(contract) ? blocks.find((block) => hex(block.hash) === hex(hash)).events : [],
};

/** What is asked: the nodes that a question names, else the chain in memory. */
function chainOf({ rpc, trusted }) {
  const nodes = rpc.map((url) => new JsonRpcChain(url));
  if (nodes.length) return nodes.length > 1 ? new AgreeingChains(nodes) : nodes[0];
  return trusted || !chain ? null : memory;
}

const whole = (number) => (number === undefined ? null : BigInt(number));
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
