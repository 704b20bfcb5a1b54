// The verifier without a page, for other programs and for the tests.

export { AgreeingChains, JsonRpcChain } from "./json-rpc.js";
export { ChainUnavailable, EventsUnavailable } from "./on-chain.js";
export { parseBlockHash, parseContract, parseFinality } from "./verification.js";
export { verifyBytes, verifyFile } from "./verifying-files.js";
