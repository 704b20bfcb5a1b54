import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// Hardhat and scripts/compile_contracts.py read the same settings, so that both make the same bytecode.
const compiler = JSON.parse(readFileSync(new URL("contracts/compiler.json", import.meta.url), "utf8"));

export default {
  solidity: {
    version: compiler.version,
    path: fileURLToPath(new URL("node_modules/solc/soljson.js", import.meta.url)),
    settings: compiler.settings,
  },
  paths: {
    sources: "contracts",
    tests: { solidity: "tests/solidity" },
    artifacts: "build/hardhat/artifacts",
    cache: "build/hardhat/cache",
  },
};
