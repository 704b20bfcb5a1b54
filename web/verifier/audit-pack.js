// @ts-nocheck
// An audit pack: a period with all its deltas in one archive, checked as a stream. The same checks as
// anchor.verify.audit_pack in Python.

import { formatUnits } from "./amounts.js";
import { equal, hexOf, utf8, ZERO } from "./bytes.js";
import { startWalk } from "./delta-walk.js";
import { fingerprint } from "./hashes.js";
import { LocalChecks } from "./local-checks.js";
import { inclusionPath, Members } from "./members.js";
import { readRecord } from "./reading.js";
import { Checks, INVALID, Stopped } from "./results.js";
import { ProofFileError, parseJson } from "./strict-json.js";
import { turns } from "./turns.js";
import { moment } from "./wording.js";
import { ZipArchive, ZipError } from "./zip.js";

export const EVIDENCE = "evidence.json";
const [PERIOD, PEAKS, DELTAS, TABLE] = ["period.json", "peaks.json", "deltas.ndjson", "deltas.csv"];
const NAMES = ["README.txt", PERIOD, EVIDENCE, "chain.json", "verify.html", PEAKS, DELTAS, TABLE];
const REQUIRED = [DELTAS, TABLE, PEAKS, PERIOD].sort();
const LARGEST_LINE = 256 * 1024;
/** Bytes of a pack's period: its span's edges are in it, some 13,000 deltas. */
const LARGEST_PERIOD = 8 * 1024 ** 2;
const LARGEST_PACK = 16 * 1024 ** 3;
const MOST_KEPT = 500;
const NEWLINE = 10;
const QUOTE = 34;

const COLUMNS = [
  ...["index", "occurredAt", "recordedAt", "amount", "balance"],
  ...["reason", "referenceId", "metadata", "adjusts", "fingerprint"],
];

/** What `read` gives; where the archive is damaged, a ProofFileError of step `pack`. */
async function guarded(place, reason, read) {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ZipError) throw new ProofFileError("pack", place, reason);
    throw error;
  }
}

/** The value of a part of the pack; what is wrong with it is said to be there. */
function parsed(raw, place) {
  try {
    return parseJson(raw, LARGEST_LINE);
  } catch (error) {
    if (error instanceof ProofFileError) throw new ProofFileError(error.step, place, error.reason);
    throw error;
  }
}

export class AuditPack {
  static async of(blob) {
    const pack = new AuditPack();
    pack.archive = await guarded("", "is no archive that can be read", () => ZipArchive.of(blob));
    const names = [...pack.archive.entries.keys()];
    for (const name of names.sort()) {
      if (!NAMES.includes(name)) {
        throw new ProofFileError("pack", "", `holds '${name.slice(0, 60)}', which does not belong there`);
      }
    }
    for (const name of REQUIRED) {
      if (!names.includes(name)) throw new ProofFileError("pack", `/${name}`, "is missing");
    }
    pack.hasEvidence = names.includes(EVIDENCE);
    return pack;
  }

  /** A file of at most so many bytes. */
  async read(name, largest) {
    const lines = new Reading(this.archive, name);
    const raw = await lines.upTo(largest + 1);
    await lines.close();
    if (raw.length > largest) throw new ProofFileError("size", `/${name}`, `is larger than ${largest} bytes`);
    return raw;
  }

  async peaks() {
    const members = Members.of(parsed(await this.read(PEAKS, LARGEST_LINE), `/${PEAKS}`), `/${PEAKS}`);
    const peaks = members.take("openingPeaks", inclusionPath);
    members.done();
    return peaks;
  }

  /** Each delta with its row of the table. */
  async *deltas() {
    const lines = new Reading(this.archive, DELTAS);
    const rows = new Reading(this.archive, TABLE);
    try {
      if (!equal(await rows.line(), utf8(rowOf(COLUMNS)))) {
        throw new ProofFileError("pack", `/${TABLE}`, "has other columns");
      }
      let read = 0;
      let number = 0;
      for (let line = await lines.line(); line.length; line = await lines.line()) {
        read += line.length;
        number += 1;
        if (read > LARGEST_PACK) {
          throw new ProofFileError("size", `/${DELTAS}`, `is larger than ${LARGEST_PACK} bytes`);
        }
        const place = `/${DELTAS}:${number}`;
        yield [readRecord(parsed(line, place), place), await rows.row()];
      }
      if ((await rows.line()).length) {
        throw new ProofFileError("pack", `/${TABLE}`, "has more rows than there are deltas");
      }
    } finally {
      await lines.close();
      await rows.close();
    }
  }
}

/** Parts joined; there may be more of them than a call has arguments. */
function joined(parts, length) {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A file of an archive, read by lines of bounded length. */
class Reading {
  constructor(archive, name) {
    this.name = name;
    this.pieces = archive.pieces(name);
    this.piece = new Uint8Array();
    this.at = 0;
  }

  /** Up to so many bytes, and not beyond `last` where that is given; fewer only at the end. */
  async upTo(most, last = -1) {
    const parts = [];
    let length = 0;
    for (;;) {
      if (this.at === this.piece.length && !(await this.more())) break;
      const rest = this.piece.subarray(this.at, this.at + most - length);
      const end = last < 0 ? -1 : rest.indexOf(last);
      const part = end < 0 ? rest : rest.subarray(0, end + 1);
      parts.push(part);
      length += part.length;
      this.at += part.length;
      if (end >= 0 || length === most) break;
    }
    if (parts.length === 1) return parts[0];
    return joined(parts, length);
  }

  async more() {
    const { done, value } = await guarded(`/${this.name}`, "is damaged", () => this.pieces.next());
    if (done) return false;
    this.piece = value;
    this.at = 0;
    return true;
  }

  /** The next line with its end; empty at the end of the file. */
  async line() {
    const line = await this.upTo(LARGEST_LINE + 1, NEWLINE);
    if (line.length > LARGEST_LINE) {
      throw new ProofFileError("size", `/${this.name}`, `has a line of more than ${LARGEST_LINE} bytes`);
    }
    return line;
  }

  /** The next row of a table; a quoted cell may hold line breaks. */
  async row() {
    const first = await this.line();
    let open = quotesIn(first) % 2;
    if (!open) return first;
    const lines = [first];
    let length = first.length;
    while (open && length <= LARGEST_LINE) {
      const line = await this.line();
      if (!line.length) break;
      lines.push(line);
      length += line.length;
      open ^= quotesIn(line) % 2;
    }
    return joined(lines, length);
  }

  async close() {
    await this.pieces.return();
  }
}

function quotesIn(bytes) {
  let count = 0;
  for (const byte of bytes) count += byte === QUOTE;
  return count;
}

const rowOf = (cells) => `${cells.map(quoted).join(",")}\r\n`;
const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

function cellsOf(record, found) {
  if (record.withheld) return [`${record.index}`, ...COLUMNS.slice(2).map(() => ""), hexOf(found)];
  return [
    `${record.index}`,
    moment(record.occurredAt),
    moment(record.recordedAt),
    formatUnits(record.amount),
    formatUnits(record.balance),
    ...[record.reason, record.referenceId, record.metadata].map(textOf),
    equal(record.adjusts, ZERO) ? "" : hexOf(record.adjusts),
    hexOf(found),
  ];
}

/** What a cell shows of a field. A text that a spreadsheet would compute is put behind an apostrophe. */
function textOf(field) {
  const text = field.value ?? "";
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

/**
 * Check a pack: its period as `verifyPeriod` does, and then every delta against it. `onProgress` hears how
 * many deltas are done, and of how many. Throws ProofFileError where a file in it is malformed.
 */
export async function checkPack(pack, verifyPeriod, { onStep, onProgress = () => {}, signal } = {}) {
  const period = await verifyPeriod(await pack.read(PERIOD, LARGEST_PERIOD));
  if (period.kind === null || period.verdict === INVALID) return period;
  const { proof } = period;
  if (proof.kind !== "period" || proof.claim.deltas !== null) {
    throw new ProofFileError("pack", `/${PERIOD}`, "is not a period with its two ends only");
  }
  const checks = new Checks(onStep);
  const kept = [];
  let walk;
  try {
    walk = await checkDeltas(checks, pack, proof, kept, { onProgress, signal });
  } catch (stopped) {
    if (!(stopped instanceof Stopped)) throw stopped;
    const statements = ["This proves nothing.", checks.steps.at(-1).explanation];
    return {
      ...period,
      kind: "pack",
      verdict: INVALID,
      steps: [...period.steps, ...checks.steps],
      statements,
    };
  }
  const count = proof.claim.toIndex - proof.claim.fromIndex + 1n;
  const statements = period.statements.filter((line) => !line.startsWith("Only its two ends are shown"));
  if (period.verdict === "valid") {
    statements.splice(1, 0, ...walk.told("in the pack"));
  }
  const listed = { records: kept, count };
  return { ...period, kind: "pack", steps: [...period.steps, ...checks.steps], statements, listed };
}

async function checkDeltas(checks, pack, proof, kept, { onProgress, signal }) {
  const { claim } = proof;
  const local = new LocalChecks(checks, proof.log.logId, proof.ledger.ledgerId);
  const count = claim.toIndex - claim.fromIndex + 1n;
  const opening = claim.opening === null ? null : claim.opening.record;
  const walk = startWalk(local, claim, await pack.peaks(), opening);
  const takeTurns = turns(() => onProgress(walk.count, count));
  for await (const [record, row] of pack.deltas()) {
    if (walk.count === count) checks.fail("delta count", count, "more", `The period has ${count} deltas.`);
    const expected = rowOf(cellsOf(record, walk.take(record)));
    if (!equal(row, utf8(expected))) {
      checks.fail(
        "table",
        expected.replace(/[\r\n]+$/, ""),
        new TextDecoder("utf-8", { ignoreBOM: true }).decode(row).replace(/[\r\n]+$/, ""),
        `${TABLE} says something else of delta ${record.index} than ${DELTAS}.`,
      );
    }
    if (kept.length < MOST_KEPT) kept.push(record);
    await takeTurns(signal);
  }
  checks.same("delta count", count, walk.count, `The period has ${count} deltas.`);
  const { separator, ledgerId } = local;
  walk.finish(checks, claim.closingRoot, fingerprint(separator, ledgerId, claim.closing.record));
  checks.passed("table", walk.count, `${TABLE} says the same as ${DELTAS}.`);
  onProgress(count, count);
  return walk;
}
