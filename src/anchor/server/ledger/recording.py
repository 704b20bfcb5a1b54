"""Record emissions: one transaction for a group, durable when it returns, each answered for itself."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.identities import IdentityKey, LedgerIdentity
from anchor.protocol.salted_fingerprint import committed_fingerprint
from anchor.server.ledger.assigning import Assignment, GroupContext, OnRecord
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.errors import LedgerError
from anchor.server.ledger.log import check_identity_key
from anchor.server.ledger.model import Emission, Log, Receipt
from anchor.server.ledger.preparing import PreparedFields, prepare
from anchor.server.ledger.receipt_ids import ReceiptIds
from anchor.server.storage.database import Database, TransactionInTheWay
from anchor.server.storage.fence import Times, fence_for_recording
from anchor.server.storage.reading import ledger_numbered
from anchor.server.storage.recording import (
    IdempotencyKey,
    KeptIdempotencyKey,
    LedgerKey,
    LedgerNumber,
    LedgerState,
    advance_ledgers,
    append_deltas,
    create_ledgers,
    find_idempotency_keys,
    find_ledger_numbers,
    find_references,
    keep_idempotency_keys,
    lock_ledgers,
    read_recorded,
)

_NUMBERS_KEPT: Final = 100_000
_ATTEMPTS: Final = 5
_EMPTY: Final = LedgerState(0, 0, 0)


class _OnlyRefusals(Exception):
    """Ledgers were opened in which nothing is to be recorded; the transaction is given up for that."""

    def __init__(self, ledgers: frozenset[LedgerKey]) -> None:
        super().__init__()
        self.ledgers = ledgers


class Recorder:
    """Records emissions into one log. Thread-safe; any number of processes may record into one database.

    Raises WrongIdentityKey where the identity key is not the log's.
    """

    def __init__(self, database: Database, log: Log, identity_key: IdentityKey, clock: Clock) -> None:
        check_identity_key(log, identity_key)
        self._database = database
        self._identity_key = identity_key
        self._clock = clock
        self._fingerprint = committed_fingerprint(domain_separator(log.log_id))
        self._receipt_ids = ReceiptIds(log.receipt_key)
        # A ledger's number never changes and no ledger is ever removed, so what is known stays true.
        self._numbers: dict[LedgerKey, LedgerNumber] = {}

    def record(self, emissions: Sequence[Emission]) -> list[Receipt | LedgerError]:
        """Record these emissions in one transaction and return what became of each, in their order.

        What is answered with a Receipt is durable. A refused one changes nothing and does not touch its
        neighbours. Raises StorageUnavailable, and then nothing was recorded (or, where the connection
        was lost during the commit, it may have been: the same references again will tell).
        """
        if not emissions:
            return []
        prepared = prepare(emissions)
        refused: frozenset[LedgerKey] = frozenset()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._record(emissions, prepared, refused)
            except _OnlyRefusals as found:
                refused = found.ledgers
            except TransactionInTheWay:
                if attempt == _ATTEMPTS:
                    raise
                refused = frozenset()
        raise TransactionInTheWay("another transaction was in the way")

    def _record(
        self,
        emissions: Sequence[Emission],
        prepared: Sequence[PreparedFields],
        refused: frozenset[LedgerKey],
    ) -> list[Receipt | LedgerError]:
        """Record in one transaction, without opening those new ledgers that nothing is recorded in.

        Raises _OnlyRefusals, and then nothing was recorded, where there are others.
        """
        numbers, new = self._ledgers_of(emissions)
        keys = {
            (one.api_key_id or 0, one.idempotency_key) for one in emissions if one.idempotency_key is not None
        }
        with self._database.write() as connection:
            times = fence_for_recording(connection)
            absent = {
                _key_of(one): LedgerNumber(-place, one.ledger_id)
                for place, one in enumerate(new, 1)
                if _key_of(one) in refused
            }
            if new:
                create_ledgers(connection, [one for one in new if _key_of(one) not in absent])
                numbers |= find_ledger_numbers(connection, [_key_of(one) for one in new])
            numbers = absent | numbers
            group = self._assign(connection, emissions, prepared, numbers, keys, times)
            unused = frozenset(key for key in map(_key_of, new) if numbers[key].id not in group.states)
            if not unused <= refused:
                raise _OnlyRefusals(unused)
            if any(number < 0 for number in group.states):
                # Another process recorded meanwhile what was found missing at the first attempt.
                raise TransactionInTheWay("another transaction was in the way")
            if group.rows:
                # Ledger by ledger: neighbours in the database's trees are then written together.
                append_deltas(connection, sorted(group.rows))
                advance_ledgers(connection, group.states)
            if group.idempotency_keys:
                keep_idempotency_keys(connection, group.idempotency_keys)
        self._remember(
            {key: ledger for key, ledger in numbers.items() if ledger.id > 0} if absent else numbers
        )
        return group.results()

    def _assign(
        self,
        connection: Connection,
        emissions: Sequence[Emission],
        prepared: Sequence[PreparedFields],
        numbers: dict[LedgerKey, LedgerNumber],
        keys: set[IdempotencyKey],
        times: Times,
    ) -> Assignment:
        states = lock_ledgers(connection, {ledger.id for ledger in numbers.values()})
        states |= {ledger.id: _EMPTY for ledger in numbers.values() if ledger.id < 0}
        references = []
        for one in emissions:
            if one.reference_id is not None:
                references.append((numbers[one.customer_id, one.unit].id, one.reference_id))
            if one.adjusts is not None:
                references.append((numbers[one.customer_id, one.unit].id, one.adjusts))
        context = GroupContext(
            fingerprint=self._fingerprint,
            receipt_ids=self._receipt_ids,
            amounts_as_text=self._database.dialect == "sqlite",
            earliest=max(self._clock.now_ms(times.now), times.fence),
            numbers=numbers,
            states=states,
            references=find_references(connection, references) if references else {},
            idempotency_keys=_used_keys(connection, keys) if keys else {},
        )
        return Assignment(context, emissions, prepared)

    def _ledgers_of(
        self, emissions: Sequence[Emission]
    ) -> tuple[dict[LedgerKey, LedgerNumber], list[LedgerIdentity]]:
        """Return the group's ledgers, and the identities of those still to be opened.

        An identity takes a quarter of a millisecond, so it is made before the transaction begins.
        """
        wanted = {(one.customer_id, one.unit) for one in emissions}
        known = self._numbers
        numbers = {key: known[key] for key in wanted if key in known}
        missing = [key for key in wanted if key not in numbers]
        if missing:
            with self._database.read_to_record() as connection:
                numbers |= find_ledger_numbers(connection, missing)
        return numbers, [self._identity_key.ledger_identity(*key) for key in missing if key not in numbers]

    def _remember(self, numbers: dict[LedgerKey, LedgerNumber]) -> None:
        if len(self._numbers) + len(numbers) > _NUMBERS_KEPT:
            self._numbers = {}
        self._numbers |= numbers


def _key_of(identity: LedgerIdentity) -> LedgerKey:
    return identity.customer_id, identity.unit


def _used_keys(
    connection: Connection, keys: set[IdempotencyKey]
) -> dict[IdempotencyKey, tuple[KeptIdempotencyKey, OnRecord]]:
    """Return those of the idempotency keys that were used, each with the delta that came of it."""
    used = {}
    for key, kept in find_idempotency_keys(connection, sorted(keys)).items():
        delta = read_recorded(connection, kept.ledger, kept.place)
        ledger = ledger_numbered(connection, kept.ledger)
        if delta is None or ledger is None:
            raise LookupError(f"delta {kept.place} of ledger {kept.ledger} is missing")
        used[key] = (kept, OnRecord(delta, ledger.ledger_id, ledger.customer_id, ledger.unit))
    return used
