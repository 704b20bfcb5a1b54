// The files in what was dropped or chosen: directories are walked, as `anchor verify` walks them.

import { firstBytes } from "./verifying-files.js";

export const MOST_FILES = 1000;

/** The files of a drop, by a promise: the browser forgets the drop once its event is over. */
export function droppedFiles(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const given = items.map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  return walked(given);
}

async function walked(given) {
  const files = [];
  for (const { entry, file } of given) {
    if (entry?.isDirectory) await walk(entry, files);
    else if (file !== null) files.push({ name: file.name, file });
  }
  return files;
}

async function walk(directory, files) {
  const reader = directory.createReader();
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    entries.sort((one, other) => (one.name < other.name ? -1 : 1));
    for (const entry of entries) {
      if (files.length > MOST_FILES) return;
      if (entry.isDirectory) {
        await walk(entry, files);
      } else if (belongs(entry.name)) {
        const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
        files.push({ name: entry.fullPath.replace(/^\//, ""), file });
      }
    }
  }
}

/** The files of an input, those of a chosen directory with their path. */
export function chosenFiles(list) {
  return [...list]
    .filter((file) => !file.webkitRelativePath || belongs(file.name))
    .map((file) => ({ name: file.webkitRelativePath || file.name, file }));
}

/** In a directory only files of these names are looked at. */
const belongs = (name) => /\.(json|zip)$/.test(name);

/** Whether a file says of itself that it is a chain's evidence. */
export async function isEvidence(file) {
  const start = new TextDecoder().decode(await firstBytes(file, 200));
  return /^\s*\{\s*"format"\s*:\s*"anchor-chain-evidence"/.test(start);
}
