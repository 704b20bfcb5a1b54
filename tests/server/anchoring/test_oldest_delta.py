"""How far a chain is behind is told by the oldest delta that it does not hold."""

from anchor.server.ledger.model import Emission
from anchor.server.storage.unanchored import oldest_delta_after, read_backlog
from tests.fixtures.logs import OpenedLog


def test_the_oldest_delta_that_a_chain_does_not_hold_is_that_of_the_next_batch(opened: OpenedLog) -> None:
    opened.record(Emission("a", 1, reference_id="1"), Emission("b", 1, reference_id="1"))
    first = opened.clock.ms
    opened.clock.advance(1000)
    opened.sealer.seal()
    opened.record(Emission("a", 1, reference_id="2"))
    second = opened.clock.ms
    opened.clock.advance(1000)
    opened.record(Emission("b", 1, reference_id="2"))
    opened.clock.advance(1000)
    opened.sealer.seal()
    opened.record(Emission("c", 1, reference_id="1"))
    third = opened.clock.ms
    with opened.database.read() as connection:
        backlog = read_backlog(connection)
        assert oldest_delta_after(connection, 0, backlog) == first
        assert oldest_delta_after(connection, 1, backlog) == second
        assert oldest_delta_after(connection, 2, backlog) == third


def test_a_chain_that_holds_everything_is_behind_by_nothing(opened: OpenedLog) -> None:
    opened.record(Emission("a", 1, reference_id="1"))
    opened.sealer.seal()
    with opened.database.read() as connection:
        backlog = read_backlog(connection)
        assert oldest_delta_after(connection, 1, backlog) is None
