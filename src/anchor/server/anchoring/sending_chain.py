"""A chain opened for sending: what was checked before the first send, and what all steps share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from anchor.node.endpoint import Endpoint
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.journal import Field, Journal
from anchor.server.anchoring.lease import Lease
from anchor.server.anchoring.states import Event, IllegalMove, State, after
from anchor.server.chain.contract import AnchorLog
from anchor.server.chain.node import Node
from anchor.server.chain.settings import ChainSettings
from anchor.server.chain.signers.signer import Signer
from anchor.server.chain.values import address_text, hexadecimal
from anchor.server.ledger.clock import Clock
from anchor.server.storage.anchors import (
    ChainRow,
    add_chain,
    chain_in_use,
    make_primary,
    newest_anchor,
    retire_chain,
)
from anchor.server.storage.sending import SendRow, set_send_state

REORGANISATION_MARGIN: Final = 256
"""Blocks: no reorganisation moves a first anchor further down than this."""


@dataclass(frozen=True)
class ChainConnection:
    """How to reach one chain: its settings, its endpoints, and who signs."""

    settings: ChainSettings
    endpoints: Sequence[Endpoint]
    signer: Signer


@dataclass(eq=False)
class OpeningRefused(Exception):
    """A chain that must not be sent to. ``alarm`` names why."""

    alarm: AlarmName
    detail: str

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True)
class SendingChain:
    """A chain whose contract was found to be ours."""

    settings: ChainSettings
    row: ChainRow
    node: Node
    contract: AnchorLog
    signer: Signer
    lease: Lease
    clock: Clock
    journal: Journal

    def move(
        self,
        connection: Connection,
        send: SendRow,
        event: Event,
        *,
        reason: str | None = None,
        **fields: Field,
    ) -> State:
        """Move a send by the table, and log it. Raises IllegalMove."""
        state = after(send.state, event)
        if not set_send_state(
            connection,
            send.id,
            before=send.state,
            after=state,
            now=self.clock.now_ms(),
            reason=reason,
        ):
            # Somebody else moved it in spite of the lease.
            raise IllegalMove(State(send.state), event)
        if state != send.state or event is Event.SIGNED:
            said: dict[str, Field] = {"send": send.id, "batch": send.batch, "before": send.state}
            if reason is not None:
                said["reason"] = reason
            self.journal.say(f"send_{state}", **said, **fields)
        return state


def open_chain(
    connection: ChainConnection, *, log_id: Bytes32, lease: Lease, clock: Clock, node: Node
) -> SendingChain:
    """Check that the contract is there and ours, and return the chain ready to send to.

    Raises OpeningRefused where it is not, WrongChain and RpcError where that cannot be asked,
    EndpointsDisagree where the endpoints contradict each other. A development chain that was reset takes
    the place of the one before; any other is refused.
    """
    settings = connection.settings
    node.begin_cycle()
    if settings.contract is None:
        raise OpeningRefused(
            AlarmName.NO_CONTRACT, f"the settings of {settings.name} name no contract; run `anchor deploy`"
        )
    # Which endpoints lag: one that is still syncing has no contract yet.
    node.tallest_block()
    contract = AnchorLog(node, settings.contract)
    check_contract(contract, log_id)
    genesis = node.genesis_hash()
    with lease.read() as reading:
        row = chain_in_use(reading, settings.name)
        anchor = newest_anchor(reading, row.id) if row is not None else None
    same = row is None or (row.chain_id, row.genesis_hash) == (settings.chain_id, genesis)
    if settings.development and same and anchor is not None:
        # Two development chains that were begun in the same second have one genesis.
        block = node.block(anchor.block_number)
        same = block is not None and block.hash == anchor.block_hash
    if row is not None and not same:
        if not settings.development:
            raise OpeningRefused(
                AlarmName.CHAIN_RESET,
                f"{settings.name} was chain {row.chain_id} with first block "
                f"{hexadecimal(row.genesis_hash)}; now it is {settings.chain_id} with "
                f"{hexadecimal(genesis)}",
            )
        _retire(row, lease, clock)
        row = None
    elif row is not None and row.contract != settings.contract:
        # The settings name a newer contract of the same log: it is anchored anew there.
        _retire(row, lease, clock)
        row = None
    if row is None:
        row = _add(connection, contract, genesis, lease, clock)
    elif row.is_primary != settings.primary and settings.primary:
        with lease.write() as writing:
            make_primary(writing, row.id)
    journal = Journal(clock, settings.name)
    return SendingChain(settings, row, node, contract, connection.signer, lease, clock, journal)


def check_contract(contract: AnchorLog, log_id: Bytes32) -> None:
    """Raise OpeningRefused unless the contract's code is AnchorLog's, deployed for this log."""
    where = address_text(contract.address)
    found = contract.deployed_log_id()
    if found is None:
        code = contract.node.code(contract.address)
        what = f"other code ({len(code)} bytes)" if code else "no code"
        raise OpeningRefused(AlarmName.NO_CONTRACT, f"there is {what} at {where}")
    if found != log_id:
        raise OpeningRefused(
            AlarmName.WRONG_LOG,
            f"the contract at {where} belongs to log {hexadecimal(found)}, ours is {hexadecimal(log_id)}",
        )


def describe(error: Exception) -> str:
    """Return an error for the operator, on one line."""
    return " ".join(str(error).split())[:500]


def _retire(row: ChainRow, lease: Lease, clock: Clock) -> None:
    with lease.write() as writing:
        retire_chain(writing, row.id, clock.now_ms())
    Journal(clock, row.name).say("chain_retired", contract=row.contract, genesis_hash=row.genesis_hash)


def _add(
    connection: ChainConnection, contract: AnchorLog, genesis: Bytes32, lease: Lease, clock: Clock
) -> ChainRow:
    settings = connection.settings
    with lease.write() as writing:
        row = add_chain(
            writing,
            name=settings.name,
            chain_id=settings.chain_id,
            contract=contract.address,
            genesis_hash=genesis,
            first_block=first_block_of(contract),
            is_primary=settings.primary,
            now=clock.now_ms(),
        )
    Journal(clock, row.name).say(
        "chain_added", contract=row.contract, chain_id=row.chain_id, genesis_hash=genesis
    )
    return row


def first_block_of(contract: AnchorLog) -> int:
    """Return a block before which there is no event of the contract: near the newest where it is unused.

    0 where it holds a head already: its events may be as old as the chain.
    """
    if contract.head() != ZERO:
        return 0
    return max(0, contract.node.tallest_block().number - REORGANISATION_MARGIN)
