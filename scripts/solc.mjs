#!/usr/bin/env node
// The npm compiler in the clothes of a native solc, as far as py-solc-x needs it:
// `--version` prints the version, anything else compiles standard JSON from stdin to stdout.
// (The package's own solcjs prints more than the JSON.)
import { readFileSync } from "node:fs";
import solc from "solc";

if (process.argv.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler\nVersion: ${solc.version()}\n`);
} else {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
}
