"""The half of the audit that asks no chain: chains, sends, attempts and anchors against the batches.

Signed bytes say what was sent, to whom, by whom and for how much: they are decoded again, and what stands
beside them must be the same.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from anchor.protocol.hashing import ZERO, Bytes32
from anchor.server.anchoring.states import State
from anchor.server.audit import send_rows as stored
from anchor.server.audit.finding import Finding
from anchor.server.audit.requests import CLOCK_TOLERANCE_MS
from anchor.server.chain.contract import anchor_call
from anchor.server.chain.transactions import Transaction, UnreadableTransaction, decode_signed
from anchor.server.storage.anchors import AnchorRow, ChainRow
from anchor.server.storage.database import Database
from anchor.server.storage.logs import read_log
from anchor.server.storage.sending import AttemptRow, SendRow

_UNSIGNED: Final = {State.PLANNED, State.SUPERSEDED}
_IN_A_BLOCK: Final = {State.MINED, State.FINAL, State.FAILED, State.CANCELLED}
_KNOWN_STATES: Final = frozenset(State)


def audit_anchoring(database: Database, now: int) -> Iterator[Finding]:
    """Yield every place of the chains' tables that does not fit the batches or itself.

    ``now``: ms. Memory grows with the number of batches and anchors. Raises StorageUnavailable.
    """
    with database.read() as connection:
        chains = {chain.id: chain for chain in stored.audited_chains(connection)}
        roots = stored.roots_of_batches(connection)
        accepted = stored.audited_accepted_heads(connection)
        anchors = {(row.chain, row.batch): row for row in stored.audited_anchors_of(connection)}
        created = read_log(connection)
        if created is not None:
            span = (created.created_at - CLOCK_TOLERANCE_MS, now + CLOCK_TOLERANCE_MS)
            for table, key, column, value in stored.times_outside(connection, *span):
                yield Finding(table, key, column, str(value), f"from {span[0]} to {span[1]}")
        yield from _check_chains(list(chains.values()))
        for number, head in accepted:
            if number not in chains:
                yield Finding.of("accepted_heads", (number, head), "chain", number, None)
        known = {ZERO, *roots.values(), *(head for _, head in accepted)}
        for anchor in anchors.values():
            yield from _check_anchor(anchor, chains, roots, known)
        for attempt, send in stored.attempts_of_nothing(connection):
            yield Finding.of("attempts", (attempt,), "send", send, None)
        nonces: dict[tuple[int, bytes | None], int] = {}
        for row, signed in stored.audited_sends(connection):
            chain = chains.get(row.chain)
            if chain is None:
                yield Finding.of("sends", (row.id,), "chain", row.chain, None)
                continue
            yield from _check_send(row, signed, roots, known)
            yield from _check_state(row, signed, anchors.get((row.chain, row.batch)), nonces)
            for one in signed:
                yield from _check_attempt(one, row, chain)


def _check_chains(chains: Sequence[ChainRow]) -> Iterator[Finding]:
    in_use = [chain for chain in chains if chain.retired_at is None]
    primary = [chain.id for chain in chains if chain.is_primary]
    if in_use and (len(primary) != 1 or primary[0] not in {chain.id for chain in in_use}):
        for chain in in_use:
            yield Finding("chains", (chain.id,), "is_primary", f"primary: {primary}", "one chain in use")
    for chain in chains:
        if chain.first_block < 0:
            yield Finding.of("chains", (chain.id,), "first_block", chain.first_block, "0 or more")
        for column, value, length in (
            ("contract", chain.contract, 20),
            ("genesis_hash", chain.genesis_hash, 32),
        ):
            if len(value) != length:
                yield Finding.of("chains", (chain.id,), column, value, f"{length} bytes")


def _check_anchor(
    anchor: AnchorRow, chains: dict[int, ChainRow], roots: dict[int, Bytes32], known: set[Bytes32]
) -> Iterator[Finding]:
    key = (anchor.chain, anchor.batch)
    if anchor.chain not in chains:
        yield Finding.of("anchors", key, "chain", anchor.chain, None)
    if anchor.batch not in roots:
        yield Finding.of("anchors", key, "batch", anchor.batch, None)
    if anchor.previous_head not in known:
        yield Finding.of("anchors", key, "previous_head", anchor.previous_head, "a root of this log")
    if anchor.state not in ("mined", "final") or (anchor.settled and anchor.state != "final"):
        allowed = "final, since it is settled" if anchor.settled else "mined or final"
        yield Finding.of("anchors", key, "state", anchor.state, allowed)


def _check_send(
    send: SendRow, signed: Sequence[AttemptRow], roots: dict[int, Bytes32], known: set[Bytes32]
) -> Iterator[Finding]:
    key = (send.id,)
    if send.batch not in roots:
        yield Finding.of("sends", key, "batch", send.batch, None)
    elif send.new_head != roots[send.batch]:
        yield Finding.of("sends", key, "new_head", send.new_head, roots[send.batch])
    if send.previous_head not in known:
        yield Finding.of("sends", key, "previous_head", send.previous_head, "a root of this log")
    for column, value in (("sender", send.sender), ("nonce", send.nonce)):
        if (value is None) == bool(signed):
            due = "what its attempts say" if signed else None
            yield Finding.of("sends", key, column, value, due)


def _check_state(
    send: SendRow,
    signed: Sequence[AttemptRow],
    anchor: AnchorRow | None,
    nonces: dict[tuple[int, bytes | None], int],
) -> Iterator[Finding]:
    """Hold a send's state against its attempts and its anchor. ``nonces``: the last that a block took."""
    key, state = (send.id,), send.state
    if state not in _KNOWN_STATES:
        yield Finding.of("sends", key, "state", state, "a state of the table")
        return
    hashes = {attempt.transaction_hash for attempt in signed}
    anchored = anchor is not None and anchor.transaction_hash in hashes
    in_block = [attempt for attempt in signed if attempt.block_hash is not None]
    due = None
    if not signed and state not in _UNSIGNED:
        due = "planned or superseded: nothing is signed"
    elif signed and state == State.PLANNED:
        due = "signed, at least"
    elif state == State.SIGNED and any(attempt.accepted_at is not None for attempt in signed):
        due = "sent, at least: a node took it"
    elif anchored and state not in (State.MINED, State.FINAL):
        due = "mined or final: the chain holds its batch by it"
    elif state in (State.MINED, State.FINAL) and not anchored:
        due = "not mined: no anchor is by it"
    elif anchor is not None and anchored and (state == State.FINAL) != (anchor.state == "final"):
        due = f"{anchor.state}, as its anchor"
    elif in_block and state not in _IN_A_BLOCK:
        due = "in a block, as its attempt"
    elif state in (State.FAILED, State.CANCELLED) and not in_block:
        due = "in no block, as its attempts"
    elif state == State.CANCELLED and all(attempt.kind != "cancel" for attempt in in_block):
        due = "not cancelled: no such attempt is in a block"
    if due is not None:
        yield Finding("sends", key, "state", state, due)
    if state in (State.MINED, State.FINAL) and send.nonce is not None:
        before = nonces.get((send.chain, send.sender), -1)
        if send.nonce <= before:
            yield Finding("sends", key, "nonce", str(send.nonce), f"above {before}, of the send before")
        nonces[send.chain, send.sender] = send.nonce


def _check_attempt(attempt: AttemptRow, send: SendRow, chain: ChainRow) -> Iterator[Finding]:
    key = (attempt.id,)
    try:
        signed = decode_signed(attempt.raw)
    except UnreadableTransaction as error:
        yield Finding("attempts", key, "raw", f"0x{attempt.raw.hex()}", str(error))
        return
    says = signed.transaction
    told = (
        ("transaction_hash", attempt.transaction_hash, signed.hash),
        ("max_fee", attempt.max_fee, says.fees.max_fee),
        ("max_tip", attempt.max_tip, says.fees.max_tip),
        ("gas_limit", attempt.gas_limit, says.gas_limit),
        ("kind", attempt.kind, _kind(says, send, chain)),
        # A key on another chain or of another signer: the send's own row is as likely to be wrong.
        ("raw", f"chain {says.chain_id}", f"chain {chain.chain_id}"),
    )
    for column, stated, recomputed in told:
        if stated != recomputed:
            yield Finding.of("attempts", key, column, stated, recomputed)
    if send.sender != signed.sender:
        yield Finding.of("sends", (send.id,), "sender", send.sender, signed.sender)
    if send.nonce != says.nonce:
        yield Finding.of("sends", (send.id,), "nonce", send.nonce, says.nonce)
    yield from _check_block(attempt)


def _kind(says: Transaction, send: SendRow, chain: ChainRow) -> str:
    """Return what a transaction does: anchor this send's heads, cancel, or anything else."""
    calldata = anchor_call(send.previous_head, send.new_head, send.batch)
    if (says.to, says.value, says.data) == (chain.contract, 0, calldata):
        return "anchor"
    if (says.to, says.value, says.data) == (send.sender, 0, b""):
        return "cancel"
    return "neither an anchor of these heads nor a cancellation"


def _check_block(attempt: AttemptRow) -> Iterator[Finding]:
    """A block holds it, and then all that goes with it is known; or none does."""
    told = {
        name: getattr(attempt, name)
        for name in ("block_number", "block_hash", "succeeded", "gas_used", "fee_paid", "mined_at")
    }
    absent = [name for name, value in told.items() if value is None]
    if absent and len(absent) < len(told):
        lonely = absent if len(absent) <= len(told) // 2 else [name for name in told if name not in absent]
        for name in lonely:
            due = "set, as the rest of its block" if name in absent else None
            yield Finding.of("attempts", (attempt.id,), name, told[name], due)
