"""The replica's file, where one process writes and others read."""

from pathlib import Path

from anchor.protocol.batch import Batch
from anchor.protocol.merkle import HISTORY_TREE, LEDGER_TREE
from anchor.replica.store import Store
from anchor.replica.values import Pins, Shown
from tests.fixtures.logs import FOUNDER
from tests.verify.building import START, BuiltLog

CUSTOMER = "acme"


def test_a_reader_beside_the_follower_sees_deltas_and_tree_of_one_moment(tmp_path: Path) -> None:
    log = BuiltLog()
    for number in range(40):
        log.record(CUSTOMER, -number)
    ledger = log.ledger(CUSTOMER)
    shown = [
        Shown(record.fingerprint(ledger.separator, ledger.identity.ledger_id), record)
        for record in ledger.records
    ]
    pins = Pins(
        log.log_id,
        log.key.public_key,
        FOUNDER,
        ledger.identity.ledger_id,
        CUSTOMER,
        "",
        ledger.identity.proof,
    )
    path = tmp_path / "copy.replica"
    with Store.create(path, pins, START) as follower, Store.open(path) as reader:

        def grow(_statement: str) -> None:
            """Whatever the reader asks, the follower has added to both trees meanwhile."""
            standing, history = follower.standing(), follower.history()
            follower.append(standing, shown[standing.size : standing.size + 1])
            number = history.size + 1
            follower.add_batches(
                history, [Batch(number, history.root(HISTORY_TREE), log.log_id, START + number)]
            )

        reader._connection.set_trace_callback(grow)
        for _ in range(30):
            standing = reader.standing()
            assert standing.frontier.root(LEDGER_TREE) == ledger.root(standing.size)
            history = reader.history()
            assert history.size == 0 or reader.batch(history.size) is not None
        assert follower.standing().size == len(shown)
