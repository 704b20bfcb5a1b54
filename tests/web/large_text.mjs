// What the page says of a file of 64 MiB that is one text, of which a part is repeated.

import { verifierOf } from "./page_script.mjs";

const [page, repeated] = process.argv.slice(2);

const times = Math.floor((64 * 1024 * 1024 - 100) / repeated.length);
const file = new Blob(['{"format":"', Buffer.alloc(times * repeated.length, repeated), '"}']);
const { steps } = await verifierOf(page).verifyFile(file, { chain: null });
console.log(steps[0].explanation.slice(0, 100));
