"""A replica's file: an SQLite database that only ever grows, so that nothing a server shows can harm it.

Everything that belongs together is written in one transaction: whatever moment the process is killed at,
the file holds a whole copy of the first so many deltas. Deltas, nodes of the tree, batches and heads are
written once; triggers of the file itself refuse to change or remove them.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from anchor.proof.reading import parse_proof_file
from anchor.proof.values import DeltaRecord, FreshnessClaim, ProofFile
from anchor.proof.writing import write_proof_file
from anchor.protocol.batch import Batch
from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import LEDGER_TREE, Frontier, leaf_level
from anchor.protocol.merkle_growth import grow
from anchor.replica.checking import extended
from anchor.replica.schema import (
    APPLICATION_ID,
    DELTA_COLUMNS,
    SCHEMA,
    STORED_HEIGHTS,
    VERSION,
    record_of,
    row_of,
)
from anchor.replica.values import ChainPin, HeldHead, KeptFinding, Pins, Shown, Standing

_INSERT_DELTA: Final = (
    f"INSERT INTO deltas ({DELTA_COLUMNS}) VALUES ({', '.join('?' * (DELTA_COLUMNS.count(',') + 1))})"
)
_CHUNK: Final = 10_000
_HEAD_EVERY: Final = 3_600_000
"""Milliseconds between two heads that stay."""


class ReplicaError(Exception):
    """A replica's file that cannot be used. ``code`` is stable."""

    def __init__(self, code: str, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.code = code
        self.remedy = remedy


class Store:
    """One replica's file, open. Not thread-safe; a context manager that closes it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path: Final = path
        self._connection: Final = connection
        self.pins: Final[Pins] = self._pins()

    @classmethod
    def create(cls, path: Path, pins: Pins, made_at: int) -> Self:
        """Make a file that nobody but its owner may read; whole or not at all. Raises FileExistsError."""
        partial = path.with_name(path.name + ".new")
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(partial, isolation_level=None)
        _prepare(connection)
        connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO pins VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
            (
                pins.log_id,
                pins.public_key,
                pins.founder,
                pins.ledger_id,
                pins.customer_id,
                pins.unit,
                pins.identity_proof,
                made_at,
            ),
        )
        connection.execute("INSERT INTO progress (one, peaks, history_peaks) VALUES (1, x'', x'')")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
        connection.close()
        # A link, since it refuses to take the place of a file that is there.
        os.link(partial, path)
        partial.unlink()
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file. Raises FileNotFoundError, ReplicaError where it is no replica of this version."""
        if not path.is_file():
            raise FileNotFoundError(2, "there is no such file", str(path))
        connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        try:
            _prepare(connection)
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if (application, version) != (APPLICATION_ID, VERSION):
                raise ReplicaError(
                    "not_a_replica",
                    f"{path} is not a replica that this version knows",
                    "name the file of a replica, or follow into a new one",
                )
            # Readers do not wait for the one who writes.
            connection.execute("PRAGMA journal_mode = WAL")
            return cls(path, connection)
        except sqlite3.Error as error:
            connection.close()
            raise ReplicaError(
                "replica_unreadable",
                f"{path} cannot be read as a replica: {error}",
                "name the file of a replica; where it is damaged, follow into a new one",
            ) from None
        except ReplicaError:
            connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # What it is of

    def _pins(self) -> Pins:
        row = self._one(
            "SELECT log_id, public_key, founder, ledger_id, customer_id, unit, identity_proof FROM pins"
        )
        return Pins(*row)

    @property
    def chain(self) -> ChainPin | None:
        """The contract that the log is anchored in; None before its first head was seen."""
        chain_id, contract = self._one("SELECT chain_id, contract FROM pins")
        return None if chain_id is None else ChainPin(int(chain_id), contract)

    # Deltas

    def standing(self) -> Standing:
        """Return how far the copy has come. Raises ReplicaError where deltas and tree are not of one size."""
        # One statement, so that whoever reads beside the follower sees deltas and tree of one moment.
        size, balance, recorded_at, peaks = self._one(
            "SELECT coalesce(d.\"index\" + 1, 0), coalesce(d.balance, '0'), "
            "coalesce(d.recorded_at, 0), p.peaks "
            'FROM progress p LEFT JOIN (SELECT * FROM deltas ORDER BY "index" DESC LIMIT 1) d'
        )
        return Standing(size, int(balance), recorded_at, self._frontier(size, peaks))

    def append(self, before: Standing, deltas: Sequence[Shown]) -> None:
        """Add checked deltas after those that are there, whole or not at all.

        Raises ReplicaError where the copy has grown since ``before``: another process follows into it.
        """
        if not deltas:
            return
        leaves = leaf_level(LEDGER_TREE, (each.fingerprint for each in deltas))
        growth = grow(LEDGER_TREE, before.frontier, leaves)
        with self._writing():
            if self.standing().size != before.size:
                raise self._in_use()
            self._connection.executemany(_INSERT_DELTA, [row_of(each) for each in deltas])
            for nodes in growth.completed:
                if nodes.height % STORED_HEIGHTS == 0:
                    self._connection.executemany(
                        "INSERT INTO nodes VALUES (?, ?, ?)",
                        [
                            (nodes.height, nodes.first_position + at, node)
                            for at, node in enumerate(nodes.hashes)
                        ],
                    )
            self._connection.execute("UPDATE progress SET peaks = ?", (growth.frontier.to_bytes(),))

    def record(self, index: int) -> DeltaRecord:
        """Return the delta at an index. Raises LookupError."""
        for shown in self.deltas(index, index + 1):
            return shown.record
        raise LookupError(index)

    def deltas(self, start: int, stop: int) -> Iterator[Shown]:
        """Yield the deltas from ``start`` up to, not including, ``stop``, in order."""
        for begin in range(start, stop, _CHUNK):
            rows = self._connection.execute(
                f'SELECT {DELTA_COLUMNS} FROM deltas WHERE "index" >= ? AND "index" < ? ORDER BY "index"',
                (begin, min(begin + _CHUNK, stop)),
            ).fetchall()
            yield from map(record_of, rows)

    def fingerprints(self, start: int, stop: int) -> list[Bytes32]:
        """Return the fingerprints of a range, in order."""
        rows = self._connection.execute(
            'SELECT fingerprint FROM deltas WHERE "index" >= ? AND "index" < ? ORDER BY "index"',
            (start, stop),
        )
        return [fingerprint for (fingerprint,) in rows]

    def holds_fingerprint(self, fingerprint: Bytes32) -> bool:
        """Whether a delta with this fingerprint is there."""
        found = self._connection.execute("SELECT 1 FROM deltas WHERE fingerprint = ?", (fingerprint,))
        return found.fetchone() is not None

    def holds(self, fingerprint: Bytes32, before: int) -> bool:
        """Whether one of the first ``before`` deltas has this fingerprint by its row, not by an index."""
        found = self._connection.execute(
            'SELECT "index" FROM deltas WHERE fingerprint = ? AND "index" < ?', (fingerprint, before)
        )
        return any(self.fingerprints(index, index + 1) == [fingerprint] for (index,) in found.fetchall())

    def node(self, height: int, position: int) -> Bytes32:
        """Return a stored node. Raises LookupError."""
        row = self._connection.execute(
            "SELECT hash FROM nodes WHERE height = ? AND position = ?", (height, position)
        ).fetchone()
        if row is None:
            raise LookupError((height, position))
        return bytes(row[0])

    def nodes(self, height: int, start: int, stop: int) -> dict[int, Bytes32]:
        """Return the nodes that are stored of a height, by position, from ``start`` up to ``stop``."""
        rows = self._connection.execute(
            "SELECT position, hash FROM nodes WHERE height = ? AND position >= ? AND position < ?",
            (height, start, stop),
        )
        return dict(rows)

    def rows(self, statement: str, parameters: Iterable[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that a reading statement gives."""
        yield from self._connection.execute(statement, tuple(parameters))

    # Batches and heads

    def history(self) -> Frontier:
        """Return the tree over the roots of all batches that are known, in order. Raises as ``standing``."""
        newest, peaks = self._one(
            "SELECT (SELECT coalesce(max(number), 0) FROM batches), history_peaks FROM progress"
        )
        return self._frontier(newest, peaks)

    def add_batches(self, before: Frontier, batches: Sequence[Batch]) -> None:
        """Add checked batches after those that are known."""
        if not batches:
            return
        log_id = self.pins.log_id
        after = extended(log_id, before, batches)
        with self._writing():
            self._connection.executemany(
                "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
                [
                    (each.number, each.history_root, each.map_root, each.sealed_at, each.anchor_root(log_id))
                    for each in batches
                ],
            )
            self._connection.execute("UPDATE progress SET history_peaks = ?", (after.to_bytes(),))

    def batch(self, number: int) -> Batch | None:
        """Return a batch that is known."""
        row = self._connection.execute(
            "SELECT number, history_root, map_root, sealed_at FROM batches WHERE number = ?", (number,)
        ).fetchone()
        return None if row is None else Batch(*row)

    def number_of(self, root: Bytes32) -> int | None:
        """Return the number of the known batch that has this anchored root."""
        row = self._connection.execute("SELECT number FROM batches WHERE anchor_root = ?", (root,)).fetchone()
        return None if row is None else int(row[0])

    def add_head(self, head: HeldHead, chain: ChainPin) -> None:
        """Keep a head that was seen on the chain, and the chain where this is the first.

        The newest stays until there is a newer one, which proves all that it did; one an hour stays for good.
        """
        file = write_proof_file(ProofFile(self.pins.log, self.pins.ledger, FreshnessClaim(head.head)))
        with self._writing():
            self._connection.execute(
                "UPDATE pins SET chain_id = ?, contract = ? WHERE chain_id IS NULL",
                (chain.chain_id, chain.contract),
            )
            self._connection.execute(
                "INSERT INTO heads SELECT ?1, ?2, ?3, ?4 "
                "WHERE NOT EXISTS (SELECT 1 FROM heads WHERE size = ?2 OR time > ?3 - ?5)",
                (head.batch.number, head.head.size, head.time, file, _HEAD_EVERY),
            )
            self._connection.execute("UPDATE progress SET head = ?, head_time = ?", (file, head.time))

    def newest_head(self) -> HeldHead | None:
        """Return the newest head that was seen on the chain."""
        file, time = self._one("SELECT head, head_time FROM progress")
        return None if file is None else _held(time, file)

    def head_holding(self, index: int) -> HeldHead | None:
        """Return the oldest head that is kept and holds the delta at an index."""
        row = self._connection.execute(
            "SELECT time, file FROM heads WHERE size > ? ORDER BY size LIMIT 1", (index,)
        ).fetchone()
        if row is not None:
            return _held(*row)
        newest = self.newest_head()
        return newest if newest is not None and newest.head.size > index else None

    def heads(self) -> Iterator[HeldHead]:
        """Yield the heads that stay, oldest first."""
        for time, file in self._connection.execute("SELECT time, file FROM heads ORDER BY size"):
            yield _held(time, file)

    # A head that is not final yet, and one that is not shown

    @property
    def waiting(self) -> bytes | None:
        """A head, as it was shown, whose block was not final yet."""
        (file,) = self._one("SELECT waiting FROM progress")
        return None if file is None else bytes(file)

    @waiting.setter
    def waiting(self, file: bytes | None) -> None:
        with self._writing():
            self._connection.execute("UPDATE progress SET waiting = ?", (file,))

    @property
    def missed(self) -> tuple[Bytes32, int] | None:
        """The contract's head that the server has not shown yet, and since when (ms)."""
        root, since = self._one("SELECT missed_head, missed_since FROM progress")
        return None if root is None else (root, since)

    @missed.setter
    def missed(self, missed: tuple[Bytes32, int] | None) -> None:
        with self._writing():
            self._connection.execute(
                "UPDATE progress SET missed_head = ?, missed_since = ?", missed or (None, None)
            )

    # Findings

    def knows_finding(self, name: str) -> bool:
        """Whether evidence of this was saved."""
        found = self._connection.execute("SELECT 1 FROM findings WHERE name = ?", (name,))
        return found.fetchone() is not None

    def add_finding(self, name: str, finding: KeptFinding) -> None:
        """Note that evidence was saved."""
        with self._writing():
            self._connection.execute(
                "INSERT INTO findings (name, kind, statement, found_at, files) VALUES (?, ?, ?, ?, ?)",
                (name, finding.kind, finding.statement, finding.found_at, "\n".join(finding.files)),
            )

    def findings(self) -> list[KeptFinding]:
        """Return all that was found, in the order in which it was."""
        rows = self._connection.execute("SELECT kind, statement, found_at, files FROM findings ORDER BY id")
        return [KeptFinding(kind, said, at, tuple(files.split("\n"))) for kind, said, at, files in rows]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException as error:
            self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.IntegrityError):
                raise self._in_use() from error
            raise
        self._connection.execute("COMMIT")

    def _frontier(self, size: int, peaks: bytes) -> Frontier:
        try:
            return Frontier.from_bytes(size, peaks)
        except ValueError as error:
            raise ReplicaError(
                "replica_damaged", f"{self.path} is damaged: {error}", "follow into a new file"
            ) from None

    def _in_use(self) -> ReplicaError:
        return ReplicaError("replica_in_use", f"another process follows into {self.path}", "let one do it")

    def _one(self, statement: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._connection.execute(statement).fetchone()
        if row is None:
            raise ReplicaError("not_a_replica", f"{self.path} is not a whole replica")
        return row


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Without it INSERT OR REPLACE would pass the triggers.
    connection.execute("PRAGMA recursive_triggers = ON")


def _held(time: int, file: bytes) -> HeldHead:
    claim = parse_proof_file(file).claim
    assert isinstance(claim, FreshnessClaim)
    return HeldHead(claim.head, time)
