"""What a seal leaves behind is what the protocol says of the deltas it covers, on both databases."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from anchor.protocol.batch import anchor_root
from anchor.protocol.hashing import ZERO
from anchor.protocol.identities import IdentityKey
from anchor.protocol.ledger_map import MapUpdate, head_hash, map_path, root_from_presence, update_map
from anchor.protocol.merkle import HISTORY_TREE, LEDGER_TREE, leaf_level, tree_root
from anchor.protocol.merkle_proofs import NodeAt, inclusion_path, nodes_from_leaves
from anchor.server.ledger.histories import history_root
from anchor.server.ledger.ledger_tree import ledger_nodes
from anchor.server.ledger.log import create_log
from anchor.server.ledger.model import Emission, Log, Receipt
from anchor.server.ledger.recording import Recorder
from anchor.server.ledger.sealing import Sealer
from anchor.server.storage.database import Database
from anchor.server.storage.map_nodes import map_reader
from anchor.server.storage.schema import batches, heads, ledgers, map_nodes, tree_nodes
from anchor.server.storage.sealing import NewHead, SealedBatch, UnsealedLedger
from tests.fixtures.clocks import FixedClock
from tests.fixtures.logs import FOUNDER
from tests.server.ledger.written_ledgers import anchor_batch

KEY = IdentityKey(bytes(range(32)))


class Sealing:
    """A log with what records into it and seals it, and what was recorded, by customer."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FixedClock()
        self.log: Log = create_log(database, KEY, FOUNDER, self.clock)
        self.recorder = Recorder(database, self.log, KEY, self.clock)
        self.sealer = Sealer(database, self.log, KEY, self.clock)
        self.fingerprints: dict[str, list[bytes]] = {}
        self.ids: dict[str, bytes] = {}
        self._references = 0

    def record(self, counts: dict[str, int]) -> None:
        self.clock.advance(1000)
        emissions = []
        for customer, count in counts.items():
            for _ in range(count):
                self._references += 1
                emissions.append(Emission(customer, -1, reference_id=f"job_{self._references}"))
        for receipt in self.recorder.record(emissions):
            assert isinstance(receipt, Receipt)
            self.fingerprints.setdefault(receipt.customer_id, []).append(receipt.fingerprint)
            self.ids[receipt.customer_id] = receipt.ledger_id

    def seal(self) -> SealedBatch:
        self.clock.advance(1000)
        batch = self.sealer.seal()
        assert batch is not None
        return batch

    def roots(self) -> Sequence[bytes]:
        with self.database.read() as connection:
            return [
                bytes(root)
                for root in connection.execute(
                    select(batches.c.anchor_root).order_by(batches.c.number)
                ).scalars()
            ]

    def expected(self, number: int, sealed_at: int) -> SealedBatch:
        """The batch by the definitions, from all fingerprints and all earlier roots."""
        tree_heads = {
            self.ids[customer]: head_hash(
                len(entries), tree_root(LEDGER_TREE, leaf_level(LEDGER_TREE, entries))
            )
            for customer, entries in self.fingerprints.items()
        }
        map_root = update_map(lambda _: {}, tree_heads).root
        earlier = self.roots()[: number - 1]
        history = tree_root(HISTORY_TREE, leaf_level(HISTORY_TREE, earlier))
        root = anchor_root(self.log.log_id, number, history, map_root, sealed_at)
        return SealedBatch(number, sealed_at, history, map_root, root, 0, 0)


def assert_is(batch: SealedBatch, expected: SealedBatch) -> None:
    assert (batch.number, batch.sealed_at) == (expected.number, expected.sealed_at)
    assert batch.map_root == expected.map_root
    assert batch.history_root == expected.history_root
    assert batch.anchor_root == expected.anchor_root


def test_a_batch_is_what_the_protocol_makes_of_all_deltas(database: Database) -> None:
    sealing = Sealing(database)
    for counts in ({"a": 3, "b": 1}, {"b": 20}, {"a": 250, "c": 17, "d": 1}, {"e": 1}):
        sealing.record(counts)
        batch = sealing.seal()
        assert batch.delta_count == sum(counts.values())
        assert batch.ledger_count == len(counts)
        assert batch.sealed_at == sealing.clock.ms
        assert_is(batch, sealing.expected(batch.number, batch.sealed_at))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 40), min_size=1), max_size=6))
def test_any_order_of_recording_and_sealing_keeps_to_the_protocol(
    make_database_url: Callable[[], str], rounds: list[dict[str, int]]
) -> None:
    database = Database.open(make_database_url())
    sealing = Sealing(database)
    for counts in rounds:
        sealing.record(counts)
        batch = sealing.seal()
        assert_is(batch, sealing.expected(batch.number, batch.sealed_at))
    database.close()


def test_what_is_emitted_during_a_seal_is_answered_during_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing = Sealing(database)
    sealing.record({f"customer-{number}": 2 for number in range(300)})
    sealed, answered = threading.Event(), threading.Semaphore(0)

    def emit() -> None:
        while not sealed.is_set():
            sealing.record({"a": 1, "customer-0": 1})
            answered.release()

    def meanwhile(read: Any, heads: Any) -> MapUpdate:
        # The longest part of a seal does not end before three more have been answered.
        while answered.acquire(blocking=False):
            pass
        for _ in range(3):
            assert answered.acquire(timeout=30), "an emit waited for the seal"
        return update_map(read, heads)

    monkeypatch.setattr("anchor.server.ledger.sealing.update_map", meanwhile)
    emitting = threading.Thread(target=emit)
    emitting.start()
    try:
        first = sealing.seal()
    finally:
        sealed.set()
        emitting.join(60)
    assert first.number == 1
    recorded = sum(map(len, sealing.fingerprints.values()))
    assert sealing.sealer.unsealed_count() == recorded - first.delta_count >= 2
    monkeypatch.undo()
    second = sealing.seal()
    assert first.delta_count + second.delta_count == recorded
    assert_is(second, sealing.expected(2, second.sealed_at))


def test_nothing_new_seals_nothing(database: Database) -> None:
    sealing = Sealing(database)
    assert sealing.sealer.seal() is None
    sealing.record({"a": 1})
    sealing.seal()
    assert sealing.sealer.seal() is None
    assert sealing.sealer.unsealed_count() == 0
    assert len(sealing.roots()) == 1


def test_history_is_right_across_the_heights_at_which_it_is_stored(database: Database) -> None:
    sealing = Sealing(database)
    for _ in range(35):
        sealing.record({"a": 1})
        sealing.seal()
    roots = sealing.roots()
    with database.read() as connection:
        for size in (0, 1, 15, 16, 17, 31, 32, 33, 35):
            expected = tree_root(HISTORY_TREE, leaf_level(HISTORY_TREE, roots[:size]))
            assert history_root(connection, size) == expected
        stored = connection.execute(select(tree_nodes).where(tree_nodes.c.tree == 0)).all()
    assert len(stored) == 2


def test_what_is_recorded_after_the_fence_waits_for_the_next_batch(database: Database) -> None:
    sealing = Sealing(database)
    sealing.record({"a": 2})
    previous, changed, sealed_at = sealing.sealer._fenced()
    sealing.record({"a": 5, "b": 1})
    grown = list(sealing.sealer._grown(changed))
    first = sealing.sealer._publish(previous, changed, grown, sealed_at)
    assert first is not None
    assert first.delta_count == 2
    assert sealing.sealer.unsealed_count() == 6
    second = sealing.seal()
    assert second.delta_count == 6
    assert_is(second, sealing.expected(2, second.sealed_at))


def test_a_seal_that_died_before_publishing_is_done_again(database: Database) -> None:
    sealing = Sealing(database)
    sealing.record({"a": 300})
    list(sealing.sealer._grown(sealing.sealer._fenced()[1]))
    sealing.record({"a": 300})
    batch = sealing.seal()
    assert batch.delta_count == 600
    assert_is(batch, sealing.expected(1, batch.sealed_at))


def test_of_two_sealers_one_publishes(database: Database) -> None:
    sealing = Sealing(database)
    sealing.record({"a": 1})
    previous, changed, sealed_at = sealing.sealer._fenced()
    grown = list(sealing.sealer._grown(changed))
    sealing.seal()
    assert sealing.sealer._publish(previous, changed, grown, sealed_at) is None
    assert len(sealing.roots()) == 1


class HeldUp(Sealer):
    """Stands still between the fence and the trees, while something else happens."""

    def __init__(self, sealing: Sealing, meanwhile: Callable[[], object]) -> None:
        super().__init__(sealing.database, sealing.log, KEY, sealing.clock)
        self._meanwhile = meanwhile

    def _grown(self, changed: list[UnsealedLedger]) -> Iterator[NewHead]:
        self._meanwhile()
        return super()._grown(changed)


def test_a_sealer_overtaken_before_it_read_the_trees_leaves_no_false_node(
    database: Database,
) -> None:
    sealing = Sealing(database)
    sealing.record({"a": 16})
    sealing.seal()
    sealing.record({"a": 16})
    previous, changed, sealed_at = sealing.sealer._fenced()
    heads_of_32 = list(sealing.sealer._grown(changed))
    sealing.record({"a": 268})
    overtaken = HeldUp(sealing, lambda: sealing.sealer._publish(previous, changed, heads_of_32, sealed_at))
    assert overtaken.seal() is None
    sealing.seal()
    leaves = nodes_from_leaves(leaf_level(LEDGER_TREE, sealing.fingerprints["a"]), LEDGER_TREE)
    with database.read() as connection:
        (tree,) = connection.execute(select(ledgers.c.id)).scalars()
        kept = {
            NodeAt(height, position): bytes(node)
            for height, position, node in connection.execute(
                select(tree_nodes.c.height, tree_nodes.c.position, tree_nodes.c.hash).where(
                    tree_nodes.c.tree == tree
                )
            )
        }
    assert len(kept) == 18 + 1
    assert kept == leaves(list(kept))


def test_a_clock_that_was_set_back_does_not_make_time_run_backwards(database: Database) -> None:
    sealing = Sealing(database)
    sealing.record({"a": 1})
    first = sealing.seal()
    sealing.clock.advance(-3_600_000)
    sealing.record({"a": 1})
    second = sealing.seal()
    assert second.sealed_at >= first.sealed_at
    third_recorded = sealing.recorder.record([Emission("a", 1, reference_id="late")])[0]
    assert isinstance(third_recorded, Receipt)
    assert third_recorded.recorded_at >= second.sealed_at


def test_every_leaf_can_be_shown_from_stored_nodes(database: Database) -> None:
    sealing = Sealing(database)
    for count in (1, 15, 16, 17, 240, 11):
        sealing.record({"a": count})
        sealing.seal()
    entries = sealing.fingerprints["a"]
    leaves = leaf_level(LEDGER_TREE, entries)
    with database.read() as connection:
        (ledger,) = connection.execute(select(ledgers.c.id)).scalars()
        stored = ledger_nodes(connection, ledger)
        for index in range(0, len(entries), 7):
            assert inclusion_path(LEDGER_TREE, index, len(entries), stored) == inclusion_path(
                LEDGER_TREE, index, len(entries), nodes_from_leaves(leaves, LEDGER_TREE)
            )


def test_each_batch_can_be_shown_until_a_newer_one_is_final_and_versions_do_not_pile_up(
    database: Database,
) -> None:
    sealing = Sealing(database)
    sealing.record(dict.fromkeys("abcdefghijklmnop", 1))
    maps = {1: sealing.seal()}
    for number in range(2, 12):
        sealing.record({"a": 1})
        maps[number] = sealing.seal()
    with database.read() as connection:
        for number, batch in maps.items():
            path = map_path(map_reader(connection, number), sealing.ids["a"])
            assert path.found is not None
            root = root_from_presence(sealing.ids["a"], path.found.head, path.siblings)
            assert root == batch.map_root
        before = len(connection.execute(select(map_nodes)).all())
    anchor_batch(database, 11)
    sealing.record({"a": 1})
    newest = sealing.seal()
    with database.read() as connection:
        rows = connection.execute(select(map_nodes)).all()
        for number, batch in ((11, maps[11]), (12, newest)):
            path = map_path(map_reader(connection, number), sealing.ids["a"])
            assert path.found is not None
            assert root_from_presence(sealing.ids["a"], path.found.head, path.siblings) == batch.map_root
    assert len(rows) < before


def test_heads_are_kept_for_the_batches_in_which_a_ledger_changed(database: Database) -> None:
    sealing = Sealing(database)
    sealing.record({"a": 2, "b": 3})
    sealing.seal()
    sealing.record({"a": 4})
    sealing.seal()
    with database.read() as connection:
        rows = connection.execute(
            select(heads.c.batch, heads.c.size, heads.c.balance).order_by(heads.c.batch, heads.c.size)
        ).all()
    assert [tuple(row) for row in rows] == [(1, 2, -2), (1, 3, -3), (2, 6, -6)]
    assert ZERO not in sealing.roots()
