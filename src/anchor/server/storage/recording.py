"""What recording reads and writes, a whole group in one statement each.

The one place where SQL is written by hand and rows go to the driver as they are: what SQLAlchemy adds to
each of them would cost as much as the row itself.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from anchor.protocol.hashing import Bytes32
from anchor.protocol.identities import LedgerIdentity
from anchor.server.storage.appending import Appending
from anchor.server.storage.database import TransactionInTheWay
from anchor.server.storage.schema import deltas, idempotency_keys, ledgers

LedgerKey: TypeAlias = tuple[str, str]
"""A customer id and a unit."""
ReferenceKey: TypeAlias = tuple[int, str]
"""A ledger's number and a reference in it."""

_DELTAS: Final = Appending(
    deltas,
    *("ledger", "index", "amount", "balance", "occurred_at", "recorded_at"),
    *("reason", "reason_salt", "reference_id", "reference_salt", "metadata", "metadata_salt"),
    *("adjusts", "adjusts_index", "fingerprint"),
)
DeltaColumns: TypeAlias = tuple[
    int,
    int,
    str | int,
    str | int,
    int,
    int,
    str | None,
    bytes | None,
    str | None,
    bytes | None,
    str | None,
    bytes | None,
    bytes | None,
    int | None,
    bytes,
]
"""What is written of a delta, in the order of its columns; amounts as the database takes them."""


class LedgerNumber(NamedTuple):
    """The number our tables know a ledger by, and its id. Neither ever changes."""

    id: int
    ledger_id: Bytes32


class LedgerState(NamedTuple):
    """Where a ledger stands: how many deltas, their balance in units, when the last was recorded (ms)."""

    size: int
    balance: int
    last_recorded_at: int


class RecordedDelta(NamedTuple):
    """A delta on record, as far as a receipt and a comparison of contents need it. Amounts in units."""

    ledger: int
    place: int
    amount: int
    balance: int
    occurred_at: int
    recorded_at: int
    reason: str | None
    reason_erased: bool
    reference_id: str | None
    metadata: str | None
    metadata_erased: bool
    adjusts: bytes | None
    fingerprint: Bytes32


_RECORDED: Final = (
    'd.ledger, d."index", d.amount, d.balance, d.occurred_at, d.recorded_at, d.reason, '
    "d.reason_salt IS NULL, d.reference_id, d.metadata, d.metadata_salt IS NULL, d.adjusts, d.fingerprint"
)


def find_ledger_numbers(connection: Connection, keys: Sequence[LedgerKey]) -> dict[LedgerKey, LedgerNumber]:
    """Return the numbers of those ledgers that are there."""
    if connection.dialect.name == "sqlite":
        statement = (
            "SELECT l.customer_id, l.unit, l.id, l.ledger_id FROM json_each(?) j "
            "CROSS JOIN ledgers l ON l.customer_id = json_extract(j.value, '$[0]') "
            "AND l.unit = json_extract(j.value, '$[1]')"
        )
        rows = connection.exec_driver_sql(statement, (_json(keys),)).fetchall()
    else:
        statement = (
            "SELECT l.customer_id, l.unit, l.id, l.ledger_id FROM unnest(%s::text[], %s::text[]) "
            "AS k(customer_id, unit) JOIN ledgers l ON l.customer_id = k.customer_id AND l.unit = k.unit"
        )
        rows = connection.exec_driver_sql(
            statement, ([key[0] for key in keys], [key[1] for key in keys])
        ).fetchall()
    return {(customer, unit): LedgerNumber(number, bytes(id_)) for customer, unit, number, id_ in rows}


def create_ledgers(connection: Connection, identities: Iterable[LedgerIdentity]) -> None:
    """Open these ledgers; one that another process opened meanwhile is left as it is.

    In one order everywhere, so that two processes never wait for each other.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    rows = [
        {
            "ledger_id": identity.ledger_id,
            "customer_id": identity.customer_id,
            "unit": identity.unit,
            "identity_proof": identity.proof,
        }
        for identity in sorted(identities, key=lambda one: (one.customer_id, one.unit))
    ]
    if rows:
        connection.execute(dialect.insert(ledgers).on_conflict_do_nothing(), rows)


def lock_ledgers(connection: Connection, numbers: Iterable[int]) -> dict[int, LedgerState]:
    """Return where these ledgers stand, locked until the transaction ends, in the order of their numbers."""
    if connection.dialect.name == "sqlite":
        # A write transaction on SQLite is alone.
        rows = connection.exec_driver_sql(
            "SELECT id, size, balance, last_recorded_at FROM ledgers "
            "WHERE id IN (SELECT value FROM json_each(?))",
            (_json(sorted(numbers)),),
        ).fetchall()
    else:
        rows = connection.exec_driver_sql(
            "SELECT id, size, balance, last_recorded_at FROM ledgers "
            "WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            (sorted(numbers),),
        ).fetchall()
    return {number: LedgerState(size, int(balance), recorded) for number, size, balance, recorded in rows}


def find_references(
    connection: Connection, keys: Sequence[ReferenceKey]
) -> dict[ReferenceKey, RecordedDelta]:
    """Return the deltas that have these references."""
    if connection.dialect.name == "sqlite":
        # CROSS JOIN holds SQLite to this order: for each reference, one search of the index.
        rows = connection.exec_driver_sql(
            f"SELECT {_RECORDED} FROM json_each(?) j CROSS JOIN deltas d "
            "ON d.ledger = json_extract(j.value, '$[0]') "
            "AND d.reference_id = json_extract(j.value, '$[1]')",
            (_json(keys),),
        ).fetchall()
    else:
        # LIMIT holds PostgreSQL to the same: a plan made while its statistics were old can never read it all.
        rows = connection.exec_driver_sql(
            "SELECT d.* FROM unnest(%s::bigint[], %s::text[]) AS k(ledger, reference_id) CROSS JOIN LATERAL "
            f"(SELECT {_RECORDED} FROM deltas d "
            "WHERE d.ledger = k.ledger AND d.reference_id = k.reference_id LIMIT 1) d",
            ([key[0] for key in keys], [key[1] for key in keys]),
        ).fetchall()
    found = [_recorded(row) for row in rows]
    return {(delta.ledger, delta.reference_id): delta for delta in found if delta.reference_id is not None}


def read_recorded(connection: Connection, ledger: int, index: int) -> RecordedDelta | None:
    """Return the delta at a place, or None where there is none."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    row = connection.exec_driver_sql(
        f'SELECT {_RECORDED} FROM deltas d WHERE d.ledger = {mark} AND d."index" = {mark}', (ledger, index)
    ).one_or_none()
    return None if row is None else _recorded(row)


def _recorded(row: Sequence[Any]) -> RecordedDelta:
    delta = RecordedDelta(*row)
    return delta._replace(
        amount=int(delta.amount),
        balance=int(delta.balance),
        adjusts=None if delta.adjusts is None else bytes(delta.adjusts),
        fingerprint=bytes(delta.fingerprint),
    )


def append_deltas(connection: Connection, rows: Sequence[DeltaColumns]) -> None:
    """Append these deltas. Amounts are decimal texts on SQLite, integers on PostgreSQL."""
    _DELTAS.append(connection, rows)


def advance_ledgers(connection: Connection, states: dict[int, LedgerState]) -> None:
    """Write where these ledgers stand now, with something in them that is in no batch."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            "UPDATE ledgers SET size = ?, balance = ?, last_recorded_at = ?, unsealed = 1 WHERE id = ?",
            [
                (state.size, str(state.balance), state.last_recorded_at, number)
                for number, state in states.items()
            ],
        )
        return
    connection.exec_driver_sql(
        "UPDATE ledgers l SET size = n.size, balance = n.balance, last_recorded_at = n.recorded_at, "
        "unsealed = true FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[], %s::bigint[]) "
        "AS n(id, size, balance, recorded_at) WHERE l.id = n.id",
        (
            list(states),
            [state.size for state in states.values()],
            [Decimal(state.balance) for state in states.values()],
            [state.last_recorded_at for state in states.values()],
        ),
    )


class KeptIdempotencyKey(NamedTuple):
    """What an idempotency key was first used for, and the delta that came of it."""

    request_hash: Bytes32
    ledger: int
    place: int


IdempotencyKey: TypeAlias = tuple[int, str]
"""An API key's id (0: none) and what its holder called the request."""
_KEYS: Final = Appending(idempotency_keys, "api_key", "idempotency_key", "request_hash", "ledger", "index")


def find_idempotency_keys(
    connection: Connection, keys: Sequence[IdempotencyKey]
) -> dict[IdempotencyKey, KeptIdempotencyKey]:
    """Return what these idempotency keys were used for."""
    columns = 'i.api_key, i.idempotency_key, i.request_hash, i.ledger, i."index"'
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(
            f"SELECT {columns} FROM json_each(?) j CROSS JOIN idempotency_keys i "
            "ON i.api_key = json_extract(j.value, '$[0]') "
            "AND i.idempotency_key = json_extract(j.value, '$[1]')",
            (_json(keys),),
        ).fetchall()
    else:
        rows = connection.exec_driver_sql(
            f"SELECT {columns} FROM unnest(%s::bigint[], %s::text[]) AS k(api_key, idempotency_key) "
            "JOIN idempotency_keys i USING (api_key, idempotency_key)",
            ([key[0] for key in keys], [key[1] for key in keys]),
        ).fetchall()
    return {
        (api_key, key): KeptIdempotencyKey(bytes(hashed), ledger, index)
        for api_key, key, hashed, ledger, index in rows
    }


def keep_idempotency_keys(connection: Connection, kept: dict[IdempotencyKey, KeptIdempotencyKey]) -> None:
    """Keep what these idempotency keys were used for.

    Waits, on PostgreSQL, for another transaction that keeps one of them; in one order everywhere. Raises
    TransactionInTheWay where it has: what became of that key is then on record.
    """
    try:
        _KEYS.append(connection, [(*key, *kept[key]) for key in sorted(kept)])
    except (IntegrityError, UniqueViolation) as error:
        raise TransactionInTheWay("another request with the same idempotency key was in the way") from error


def _json(values: Any) -> str:
    return msgspec.json.encode(values).decode()
