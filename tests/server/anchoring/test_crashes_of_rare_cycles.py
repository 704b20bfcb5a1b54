"""A worker that dies in the rarer cycles: it replaces, cancels, takes an anchor back, loses its nonce.

``test_crashes`` kills a process before every call and every write of a plain cycle. Here the worker ends
in this process, before each thing that it changes outside itself, a commit or a broadcast, and at the
end: between two of these all that a restart finds is the same. Once dead it can change nothing more. What
it leaves is taken up by a worker that begins from the database and the chain alone.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import Connection

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.anchoring.repair import cancel_send
from anchor.server.chain.finality import FinalityRule
from anchor.server.storage.database import Database
from tests.fixtures.anchoring import Bench, bench_on
from tests.fixtures.anvil import running_anvil

CHEAP, DEAR = 10**9, 100 * 10**9
RULE = FinalityRule(None, 6)


class Death(BaseException):
    """The process ends here."""


@dataclass
class Life:
    """Counts what a worker changed, once it is ``armed``, and ends it before the change ``last``."""

    last: int | None = None
    armed: bool = False
    changes: int = 0

    def change(self) -> None:
        if self.armed:
            self.changes += 1
            if self.last is not None and self.changes >= self.last:
                raise Death


class MortalDatabase(Database):
    """A database that a worker may die before a commit to."""

    life: Life

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as connection:
            yield connection
            self.life.change()


class MortalEndpoint(HttpEndpoint):
    """An endpoint that a worker may die before a broadcast to."""

    life: Life

    def call(self, method: str, params: Sequence[Any]) -> Any:
        if method == "eth_sendRawTransaction":
            self.life.change()
        return super().call(method, params)


def mine(bench: Bench, base_fee: int) -> None:
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
    bench.mine()


def offer(bench: Bench, loop: AnchoringLoop) -> None:
    """An anchor waits in the pool."""
    bench.press.add()
    loop.run_once()


def stick_for_long(bench: Bench, loop: AnchoringLoop) -> None:
    """The anchor is too cheap for the blocks of half a minute."""
    loop.run_once()
    bench.clock.advance(31_000)
    mine(bench, DEAR)


def stick_and_be_cancelled(bench: Bench, loop: AnchoringLoop) -> None:
    mine(bench, DEAR)
    cancel_send(bench.database, bench.name, bench.clock)


def anchor(bench: Bench, loop: AnchoringLoop) -> None:
    """An anchor is in a block that is not final."""
    offer(bench, loop)
    bench.mine(3)
    loop.run_once()
    assert bench.states() == ["mined"]


def reorganise(bench: Bench, loop: AnchoringLoop) -> None:
    """The blocks since are replaced by others that do not hold it."""
    loop.run_once()
    bench.anvil.rpc("anvil_reorg", 3, [])


def use_the_nonce(bench: Bench, loop: AnchoringLoop) -> None:
    """Another process holds the key, and its transaction is mined in the place of the anchor's."""
    loop.run_once()
    bench.anvil.rpc("anvil_dropAllTransactions")
    account = bench.anvil.accounts[1].address
    bench.anvil.rpc("eth_sendTransaction", {"from": account, "to": account, "nonce": "0x0"})
    mine(bench, CHEAP)
    # Two looks find no receipt: the next is the last.
    loop.run_once()


@dataclass(frozen=True)
class Story:
    """``before`` is on record when the worker begins, which then lives through ``then``, and dies in the
    cycle after it. That cycle, when it lives, leaves the sends in ``states`` after two attempts, or one.
    ``ends``: the sends at last, after so many ``attempts`` and with these ``alarms``; blocks are too dear
    for the first ``too_cheap`` attempts."""

    before: Callable[[Bench, AnchoringLoop], None]
    then: Callable[[Bench, AnchoringLoop], None]
    states: list[str]
    ends: list[str]
    attempts: int
    too_cheap: int = 0
    alarms: frozenset[str] = frozenset()


STORIES = {
    "replaces": Story(offer, stick_for_long, ["sent"], ["final"], 2, too_cheap=1),
    "cancels": Story(offer, stick_and_be_cancelled, ["sent"], ["cancelled", "final"], 3),
    "reorganised": Story(anchor, reorganise, ["sent"], ["final"], 1),
    "nonce used": Story(
        offer,
        use_the_nonce,
        ["superseded", "sent"],
        ["superseded", "final"],
        2,
        alarms=frozenset({"key_used_elsewhere"}),
    ),
}


@pytest.fixture(params=STORIES)
def story(request: pytest.FixtureRequest) -> Story:
    return STORIES[request.param]


@contextmanager
def begun(story: Story, life: Life) -> Iterator[Bench]:
    """The story's beginning, on a chain of its own: a snapshot does not outlive a reorganisation."""
    memory = Path("/dev/shm")
    folder = TemporaryDirectory(dir=memory if memory.is_dir() else None)
    with folder as place, running_anvil("--no-mining") as anvil:
        database = MortalDatabase.open(f"sqlite:///{place}/log.db")
        assert isinstance(database, MortalDatabase)
        database.life = life
        database.migrate()
        bench = bench_on(anvil, database)
        story.before(bench, bench.loop(finality=RULE))
        yield bench
        database.close()


def worker(bench: Bench, life: Life) -> AnchoringLoop:
    endpoint = MortalEndpoint(bench.anvil.url)
    endpoint.life = life
    return bench.loop(endpoints=[endpoint], finality=RULE)


def finish(bench: Bench, story: Story) -> None:
    """Start the worker again, and let it come to the end."""
    loop = bench.loop(finality=RULE)
    for _ in range(4):
        loop.run_once()
        bench.clock.advance(31_000)
        mine(bench, DEAR if len(bench.attempt_rows()) <= story.too_cheap else CHEAP)
    bench.mine(6)
    loop.run_once()


@pytest.mark.slow
def test_a_worker_that_dies_at_any_instant_of_a_rare_cycle_loses_nothing_and_anchors_nothing_twice(
    story: Story,
) -> None:
    last = 0
    ended = False
    while not ended:
        last += 1
        life = Life(last)
        with begun(story, life) as bench:
            loop = worker(bench, life)
            story.then(bench, loop)
            assert (bench.states(), len(bench.attempt_rows())) != (story.states, min(story.attempts, 2))
            life.armed = True
            try:
                loop.run_once()
                ended = True
            except Death:
                assert life.changes == last, "it went on after its end"
            life.armed = False
            if ended:
                assert (bench.states(), len(bench.attempt_rows())) == (story.states, min(story.attempts, 2))
            finish(bench, story)
            assert bench.states() == story.ends, last
            attempts = bench.attempt_rows()
            assert len(attempts) == story.attempts, last
            assert len({one.send for one in attempts}) == len(story.ends), last
            bench.check_caught_up()
            assert set(bench.alarms()) == story.alarms, last
    assert last > 5
