// What the page runs. `anchorVerifier` is there for whoever opens the console, and for the tests.

import * as core from "./core.js";
import { start } from "./page.js";

Object.assign(globalThis, { anchorVerifier: core });
if (globalThis.document !== undefined) start(globalThis.document);
