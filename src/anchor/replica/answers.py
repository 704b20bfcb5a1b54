"""What a copy says, in the JSON that a server answers with: amounts as exact decimals, times in ms."""

from typing import Any

from anchor.compare.balances import BalanceComparison, SideBalance, Standing, explanation
from anchor.compare.lists import DeltaComparison, ListComparison
from anchor.protocol.amounts import decimal_from_units
from anchor.protocol.errors import hex_of
from anchor.replica.reading import CopyDerived
from anchor.replica.store import Store
from anchor.replica.values import Misfit


def of_json(store: Store) -> dict[str, Any]:
    """Return what a copy is of."""
    pins, chain = store.pins, store.chain
    return {
        "customerId": pins.customer_id,
        "unit": pins.unit,
        "ledgerId": hex_of(pins.ledger_id),
        "logId": hex_of(pins.log_id),
        "chainId": None if chain is None else chain.chain_id,
        "contract": None if chain is None else hex_of(chain.contract),
    }


def status_json(store: Store) -> dict[str, Any]:
    """Return how a copy stands, and all that was found."""
    standing, head = store.standing(), store.newest_head()
    return {
        **of_json(store),
        "deltaCount": standing.size,
        "balance": decimal_from_units(standing.balance),
        "lastRecordedAt": standing.recorded_at if standing.size else None,
        "head": None
        if head is None
        else {
            "size": head.head.size,
            "root": hex_of(head.head.root),
            "batch": head.batch.number,
            "sealedAt": head.batch.sealed_at,
            "committedBy": head.time,
        },
        "batchCount": store.history().size,
        "findings": [
            {
                "kind": one.kind,
                "statement": one.statement,
                "foundAt": one.found_at,
                "files": list(one.files),
            }
            for one in store.findings()
        ],
    }


def derived_json(store: Store, derived: CopyDerived) -> dict[str, Any]:
    """Return a balance as ``GET /api/v1/balance/derive`` does, and the batch that it was seen under."""
    verified, recorded = derived.verified, derived.recorded
    pending = Standing(recorded.size - verified.size, recorded.balance - verified.balance)
    return {
        "customerId": store.pins.customer_id,
        "unit": store.pins.unit,
        "ledgerId": hex_of(store.pins.ledger_id),
        "balance": decimal_from_units(verified.balance),
        "deltaCount": verified.size,
        "lastVerifiedIndex": verified.as_of_index,
        "pending": _standing(pending),
        "recorded": _standing(recorded),
        "audit": None,
        "batch": derived.batch,
        "committedBy": derived.seen_at,
    }


def misfit_json(misfit: Misfit) -> dict[str, Any]:
    """Return something that does not fit."""
    return {
        "kind": misfit.kind,
        "statement": misfit.statement,
        "index": misfit.index,
        "expected": misfit.expected,
        "found": misfit.found,
    }


def balances_json(comparison: BalanceComparison) -> dict[str, Any]:
    """Return a comparison of balances as ``POST /api/v1/balance/compare`` does."""
    used = comparison.used
    return {
        "match": comparison.match,
        "discrepancies": [_side_balance(side, used) for side in comparison.sides if not side.agrees],
        "agreeing": [side.value for side in comparison.agreeing],
        "sidesAgree": comparison.sides_agree,
        "record": {
            "balance": decimal_from_units(used.balance),
            "which": comparison.record_balance.value,
            "asOfIndex": used.as_of_index,
            "recorded": _standing(comparison.recorded),
            "verified": _standing(comparison.verified),
        },
        "searchedFrom": comparison.searched_from,
    }


def books_json(comparison: DeltaComparison) -> dict[str, Any]:
    """Return a comparison of lists as ``POST /api/v1/balance/compare`` does."""
    count = comparison.size - comparison.from_index
    return {
        "match": comparison.match,
        "discrepancies": [
            {
                "side": side.side.value,
                "kind": each.kind.value,
                "referenceId": each.reference_id,
                "index": each.index,
                "position": each.position,
                "recordAmount": _amount(each.record_amount),
                "listedAmount": _amount(each.listed_amount),
                "offBy": decimal_from_units(each.off_by),
                "elsewhere": None,
            }
            for side in comparison.sides
            for each in side.discrepancies
        ],
        "sides": [_list(side) for side in comparison.sides],
        "sharedCount": comparison.shared_count,
        "record": {
            "fromIndex": comparison.from_index,
            "toIndex": comparison.size - 1 if count else None,
            "deltaCount": count,
            "total": decimal_from_units(comparison.record_total),
        },
    }


def _side_balance(side: SideBalance, used: Standing) -> dict[str, Any]:
    behind = side.behind
    return {
        "side": side.side.value,
        "balance": decimal_from_units(side.figure),
        "recordBalance": decimal_from_units(used.balance),
        "offBy": decimal_from_units(side.off_by),
        "behind": None
        if behind is None
        else {
            "asOfIndex": behind.as_of_index,
            "missingFrom": behind.missing_from,
            "missingCount": behind.missing_count,
            "earlierTimes": behind.earlier_times,
        },
        "candidates": [
            {
                "kind": each.kind.value,
                "index": each.index,
                "referenceId": each.reference_id,
                "amount": decimal_from_units(each.amount),
            }
            for each in side.candidates
        ],
        "candidateCount": side.candidate_count,
        "explanation": explanation(side),
    }


def _list(side: ListComparison) -> dict[str, Any]:
    confirmed, parted = side.confirmed, side.parted
    return {
        "side": side.side.value,
        "agrees": side.agrees,
        "count": side.count,
        "total": decimal_from_units(side.total),
        "offBy": decimal_from_units(side.off_by),
        "tallies": {
            kind.value: {"count": tally.count, "offBy": decimal_from_units(tally.off_by)}
            for kind, tally in side.tallies.items()
        },
        "discrepancyCount": side.discrepancy_count,
        "confirmed": None
        if confirmed is None
        else {"index": confirmed.index, "balance": decimal_from_units(confirmed.balance)},
        "parted": None
        if parted is None
        else {
            "index": parted.index,
            "recordBalance": decimal_from_units(parted.record_balance),
            "listedBalance": decimal_from_units(parted.listed_balance),
        },
        "moved": [{"index": moved.index, "position": moved.position} for moved in side.moved],
        "movedCount": side.moved_count,
    }


def _standing(standing: Standing) -> dict[str, Any]:
    return {"balance": decimal_from_units(standing.balance), "deltaCount": standing.size}


def _amount(units: int | None) -> Any:
    return None if units is None else decimal_from_units(units)
