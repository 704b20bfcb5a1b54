"""Group commit: who waits together is committed together, and answered alone."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from anchor.server.ledger.errors import AdjustedDeltaMissing, LedgerError, Overloaded, StorageUnavailable
from anchor.server.ledger.group_commit import GroupCommit
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.storage.database import Database
from tests.fixtures.logs import OpenedLog, open_new_log


class Gate:
    """A recorder whose transactions the test lets through one by one."""

    def __init__(self, opened: OpenedLog) -> None:
        self._recorder = opened.recorder
        self.groups: list[int] = []
        self.entered = threading.Semaphore(0)
        self.allowed = threading.Semaphore(0)
        self.fault: Callable[[Sequence[Emission]], Exception | None] = lambda _: None

    def record(self, emissions: Sequence[Emission]) -> list[Receipt | LedgerError]:
        self.entered.release()
        assert self.allowed.acquire(timeout=30)
        self.groups.append(len(emissions))
        fault = self.fault(emissions)
        if fault is not None:
            raise fault
        return self._recorder.record(emissions)


@pytest.fixture
def gate(database: Database) -> Gate:
    return Gate(open_new_log(database))


def usage(reference: str, **more: Any) -> Emission:
    return Emission("acme", 1, "usage", reference, **more)


def run(group_commit: GroupCommit, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        group_commit.start()
        try:
            await story()
        finally:
            await asyncio.to_thread(group_commit.stop)

    asyncio.run(asyncio.wait_for(whole(), 60))


async def waiting(group_commit: GroupCommit, count: int) -> None:
    while group_commit.waiting != count:
        await asyncio.sleep(0)


async def entered(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.entered.acquire, timeout=30)


def index_of(result: Receipt | LedgerError) -> int:
    assert isinstance(result, Receipt)
    return result.index


def test_what_waits_during_a_commit_shares_the_next_one(gate: Gate) -> None:
    group_commit = GroupCommit(gate)

    async def story() -> None:
        first = asyncio.create_task(group_commit.submit([usage("r-0")]))
        await entered(gate)
        others = [
            asyncio.create_task(group_commit.submit([usage(f"r-{at}"), usage(f"s-{at}")]))
            for at in range(1, 4)
        ]
        await waiting(group_commit, 7)
        gate.allowed.release(2)
        assert index_of((await first)[0]) == 0
        answers = [await other for other in others]
        assert [[index_of(one) for one in answer] for answer in answers] == [[1, 2], [3, 4], [5, 6]]
        assert group_commit.waiting == 0

    run(group_commit, story)
    assert gate.groups == [1, 6]


def test_a_group_has_a_limit(gate: Gate) -> None:
    group_commit = GroupCommit(gate, group_limit=3)
    gate.allowed.release(10)

    async def story() -> None:
        answers = await asyncio.gather(*(group_commit.submit([usage(f"r-{at}")]) for at in range(8)))
        assert sorted(index_of(answer[0]) for answer in answers) == list(range(8))

    run(group_commit, story)
    assert max(gate.groups) <= 3


def test_a_full_queue_turns_away_and_takes_again_later(gate: Gate) -> None:
    group_commit = GroupCommit(gate, queue_limit=2)

    async def story() -> None:
        first = asyncio.create_task(group_commit.submit([usage("r-0"), usage("r-1")]))
        await entered(gate)
        with pytest.raises(Overloaded) as refused:
            await group_commit.submit([usage("r-2")])
        assert refused.value.retry_after_seconds >= 1
        gate.allowed.release(2)
        await first
        assert index_of((await group_commit.submit([usage("r-2")]))[0]) == 2

    run(group_commit, story)


def test_the_texts_that_wait_have_a_limit_too(gate: Gate) -> None:
    group_commit = GroupCommit(gate, queue_bytes=1_000)
    large = b'{"a":"' + b"x" * 600 + b'"}'

    async def story() -> None:
        first = asyncio.create_task(group_commit.submit([usage("r-0", metadata=large)]))
        await entered(gate)
        with pytest.raises(Overloaded):
            await group_commit.submit([usage("r-1", metadata=large)])
        with pytest.raises(Overloaded):
            await group_commit.submit([Emission("acme", 1, "x" * 400)])
        small = asyncio.create_task(group_commit.submit([usage("r-2")]))
        await waiting(group_commit, 2)
        gate.allowed.release(3)
        await asyncio.gather(first, small)
        assert index_of((await group_commit.submit([usage("r-1", metadata=large)]))[0]) == 2

    run(group_commit, story)


def test_a_submission_larger_than_the_queue_is_taken_when_nothing_waits(gate: Gate) -> None:
    group_commit = GroupCommit(gate, queue_limit=2)
    gate.allowed.release()

    async def story() -> None:
        assert len(await group_commit.submit([usage(f"r-{at}") for at in range(5)])) == 5

    run(group_commit, story)


def test_a_refused_item_leaves_its_group_alone(gate: Gate) -> None:
    group_commit = GroupCommit(gate)
    gate.allowed.release(2)

    async def story() -> None:
        bad, good = await asyncio.gather(
            group_commit.submit([usage("r-0", adjusts="nothing")]), group_commit.submit([usage("r-1")])
        )
        assert isinstance(bad[0], AdjustedDeltaMissing)
        assert index_of(good[0]) == 0

    run(group_commit, story)


def test_a_failed_transaction_is_told_to_all_of_it_and_passes(gate: Gate) -> None:
    group_commit = GroupCommit(gate)
    gate.fault = lambda _: StorageUnavailable("the disk is full")

    async def story() -> None:
        first = asyncio.create_task(group_commit.submit([usage("r-0")]))
        await entered(gate)
        others = [asyncio.create_task(group_commit.submit([usage(f"r-{at}")])) for at in (1, 2)]
        await waiting(group_commit, 3)
        gate.allowed.release(3)
        for task in (first, *others):
            with pytest.raises(StorageUnavailable, match="disk is full"):
                await task
        gate.fault = lambda _: None
        assert index_of((await group_commit.submit([usage("r-9")]))[0]) == 0

    run(group_commit, story)
    assert gate.groups == [1, 2, 1]


def test_a_fault_of_ours_fails_only_the_submission_it_is_in(gate: Gate) -> None:
    group_commit = GroupCommit(gate)
    gate.fault = lambda group: ValueError("poison") if any(one.reason == "poison" for one in group) else None
    gate.allowed.release(10)

    async def story() -> None:
        good, bad, other = await asyncio.gather(
            group_commit.submit([usage("r-0")]),
            group_commit.submit([Emission("acme", 1, "poison")]),
            group_commit.submit([usage("r-1")]),
            return_exceptions=True,
        )
        assert isinstance(bad, ValueError)
        assert isinstance(good, list)
        assert isinstance(other, list)
        assert {index_of(good[0]), index_of(other[0])} == {0, 1}

    run(group_commit, story)


def test_who_has_gone_does_not_disturb_the_others(gate: Gate) -> None:
    group_commit = GroupCommit(gate)

    async def story() -> None:
        gone = asyncio.create_task(group_commit.submit([usage("r-0")]))
        await entered(gate)
        gone.cancel()
        stays = asyncio.create_task(group_commit.submit([usage("r-1")]))
        await waiting(group_commit, 2)
        gate.allowed.release(2)
        # What had been taken is recorded, whether or not anyone waits for the answer.
        assert index_of((await stays)[0]) == 1
        assert gone.cancelled()

    run(group_commit, story)


def test_stopping_commits_what_waits_and_takes_no_more(gate: Gate) -> None:
    group_commit = GroupCommit(gate)

    async def story() -> None:
        tasks = [asyncio.create_task(group_commit.submit([usage(f"r-{at}")])) for at in range(3)]
        await waiting(group_commit, 3)
        gate.allowed.release(3)
        await asyncio.to_thread(group_commit.stop)
        assert sorted([index_of((await task)[0]) for task in tasks]) == [0, 1, 2]
        with pytest.raises(StorageUnavailable, match="stopping"):
            await group_commit.submit([usage("r-9")])

    run(group_commit, story)
