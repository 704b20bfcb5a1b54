"""The lease, on both databases: one holder, taken over by who saw it stand still, and a fence for writes."""

import threading

import pytest

from anchor.server.anchoring.lease import Lease, LeaseLost
from anchor.server.storage.database import Database
from tests.fixtures.clocks import FixedClock


def lease(database: Database, holder: str, clock: FixedClock | None = None) -> Lease:
    return Lease(database, clock or FixedClock(), seconds=10, holder=holder)


def test_the_first_has_it_and_may_renew_it(database: Database) -> None:
    first = lease(database, "first")
    assert first.acquire()
    assert first.acquire()
    with first.write() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM leases").scalar() == 1


def test_another_waits_for_its_whole_length_by_its_own_clock(database: Database) -> None:
    clock = FixedClock()
    first, second = lease(database, "first"), lease(database, "second", clock)
    assert first.acquire()
    assert not second.acquire()
    assert second.held_by_another == "first"
    clock.advance(9_999)
    assert not second.acquire()
    clock.advance(1)
    assert second.acquire()
    assert not first.acquire()


def test_a_renewal_begins_the_wait_anew(database: Database) -> None:
    clock = FixedClock()
    first, second = lease(database, "first"), lease(database, "second", clock)
    first.acquire()
    for _ in range(5):
        assert not second.acquire()
        clock.advance(9_000)
        assert first.acquire()
    assert not second.acquire()


def test_who_lost_it_can_neither_write_nor_send(database: Database) -> None:
    clock = FixedClock()
    first, second = lease(database, "first"), lease(database, "second", clock)
    first.acquire()
    second.acquire()
    clock.advance(10_000)
    assert second.acquire()
    with pytest.raises(LeaseLost), first.write() as connection:
        connection.exec_driver_sql("DELETE FROM leases")
    with pytest.raises(LeaseLost):
        first.check()
    second.check()


def test_given_back_it_is_free_at_once(database: Database) -> None:
    first, second = lease(database, "first"), lease(database, "second")
    first.acquire()
    first.release()
    assert second.acquire()
    # Whoever gives back what it does not hold changes nothing.
    first.release()
    second.check()


def test_of_many_that_begin_at_once_one_has_it(database: Database) -> None:
    leases = [lease(database, f"worker {number}") for number in range(6)]
    start = threading.Barrier(len(leases))
    got: list[str] = []

    def begin(own: Lease) -> None:
        start.wait()
        if own.acquire():
            got.append(own.holder)

    threads = [threading.Thread(target=begin, args=(own,)) for own in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
