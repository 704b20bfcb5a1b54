"""The map of section 5, held against its recursive definition."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchor.protocol.errors import ProofError
from anchor.protocol.hashing import ZERO, keccak
from anchor.protocol.ledger_map import (
    MapLeaf,
    MapNode,
    Position,
    head_hash,
    map_path,
    root_from_absence,
    root_from_presence,
    update_map,
)
from tests.protocol.naive_trees import naive_map_root


class StoredMap:
    """A map whose nodes live in a dictionary, and which counts what is read."""

    def __init__(self) -> None:
        self.nodes: dict[Position, MapNode] = {}
        self.heads: dict[bytes, bytes] = {}
        self.reads = 0

    def read(self, places: list[Position]) -> dict[Position, MapNode]:
        self.reads += len(places)
        return {place: self.nodes[place] for place in places if place in self.nodes}

    def update(self, changes: dict[bytes, bytes]) -> bytes:
        update = update_map(self.read, changes)  # type: ignore[arg-type]
        self.nodes.update(update.written)
        self.heads.update(changes)
        return update.root

    def path(self, ledger_id: bytes) -> tuple[tuple[bytes, ...], MapLeaf | None]:
        found = map_path(self.read, ledger_id)  # type: ignore[arg-type]
        return found.siblings, found.found


# Keys that share long prefixes are the hard ones: draw few distinct leading bytes.
crowded_keys = st.builds(
    lambda first, middle, last: bytes([first]) + bytes(middle) + bytes([last]) + bytes(31 - middle - 1),
    st.sampled_from([0x00, 0x01, 0x80, 0xFF]),
    st.integers(0, 30),
    st.integers(0, 255),
)
keys = st.one_of(crowded_keys, st.binary(min_size=32, max_size=32))
heads = st.binary(min_size=32, max_size=32)


@given(st.lists(st.dictionaries(keys, heads, max_size=12), max_size=6), st.lists(keys, max_size=6))
@settings(max_examples=200, deadline=None)
def test_updates_give_the_root_of_the_recursive_definition(
    rounds: list[dict[bytes, bytes]], others: list[bytes]
) -> None:
    stored = StoredMap()
    for changes in rounds:
        root = stored.update(changes)
        assert root == naive_map_root(stored.heads)
    root = naive_map_root(stored.heads)
    for ledger_id in [*stored.heads, *others]:
        siblings, found = stored.path(ledger_id)
        head = stored.heads.get(ledger_id)
        if head is not None:
            assert found == MapLeaf(ledger_id, head)
            assert root_from_presence(ledger_id, head, siblings) == root
            with pytest.raises(ProofError):
                root_from_absence(ledger_id, siblings, found)
        else:
            assert found is None or found.ledger_id != ledger_id
            assert root_from_absence(ledger_id, siblings, found) == root


@given(st.dictionaries(keys, heads, min_size=1, max_size=20), st.data())
@settings(max_examples=100, deadline=None)
def test_an_altered_presence_proof_leads_to_another_root(
    entries: dict[bytes, bytes], data: st.DataObject
) -> None:
    stored = StoredMap()
    root = stored.update(entries)
    ledger_id = data.draw(st.sampled_from(sorted(entries)))
    head = entries[ledger_id]
    siblings, _ = stored.path(ledger_id)
    altered_head = bytes([head[0] ^ 1]) + head[1:]
    assert root_from_presence(ledger_id, altered_head, siblings) != root
    assert root_from_presence(ledger_id, head, [*siblings, ZERO][: len(siblings) + 1]) != root
    if siblings:
        assert root_from_presence(ledger_id, head, siblings[:-1]) != root
        at = data.draw(st.integers(0, len(siblings) - 1))
        changed = [*siblings[:at], bytes([siblings[at][0] ^ 1]) + siblings[at][1:], *siblings[at + 1 :]]
        assert root_from_presence(ledger_id, head, changed) != root
        # A key that goes the other way at any depth is not shown by the same siblings.
        other = bytearray(ledger_id)
        other[at >> 3] ^= 0x80 >> (at & 7)
        assert root_from_presence(bytes(other), head, siblings) != root


def test_only_what_changed_is_written_and_little_is_read() -> None:
    random_source = random.Random(5)
    stored = StoredMap()
    entries = {random_source.randbytes(32): random_source.randbytes(32) for _ in range(4096)}
    stored.update(entries)
    stored.reads = 0
    ledger_id = random_source.choice(sorted(entries))
    update = update_map(stored.read, {ledger_id: keccak(b"new head")})  # type: ignore[arg-type]
    assert len(update.written) < 40
    assert stored.reads < 80
    assert update.root == naive_map_root({**entries, ledger_id: keccak(b"new head")})


def test_setting_the_same_head_again_writes_nothing() -> None:
    stored = StoredMap()
    entries = {keccak(bytes([number])): keccak(bytes([number, 1])) for number in range(50)}
    root = stored.update(entries)
    again = update_map(stored.read, dict(list(entries.items())[:7]))  # type: ignore[arg-type]
    assert again.root == root
    assert again.written == {}


def test_keys_that_differ_only_in_the_last_bit_end_at_depth_256() -> None:
    first, second = bytes(31) + b"\x02", bytes(31) + b"\x03"
    stored = StoredMap()
    root = stored.update({first: keccak(b"1"), second: keccak(b"2")})
    siblings, found = stored.path(first)
    assert len(siblings) == 256
    assert found == MapLeaf(first, keccak(b"1"))
    assert root_from_presence(first, keccak(b"1"), siblings) == root
    with pytest.raises(ProofError, match="256"):
        root_from_presence(first, keccak(b"1"), [*siblings, ZERO])


def test_absence_by_a_leaf_that_does_not_stand_on_the_way_is_refused() -> None:
    near, far = b"\x80" + bytes(31), b"\x00" + bytes(31)
    with pytest.raises(ProofError, match="shares the first 1 bits"):
        root_from_absence(b"\xc0" + bytes(31), [ZERO], MapLeaf(far, ZERO))
    with pytest.raises(ProofError, match="leaf of another ledger"):
        root_from_absence(near, [ZERO], MapLeaf(near, ZERO))


def test_siblings_of_another_length_are_refused() -> None:
    with pytest.raises(ProofError, match="32 bytes"):
        root_from_presence(bytes(32), bytes(32), [bytes(31)])


def test_a_head_binds_its_size() -> None:
    assert head_hash(1, ZERO) != head_hash(2, ZERO)
    assert head_hash(3, keccak(b"r")) == keccak(b"\x02" + (3).to_bytes(8, "big") + keccak(b"r"))
