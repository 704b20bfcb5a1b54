"""The record's side of a comparison with books elsewhere, on both engines."""

import random
from dataclasses import dataclass, field

import pytest

from anchor.compare.books import Discrepancy, DiscrepancyKind, Entry
from anchor.compare.difference_sketch import keyed
from anchor.compare.divergence import OwnEntries, OwnFingerprints, RecordBlocks, first_divergence
from anchor.compare.reconciliation import RecordCells, ResolvedEntry, reconcile
from anchor.server.ledger.errors import IndexOutOfRange, UnknownCustomer
from anchor.server.ledger.reconciling import ExchangeRefused, Reconciler
from anchor.server.storage.database import Database
from tests.server.ledger.written_ledgers import CUSTOMER, fingerprint_of, seal_ledger, write_ledger

SALT = bytes(range(16))
SIZE = 700
AMOUNTS = [index * 37 % 101 - 50 for index in range(SIZE)]
BOOKS = [Entry(f"job_{index}", amount) for index, amount in enumerate(AMOUNTS)]


@dataclass
class Remote:
    """What the client makes of the service, without the HTTP between."""

    reconciler: Reconciler
    start: int = 0
    asked: list[str] = field(default_factory=list)

    def cells(self, salt: bytes, level: int, above: int | None, size: int | None) -> RecordCells:
        self.asked.append("cells")
        return self.reconciler.cells(CUSTOMER, "", salt, level, above, size, self.start)

    def resolve(self, salt: bytes, keys: list[bytes], size: int) -> list[ResolvedEntry]:
        self.asked.append("resolve")
        return self.reconciler.resolve(CUSTOMER, "", salt, keys, size, self.start)


@dataclass
class RemoteEntries:
    reconciler: Reconciler

    def blocks(self, height: int, stop: int) -> RecordBlocks:
        return self.reconciler.entry_blocks(CUSTOMER, "", height, stop)

    def digests(self, start: int, stop: int) -> bytes:
        return self.reconciler.entry_digests(CUSTOMER, "", start, stop)


@dataclass
class RemoteFingerprints:
    reconciler: Reconciler

    def blocks(self, height: int, stop: int) -> RecordBlocks:
        return self.reconciler.fingerprint_blocks(CUSTOMER, "", height, stop)

    def digests(self, start: int, stop: int) -> bytes:
        return self.reconciler.fingerprint_digests(CUSTOMER, "", start, stop)


@pytest.fixture
def reconciler(database: Database) -> Reconciler:
    write_ledger(database, AMOUNTS)
    return Reconciler(database)


def test_books_in_another_order_match(reconciler: Reconciler) -> None:
    result = reconcile(BOOKS[::-1], Remote(reconciler))
    assert result.match
    assert (result.size, result.record_total) == (SIZE, sum(AMOUNTS))


def test_three_removed_and_one_altered_entries_are_found_exactly(reconciler: Reconciler) -> None:
    books = [entry for index, entry in enumerate(BOOKS) if index not in (5, 300, 699)]
    books[100] = Entry(books[100].reference_id, 7)
    result = reconcile(books, Remote(reconciler))
    assert result.discrepancies == (
        Discrepancy(DiscrepancyKind.MISSING, "job_5", 5, None, AMOUNTS[5], None),
        Discrepancy(DiscrepancyKind.ALTERED, "job_101", 101, 100, AMOUNTS[101], 7),
        Discrepancy(DiscrepancyKind.MISSING, "job_300", 300, None, AMOUNTS[300], None),
        Discrepancy(DiscrepancyKind.MISSING, "job_699", 699, None, AMOUNTS[699], None),
    )
    assert result.round_trips == 2


def test_a_large_difference_asks_for_the_rest_of_a_larger_sketch(reconciler: Reconciler) -> None:
    remote = Remote(reconciler)
    result = reconcile(BOOKS[:200], remote)
    assert [each.index for each in result.discrepancies] == list(range(200, SIZE))
    assert remote.asked.count("cells") <= 3
    assert remote.asked.count("resolve") == 1


def test_entries_without_a_reference_take_part(database: Database) -> None:
    write_ledger(database, [5, 5, 6, 5], references=[None, None, None, "job"])
    result = reconcile([Entry(None, 5), Entry("job", 5)], Remote(Reconciler(database)))
    assert [(each.kind, each.record_amount) for each in result.discrepancies] == [
        (DiscrepancyKind.MISSING, 5),
        (DiscrepancyKind.MISSING, 6),
    ]


def test_a_part_of_the_record_can_be_reconciled(reconciler: Reconciler) -> None:
    result = reconcile(BOOKS[400:], Remote(reconciler, start=401))
    assert [(each.kind, each.reference_id) for each in result.discrepancies] == [
        (DiscrepancyKind.EXTRA, "job_400")
    ]


def test_the_rounds_of_one_comparison_are_about_one_size(reconciler: Reconciler) -> None:
    first = reconciler.cells(CUSTOMER, "", SALT, 5, size=600)
    assert first.size == 600
    assert first.total == sum(AMOUNTS[:600])
    key_of_650 = keys_of(BOOKS)[650]
    assert reconciler.resolve(CUSTOMER, "", SALT, [key_of_650], 600) == []
    (resolved,) = reconciler.resolve(CUSTOMER, "", SALT, [key_of_650], 700)
    assert (resolved.index, resolved.reference_id) == (650, "job_650")


def keys_of(books: list[Entry]) -> list[bytes]:
    return [key for key, _ in keyed(SALT, books)]


def test_what_is_remembered_is_bounded_and_not_needed(database: Database) -> None:
    write_ledger(database, AMOUNTS)
    forgetful = Reconciler(database, remembered_entries=SIZE - 1)
    result = reconcile(BOOKS[:200], Remote(forgetful))
    assert len(result.discrepancies) == SIZE - 200
    assert not forgetful._remembered
    mindful = Reconciler(database, remembered_entries=2 * SIZE)
    for salt in (bytes(16), SALT, bytes(range(1, 17))):
        mindful.cells(CUSTOMER, "", salt, 3)
    assert [name[3] for name in mindful._remembered] == [SALT, bytes(range(1, 17))]


@pytest.mark.parametrize("sealed", [0, 64, 500, SIZE])
def test_ordered_books_and_replicas_part_where_they_do(database: Database, sealed: int) -> None:
    write_ledger(database, AMOUNTS)
    if sealed:
        seal_ledger(database, sealed, number=1, sealed_at=0)
    reconciler = Reconciler(database)
    fingerprints = [fingerprint_of(index) for index in range(SIZE)]
    assert first_divergence(OwnEntries(BOOKS), RemoteEntries(reconciler)).index is None
    assert first_divergence(OwnFingerprints(fingerprints), RemoteFingerprints(reconciler)).index is None
    for place in random.Random(sealed).sample(range(SIZE), 4):
        books = [*BOOKS[:place], Entry("other", 1), *BOOKS[place + 1 :]]
        assert first_divergence(OwnEntries(books), RemoteEntries(reconciler)).index == place
        replica = [*fingerprints[:place], bytes(32), *fingerprints[place + 1 :]]
        assert first_divergence(OwnFingerprints(replica), RemoteFingerprints(reconciler)).index == place
        shorter = first_divergence(OwnFingerprints(fingerprints[:place]), RemoteFingerprints(reconciler))
        assert (shorter.index, shorter.record_size) == (place, SIZE)


def test_requests_out_of_bounds_are_refused(reconciler: Reconciler) -> None:
    with pytest.raises(ExchangeRefused, match="level"):
        reconciler.cells(CUSTOMER, "", SALT, 19)
    with pytest.raises(ExchangeRefused, match="above"):
        reconciler.cells(CUSTOMER, "", SALT, 5, above=5)
    with pytest.raises(ExchangeRefused, match="salt"):
        reconciler.cells(CUSTOMER, "", b"short", 5)
    with pytest.raises(ExchangeRefused, match="size"):
        reconciler.cells(CUSTOMER, "", SALT, 5, size=SIZE + 1)
    with pytest.raises(ExchangeRefused, match="keys"):
        reconciler.resolve(CUSTOMER, "", SALT, [b"short"], SIZE)
    with pytest.raises(ExchangeRefused, match="keys"):
        reconciler.resolve(CUSTOMER, "", SALT, [bytes(16)] * 10_001, SIZE)
    with pytest.raises(ExchangeRefused, match="height"):
        reconciler.entry_blocks(CUSTOMER, "", -1, SIZE)
    with pytest.raises(ExchangeRefused, match="stop"):
        reconciler.entry_blocks(CUSTOMER, "", 3, -1)
    with pytest.raises(ExchangeRefused, match="multiple"):
        reconciler.fingerprint_blocks(CUSTOMER, "", 3, SIZE)
    with pytest.raises(IndexOutOfRange):
        reconciler.entry_digests(CUSTOMER, "", 3, SIZE + 1)
    with pytest.raises(IndexOutOfRange):
        reconciler.fingerprint_digests(CUSTOMER, "", 3, 2)
    with pytest.raises(UnknownCustomer):
        reconciler.cells("nobody", "", SALT, 5)
