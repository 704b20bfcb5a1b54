"""Derive a balance: the verified one, and what is pending beside it.

Each delta carries the balance after it, so this reads a few rows, however long the ledger is.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from anchor.protocol.hashing import Bytes32
from anchor.server.ledger.errors import UnknownCustomer
from anchor.server.ledger.ranges import require_index
from anchor.server.storage.comparing import balance_after, first_index_recorded_at_or_after
from anchor.server.storage.database import Database
from anchor.server.storage.reading import amounts_and_balances, ledger_of
from anchor.server.storage.verified import verified_batch, verified_head


@dataclass(frozen=True, slots=True)
class CountedBalance:
    """The balance (units of 10**-18) of the first ``delta_count`` deltas."""

    delta_count: int
    balance: int


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A ledger added up again from its deltas.

    ``mismatch`` is the first index that is not in its place, or whose balance is not the one before it
    plus its amount; None where all agree.
    """

    delta_count: int
    balance: int
    mismatch: int | None


@dataclass(frozen=True, slots=True)
class Derived:
    """How a ledger stands, as of its end or as of what was asked for.

    ``recorded`` counts every delta up to there, ``verified`` those of them that are final on the
    primary chain. ``recomputed`` is there where an audit was asked for.
    """

    ledger_id: Bytes32
    customer_id: str
    unit: str
    recorded: CountedBalance
    verified: CountedBalance
    recomputed: Recomputed | None

    @property
    def last_verified_index(self) -> int | None:
        """The index of the last delta that is verified; None where none is."""
        return self.verified.delta_count - 1 if self.verified.delta_count else None

    @property
    def pending(self) -> CountedBalance:
        """What is recorded and not verified: how many deltas, and their sum."""
        return CountedBalance(
            self.recorded.delta_count - self.verified.delta_count,
            self.recorded.balance - self.verified.balance,
        )


def derive(
    database: Database,
    customer_id: str,
    unit: str,
    *,
    as_of_index: int | None = None,
    as_of_time: int | None = None,
    audit: bool = False,
) -> Derived:
    """Return how the ledger of a customer and unit stands.

    ``as_of_index`` counts the deltas up to and including this one, ``as_of_time`` those that were
    recorded at or before it (milliseconds); at most one is given. With ``audit`` they are also added up
    again. Raises UnknownCustomer and IndexOutOfRange.
    """
    with database.read() as connection:
        ledger = ledger_of(connection, customer_id, unit)
        if ledger is None:
            raise UnknownCustomer(customer_id, unit)
        size = ledger.size
        if as_of_index is not None:
            require_index(as_of_index, size, "asOfIndex")
            size = as_of_index + 1
        elif as_of_time is not None:
            size = first_index_recorded_at_or_after(connection, ledger.id, size, as_of_time + 1)
        balance = ledger.balance if size == ledger.size else balance_after(connection, ledger.id, size - 1)
        head = verified_head(connection, ledger.id, verified_batch(connection))
        recorded = CountedBalance(size, balance)
        verified = recorded if head.size >= size else CountedBalance(head.size, head.balance)
        return Derived(
            ledger.ledger_id,
            ledger.customer_id,
            ledger.unit,
            recorded,
            verified,
            _recomputed(connection, ledger.id, size) if audit else None,
        )


def _recomputed(connection: Connection, ledger: int, size: int) -> Recomputed:
    balance = count = 0
    mismatch: int | None = None
    for chunk in amounts_and_balances(connection, ledger, size):
        for index, amount, stated in chunk:
            balance += amount
            if mismatch is None and (index != count or stated != balance):
                mismatch = count
            count += 1
    if mismatch is None and count != size:
        mismatch = count
    return Recomputed(count, balance, mismatch)
