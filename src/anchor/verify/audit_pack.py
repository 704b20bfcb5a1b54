"""An audit pack: a period with all its deltas in one archive, written and checked as a stream.

A zip archive with these files, in this order::

    README.txt     what it is, for people
    period.json    a proof file of the period, its two ends only
    evidence.json  the chain's evidence (optional): checks offline against a block hash
    chain.json     the anchoring transaction, its receipt and block, as a node gave them (optional)
    verify.html    the verifier's page (optional)
    peaks.json     the roots of the complete subtrees before the period
    deltas.ndjson  every delta in order, one a line, as docs/proof-files.md has it, without a path
    deltas.csv     the same for spreadsheets

What is proven is proven by period.json, peaks.json and deltas.ndjson; deltas.csv has to say the same.
"""

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO, Final

from anchor.proof.bounds import ProofFileError, parse_json
from anchor.proof.members import Members, inclusion_path
from anchor.proof.part_reading import read_record
from anchor.proof.reading import parse_proof_file
from anchor.proof.values import (
    DeltaRecord,
    Disclosed,
    Field,
    HashPath,
    PeriodClaim,
    ProofFile,
    Record,
)
from anchor.proof.writing import record_json, write_proof_file
from anchor.protocol.amounts import format_units
from anchor.protocol.errors import hex_of
from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.times import moment
from anchor.protocol.visible_text import visible_id
from anchor.verify.evidence import ChainEvidence
from anchor.verify.period_claim import DeltaWalk, start_walk
from anchor.verify.results import INVALID, Checks, Stopped, Verification
from anchor.verify.zip_archive import ZipArchive, ZipError

README, PERIOD, EVIDENCE, CHAIN = "README.txt", "period.json", "evidence.json", "chain.json"
PAGE, PEAKS, DELTAS, TABLE = "verify.html", "peaks.json", "deltas.ndjson", "deltas.csv"
NAMES: Final = frozenset({README, PERIOD, EVIDENCE, CHAIN, PAGE, PEAKS, DELTAS, TABLE})
REQUIRED: Final = frozenset({PERIOD, PEAKS, DELTAS, TABLE})

LARGEST_LINE: Final = 256 * 1024
LARGEST_PERIOD: Final = 8 * 1024**2
"""Bytes of a pack's period: its span's edges are in it, some 13,000 deltas."""
LARGEST_PACK: Final = 16 * 1024**3
"""Bytes of deltas, unpacked, that are read of one pack."""

COLUMNS: Final = (
    *("index", "occurredAt", "recordedAt", "amount", "balance"),
    *("reason", "referenceId", "metadata", "adjusts", "fingerprint"),
)


@dataclass(frozen=True, slots=True)
class PackParts:
    """What goes into a pack beside its deltas. ``period`` shows its two ends only."""

    period: ProofFile
    opening_peaks: HashPath
    evidence: ChainEvidence | None = None
    chain: dict[str, Any] | None = None
    page: str | None = None


def write_audit_pack(target: Path, parts: PackParts, records: Iterable[Record], *, made_at: int) -> None:
    """Write a pack. ``records`` gives the period's deltas in order.

    ``made_at`` is in milliseconds. The file appears under its name only when it is whole. The table waits
    in a file without a name, beside it, until the archive's other files are written.
    """
    claim = _claim_of(parts.period)
    separator, ledger_id = _names_of(parts.period)
    partial = target.with_name(target.name + ".part")
    try:
        with (
            zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
            TemporaryFile(dir=target.parent) as rows,
        ):
            archive.writestr(README, _readme(parts, claim, made_at))
            archive.writestr(PERIOD, write_proof_file(parts.period))
            if parts.evidence is not None:
                archive.writestr(EVIDENCE, parts.evidence.to_bytes())
            if parts.chain is not None:
                archive.writestr(CHAIN, json.dumps(parts.chain, indent=2) + "\n")
            if parts.page is not None:
                archive.writestr(PAGE, parts.page)
            peaks = {"openingPeaks": [hex_of(peak) for peak in parts.opening_peaks]}
            archive.writestr(PEAKS, json.dumps(peaks, indent=2) + "\n")
            rows.write(_row(COLUMNS))
            with archive.open(DELTAS, "w", force_zip64=True) as lines:
                for record in records:
                    lines.write(_line(record))
                    rows.write(_row(_cells(record, record.fingerprint(separator, ledger_id))))
            rows.seek(0)
            with archive.open(TABLE, "w", force_zip64=True) as table:
                shutil.copyfileobj(rows, table, 1 << 20)
        partial.replace(target)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def _line(record: Record) -> bytes:
    return json.dumps(record_json(record), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _row(cells: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode()


def _cells(record: Record, fingerprint: Bytes32) -> list[str]:
    if not isinstance(record, DeltaRecord):
        return [str(record.index), *[""] * (len(COLUMNS) - 2), hex_of(fingerprint)]
    return [
        str(record.index),
        moment(record.occurred_at),
        moment(record.recorded_at),
        format_units(record.amount),
        format_units(record.balance),
        *(_text(field) for field in (record.reason, record.reference_id, record.metadata)),
        "" if record.adjusts == ZERO else hex_of(record.adjusts),
        hex_of(fingerprint),
    ]


def _text(field: Field) -> str:
    """What a cell shows of a field. A text that a spreadsheet would compute is put behind an apostrophe."""
    text = (field.value or "") if isinstance(field, Disclosed) else ""
    return "'" + text if text[:1] in "=+-@\t\r" and text else text


def _readme(parts: PackParts, claim: PeriodClaim, made_at: int) -> str:
    ledger = parts.period.ledger
    customer = None if ledger is None else ledger.customer
    opening = claim.opening.record if claim.opening is not None else None
    closing = claim.closing.record
    before = opening.balance if isinstance(opening, DeltaRecord) else 0
    after = closing.balance if isinstance(closing, DeltaRecord) else 0
    lines = [
        "ANCHOR AUDIT PACK",
        "",
        f"Made            {moment(made_at)}",
        f"Customer        {'not named' if customer is None else visible_id(customer.customer_id)}",
        f"Unit            {'not named' if customer is None else visible_id(customer.unit) or 'none'}",
        f"Ledger          {'' if ledger is None else hex_of(ledger.ledger_id)}",
        f"Deltas          {claim.from_index} to {claim.to_index} ({claim.to_index - claim.from_index + 1})",
        *(
            []
            if claim.span is None
            else [f"Recorded        {moment(claim.span.start)} up to {moment(claim.span.end)}"]
        ),
        f"Opening balance {format_units(before)}",
        f"Closing balance {format_units(after)}",
        f"Net change      {format_units(after - before)}",
        "",
        *(
            f"Anchored        chain {anchor.chain_id}, contract {hex_of(anchor.contract)}"
            + ("" if anchor.location is None else f", block {anchor.location.block_number}")
            for anchor in claim.head.batch.anchors
        ),
        *(
            []
            if parts.evidence is None
            else [f"Evidence        state of block {hex_of(parts.evidence.block_hash)}"]
        ),
        "",
        "To check all of it, with a node of the chain, or offline against a block that you trust:",
        "",
        "    anchor verify PACK.zip --rpc URL --contract ADDRESS",
        "    anchor verify PACK.zip --block-hash HASH --contract ADDRESS",
        "",
        "Or in a browser: open verify.html (better your own copy of it) from disk, and drop the pack there.",
        "deltas.ndjson holds every delta with what its fingerprint is taken of; deltas.csv is for reading.",
        "",
    ]
    return "\n".join(lines)


# Checking one


class AuditPack:
    """An opened pack. Raises ProofFileError with step ``pack`` where it is none."""

    def __init__(self, file: Path | BinaryIO, stack: ExitStack) -> None:
        opened = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
        try:
            self._archive = ZipArchive(opened)
        except (ZipError, OSError) as error:
            raise ProofFileError("pack", "", "is no archive that can be read") from error
        names = set(self._archive.entries)
        for name in sorted(names - NAMES):
            raise ProofFileError("pack", "", f"holds {name[:60]!a}, which does not belong there")
        for name in sorted(REQUIRED - names):
            raise ProofFileError("pack", f"/{name}", "is missing")
        self.has_evidence: bool = EVIDENCE in names

    def read(self, name: str, largest: int) -> bytes:
        """Return a file of at most ``largest`` bytes."""
        with self._archive.open(name) as opened:
            raw = self._part(name, opened.read, largest + 1)
        if len(raw) > largest:
            raise ProofFileError("size", f"/{name}", f"is larger than {largest} bytes")
        return raw

    def peaks(self) -> HashPath:
        """Return the peaks before the period."""
        members = Members.of(_parsed(self.read(PEAKS, LARGEST_LINE), f"/{PEAKS}"), f"/{PEAKS}")
        peaks = members.take("openingPeaks", inclusion_path)
        members.done()
        return peaks

    def deltas(self) -> Iterator[tuple[Record, bytes]]:
        """Yield each delta with its row of the table."""
        with self._archive.open(DELTAS) as lines, self._archive.open(TABLE) as rows:
            if self._next(rows, TABLE) != _row(COLUMNS):
                raise ProofFileError("pack", f"/{TABLE}", "has other columns")
            read = number = 0
            while line := self._next(lines, DELTAS):
                read, number = read + len(line), number + 1
                if read > LARGEST_PACK:
                    raise ProofFileError("size", f"/{DELTAS}", f"is larger than {LARGEST_PACK} bytes")
                place = f"/{DELTAS}:{number}"
                yield read_record(_parsed(line, place), place), self._row(rows)
            if self._next(rows, TABLE):
                raise ProofFileError("pack", f"/{TABLE}", "has more rows than there are deltas")

    def _row(self, rows: IO[bytes]) -> bytes:
        """Return the next row; a quoted cell may hold line breaks."""
        row = bytearray(self._next(rows, TABLE))
        open_quotes = row.count(b'"') % 2
        while open_quotes and len(row) <= LARGEST_LINE:
            more = self._next(rows, TABLE)
            if not more:
                break
            row += more
            open_quotes ^= more.count(b'"') % 2
        return bytes(row)

    def _next(self, opened: IO[bytes], name: str) -> bytes:
        line = self._part(name, opened.readline, LARGEST_LINE + 1)
        if len(line) > LARGEST_LINE:
            raise ProofFileError("size", f"/{name}", f"has a line of more than {LARGEST_LINE} bytes")
        return line

    def _part(self, name: str, read: Callable[[int], bytes], most: int) -> bytes:
        try:
            return read(most)
        except (ZipError, OSError) as error:
            raise ProofFileError("pack", f"/{name}", "is damaged") from error


def _parsed(raw: bytes, place: str) -> Any:
    """Return the value of a part of the pack; what is wrong with it is said to be there."""
    try:
        return parse_json(raw, LARGEST_LINE)
    except ProofFileError as error:
        raise ProofFileError(error.step, place, error.reason) from error


def check_pack(
    pack: AuditPack,
    verify_period: Callable[[bytes], Verification],
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Verification:
    """Check a pack: its period as ``verify_period`` does, and then every delta against it.

    ``progress`` hears how many of the deltas are done. Raises ProofFileError where a file in it is
    malformed.
    """
    raw = pack.read(PERIOD, LARGEST_PERIOD)
    period = verify_period(raw)
    if period.kind is None or period.verdict == INVALID:
        return period
    proof = parse_proof_file(raw)
    claim = _claim_of(proof)
    checks = Checks()
    try:
        walk = _check_deltas(checks, pack, proof, claim, progress)
    except Stopped:
        failed = checks.steps[-1].explanation
        return Verification(
            "pack", INVALID, (*period.steps, *checks.steps), ("This proves nothing.", failed), period.facts
        )
    statements = [line for line in period.statements if not line.startswith("Only its two ends are shown")]
    if period.valid:
        statements[1:1] = walk.told("in the pack")
    facts = period.facts | {"allDeltas": True, "balancesChecked": walk.compared}
    return Verification("pack", period.verdict, (*period.steps, *checks.steps), tuple(statements), facts)


def _check_deltas(
    checks: Checks,
    pack: AuditPack,
    proof: ProofFile,
    claim: PeriodClaim,
    progress: Callable[[int, int], None],
) -> DeltaWalk:
    separator, ledger_id = _names_of(proof)
    count = claim.to_index - claim.from_index + 1
    walk = start_walk(checks, separator, ledger_id, claim, pack.peaks())
    for record, row in pack.deltas():
        if walk.count == count:
            checks.fail("delta count", count, "more", f"The period has {count} deltas.")
        fingerprint = walk.take(record)
        if row != _row(_cells(record, fingerprint)):
            checks.fail(
                "table",
                _row(_cells(record, fingerprint)).decode().rstrip("\r\n"),
                row.decode(errors="replace").rstrip("\r\n"),
                f"{TABLE} says something else of delta {record.index} than {DELTAS}.",
            )
        if walk.count % 1000 == 0:
            progress(walk.count, count)
    checks.same("delta count", count, walk.count, f"The period has {count} deltas.")
    walk.finish(checks, claim.closing_root, claim.closing.record.fingerprint(separator, ledger_id))
    checks.passed("table", walk.count, f"{TABLE} says the same as {DELTAS}.")
    progress(count, count)
    return walk


def _claim_of(proof: ProofFile) -> PeriodClaim:
    if not isinstance(proof.claim, PeriodClaim) or proof.ledger is None or proof.claim.deltas is not None:
        raise ProofFileError("pack", f"/{PERIOD}", "is not a period with its two ends only")
    return proof.claim


def _names_of(proof: ProofFile) -> tuple[Bytes32, Bytes32]:
    ledger_id = ZERO if proof.ledger is None else proof.ledger.ledger_id
    return domain_separator(proof.log.log_id), ledger_id
