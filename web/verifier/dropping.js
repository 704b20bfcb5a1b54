// The files in what was dropped or chosen: directories are walked, as `anchor verify` walks them.

import { firstBytes } from "./verifying-files.js";

/** @typedef {{ name: string, file: File }} Found */
/** @typedef {{ entry: FileSystemEntry | null, handle: Promise<any> | null, file: File | null }} Given */

export const MOST_FILES = 1000;

/** The browser does not open a dropped folder. */
export class FolderClosed extends Error {}

/**
 * The files of a drop, by a promise: the browser forgets the drop once its event is over.
 * @param {DataTransfer} transfer
 */
export function droppedFiles(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const given = items.map((item) => {
    const entry = item.webkitGetAsEntry?.() ?? null;
    // Chromium opens the entries of a folder for no page from disk, but its handle.
    const handle = entry?.isDirectory ? handleOf(item) : null;
    return { entry, handle, file: item.getAsFile() };
  });
  return walked(given);
}

/**
 * No standard has this method yet.
 * @param {any} item
 * @returns {Promise<any> | null}
 */
const handleOf = (item) => item.getAsFileSystemHandle?.() ?? null;

/**
 * @param {Given[]} given
 * @returns {Promise<Found[]>}
 */
async function walked(given) {
  const files = [];
  for (const { entry, handle, file } of given) {
    if (!entry?.isDirectory) {
      if (file !== null) files.push({ name: file.name, file });
      continue;
    }
    try {
      if (handle) await walkHandle(await handle, entry.name, files);
      else await walkEntry(/** @type {FileSystemDirectoryEntry} */ (entry), files);
    } catch (error) {
      throw new FolderClosed(String(error));
    }
  }
  return files;
}

/**
 * @param {{ name: string }} one
 * @param {{ name: string }} other
 */
const byName = (one, other) => (one.name < other.name ? -1 : 1);

/**
 * @param {FileSystemDirectoryHandle} directory
 * @param {string} path
 * @param {Found[]} files
 */
async function walkHandle(directory, path, files) {
  const inside = [];
  for await (const one of directory.values()) inside.push(one);
  for (const one of inside.sort(byName)) {
    if (files.length > MOST_FILES) return;
    const name = `${path}/${one.name}`;
    if (one.kind === "directory") await walkHandle(one, name, files);
    else if (belongs(one.name)) files.push({ name, file: await one.getFile() });
  }
}

/**
 * @param {FileSystemDirectoryEntry} directory
 * @param {Found[]} files
 */
async function walkEntry(directory, files) {
  const reader = directory.createReader();
  const inside = [];
  for (;;) {
    const more = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!more.length) break;
    inside.push(...more);
  }
  for (const one of inside.sort(byName)) {
    if (files.length > MOST_FILES) return;
    if (one.isDirectory) {
      await walkEntry(one, files);
    } else if (belongs(one.name)) {
      const file = await new Promise((resolve, reject) => one.file(resolve, reject));
      files.push({ name: one.fullPath.replace(/^\//, ""), file });
    }
  }
}

/**
 * The files of an input, those of a chosen directory with their path.
 * @param {Iterable<File>} list
 * @returns {Found[]}
 */
export function chosenFiles(list) {
  return [...list]
    .filter((file) => !file.webkitRelativePath || belongs(file.name))
    .map((file) => ({ name: file.webkitRelativePath || file.name, file }));
}

/**
 * In a directory only files of these names are looked at; not what an unpacked pack holds beside its period.
 * @param {string} name
 */
const belongs = (name) => /\.(json|zip)$/.test(name) && !["chain.json", "peaks.json"].includes(name);

/**
 * Whether a file says of itself that it is a chain's evidence.
 * @param {Blob} file
 */
export async function isEvidence(file) {
  try {
    const start = new TextDecoder().decode(await firstBytes(file, 200));
    return /^\s*\{\s*"format"\s*:\s*"anchor-chain-evidence"/.test(start);
  } catch {
    // A file that cannot be read is told of where it is checked.
    return false;
  }
}
