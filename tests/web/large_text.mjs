// What the page says of a file of 64 MiB that is one text, of which a part is repeated.

import { readFileSync } from "node:fs";
import vm from "node:vm";

const [page, repeated] = process.argv.slice(2);
const script = /<script>([\s\S]*)<\/script>/.exec(readFileSync(page, "utf8"))[1];
const sandbox = { TextDecoder, TextEncoder, Uint8Array, URL, AbortSignal, fetch, Blob, setTimeout };
vm.runInNewContext(script, sandbox);

const times = Math.floor((64 * 1024 * 1024 - 100) / repeated.length);
const file = new Blob(['{"format":"', Buffer.alloc(times * repeated.length, repeated), '"}']);
const { steps } = await sandbox.anchorVerifier.verifyFile(file, { chain: null });
console.log(steps[0].explanation.slice(0, 100));
