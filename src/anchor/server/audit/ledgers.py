"""Recompute one ledger from its deltas: fingerprints, balances, times, stored subtrees, heads."""

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from anchor.protocol.commitments import commit
from anchor.protocol.fingerprint import fingerprint_fields
from anchor.protocol.hashing import ZERO, Bytes32, int256
from anchor.protocol.merkle import LEDGER_TREE, Frontier, leaf_level
from anchor.protocol.merkle_growth import Growth, grow
from anchor.protocol.salted_fingerprint import SaltedFingerprint
from anchor.server.audit.finding import Finding
from anchor.server.audit.rows import AuditedHead, AuditedLedger, commitments_of_erased, nodes_between
from anchor.server.storage.ledger_trees import STORED_HEIGHTS

_NEVER: Final = 2**63
_UNREADABLE: Final = (TypeError, ValueError, AttributeError, OverflowError, struct.error)


def check_stored_nodes(
    connection: Connection, tree: int, growth: Growth, table_size: int
) -> Iterator[Finding]:
    """Hold the subtrees that just became complete against those stored, up to ``table_size`` leaves."""
    for nodes in growth.completed:
        if nodes.height % STORED_HEIGHTS:
            continue
        first = nodes.first_position
        stored = nodes_between(connection, tree, nodes.height, first, first + len(nodes.hashes))
        for position, expected in enumerate(nodes.hashes, first):
            found = stored.get(position)
            # A seal that was broken off may or may not have stored what lies beyond the sealed size.
            if found != expected and not (found is None and (position + 1) << nodes.height > table_size):
                yield Finding.of("tree_nodes", (tree, nodes.height, position), "hash", found, expected)


class LedgerCheck:
    """One ledger being recomputed. Memory is that of one page of its deltas, and its heads."""

    def __init__(
        self,
        connection: Connection,
        separator: Bytes32,
        fingerprint_of: SaltedFingerprint,
        ledger: AuditedLedger,
        heads: Sequence[AuditedHead],
        sealed_at: Sequence[int],
    ) -> None:
        """``sealed_at``: of every batch in order (ms)."""
        self._connection = connection
        self._separator = separator
        self._fingerprint_of = fingerprint_of
        self._ledger = ledger
        self._heads = list(heads)
        self._sealed_at = sealed_at
        self._frontier = Frontier.empty()
        self._frontier_sealed = b""
        self._leaves: list[Bytes32] = []
        self._next = 0
        self._balance = 0
        self._recorded_at = 0
        self._at_head = 0
        self._bounds = self._times_allowed()

    def _times_allowed(self) -> tuple[int, int, int]:
        """Return the next head's size, and between which times the deltas up to it were recorded."""
        times = self._sealed_at
        if self._at_head == len(self._heads):
            return -1, times[-1] if times else 0, _NEVER
        head = self._heads[self._at_head]
        if not 1 <= head.batch <= len(times):
            return head.size, 0, _NEVER
        return head.size, times[head.batch - 2] if head.batch > 1 else 0, times[head.batch - 1]

    def take(self, rows: Sequence[Any]) -> Iterator[Finding]:
        """Check the ledger's next deltas."""
        number, ledger_id = self._ledger.id, bytes(self._ledger.ledger_id)
        fingerprint_of, erased = self._fingerprint_of, None
        head_size, earliest, latest = self._bounds
        for row in rows:
            (_, index, amount, balance, occurred_at, recorded_at, reason, reason_salt, reference) = row[:9]
            reference_salt, metadata, metadata_salt, adjusts, adjusts_index, stated, adjusted = row[9:]
            key = (number, index)
            if index != self._next:
                yield Finding.of("deltas", key, "index", index, self._next)
            try:
                amount, balance = int(amount), int(balance)
                if reason_salt is None or reference_salt is None or metadata_salt is None:
                    if erased is None:
                        erased = commitments_of_erased(self._connection, number, rows[0][1], rows[-1][1] + 1)
                    recomputed = self._with_erasures(row, amount, balance, erased)
                else:
                    recomputed = fingerprint_of(
                        ledger_id,
                        index,
                        amount,
                        balance,
                        occurred_at,
                        recorded_at,
                        reason.encode(),
                        reason_salt,
                        None if reference is None else reference.encode(),
                        reference_salt,
                        None if metadata is None else metadata.encode(),
                        metadata_salt,
                        adjusts or ZERO,
                    )
                    if len(reason_salt) + len(reference_salt) + len(metadata_salt) != 48:
                        raise ValueError("a salt that is not of 16 bytes")
            except _UNREADABLE as error:
                yield Finding("deltas", key, "fingerprint", f"0x{stated.hex()}", f"unreadable: {error}")
                recomputed = stated
            if recomputed != stated:
                yield Finding.of("deltas", key, "fingerprint", stated, recomputed)
            if balance != self._balance + amount:
                yield Finding.of("deltas", key, "balance", balance, self._balance + amount)
            if recorded_at < self._recorded_at or not earliest <= recorded_at <= latest:
                allowed = f"{max(earliest, self._recorded_at)}..{'' if latest == _NEVER else latest}"
                yield Finding("deltas", key, "recorded_at", str(recorded_at), allowed)
            if adjusts is not None or adjusts_index is not None:
                if adjusts is None or adjusts_index is None or not 0 <= adjusts_index < index:
                    earlier = "an earlier delta of this ledger, where adjusts is set"
                    yield Finding("deltas", key, "adjusts_index", str(adjusts_index), earlier)
                elif adjusted != adjusts:
                    yield Finding.of("deltas", key, "adjusts", adjusts, adjusted)
            self._balance, self._recorded_at, self._next = balance, recorded_at, index + 1
            # What is on record, so that an altered delta is told of where it is, not at every node above.
            self._leaves.append(stated)
            if self._next == head_size:
                yield from self._grow()
                yield from self._check_head()
                head_size, earliest, latest = self._bounds
        yield from self._grow()

    def _with_erasures(
        self, row: Any, amount: int, balance: int, erased: dict[tuple[int, str], Bytes32]
    ) -> Bytes32:
        commitments: list[Bytes32] = []
        for field, at in (("reason", 6), ("reference_id", 8), ("metadata", 10)):
            value, salt = row[at], row[at + 1]
            if salt is None:
                if (row[1], field) not in erased or value is not None:
                    raise ValueError(f"{field} has no salt, and no erasure is on record")
                commitments.append(erased[row[1], field])
            else:
                commitments.append(commit(salt, None if value is None else value.encode()))
        reason, reference_id, metadata = commitments
        return fingerprint_fields(
            self._separator,
            bytes(self._ledger.ledger_id),
            row[1],
            int256(amount),
            int256(balance),
            row[4],
            row[5],
            reason,
            reference_id,
            metadata,
            row[12] or ZERO,
        )

    def _grow(self) -> Iterator[Finding]:
        growth = grow(LEDGER_TREE, self._frontier, leaf_level(LEDGER_TREE, self._leaves))
        self._leaves, self._frontier = [], growth.frontier
        yield from check_stored_nodes(self._connection, self._ledger.id, growth, self._ledger.sealed_size)

    def _check_head(self) -> Iterator[Finding]:
        head = self._heads[self._at_head]
        key = (head.ledger, head.batch)
        root = self._frontier.root(LEDGER_TREE)
        if head.root != root:
            yield Finding.of("heads", key, "root", head.root, root)
        if head.balance != self._balance:
            yield Finding.of("heads", key, "balance", head.balance, self._balance)
        self._frontier_sealed = self._frontier.to_bytes()
        self._at_head += 1
        self._bounds = self._times_allowed()

    def finish(self) -> Iterator[Finding]:
        """Hold the ledger's own row, its frontier and what is left of its heads against its deltas."""
        ledger, number = self._ledger, self._ledger.id
        for head in self._heads[self._at_head :]:
            yield Finding(
                "heads",
                (number, head.batch),
                "size",
                str(head.size),
                "above the head before, within the ledger",
            )
        sealed = self._heads[-1].size if self._heads else 0
        told = (
            ("size", ledger.size, self._next),
            ("balance", ledger.balance, self._balance),
            ("last_recorded_at", ledger.last_recorded_at, self._recorded_at),
            ("sealed_size", ledger.sealed_size, sealed),
            ("unsealed", ledger.unsealed, self._next > sealed),
        )
        for column, stated, recomputed in told:
            if stated != recomputed:
                yield Finding.of("ledgers", (number,), column, stated, recomputed)
        if (ledger.frontier or b"") != self._frontier_sealed:
            yield Finding.of("frontiers", (number,), "frontier", ledger.frontier, self._frontier_sealed)
