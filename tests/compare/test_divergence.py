"""Where ordered books and a record part, in at most two round trips."""

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.compare.books import Entry, RecordContradictsItself
from anchor.compare.divergence import (
    DIGEST_SIZE,
    Divergence,
    OwnBlocks,
    OwnEntries,
    OwnFingerprints,
    RecordBlocks,
    entry_blocks,
    first_divergence,
)


class Elsewhere:
    """A record that answers from its own blocks."""

    def __init__(self, own: OwnBlocks) -> None:
        self.own = own

    def blocks(self, height: int, stop: int) -> RecordBlocks:
        return RecordBlocks(self.own.size, self.own.blocks(height, min(stop, self.own.size)))

    def digests(self, start: int, stop: int) -> bytes:
        return self.own.digests(start, stop)


def parted(books: list[Entry], record: list[Entry]) -> Divergence:
    return first_divergence(OwnEntries(books), Elsewhere(OwnEntries(record)))


entries = st.lists(st.builds(Entry, st.none() | st.sampled_from("abc"), st.integers(-2, 2)), max_size=70)


@given(entries, entries, entries)
def test_the_first_index_that_differs_is_found(
    start: list[Entry], ours: list[Entry], theirs: list[Entry]
) -> None:
    books, record = start + ours, start + theirs
    common = min(len(books), len(record))
    same = next((at for at in range(common) if books[at] != record[at]), common)
    found = parted(books, record)
    assert found.confirmed == same
    assert found.index == (None if books == record else same)
    assert (found.own_size, found.record_size) == (len(books), len(record))
    assert found.round_trips <= 2


@given(st.integers(0, 600), st.integers(0, 600), st.integers(0, 600))
def test_replicas_are_compared_by_their_fingerprints(same: int, ours: int, theirs: int) -> None:
    def fingerprints(name: str, count: int) -> list[bytes]:
        return [hashlib.sha256(f"{name}{number}".encode()).digest() for number in range(count)]

    own = OwnFingerprints(fingerprints("same", same) + fingerprints("ours", ours))
    record = OwnFingerprints(fingerprints("same", same) + fingerprints("theirs", theirs))
    found = first_divergence(own, Elsewhere(record))
    assert found.confirmed == same
    assert found.index == (same if ours or theirs else None)


@pytest.fixture(scope="module")
def million() -> OwnEntries:
    return OwnEntries(Entry(f"job_{index}", -index) for index in range(1_000_000))


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 499_999, 999_999])
def test_a_million_entries_take_two_round_trips_and_well_below_200_kilobytes(
    million: OwnEntries, place: int
) -> None:
    books = (
        Entry("job_x", 1) if index == place else Entry(f"job_{index}", -index) for index in range(1_000_000)
    )
    found = first_divergence(OwnEntries(books), Elsewhere(million))
    assert found.index == place
    assert found.round_trips == 2
    assert found.received < 40_000


def test_a_stream_of_entries_has_the_same_blocks_as_a_list() -> None:
    record = [Entry(f"job_{index}", -index) for index in range(100)]
    assert b"".join(entry_blocks(iter(record), 3)) == OwnEntries(record).blocks(3, 100)


def test_a_record_whose_entries_do_not_fit_its_blocks_is_not_believed() -> None:
    class Liar(Elsewhere):
        def digests(self, start: int, stop: int) -> bytes:
            return OwnEntries(books).digests(start, stop)

    books = [Entry(f"job_{index}", random.Random(index).randrange(9)) for index in range(40)]
    record = [*books[:20], Entry("x", 1), *books[21:]]
    with pytest.raises(RecordContradictsItself):
        first_divergence(OwnEntries(books), Liar(OwnEntries(record)))


def test_a_record_that_answers_too_little_is_not_believed() -> None:
    class Short(Elsewhere):
        def blocks(self, height: int, stop: int) -> RecordBlocks:
            answer = super().blocks(height, stop)
            return answer._replace(digests=answer.digests[:-DIGEST_SIZE])

    books = [Entry("a", 1)] * 10
    with pytest.raises(RecordContradictsItself, match="were due"):
        first_divergence(OwnEntries(books), Short(OwnEntries(books)))
