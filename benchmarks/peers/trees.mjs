// Builds a tree of N 32-byte entries and makes proofs with one of the peers; prints one JSON line.
// Usage: node trees.mjs merkletreejs|openzeppelin N PROOFS
import { keccak256 } from "ethereum-cryptography/keccak.js";

const [peer, count, proofs] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

function entry(number) {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32BE(number, 28);
  return bytes;
}

const entries = Array.from({ length: count }, (_, number) => entry(number));
const seconds = () => Number(process.hrtime.bigint()) / 1e9;
const hash = (data) => Buffer.from(keccak256(data));

let build, prove;
if (peer === "merkletreejs") {
  const { MerkleTree } = await import("merkletreejs");
  build = () => new MerkleTree(entries, hash, { hashLeaves: true });
  const leaves = entries.map(hash);
  prove = (tree, index) => tree.getProof(leaves[index], index);
} else {
  const { SimpleMerkleTree } = await import("@openzeppelin/merkle-tree");
  build = () => SimpleMerkleTree.of(entries);
  prove = (tree, index) => tree.getProof(index);
}

const started = seconds();
const tree = build();
const built = seconds() - started;

const times = [];
for (let at = 0; at < proofs; at += 1) {
  const index = Math.floor((at * count) / proofs);
  const before = seconds();
  prove(tree, index);
  times.push(seconds() - before);
}
times.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    build: built,
    proof: times[Math.floor(times.length / 2)],
    megabytes: process.resourceUsage().maxRSS / 1024,
  }),
);
