"""The operator's word: give up the transaction in flight, or go on upon a head that is not ours.

Anchor does neither by itself. Both only write a wish to the database; the worker carries it out.
"""

from dataclasses import dataclass

from anchor.protocol.hashing import Bytes32
from anchor.server.anchoring.journal import Journal
from anchor.server.anchoring.states import State
from anchor.server.ledger.clock import Clock
from anchor.server.storage.anchors import accept_head, chain_in_use
from anchor.server.storage.database import Database
from anchor.server.storage.sending import SendRow, request_cancel, sends_in


@dataclass(eq=False)
class UnknownChain(Exception):
    """No chain of this name was ever opened by a worker of this database."""

    name: str

    def __str__(self) -> str:
        return f"this log is anchored on no chain named {self.name!r}"


@dataclass(eq=False)
class NothingToCancel(Exception):
    """The chain has no signed transaction in flight."""

    name: str

    def __str__(self) -> str:
        return f"nothing is in flight on {self.name}"


def cancel_send(database: Database, name: str, clock: Clock) -> SendRow:
    """Let the worker replace what is in flight on a chain by a transaction that does nothing.

    The original may still be mined first; then it counts. Raises UnknownChain, NothingToCancel.
    """
    with database.write() as connection:
        chain = chain_in_use(connection, name)
        if chain is None:
            raise UnknownChain(name)
        flying = sends_in(connection, chain.id, (State.SIGNED, State.SENT))
        if not flying:
            raise NothingToCancel(name)
        request_cancel(connection, flying[0].id, clock.now_ms())
    Journal(clock, name).say("cancel_requested", send=flying[0].id, batch=flying[0].batch)
    return flying[0]


def go_on_upon(database: Database, name: str, head: Bytes32, clock: Clock) -> None:
    """Let the worker anchor upon a head that is in no history of ours: after a leaked key was replaced,
    or where batches are lost for good. Verifiers will see that head for what it is. Raises UnknownChain.
    """
    with database.write() as connection:
        chain = chain_in_use(connection, name)
        if chain is None:
            raise UnknownChain(name)
        accept_head(connection, chain.id, head, clock.now_ms())
    Journal(clock, name).say("foreign_head_accepted", head=head)
