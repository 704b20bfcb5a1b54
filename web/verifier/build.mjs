// Builds the verifier page: one self-contained HTML file. `node web/verifier/build.mjs [OUTPUT]`

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

/** @param {string} name */
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const output = process.argv[2] ?? here("../../src/anchor/web/verify.html");

/** @param {string} entry */
async function bundled(entry) {
  const result = await build({
    entryPoints: [here(entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    legalComments: "inline",
    absWorkingDir: here("."),
  });
  return result.outputFiles[0].text.trim();
}

/** @param {string} text */
const digest = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

// Within a script element only its own end tag ends it.
const script = (await bundled("main.js")).replaceAll("</script", "<\\/script");
const style = await bundled("page.css");
const policy = [
  "default-src 'none'",
  `script-src ${digest(script)}`,
  `style-src ${digest(style)}`,
  "img-src data:",
  "connect-src http: https:",
  "form-action 'none'",
  "base-uri 'none'",
].join("; ");

/** @type {Record<string, string>} */
const parts = { policy, style, script };
const page = (await readFile(here("page.html"), "utf8")).replaceAll(
  /\{\{(\w+)\}\}/g,
  (_, name) => parts[name],
);
await writeFile(output, page);
