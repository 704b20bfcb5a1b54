"""The record's side of a comparison with books that are elsewhere (``anchor.compare.reconciliation`` and
``anchor.compare.divergence``): it answers with cells, digests and the few entries that differ.

Every answer is about the first ``size`` deltas of a ledger, which never change, so rounds of one
comparison fit together while more is recorded. Nothing is kept for a comparison that another process
could not compute again; the last few are remembered, since a comparison asks two or three times.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from sqlalchemy import Connection

from anchor.compare.books import Entry
from anchor.compare.difference_sketch import KEY_SIZE, MAX_LEVEL, SALT_SIZE, KeyMaker, Sketch
from anchor.compare.divergence import (
    DIGEST_SIZE,
    RecordBlocks,
    entry_blocks,
    entry_digest,
    fingerprint_blocks,
)
from anchor.compare.reconciliation import OWN_LEVEL, RESOLVED_AT_ONCE, RecordCells, ResolvedEntry
from anchor.server.ledger.errors import IndexOutOfRange, LedgerError
from anchor.server.ledger.ranges import standing_of
from anchor.server.storage.comparing import LedgerStanding, read_entries, read_entries_at
from anchor.server.storage.database import Database
from anchor.server.storage.ledger_trees import STORED_HEIGHTS, read_fingerprints, read_subtrees, sealed_size

REMEMBERED_ENTRIES: Final = 4_000_000
"""How many entries of ledgers the remembered comparisons may have together: 64 MB of keys."""
MOST_DIGESTS: Final = 100_000
"""How many digests one answer holds at most."""
MAX_HEIGHT: Final = 40


@dataclass(eq=False)
class ExchangeRefused(LedgerError):
    """A request of a comparison that is out of bounds: the ``field`` and what would be right."""

    code: ClassVar[str] = "exchange_refused"
    field: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} must be {self.remedy}"


@dataclass(frozen=True, slots=True)
class _Compared:
    """What one comparison needs of a range of a ledger: 16 bytes an entry and a sketch."""

    start: int
    total: int
    keys: bytes
    sketch: Sketch


class Reconciler:
    """Answers comparisons of ledgers. Thread-safe."""

    def __init__(self, database: Database, remembered_entries: int = REMEMBERED_ENTRIES) -> None:
        self._database = database
        self._remembered_entries = remembered_entries
        self._remembered: OrderedDict[tuple[int, int, int, bytes], _Compared] = OrderedDict()
        self._lock = threading.Lock()

    def cells(
        self,
        customer_id: str,
        unit: str,
        salt: bytes,
        level: int,
        above: int | None = None,
        size: int | None = None,
        start: int = 0,
    ) -> RecordCells:
        """Return the cells of the record's sketch at ``level``, those only that level ``above`` lacks.

        The deltas from ``start`` up to ``size`` are meant (None: all there are now). Raises
        UnknownCustomer and ExchangeRefused.
        """
        if not 0 <= level <= MAX_LEVEL:
            raise ExchangeRefused("level", f"a level from 0 to {MAX_LEVEL}")
        if above is not None and not 0 <= above < level:
            raise ExchangeRefused("above", f"a level from 0 to {level - 1}")
        compared, stop = self._compared(customer_id, unit, salt, level, start, size)
        return RecordCells(stop, compared.total, compared.sketch.folded(level).cells(above))

    def resolve(
        self, customer_id: str, unit: str, salt: bytes, keys: list[bytes], size: int, start: int = 0
    ) -> list[ResolvedEntry]:
        """Return the deltas that these keys stand for, in index order; unknown keys are left out.

        Raises UnknownCustomer and ExchangeRefused.
        """
        if len(keys) > RESOLVED_AT_ONCE or any(len(key) != KEY_SIZE for key in keys):
            raise ExchangeRefused("keys", f"at most {RESOLVED_AT_ONCE} keys of {KEY_SIZE} bytes")
        compared, _ = self._compared(customer_id, unit, salt, 0, start, size)
        wanted, known = set(keys), compared.keys
        indices = {
            start + at // KEY_SIZE: known[at : at + KEY_SIZE]
            for at in range(0, len(known), KEY_SIZE)
            if known[at : at + KEY_SIZE] in wanted
        }
        with self._database.read() as connection:
            ledger = standing_of(connection, customer_id, unit)
            return [
                ResolvedEntry(indices[index], index, reference_id, amount)
                for index, reference_id, amount in read_entries_at(connection, ledger.ledger, list(indices))
            ]

    def entry_blocks(self, customer_id: str, unit: str, height: int, stop: int) -> RecordBlocks:
        """Return the digests of blocks of ``2**height`` entries up to ``stop`` or the record's end.

        Raises UnknownCustomer and ExchangeRefused.
        """
        with self._database.read() as connection:
            ledger = standing_of(connection, customer_id, unit)
            stop = _require_blocks(height, stop, ledger.size)
            entries = _entries(connection, ledger, 0, stop)
            return RecordBlocks(ledger.size, b"".join(entry_blocks(entries, height)))

    def entry_digests(self, customer_id: str, unit: str, start: int, stop: int) -> bytes:
        """Return the digests of the entries from ``start`` up to ``stop``.

        Raises UnknownCustomer, IndexOutOfRange and ExchangeRefused.
        """
        with self._database.read() as connection:
            ledger = standing_of(connection, customer_id, unit)
            _require_digests(start, stop, ledger.size)
            entries = _entries(connection, ledger, start, stop)
            return b"".join([entry_digest(reference_id, amount) for reference_id, amount in entries])

    def fingerprint_blocks(self, customer_id: str, unit: str, height: int, stop: int) -> RecordBlocks:
        """Return the digests of blocks of ``2**height`` fingerprints up to ``stop`` or the record's end.

        Whole blocks that are sealed are nodes of the ledger's tree, read and not computed. Raises
        UnknownCustomer and ExchangeRefused.
        """
        if height % STORED_HEIGHTS:
            raise ExchangeRefused("height", f"a multiple of {STORED_HEIGHTS}")
        with self._database.read() as connection:
            ledger = standing_of(connection, customer_id, unit)
            stop = _require_blocks(height, stop, ledger.size)
            stored = min(sealed_size(connection, ledger.ledger), stop) >> height if height else 0
            whole = read_subtrees(connection, ledger.ledger, height, 0, stored)
            digests = [root[:DIGEST_SIZE] for root in whole]
            rest = read_fingerprints(connection, ledger.ledger, stored << height, stop)
            digests += fingerprint_blocks(rest, height)
            return RecordBlocks(ledger.size, b"".join(digests))

    def fingerprint_digests(self, customer_id: str, unit: str, start: int, stop: int) -> bytes:
        """Return the digests of the fingerprints from ``start`` up to ``stop``.

        Raises UnknownCustomer, IndexOutOfRange and ExchangeRefused.
        """
        with self._database.read() as connection:
            ledger = standing_of(connection, customer_id, unit)
            _require_digests(start, stop, ledger.size)
            fingerprints = read_fingerprints(connection, ledger.ledger, start, stop)
            return b"".join([fingerprint[:DIGEST_SIZE] for fingerprint in fingerprints])

    def _compared(
        self, customer_id: str, unit: str, salt: bytes, level: int, start: int, size: int | None
    ) -> tuple[_Compared, int]:
        """Return a range's keys and a sketch of at least ``level``, and where the range stops."""
        if len(salt) != SALT_SIZE:
            raise ExchangeRefused("salt", f"{SALT_SIZE} bytes")
        with self._database.read() as connection:
            ledger = standing_of(connection, customer_id, unit)
            stop = ledger.size if size is None else size
            if not 0 <= start <= stop <= ledger.size:
                raise ExchangeRefused("size", f"from {start} to {ledger.size}, the size of the record")
            name = (ledger.ledger, start, stop, salt)
            with self._lock:
                compared = self._remembered.get(name)
                if compared is not None:
                    self._remembered.move_to_end(name)
            if compared is None or compared.sketch.level < level:
                compared = _read(connection, ledger, salt, max(level, OWN_LEVEL), start, stop)
                self._remember(name, compared)
            return compared, stop

    def _remember(self, name: tuple[int, int, int, bytes], compared: _Compared) -> None:
        with self._lock:
            self._remembered.pop(name, None)
            self._remembered[name] = compared
            entries = sum(len(each.keys) for each in self._remembered.values()) // KEY_SIZE
            while self._remembered and (entries > self._remembered_entries or len(self._remembered) > 8):
                _, forgotten = self._remembered.popitem(last=False)
                entries -= len(forgotten.keys) // KEY_SIZE


def _read(
    connection: Connection, ledger: LedgerStanding, salt: bytes, level: int, start: int, stop: int
) -> _Compared:
    keys = bytearray()
    total = 0

    def keyed() -> Iterator[tuple[bytes, int]]:
        nonlocal total
        make = KeyMaker(salt).key
        for reference_id, amount in _entries(connection, ledger, start, stop):
            key = make(reference_id, amount)
            keys.extend(key)
            total += amount
            yield key, amount

    sketch = Sketch.of(salt, level, keyed())
    return _Compared(start, total, bytes(keys), sketch)


def _entries(connection: Connection, ledger: LedgerStanding, start: int, stop: int) -> Iterator[Entry]:
    for _, reference_id, amount in read_entries(connection, ledger.ledger, start, stop):
        yield Entry(reference_id, amount)


def _require_blocks(height: int, stop: int, size: int) -> int:
    """Return where the blocks stop. Raises ExchangeRefused where there would be too many."""
    if not 0 <= height <= MAX_HEIGHT:
        raise ExchangeRefused("height", f"a height from 0 to {MAX_HEIGHT}")
    if stop < 0:
        raise ExchangeRefused("stop", "an index of 0 or more")
    stop = min(stop, size)
    if stop >> height > MOST_DIGESTS:
        raise ExchangeRefused("height", f"higher, so that there are at most {MOST_DIGESTS} blocks")
    return stop


def _require_digests(start: int, stop: int, size: int) -> None:
    if not 0 <= start <= stop <= size:
        index, name = (stop, "stop") if 0 <= start <= stop else (start, "start")
        raise IndexOutOfRange(index, size, name)
    if stop - start > MOST_DIGESTS:
        raise ExchangeRefused("stop", f"at most {MOST_DIGESTS} entries at once")
