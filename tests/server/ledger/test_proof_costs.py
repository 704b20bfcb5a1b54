"""What a proof reads grows with the logarithm of the record: counted where the store is asked.

The trees hold a million leaves, none of which is there: only what is asked for is counted.
"""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from anchor.protocol.hashing import ZERO, Bytes32, keccak
from anchor.protocol.ledger_map import MapBranch, MapLeaf, MapNode, Position, map_path
from anchor.protocol.merkle import HISTORY_TREE, LEDGER_TREE
from anchor.protocol.merkle_proofs import NodeAt, consistency_path, inclusion_path
from anchor.server.ledger import histories, ledger_tree
from anchor.server.storage import map_nodes

MILLION = 1_000_000
NO_CONNECTION = cast(Connection, None)
PLACES = (0, 1, 15, 16, 65_535, 524_287, 524_288, 777_777, 999_999)


class Counted:
    """Answers what the store is asked for, and counts the hashes."""

    def __init__(self) -> None:
        self.hashes = 0

    def take(self) -> int:
        taken, self.hashes = self.hashes, 0
        return taken

    def subtrees(self, _connection: Any, _tree: int, nodes: Sequence[NodeAt]) -> dict[NodeAt, Bytes32]:
        self.hashes += len(nodes)
        return dict.fromkeys(nodes, ZERO)

    def fingerprints(self, _connection: Any, _ledger: int, indices: Sequence[int]) -> dict[int, Bytes32]:
        self.hashes += len(indices)
        return dict.fromkeys(indices, ZERO)

    def row(self, start: int, stop: int) -> Iterator[Bytes32]:
        self.hashes += stop - start
        return iter([ZERO] * (stop - start))

    def places(self, _connection: Any, _batch: int, places: Sequence[Position]) -> dict[Position, MapNode]:
        """A map of 2**20 ledgers: a branch at every place above depth 20, a ledger at each there."""
        self.hashes += len(places)
        leaves = {p: (p.prefix << 236).to_bytes(32, "big") for p in places if p.depth == 20}
        return {
            place: MapLeaf(leaves[place], ZERO) if place.depth == 20 else MapBranch(ZERO)
            for place in places
            if place.depth <= 20
        }


def test_a_proof_in_a_ledger_of_a_million_reads_at_most_a_few_hundred_hashes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Counted()
    monkeypatch.setattr(ledger_tree, "read_scattered_subtrees", counted.subtrees)
    monkeypatch.setattr(ledger_tree, "read_scattered_fingerprints", counted.fingerprints)
    nodes = ledger_tree.ledger_nodes(NO_CONNECTION, 1, MILLION)
    for place in PLACES:
        assert len(inclusion_path(LEDGER_TREE, place, MILLION, nodes)) <= 20
        assert 0 < counted.take() <= 250
        if place:
            assert len(consistency_path(LEDGER_TREE, place, MILLION, nodes)) <= 21
            assert 0 < counted.take() <= 250


def test_a_path_in_a_history_of_a_million_batches_reads_at_most_a_few_hundred_hashes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Counted()
    monkeypatch.setattr(histories, "read_subtrees", lambda _c, _t, _h, start, stop: counted.row(start, stop))
    monkeypatch.setattr(histories, "history_roots", lambda _c, start, stop: list(counted.row(start, stop)))
    nodes = histories.history_nodes(NO_CONNECTION)
    for place in PLACES:
        inclusion_path(HISTORY_TREE, place, MILLION, nodes)
        assert 0 < counted.take() <= 250


def test_a_path_in_a_map_of_a_million_ledgers_reads_at_most_a_hundred_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Counted()
    monkeypatch.setattr(map_nodes, "_versions_at", counted.places)
    for number in range(20):
        ledger_id = keccak(bytes([number]))
        path = map_path(map_nodes.path_reader(NO_CONNECTION, 1, ledger_id), ledger_id)
        assert len(path.siblings) == 20
        assert 0 < counted.take() <= 100
