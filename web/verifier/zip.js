// Zip archives as an audit pack may be one: few files, told apart in one way only, read as streams out of a
// Blob. The same rules as anchor.verify.zip_archive in Python: the directory closes the archive, the headers
// agree with it, no files overlap, nothing is encrypted.

import { equal } from "./bytes.js";

export const MOST_FILES = 32;
const LARGEST_DIRECTORY = 64 * 1024;
const PLAIN_FLAGS = 0x080e;
const STORED = 0;
const DEFLATED = 8;
const IN_ZIP64 = 0xffffffff;
// Read at once; and inflated at once, so that what a bomb unpacks to before it is counted stays small.
const READ = 256 * 1024;
const INFLATED = 8 * 1024;

/** @typedef {{ name: string, method: number, start: number, packed: number, size: number, crc: number }} Entry */

/** An archive, or a file in it, that is not of the plain kind, or damaged. */
export class ZipError extends Error {}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit += 1) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/**
 * @param {Uint8Array} bytes
 * @param {number} before
 */
function crcOf(bytes, before) {
  let crc = ~before;
  for (let at = 0; at < bytes.length; at += 1) crc = CRC_TABLE[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Little-endian numbers, one after another. */
class Fields {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  two() {
    this.at += 2;
    return this.view.getUint16(this.at - 2, true);
  }

  four() {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  /** Exact below 2^53; what is larger lies beyond any file. */
  eight() {
    const low = this.four();
    return this.four() * 2 ** 32 + low;
  }

  /** @param {number} length */
  skip(length) {
    this.at += length;
  }
}

/**
 * @param {Blob} blob
 * @param {number} start
 * @param {number} length
 */
async function bytesAt(blob, start, length) {
  if (start < 0 || length < 0 || start + length > blob.size) throw new ZipError("a part is cut short");
  return new Uint8Array(await blob.slice(start, start + length).arrayBuffer());
}

/**
 * @param {Blob} blob
 * @param {number} start
 * @param {number} length
 */
const fieldsAt = async (blob, start, length) => new Fields(await bytesAt(blob, start, length));

export class ZipArchive {
  /** @param {Blob} blob */
  constructor(blob) {
    this.blob = blob;
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
  }

  /** @param {Blob} blob */
  static async of(blob) {
    const archive = new ZipArchive(blob);
    const [count, start, end] = await archive.directory();
    const entries = await archive.listed(await bytesAt(blob, start, end - start), count, start);
    let free = 0;
    for (const entry of entries.sort((one, other) => one.start - other.start)) {
      if (entry.start < free || archive.entries.has(entry.name)) {
        throw new ZipError("two files overlap, or have one name");
      }
      free = entry.start + entry.packed;
      archive.entries.set(entry.name, entry);
    }
    return archive;
  }

  /**
   * How many files the directory lists, and where it begins and ends.
   * @returns {Promise<[number, number, number]>}
   */
  async directory() {
    let at = this.blob.size - 22;
    let fields = await fieldsAt(this.blob, at, 22);
    let sign = fields.four();
    let disks = [fields.two(), fields.two()];
    let [here, count, size, start] = [fields.two(), fields.two(), fields.four(), fields.four()];
    if (sign !== 0x06054b50 || fields.two() !== 0) throw new ZipError("it does not end with its directory");
    if (here === 0xffff || count === 0xffff || size === IN_ZIP64 || start === IN_ZIP64) {
      fields = await fieldsAt(this.blob, at - 20, 20);
      const [locator, disk, where, many] = [fields.four(), fields.four(), fields.eight(), fields.four()];
      at -= 20 + 56;
      if (locator !== 0x07064b50 || where !== at || disk || many !== 1) {
        throw new ZipError("its 64-bit directory is elsewhere");
      }
      fields = await fieldsAt(this.blob, at, 56);
      sign = fields.four();
      const rest = fields.eight();
      fields.skip(4);
      disks = [fields.four(), fields.four()];
      [here, count, size, start] = [fields.eight(), fields.eight(), fields.eight(), fields.eight()];
      if (sign !== 0x06064b50 || rest !== 44) throw new ZipError("its 64-bit directory is of another kind");
    }
    if (disks.some(Boolean) || here !== count || start + size !== at) {
      throw new ZipError("its directory is elsewhere");
    }
    if (count > MOST_FILES || size > LARGEST_DIRECTORY) throw new ZipError("it holds too many files");
    return [count, start, at];
  }

  /**
   * @param {Uint8Array} raw
   * @param {number} count
   * @param {number} limit
   */
  async listed(raw, count, limit) {
    const entries = [];
    let at = 0;
    for (let number = 0; number < count; number += 1) {
      if (at + 46 > raw.length) throw new ZipError("its directory is cut short");
      const fields = new Fields(raw.subarray(at));
      const sign = fields.four();
      fields.skip(4);
      const [flags, method] = [fields.two(), fields.two()];
      fields.skip(4);
      const [crc, packed, size] = [fields.four(), fields.four(), fields.four()];
      const [named, extra, comment, disk] = [fields.two(), fields.two(), fields.two(), fields.two()];
      fields.skip(6);
      const start = fields.four();
      at += 46;
      const name = raw.subarray(at, at + named);
      const more = raw.subarray(at + named, at + named + extra);
      at += named + extra + comment;
      if (sign !== 0x02014b50 || disk || at > raw.length || flags & ~PLAIN_FLAGS) {
        throw new ZipError("a file is listed in another way than a plain one");
      }
      const wide = widened(more, [size, packed, start]);
      if ((method !== STORED && method !== DEFLATED) || (method === STORED && wide[0] !== wide[1])) {
        throw new ZipError("a file is compressed in another way than deflate");
      }
      const from = await this.dataStart(wide[2], name, flags, method);
      if (from + wide[1] > limit) throw new ZipError("a file reaches into the directory");
      entries.push({ name: latin(name), method, start: from, packed: wide[1], size: wide[0], crc });
    }
    if (at !== raw.length) throw new ZipError("its directory lists more than it counts");
    return entries;
  }

  /**
   * @param {number} start
   * @param {Uint8Array} name
   * @param {number} flags
   * @param {number} method
   */
  async dataStart(start, name, flags, method) {
    const fields = await fieldsAt(this.blob, start, 30);
    const sign = fields.four();
    fields.skip(2);
    const [localFlags, localMethod] = [fields.two(), fields.two()];
    fields.skip(16);
    const [named, extra] = [fields.two(), fields.two()];
    if (sign !== 0x04034b50 || localFlags !== flags || localMethod !== method || named !== name.length) {
      throw new ZipError("a file's header is another than the directory says");
    }
    if (!equal(await bytesAt(this.blob, start + 30, named), name)) throw new ZipError("a file has two names");
    return start + 30 + named + extra;
  }

  /**
   * A file's bytes, a piece at a time: never more of them than the directory states.
   * @param {string} name
   * @returns {AsyncGenerator<Uint8Array>}
   */
  async *pieces(name) {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new ZipError("it holds no such file");
    let given = 0;
    let crc = 0;
    for await (const piece of entry.method === STORED ? this.packed(entry, READ) : this.inflated(entry)) {
      given += piece.length;
      if (given > entry.size) throw new ZipError("it is longer than it says");
      crc = crcOf(piece, crc);
      yield piece;
    }
    if (given !== entry.size || crc !== entry.crc) throw new ZipError("it is not what was packed");
    if (entry.method === DEFLATED && (await this.endsEarly(entry))) {
      throw new ZipError("it is longer than it says");
    }
  }

  /**
   * @param {Entry} entry
   * @param {number} most
   * @returns {AsyncGenerator<Uint8Array>}
   */
  async *packed(entry, most) {
    const end = entry.start + entry.packed;
    for (let at = entry.start; at < end; at += READ) {
      const read = await bytesAt(this.blob, at, Math.min(READ, end - at));
      for (let from = 0; from < read.length; from += most) yield read.subarray(from, from + most);
    }
  }

  /**
   * Whether a file's deflate stream ends before its last byte. Not every engine refuses what stands behind it,
   * and each refuses a stream that is cut short: without its last byte, a stream that fills its place is.
   * @param {Entry} entry
   */
  async endsEarly(entry) {
    try {
      for await (const _ of this.inflated({ ...entry, packed: entry.packed - 1 }));
      return true;
    } catch (error) {
      if (error instanceof ZipError) return false;
      throw error;
    }
  }

  /**
   * @param {Entry} entry
   * @returns {AsyncGenerator<Uint8Array>}
   */
  async *inflated(entry) {
    const source = this.packed(entry, INFLATED);
    const stream = new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await source.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
      },
      { highWaterMark: 0 },
    );
    const reader = stream.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } catch {
      throw new ZipError("it cannot be unpacked");
    } finally {
      reader.cancel().catch(() => {});
    }
  }
}

/** @param {Uint8Array} bytes */
const latin = (bytes) => String.fromCharCode(...bytes);

/**
 * Sizes and offset, from the 64-bit extra field where they say so.
 * @param {Uint8Array} extra
 * @param {number[]} sizes
 */
function widened(extra, sizes) {
  let at = 0;
  let wide = new Fields(new Uint8Array());
  while (at + 4 <= extra.length) {
    const fields = new Fields(extra.subarray(at));
    const [kind, length] = [fields.two(), fields.two()];
    if (kind === 1) {
      wide = new Fields(extra.subarray(at + 4, at + 4 + length));
      break;
    }
    at += 4 + length;
  }
  return sizes.map((size) => {
    if (size !== IN_ZIP64) return size;
    if (wide.view.byteLength < wide.at + 8) throw new ZipError("a size is missing");
    return wide.eight();
  });
}
