"""The soak: a thousand anchors on Anvil, a fault at every third, and what became of them.

    python -m benchmarks.soak [--anchors 1000] [--seed 1] [--json FILE]

Blocks come on demand: each cycle stands for one block of two seconds, so a thousand anchors take minutes
and a seed gives the same faults in the same places. After each fault the time is counted until the chain
holds the batch that was waiting, from the moment at which the fault ends. At the end the chain's line of
heads is compared with the log, and every mined transaction of the sender with what it was sent for: nothing
lost, no fork, nothing paid for twice, nothing reverted.
"""

import argparse
import json
import logging
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from anchor.node.endpoint import HttpEndpoint
from anchor.protocol.hashing import ZERO
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.chain.contract import ANCHOR, selector
from anchor.server.chain.fees import FeeLimits
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.transactions import Fees, Transaction
from anchor.server.storage.database import Database
from tests.fixtures.anchoring import Bench, bench_on
from tests.fixtures.anvil import running_anvil
from tests.fixtures.rpc_proxy import (
    Call,
    Reply,
    RpcProxy,
    answer,
    lose_answer,
    lose_request,
    refuse,
    running_proxy,
    status,
)

BLOCK_SECONDS: Final = 2
MOST_CYCLES: Final = 400
GWEI: Final = 10**9


class Killed(BaseException):
    """Stands for the end of the process."""


@dataclass
class Soak:
    """A bench, the proxy before its node, and the worker of the moment."""

    bench: Bench
    proxy: RpcProxy
    chance: random.Random
    loop: AnchoringLoop = field(init=False)
    # What is to be undone once a fault has lasted its time.
    later: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    cycles: int = 0
    killed: int = 0

    def __post_init__(self) -> None:
        self.start_worker()

    def start_worker(self) -> None:
        """A new process, as far as memory goes: timers and findings are gone, the database stays."""
        self.loop = self.bench.loop(
            endpoints=[HttpEndpoint(self.proxy.url, timeout=5.0)],
            finality=FinalityRule(None, 4),
            fees=FeeLimits(max_fee=60 * GWEI),
            replace_after=20.0,
        )

    def cycle(self) -> None:
        """One block: undo what is due, let time pass, mine, work."""
        self.cycles += 1
        for due, undo in [entry for entry in self.later if entry[0] <= self.cycles]:
            undo()
            self.later.remove((due, undo))
        self.bench.clock.advance(BLOCK_SECONDS * 1000)
        self.bench.mine()
        self.loop.lease.acquire()
        try:
            for worker in self.loop.workers:
                while worker.step(force=True):
                    pass
        except Killed:
            self.killed += 1
            self.start_worker()

    def after(self, cycles: int, undo: Callable[[], None]) -> None:
        """Undo something when so many cycles have passed."""
        self.later.append((self.cycles + cycles, undo))

    def lasts(self) -> int:
        """For how many cycles a fault lasts."""
        return self.chance.randint(1, 8)

    def waiting(self) -> bool:
        """Whether the chain does not hold the newest batch yet."""
        with self.bench.database.read() as connection:
            root = connection.exec_driver_sql(
                "SELECT anchor_root FROM batches ORDER BY number DESC LIMIT 1"
            ).scalar()
        return self.bench.reader().head() != root


Fault = Callable[[Soak], None]


def for_a_while(method: str, fault: Any) -> Fault:
    """A fault of the proxy that lasts for some cycles."""

    def inject(soak: Soak) -> None:
        soak.proxy.on(method, fault)
        soak.after(soak.lasts(), soak.proxy.heal)

    return inject


def known_already(call: Call) -> Reply:
    """Let the node take it, and say that it had it before."""
    call.forward()
    return refuse("already known")(call)


def killed_before_broadcast(soak: Soak) -> None:
    endpoint = soak.loop.workers[0].connection.endpoints[0]
    original = endpoint.call

    def call(method: str, params: Any) -> Any:
        if method == "eth_sendRawTransaction":
            raise Killed
        return original(method, params)

    endpoint.call = call  # type: ignore[method-assign]


def killed_after_broadcast(soak: Soak) -> None:
    endpoint = soak.loop.workers[0].connection.endpoints[0]
    original = endpoint.call

    def call(method: str, params: Any) -> Any:
        result = original(method, params)
        if method == "eth_sendRawTransaction":
            raise Killed
        return result

    endpoint.call = call  # type: ignore[method-assign]


def reorganisation(soak: Soak) -> None:
    # Never deeper than what is not final yet.
    soak.bench.anvil.rpc("anvil_reorg", soak.chance.randint(1, 3), [])


def dropped_from_the_pool(soak: Soak) -> None:
    soak.loop.lease.acquire()
    soak.loop.workers[0].step(force=True)
    soak.bench.anvil.rpc("anvil_dropAllTransactions")


def fee_spike(soak: Soak) -> None:
    anvil = soak.bench.anvil

    def high() -> None:
        anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(200 * GWEI))

    high()
    for cycle in range(1, soak.lasts()):
        soak.after(cycle, high)
    soak.after(soak.lasts() + 8, lambda: anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI)))


def out_of_funds(soak: Soak) -> None:
    account = "0x" + soak.bench.signer.address.hex()
    soak.bench.anvil.rpc("anvil_setBalance", account, "0x1")
    soak.after(soak.lasts(), lambda: soak.bench.anvil.rpc("anvil_setBalance", account, hex(10**20)))


def key_used_elsewhere(soak: Soak) -> None:
    bench, node = soak.bench, soak.bench.node()
    transaction = Transaction(
        node.chain_id,
        node.nonce(bench.signer.address),
        bench.owner.address,
        1,
        b"",
        21_000,
        Fees(300 * GWEI, 50 * GWEI),
    )
    node.broadcast(bench.signer.sign(transaction).raw)


def submitter_changed(soak: Soak) -> None:
    def name(address: bytes) -> None:
        bench, node = soak.bench, soak.bench.node()
        transaction = Transaction(
            node.chain_id,
            node.nonce(bench.owner.address),
            bench.contract,
            0,
            selector("nameSubmitter(address)") + bytes(12) + address,
            100_000,
            Fees(300 * GWEI, 50 * GWEI),
        )
        node.broadcast(bench.owner.sign(transaction).raw)

    def name_back() -> None:
        if soak.bench.reader().submitter() != soak.bench.signer.address:
            name(soak.bench.signer.address)
            soak.after(2, name_back)

    name(soak.bench.owner.address)
    # Once the first one is mined: both have the owner's nonce.
    soak.after(soak.lasts() + 1, name_back)


def clock_jumps(soak: Soak) -> None:
    soak.bench.clock.ms += soak.chance.choice([-(10**9), 10**9])


def node_restarts_on_another_chain(soak: Soak) -> None:
    soak.proxy.on("eth_chainId", answer("0x63"))
    soak.after(soak.lasts(), soak.proxy.heal)


FAULTS: Final[dict[str, Fault]] = {
    "answer to a broadcast lost": for_a_while("eth_sendRawTransaction", lose_answer),
    "broadcast lost": for_a_while("eth_sendRawTransaction", lose_request),
    "endpoint down": for_a_while("*", lose_request),
    "429 Too Many Requests": for_a_while("*", status(429)),
    "503 Service Unavailable": for_a_while("*", status(503)),
    "already known": for_a_while("eth_sendRawTransaction", known_already),
    "replacement underpriced": for_a_while(
        "eth_sendRawTransaction", refuse("replacement transaction underpriced")
    ),
    "receipts missing": for_a_while("eth_getTransactionReceipt", answer(None)),
    "stale head": for_a_while("eth_call", answer("0x" + ZERO.hex())),
    "wrong chain id": node_restarts_on_another_chain,
    "killed before the broadcast": killed_before_broadcast,
    "killed after the broadcast": killed_after_broadcast,
    "reorganisation": reorganisation,
    "dropped from the pool": dropped_from_the_pool,
    "fee spike above the cap": fee_spike,
    "out of funds": out_of_funds,
    "nonce used by someone else": key_used_elsewhere,
    "submitter changed and back": submitter_changed,
    "clock jumps": clock_jumps,
}


@dataclass
class Result:
    """What the soak found."""

    anchors: int
    faults: int
    lost: int
    forks: int
    double_spends: int
    reverted: int
    transactions: int
    killed: int
    seconds: float
    recovery: dict[str, list[int]]

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, forked, paid for twice, or reverted."""
        return not (self.lost or self.forks or self.double_spends or self.reverted)


def run(anchors: int, seed: int, progress: Callable[[int], None]) -> Result:
    """Anchor so many batches with a fault at every third, and count."""
    began = time.monotonic()
    chance = random.Random(seed)
    recovery: dict[str, list[int]] = defaultdict(list)
    names = list(FAULTS)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_anvil("--no-mining", "--slots-in-an-epoch", "8") as anvil,
        running_proxy(anvil.url) as proxy,
    ):
        database = Database.open(f"sqlite:///{Path(folder) / 'soak.db'}")
        database.migrate()
        soak = Soak(bench_on(anvil, database), proxy, chance)
        faults = 0
        for number in range(1, anchors + 1):
            soak.bench.press.press()
            fault = None
            if number % 3 == 0:
                # Each class in turn, in an order drawn anew for each round.
                if faults % len(names) == 0:
                    chance.shuffle(names)
                fault = names[faults % len(names)]
                faults += 1
                FAULTS[fault](soak)
            before = over = soak.cycles
            while soak.waiting() or soak.later:
                soak.cycle()
                if soak.later:
                    over = soak.cycles
                if soak.cycles - before > MOST_CYCLES:
                    raise SystemExit(
                        f"batch {number} was not anchored {MOST_CYCLES} blocks after {fault}: "
                        f"{soak.bench.alarms()}, {soak.bench.states()[-3:]}"
                    )
            if fault is not None:
                recovery[fault].append((soak.cycles - over) * BLOCK_SECONDS)
            progress(number)
        for _ in range(80):
            soak.cycle()
        result = judge(soak, anchors, faults, time.monotonic() - began, recovery)
        database.close()
    return result


def judge(soak: Soak, anchors: int, faults: int, seconds: float, recovery: dict[str, list[int]]) -> Result:
    """Compare the chain's line of heads with the log, by the chain's own events."""
    bench = soak.bench
    line = bench.line()
    with bench.database.read() as connection:
        roots = {
            number: bytes(root)
            for number, root in connection.exec_driver_sql("SELECT number, anchor_root FROM batches")
        }
    forks = sum(
        event.previous_head != previous
        for event, previous in zip(line, [ZERO, *[event.new_head for event in line]], strict=False)
    )
    foreign = sum(roots.get(event.number) != event.new_head for event in line)
    numbers = [event.number for event in line]
    attempts = bench.attempt_rows()
    recorded = {row.batch for row in bench.anchor_rows() if row.state == "final"}
    return Result(
        anchors=anchors,
        faults=faults,
        # A batch is safe if it, or a later one, is in the chain, and the database knows all that are.
        lost=len(roots) - max(numbers, default=0) + len(set(numbers) - recorded),
        forks=forks + foreign,
        double_spends=paid_twice(bench),
        reverted=sum(attempt.succeeded is False for attempt in attempts),
        transactions=sum(attempt.succeeded is not None for attempt in attempts),
        killed=soak.killed,
        seconds=seconds,
        recovery=dict(recovery),
    )


def paid_twice(bench: Bench) -> int:
    """Count the mined transactions, beyond the first, that anchor one batch or one root: by the chain's
    blocks and not by what is on record, failed ones included."""
    newest = bench.node().tallest_block().number
    roots: list[bytes] = []
    batches: list[bytes] = []
    for number in range(newest + 1):
        block = bench.anvil.rpc("eth_getBlockByNumber", hex(number), True)
        for transaction in block["transactions"]:
            data = bytes.fromhex(transaction["input"][2:])
            if transaction["to"] == "0x" + bench.contract.hex() and data[:4] == ANCHOR:
                roots.append(data[36:68])
                batches.append(data[68:100])
    return max(len(roots) - len(set(roots)), len(batches) - len(set(batches)))


def table_of(result: Result) -> Table:
    """The result for a person."""
    table = Table(title=f"{result.anchors} batches, {result.faults} faults, {result.seconds:.0f} s")
    for heading in ("fault", "times", "recovered after (s): median", "longest"):
        table.add_column(heading, justify="left" if heading == "fault" else "right")
    for name in FAULTS:
        times = result.recovery.get(name, [])
        if times:
            table.add_row(name, str(len(times)), f"{median(times):.0f}", str(max(times)))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--anchors", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    logging.getLogger("anchor.anchoring").setLevel(logging.CRITICAL)
    console = Console()
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("anchoring", total=arguments.anchors)
        result = run(arguments.anchors, arguments.seed, lambda done: bar.update(task, completed=done))
    console.print(table_of(result))
    console.print(
        f"lost {result.lost}, forks {result.forks}, double spends {result.double_spends}; "
        f"{result.transactions} transactions mined, {result.reverted} of them reverted; "
        f"the worker was killed {result.killed} times"
    )
    if arguments.json:
        content = {key: value for key, value in vars(result).items() if key != "recovery"}
        content["recovery_seconds"] = {
            name: {"times": len(times), "median": median(times), "longest": max(times)}
            for name, times in result.recovery.items()
        }
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")
    if not result.clean:
        sys.exit(1)


if __name__ == "__main__":
    main()
