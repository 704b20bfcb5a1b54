"""The rules for what a server shows, against what the copy holds already. Pure: nothing is asked or kept."""

from collections.abc import Callable, Sequence
from typing import Final

from anchor.proof.values import DeltaRecord, LedgerHead, ProofLedger, ProofLog
from anchor.protocol.amounts import format_units
from anchor.protocol.batch import Batch
from anchor.protocol.errors import IdentityError, hex_of
from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.identities import LedgerIdentity, check_ledger_identity
from anchor.protocol.merkle import HISTORY_TREE, Frontier, leaf_level
from anchor.protocol.times import moment
from anchor.replica.values import LATEST_TIME, HeldHead, Misfit, Pins, Shown, Standing
from anchor.verify.frauds import ALLOWED_LAG

CLOCK_ALLOWANCE: Final = 15 * 60_000
"""Milliseconds by which a batch may say that it was sealed after the block that holds its root."""


def pins_of(log: ProofLog, ledger: ProofLedger, customer_id: str, unit: str) -> Pins | Misfit:
    """Return what a replica is pinned to: the only ledger that this customer and unit can have in the log."""
    customer = ledger.customer
    if customer is None or (customer.customer_id, customer.unit) != (customer_id, unit):
        shown = "no customer" if customer is None else ascii((customer.customer_id, customer.unit))
        return _identity("The server does not show the ledger that was asked for.", customer_id, shown)
    identity = LedgerIdentity(customer_id, unit, ledger.ledger_id, customer.identity_proof)
    try:
        check_ledger_identity(identity, log.public_key, log.founder, log.log_id)
    except IdentityError as error:
        return _identity(
            f"The ledger is not the one that this customer has in this log ({error.step}).",
            error.expected,
            error.found,
        )
    return Pins(
        log.log_id,
        log.public_key,
        log.founder,
        ledger.ledger_id,
        customer_id,
        unit,
        customer.identity_proof,
    )


def _identity(statement: str, expected: str, found: str) -> Misfit:
    return Misfit("identity", "", statement, expected, found)


def check_pins(pins: Pins, log: ProofLog, ledger: ProofLedger | None) -> Misfit | None:
    """Hold what an answer is about against what the replica is of."""
    if log.log_id != pins.log_id:
        return Misfit(
            "another_log",
            "",
            "The server shows another log than at first.",
            hex_of(pins.log_id),
            hex_of(log.log_id),
        )
    if ledger is None or ledger.ledger_id != pins.ledger_id:
        found = "none" if ledger is None else hex_of(ledger.ledger_id)
        return Misfit(
            "another_ledger",
            "",
            "The server shows another ledger for this customer and unit than at first.",
            hex_of(pins.ledger_id),
            found,
        )
    return None


class DeltaChecks:
    """Checks deltas in order, each against the one before it."""

    def __init__(self, pins: Pins, standing: Standing, holds: Callable[[Bytes32], bool]) -> None:
        self._ledger_id = pins.ledger_id
        self._separator = domain_separator(pins.log_id)
        self._size, self._balance = standing.size, standing.balance
        self._recorded_at = standing.recorded_at
        self._holds = holds
        self._new: set[Bytes32] = set()

    def accept(self, deltas: Sequence[Shown]) -> tuple[list[Shown], Misfit | None]:
        """Return those of the deltas that fit, up to the first that does not, and what is wrong with it."""
        accepted: list[Shown] = []
        for shown in deltas:
            misfit = self._misfit(shown)
            if misfit is not None:
                return accepted, misfit
            accepted.append(shown)
            self._size += 1
            self._balance = shown.record.balance
            self._recorded_at = shown.record.recorded_at
            self._new.add(shown.fingerprint)
        return accepted, None

    def _misfit(self, shown: Shown) -> Misfit | None:
        record, index = shown.record, self._size
        if record.index != index:
            return _delta(
                "gap", index, f"Delta {index} was due, delta {record.index} came.", str(index), record.index
            )
        if (misfit := check_fingerprint(self._separator, self._ledger_id, shown)) is not None:
            return misfit
        due = self._balance + record.amount
        if record.balance != due:
            return _delta(
                "false_balance",
                index,
                f"The balance after delta {index} is not the one before it plus its amount.",
                format_units(due),
                format_units(record.balance),
            )
        if record.recorded_at < self._recorded_at:
            return _delta(
                "time_reversed",
                index,
                f"Delta {index} says it was recorded before delta {index - 1}.",
                f"{moment(self._recorded_at)} or later",
                moment(record.recorded_at),
            )
        if max(record.occurred_at, record.recorded_at) > LATEST_TIME:
            later = max(record.occurred_at, record.recorded_at)
            return _delta(
                "impossible_time", index, f"Delta {index} has a time that cannot be.", "a time", later
            )
        adjusts = record.adjusts
        if adjusts != ZERO and adjusts not in self._new and not self._holds(adjusts):
            return _delta(
                "adjusts_nothing",
                index,
                f"Delta {index} corrects a delta that is not in the ledger before it.",
                "the fingerprint of an earlier delta",
                hex_of(adjusts),
            )
        return None


def check_fingerprint(separator: Bytes32, ledger_id: Bytes32, shown: Shown) -> Misfit | None:
    """Recompute a delta's fingerprint from what is shown of it."""
    found = shown.record.fingerprint(separator, ledger_id)
    if found == shown.fingerprint:
        return None
    index = shown.record.index
    return _delta(
        "false_fingerprint",
        index,
        f"Delta {index}, as it is shown, does not have the fingerprint that is stated for it.",
        hex_of(shown.fingerprint),
        hex_of(found),
    )


def check_again(held: Sequence[Shown], shown: Sequence[Shown], pins: Pins) -> Misfit | None:
    """Hold deltas as they are shown now against the copy's own of the same range."""
    separator = domain_separator(pins.log_id)
    for at, ours in enumerate(held):
        index = ours.record.index
        if at >= len(shown):
            return _delta(
                "dropped", index, f"Delta {index} is not shown any more.", hex_of(ours.fingerprint), "nothing"
            )
        theirs = shown[at]
        found = theirs.record.fingerprint(separator, pins.ledger_id)
        if (index, ours.fingerprint, ours.fingerprint) != (theirs.record.index, theirs.fingerprint, found):
            differs = found if found != ours.fingerprint else theirs.fingerprint
            return _delta(
                "altered",
                index,
                f"Delta {index} is shown otherwise than before.",
                _described(ours.record, ours.fingerprint),
                _described(theirs.record, differs),
            )
    return None


def _described(record: DeltaRecord, fingerprint: Bytes32) -> str:
    return (
        f"delta {record.index} of {format_units(record.amount)}, balance {format_units(record.balance)}, "
        f"recorded {moment(record.recorded_at)}: {hex_of(fingerprint)}"
    )


def check_batches(
    log_id: Bytes32, history: Frontier, newest: Batch | None, batches: Sequence[Batch]
) -> tuple[list[Batch], Misfit | None]:
    """Check batches that go on after a history; return those that fit, and what is wrong with the next."""
    accepted: list[Batch] = []
    for batch in batches:
        due = history.size + 1
        if batch.number != due:
            said = f"Batch {due} was due, batch {batch.number} came."
            return accepted, Misfit("batch_missing", str(due), said, str(due), str(batch.number))
        root = history.root(HISTORY_TREE)
        if batch.history_root != root:
            return accepted, Misfit(
                "history_differs",
                str(batch.number),
                f"Batch {batch.number} does not stand on the batches that were shown before it.",
                hex_of(root),
                hex_of(batch.history_root),
            )
        if (newest is not None and batch.sealed_at < newest.sealed_at) or batch.sealed_at > LATEST_TIME:
            before = "a time" if newest is None else f"{moment(newest.sealed_at)} or later"
            return accepted, Misfit(
                "sealed_backwards",
                str(batch.number),
                f"Batch {batch.number} says it was sealed before the one before it.",
                before,
                moment(batch.sealed_at),
            )
        accepted.append(batch)
        newest = batch
        history = history.append(HISTORY_TREE, HISTORY_TREE.leaf(batch.anchor_root(log_id)))
    return accepted, None


def extended(log_id: Bytes32, history: Frontier, batches: Sequence[Batch]) -> Frontier:
    """Return a history with batches after it."""
    roots = (batch.anchor_root(log_id) for batch in batches)
    return history.extend(HISTORY_TREE, leaf_level(HISTORY_TREE, roots))


def check_times(
    head: LedgerHead, before: HeldHead | None, first_new: DeltaRecord | None, last: DeltaRecord, block: int
) -> list[Misfit]:
    """Hold times against each other: the deltas', the batches' and the block's (ms) that holds the root.

    ``first_new`` is the first delta that the head ``before`` did not hold, None where there is none.
    """
    found: list[Misfit] = []
    batch = head.batch.batch
    place = str(batch.number)
    if batch.sealed_at > block + CLOCK_ALLOWANCE:
        found.append(
            Misfit(
                "sealed_after_anchored",
                place,
                f"Batch {batch.number} says it was sealed after the block that holds its root.",
                f"{moment(block)} or before",
                moment(batch.sealed_at),
            )
        )
    if last.recorded_at > batch.sealed_at:
        found.append(
            _delta(
                "recorded_after_sealed",
                last.index,
                f"Batch {batch.number} holds delta {last.index}, which says it was recorded after that.",
                f"{moment(batch.sealed_at)} or before",
                moment(last.recorded_at),
            )
        )
    if before is not None and first_new is not None:
        sealed_at = before.batch.sealed_at
        if first_new.recorded_at < sealed_at - ALLOWED_LAG:
            found.append(
                _delta(
                    "backdated",
                    first_new.index,
                    f"Batch {before.batch.number} did not hold delta {first_new.index}, which says it was "
                    "recorded more than a minute before that batch was sealed.",
                    f"{moment(sealed_at - ALLOWED_LAG)} or later",
                    moment(first_new.recorded_at),
                )
            )
    return found


def _delta(kind: str, index: int, statement: str, expected: str, found: object) -> Misfit:
    return Misfit(kind, str(index), statement, expected, str(found), index)
