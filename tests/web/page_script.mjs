// The verifier out of the built page, as it is shipped, without a page.

import { readFileSync } from "node:fs";
import vm from "node:vm";

const NAMES = [
  ...["TextDecoder", "TextEncoder", "Uint8Array", "URL", "AbortSignal", "fetch", "crypto"],
  ...["Blob", "DecompressionStream", "ReadableStream", "DataView", "setTimeout", "atob", "btoa"],
];

/**
 * What the page's script leaves for the console, in a world that has nothing but what it needs.
 * @param {string} page The built page's path.
 * @returns {typeof import("../../web/verifier/core.js")}
 */
export function verifierOf(page) {
  const [, script] = /<script>([\s\S]*)<\/script>/.exec(readFileSync(page, "utf8")) ?? [];
  /** @type {Record<string, any>} */
  const world = Object.fromEntries(NAMES.map((name) => [name, Reflect.get(globalThis, name)]));
  vm.runInNewContext(script, world);
  return world.anchorVerifier;
}

/**
 * The lines of a text given piece by piece: the first, and the rest.
 * @param {AsyncIterable<string>} given
 * @returns {Promise<[string, AsyncIterable<string>]>}
 */
export async function firstAndRest(given) {
  const lines = given[Symbol.asyncIterator]();
  const first = await lines.next();
  return [first.value, { [Symbol.asyncIterator]: () => lines }];
}
