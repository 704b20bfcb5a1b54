"""Recording: places without gaps, exact balances, and never the same delta twice."""

from decimal import Decimal, localcontext

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from anchor.protocol.amounts import MAX_AMOUNT_UNITS, decimal_from_units
from anchor.protocol.commitments import commit
from anchor.protocol.fingerprint import Delta, domain_separator, fingerprint
from anchor.protocol.hashing import ZERO
from anchor.protocol.identities import IdentityKey, verify_ledger_identity
from anchor.server.ledger.errors import (
    AdjustedDeltaMissing,
    BalanceOverflow,
    IdempotencyKeyConflict,
    LedgerError,
    LogMissing,
    ReferenceConflict,
    WrongIdentityKey,
)
from anchor.server.ledger.log import create_log, open_log
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.ledger.recording import Recorder
from anchor.server.storage.database import Database
from tests.fixtures.clocks import START_MS
from tests.fixtures.databases import EVERY_SERVER
from tests.fixtures.logs import FOUNDER, OpenedLog, open_new_log

pytestmark = pytest.mark.databases(*EVERY_SERVER)

ONE = 10**18


def usage(reference: str | None, amount: int = -ONE, customer: str = "acme", **more: object) -> Emission:
    return Emission(customer, amount, "gpu_burst_capacity", reference, **more)  # type: ignore[arg-type]


def rows_of(
    database: Database, columns: str = '"index", amount, balance, recorded_at'
) -> list[tuple[object, ...]]:
    with database.read() as connection:
        rows = connection.execute(text(f'SELECT {columns} FROM deltas ORDER BY ledger, "index"'))
        return [tuple(row) for row in rows]


def refusal(opened: OpenedLog, emission: Emission) -> LedgerError:
    (result,) = opened.recorder.record([emission])
    assert isinstance(result, LedgerError)
    return result


# What a receipt says


def test_a_receipt_says_what_was_recorded(opened: OpenedLog) -> None:
    (receipt,) = opened.record(usage("r-1", metadata=b'{"gpu":"a100"}', occurred_at=7, unit="GPU-hrs"))
    assert receipt.receipt_id.startswith("rcpt_")
    assert len(receipt.receipt_id) == 31
    assert (receipt.customer_id, receipt.unit, receipt.index) == ("acme", "GPU-hrs", 0)
    assert (receipt.amount, receipt.balance) == (-ONE, -ONE)
    assert (receipt.occurred_at, receipt.recorded_at) == (7, START_MS)
    assert (receipt.reason, receipt.reference_id) == ("gpu_burst_capacity", "r-1")
    assert receipt.metadata == b'{"gpu":"a100"}'
    assert receipt.adjusts is None
    assert not receipt.idempotent


def test_the_fingerprint_is_that_of_the_stored_fields_and_salts(opened: OpenedLog) -> None:
    first, second = opened.record(usage("r-1", metadata=b"{}"), usage(None, adjusts="r-1"))
    separator = domain_separator(opened.log.log_id)
    with opened.database.read() as connection:
        stored = connection.execute(text('SELECT * FROM deltas ORDER BY "index"')).mappings().all()
    for receipt, row in zip((first, second), stored, strict=True):
        expected = Delta(
            receipt.ledger_id,
            receipt.index,
            receipt.amount,
            receipt.balance,
            receipt.occurred_at,
            receipt.recorded_at,
            commit(row["reason_salt"], b"gpu_burst_capacity"),
            commit(row["reference_salt"], b"r-1" if receipt is first else None),
            commit(row["metadata_salt"], b"{}" if receipt is first else None),
            ZERO if receipt is first else first.fingerprint,
        )
        assert receipt.fingerprint == fingerprint(separator, expected) == bytes(row["fingerprint"])
    salts = [row[name] for row in stored for name in ("reason_salt", "reference_salt", "metadata_salt")]
    assert len({bytes(salt) for salt in salts}) == 6


def test_the_ledger_id_is_proven_to_be_the_customers(opened: OpenedLog) -> None:
    (receipt,) = opened.record(usage("r-1", unit="GPU-hrs"))
    with opened.database.read() as connection:
        proof = connection.execute(text("SELECT identity_proof FROM ledgers")).scalar_one()
    key = opened.log.identity_public_key
    assert verify_ledger_identity(key, bytes(proof), "acme", "GPU-hrs") == receipt.ledger_id


def test_customers_and_units_have_ledgers_of_their_own(opened: OpenedLog) -> None:
    receipts = opened.record(
        usage("r-1"),
        usage("r-1", customer="bolt"),
        usage("r-1", unit="calls"),
        usage("r-2", customer="bolt"),
        usage("r-2"),
    )
    assert [receipt.index for receipt in receipts] == [0, 0, 0, 1, 1]
    assert len({receipt.ledger_id for receipt in receipts}) == 3
    assert len({receipt.receipt_id for receipt in receipts}) == 5


def test_recording_nothing_is_no_transaction(opened: OpenedLog) -> None:
    assert opened.recorder.record([]) == []


# The same again


@pytest.mark.parametrize("again", ["in the same group", "in a later group", "by another recorder"])
def test_the_same_again_gets_the_first_receipt(opened: OpenedLog, again: str) -> None:
    emission = usage("r-1", metadata=b'{"a":1}')
    if again == "in the same group":
        first, second = opened.record(emission, emission)
    else:
        (first,) = opened.record(emission)
        opened.clock.advance(5_000)
        recorder = opened.recorder
        if again == "by another recorder":
            recorder = Recorder(opened.database, opened.log, opened.identity_key, opened.clock)
        (result,) = recorder.record([emission])
        assert isinstance(result, Receipt)
        second = result
    assert not first.idempotent
    assert second == msgspec.structs.replace(first, idempotent=True)
    assert len(rows_of(opened.database)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"amount": -2 * ONE},
        {"reason": "other"},
        {"metadata": b'{"a":2}'},
        {"metadata": None},
        {"occurred_at": START_MS - 1},
        {"adjusts": "r-0"},
        {"adjusts": "unheard-of"},
    ],
    ids=str,
)
@pytest.mark.parametrize("grouped", [True, False])
def test_other_content_under_a_reference_is_a_conflict_that_shows_both(
    opened: OpenedLog, change: dict[str, object], grouped: bool
) -> None:
    emission = usage("r-1", metadata=b'{"a":1}')
    other = msgspec.structs.replace(emission, **change)
    opened.record(usage("r-0"))
    if grouped:
        first, refused = opened.recorder.record([emission, other])
    else:
        (first,) = opened.record(emission)
        refused = refusal(opened, other)
    assert isinstance(first, Receipt)
    assert isinstance(refused, ReferenceConflict)
    assert refused.existing == msgspec.structs.replace(first, idempotent=True)
    assert refused.offered == other
    assert len(rows_of(opened.database)) == 2


def test_a_retry_without_a_time_matches_what_was_recorded_without_one(opened: OpenedLog) -> None:
    opened.record(usage("without"), usage("with", occurred_at=5))
    opened.clock.advance(60_000)
    assert opened.record(usage("without"))[0].idempotent
    assert opened.record(usage("with", occurred_at=5))[0].idempotent
    assert isinstance(refusal(opened, usage("with")), ReferenceConflict)
    assert isinstance(refusal(opened, usage("without", occurred_at=5)), ReferenceConflict)


def test_without_a_reference_the_same_again_is_another_delta(opened: OpenedLog) -> None:
    assert [receipt.index for receipt in opened.record(usage(None), usage(None))] == [0, 1]


# Corrections


@pytest.mark.parametrize("grouped", [True, False])
def test_a_correction_names_the_delta_it_corrects(opened: OpenedLog, grouped: bool) -> None:
    wrong, correction = usage("r-1"), usage("r-2", ONE, adjusts="r-1")
    if grouped:
        first, second = opened.record(wrong, correction)
    else:
        (first,) = opened.record(wrong)
        (second,) = opened.record(correction)
    assert second.adjusts == first.fingerprint
    assert rows_of(opened.database, "adjusts_index") == [(None,), (0,)]
    assert opened.record(correction)[0] == msgspec.structs.replace(second, idempotent=True)


def test_a_correction_of_nothing_is_refused(opened: OpenedLog) -> None:
    opened.record(usage("elsewhere", customer="bolt"))
    for missing in ("unheard-of", "elsewhere", "r-2"):
        refused = refusal(opened, usage("r-2", adjusts=missing))
        assert isinstance(refused, AdjustedDeltaMissing)
        assert refused.reference_id == missing
    later = opened.recorder.record([usage("r-3", adjusts="r-4"), usage("r-4")])
    assert isinstance(later[0], AdjustedDeltaMissing)
    assert isinstance(later[1], Receipt)


@pytest.mark.parametrize("with_neighbours", [True, False])
def test_a_ledger_is_not_opened_for_refusals_alone(opened: OpenedLog, with_neighbours: bool) -> None:
    opened.record(usage("r-0", customer="bolt", idempotency_key="k-1"))
    refused = [
        usage("r-1", adjusts="nothing"),
        usage("r-1", unit="calls", adjusts="nothing"),
        usage("r-0", unit="hours", idempotency_key="k-1"),
    ]
    neighbours = [usage("r-1", unit="miles"), usage("r-1", customer="bolt")] if with_neighbours else []
    results = opened.recorder.record([*refused, *neighbours])
    assert [type(result) for result in results[:3]] == [
        AdjustedDeltaMissing,
        AdjustedDeltaMissing,
        IdempotencyKeyConflict,
    ]
    assert all(isinstance(result, Receipt) for result in results[3:])
    with opened.database.read() as connection:
        opened_ledgers = connection.execute(
            text("SELECT customer_id, unit, size FROM ledgers ORDER BY id")
        ).all()
    expected = [("bolt", "", 2), ("acme", "miles", 1)] if with_neighbours else [("bolt", "", 1)]
    assert [tuple(row) for row in opened_ledgers] == expected
    assert opened.record(usage("r-1"))[0].index == 0


# Idempotency keys


def keyed(reference: str | None, key: str = "k-1", holder: int | None = 1, **more: object) -> Emission:
    return usage(reference, idempotency_key=key, api_key_id=holder, **more)


@pytest.mark.parametrize("grouped", [True, False])
def test_an_idempotency_key_gets_its_first_receipt(opened: OpenedLog, grouped: bool) -> None:
    if grouped:
        first, second = opened.record(keyed(None), keyed(None))
    else:
        (first,) = opened.record(keyed(None))
        (second,) = opened.record(keyed(None))
    assert second == msgspec.structs.replace(first, idempotent=True)
    assert len(rows_of(opened.database)) == 1


@pytest.mark.parametrize("grouped", [True, False])
def test_an_idempotency_key_is_for_one_request_only(opened: OpenedLog, grouped: bool) -> None:
    other = keyed(None, customer="bolt")
    if grouped:
        first, refused = opened.recorder.record([keyed(None), other])
    else:
        (first,) = opened.record(keyed(None))
        refused = refusal(opened, other)
    assert isinstance(first, Receipt)
    assert isinstance(refused, IdempotencyKeyConflict)
    assert refused.existing == msgspec.structs.replace(first, idempotent=True)


def test_idempotency_keys_belong_to_an_api_key(opened: OpenedLog) -> None:
    receipts = opened.record(keyed(None, holder=1), keyed(None, holder=2), keyed(None, holder=None))
    assert [receipt.index for receipt in receipts] == [0, 1, 2]


def test_a_key_on_a_reference_that_is_on_record_is_kept_too(opened: OpenedLog) -> None:
    opened.record(usage("r-1"))
    receipts = opened.record(
        usage("r-2"), keyed("r-1", "a"), keyed("r-2", "b"), keyed("r-1", "a"), keyed("r-2", "b")
    )
    assert [receipt.index for receipt in receipts] == [1, 0, 1, 0, 1]
    assert isinstance(refusal(opened, keyed("r-3", "a")), IdempotencyKeyConflict)


def test_a_refused_request_leaves_its_idempotency_key_free(opened: OpenedLog) -> None:
    refusal(opened, keyed("r-1", adjusts="r-0"))
    opened.record(usage("r-0"))
    assert not opened.record(keyed("r-1", adjusts="r-0"))[0].idempotent


# Balances and times


def test_a_bad_item_leaves_its_neighbours_alone(opened: OpenedLog) -> None:
    opened.record(usage("r-1"))
    results = opened.recorder.record(
        [usage("r-2"), usage("r-1", 5), usage("r-3", adjusts="none"), usage("r-4")]
    )
    assert [getattr(result, "index", None) for result in results] == [1, None, None, 2]


def test_a_balance_never_leaves_int256(opened: OpenedLog) -> None:
    opened.record(usage("r-1", MAX_AMOUNT_UNITS))
    with opened.database.write() as connection:
        connection.execute(text("UPDATE ledgers SET balance = :most"), {"most": str(2**255 - 1)}) if (
            opened.database.dialect == "sqlite"
        ) else connection.execute(text(f"UPDATE ledgers SET balance = {2**255 - 1}"))
    refused = refusal(opened, usage("r-2", 1))
    assert isinstance(refused, BalanceOverflow)
    assert (refused.balance, refused.amount) == (2**255 - 1, 1)
    (receipt,) = opened.record(usage("r-3", -1))
    assert receipt.balance == 2**255 - 2


def test_recorded_at_never_decreases_when_the_clock_does(opened: OpenedLog) -> None:
    (first,) = opened.record(usage("r-1"))
    opened.clock.advance(-3_600_000)
    (second,) = opened.record(usage("r-2"))
    assert second.recorded_at == first.recorded_at


def test_nothing_is_recorded_before_the_fence(opened: OpenedLog) -> None:
    with opened.database.write() as connection:
        connection.execute(text("UPDATE log SET sealing_at = :at"), {"at": START_MS + 9})
    assert opened.record(usage("r-1"))[0].recorded_at == START_MS + 9


# A law


REFERENCES = st.one_of(st.none(), st.sampled_from(["r-1", "r-2", "r-3", "r-4"]))
EMISSIONS = st.builds(
    Emission,
    customer_id=st.sampled_from(["acme", "bolt"]),
    amount=st.one_of(st.integers(-3, 3), st.integers(-MAX_AMOUNT_UNITS, MAX_AMOUNT_UNITS)),
    reason=st.sampled_from(["", "usage", "grüße"]),
    reference_id=REFERENCES,
    unit=st.sampled_from(["", "calls"]),
    metadata=st.sampled_from([None, b"{}", b'{"a":1}']),
    occurred_at=st.sampled_from([None, 0, START_MS]),
    adjusts=REFERENCES,
    idempotency_key=st.sampled_from([None, None, None, "k-1", "k-2"]),
)
GROUPS = st.lists(st.tuples(st.lists(EMISSIONS, min_size=1, max_size=8), st.integers(-50, 50)), max_size=6)


class Model:
    """The record as one would keep it by hand, one emission at a time."""

    def __init__(self) -> None:
        self.ledgers: dict[tuple[str, str], list[Emission]] = {}
        self.keys: dict[str, tuple[Emission, tuple[str, str], int]] = {}

    def offer(self, emission: Emission) -> tuple[str, int | None]:
        ledger_key = (emission.customer_id, emission.unit)
        ledger = self.ledgers.get(ledger_key, [])
        key = emission.idempotency_key
        if key is not None and key in self.keys:
            used, _, index = self.keys[key]
            return ("again", index) if used == emission else ("key conflict", None)
        references = {one.reference_id: at for at, one in enumerate(ledger) if one.reference_id is not None}
        if emission.reference_id is not None and emission.reference_id in references:
            index = references[emission.reference_id]
            if not self.same(emission, ledger[index]):
                return "conflict", None
            outcome = "again"
        elif emission.adjusts is not None and emission.adjusts not in references:
            return "missing", None
        else:
            index = len(ledger)
            self.ledgers.setdefault(ledger_key, []).append(emission)
            outcome = "new"
        if key is not None:
            self.keys[key] = (emission, ledger_key, index)
        return outcome, index

    @staticmethod
    def same(offered: Emission, existing: Emission) -> bool:
        return replace_key(offered) == replace_key(existing)


def replace_key(emission: Emission) -> Emission:
    return msgspec.structs.replace(emission, idempotency_key=None)


def outcome_of(result: Receipt | LedgerError) -> tuple[str, int | None]:
    match result:
        case Receipt():
            return ("again" if result.idempotent else "new"), result.index
        case ReferenceConflict():
            return "conflict", None
        case IdempotencyKeyConflict():
            return "key conflict", None
        case AdjustedDeltaMissing():
            return "missing", None
    raise AssertionError(result)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=GROUPS)
def test_any_emissions_in_any_groups_are_recorded_as_if_one_by_one(
    make_sqlite_url: object, make_postgresql_url: object, groups: list[tuple[list[Emission], int]]
) -> None:
    # Times are set apart from START_MS, so that an explicit time never equals that of recording.
    states = []
    for make_url in (make_sqlite_url, make_postgresql_url):
        opened = open_new_log(Database.open(make_url()))  # type: ignore[operator]
        opened.clock.advance(1_000)
        model = Model()
        for group, step in groups:
            opened.clock.advance(step)
            results = opened.recorder.record(group)
            assert [outcome_of(result) for result in results] == [model.offer(one) for one in group]
        states.append(check_against(opened, model))
        opened.database.close()
    assert states[0] == states[1]


def check_against(opened: OpenedLog, model: Model) -> list[tuple[object, ...]]:
    with opened.database.read() as connection:
        rows = connection.execute(
            text(
                'SELECT l.customer_id, l.unit, d."index", d.amount, d.balance, d.occurred_at, d.recorded_at, '
                "d.reason, d.reference_id, d.metadata, d.adjusts_index, l.size, l.balance AS last "
                'FROM deltas d JOIN ledgers l ON l.id = d.ledger ORDER BY l.customer_id, l.unit, d."index"'
            )
        ).all()
    place = 0
    for (customer, unit), emissions in sorted(model.ledgers.items()):
        total, recorded_at = Decimal(0), 0
        for index, emission in enumerate(emissions):
            row = rows[place]
            place += 1
            with localcontext(prec=80):
                total += decimal_from_units(emission.amount)
            assert (row.customer_id, row.unit, row.index) == (customer, unit, index)
            assert int(row.amount) == emission.amount
            assert decimal_from_units(int(row.balance)) == total
            assert row.recorded_at >= recorded_at
            assert row.occurred_at == (
                row.recorded_at if emission.occurred_at is None else emission.occurred_at
            )
            recorded_at = row.recorded_at
        assert (row.size, int(row.last)) == (len(emissions), int(row.balance))
    assert place == len(rows)
    return [tuple(str(value) for value in row) for row in rows]


# Which log


def test_a_log_is_created_once(database: Database) -> None:
    opened = open_new_log(database)
    again = create_log(database, opened.identity_key, FOUNDER, opened.clock)
    assert again == opened.log == open_log(database)
    assert opened.log.receipt_key.hex() not in repr(opened.log)


def test_another_identity_key_is_refused(opened: OpenedLog) -> None:
    other = IdentityKey.generate()
    with pytest.raises(WrongIdentityKey) as refused:
        create_log(opened.database, other, FOUNDER, opened.clock)
    assert (refused.value.expected, refused.value.found) == (opened.log.log_id, other.log_id(FOUNDER))
    with pytest.raises(WrongIdentityKey):
        Recorder(opened.database, opened.log, other, opened.clock)


def test_an_empty_database_holds_no_log(database: Database) -> None:
    with pytest.raises(LogMissing):
        open_log(database)
