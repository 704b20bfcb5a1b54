"""What an anchor costs, per delta, beside what else one could do with a root on the same chain.

    python -m benchmarks.anchoring_cost [--deltas 1 1000 1000000] [--json FILE]

Real deltas are recorded, sealed and anchored on Anvil by the service itself. Beside it, in the same run:
`EAS.timestamp` (the Ethereum Attestation Service as published on npm), and a contract that keeps each root
in a slot of its own. Gas is what counts; the price is the same for all.
"""

import argparse
import json
import subprocess
import tarfile
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import solcx
from rich.console import Console
from rich.table import Table

from anchor.protocol.hashing import keccak
from anchor.protocol.identities import IdentityKey
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.chain.contract import selector
from anchor.server.chain.deploying import send_and_wait
from anchor.server.ledger.clock import SystemClock
from anchor.server.ledger.log import create_log
from anchor.server.ledger.model import Emission
from anchor.server.ledger.recording import Recorder
from anchor.server.ledger.sealing import Sealer
from anchor.server.storage.database import Database
from scripts.compile_contracts import compiler_choice, solc_binary
from tests.fixtures.anchoring import Bench, bench_on
from tests.fixtures.anvil import running_anvil

EAS_PACKAGE: Final = "@ethereum-attestation-service/eas-contracts@1.9.0"
LEDGERS: Final = 1_000
AT_ONCE: Final = 1_000

SLOT_PER_ROOT: Final = """
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// Keeps every root: the way of many anchoring contracts.
contract SlotPerRoot {
    address immutable submitter = msg.sender;
    mapping(uint64 number => bytes32 root) public roots;

    event Anchored(uint64 indexed number, bytes32 root);

    function anchor(uint64 number, bytes32 root) external {
        require(msg.sender == submitter && roots[number] == 0);
        roots[number] = root;
        emit Anchored(number, root);
    }
}
"""


@dataclass(frozen=True)
class Cost:
    """Gas of one transaction that commits to ``deltas`` deltas."""

    way: str
    deltas: int
    gas: int

    @property
    def per_delta(self) -> float:
        """Gas a delta."""
        return self.gas / self.deltas


def measure(counts: list[int], console: Console) -> list[Cost]:
    """Anchor batches of these sizes in every way."""
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder, running_anvil() as anvil:
        database = Database.open(f"sqlite:///{Path(folder) / 'cost.db'}")
        database.migrate()
        identity, clock = IdentityKey.generate(), SystemClock()
        log = create_log(database, identity, bytes(20), clock)
        bench = bench_on(anvil, database, log_id=log.log_id)
        recorder = Recorder(database, log, identity, clock)
        loop = AnchoringLoop(
            database, Sealer(database, log, identity, clock), [bench.connection()], clock, log_id=log.log_id
        )
        others = {
            "EAS.timestamp": (eas(bench, Path(folder)), selector("timestamp(bytes32)")),
            "a slot per root": (slot_per_root(bench), selector("anchor(uint64,bytes32)")),
        }
        # The first anchor writes a slot that was zero; from then on the cost is the same for ever.
        record(recorder, 1, "warm-up")
        anchor_now(bench, loop)
        for count in counts:
            with console.status(f"recording, sealing and anchoring {count:,} deltas"):
                record(recorder, count, f"run of {count}")
                costs.append(Cost("Anchor", count, anchor_now(bench, loop)))
            root = keccak(b"%d" % count)
            for way, (address, function) in others.items():
                number = b"" if way == "EAS.timestamp" else count.to_bytes(32, "big")
                receipt = send_and_wait(bench.node(), bench.owner, address, function + number + root)
                assert receipt.succeeded, way
                costs.append(Cost(way, count, receipt.gas_used))
        bench.check_caught_up()
        database.close()
    return costs


def anchor_now(bench: Bench, loop: AnchoringLoop) -> int:
    """Seal and anchor what is new; return the gas that it took. The node mines after it has answered."""
    deadline = time.monotonic() + 60
    while True:
        loop.run_once()
        gas: int | None = bench.attempt_rows()[-1].gas_used
        if gas is not None:
            return gas
        assert time.monotonic() < deadline, "the anchor was not mined"
        time.sleep(0.05)


def record(recorder: Recorder, count: int, reason: str) -> None:
    """Record so many deltas, spread over many ledgers."""
    for start in range(0, count, AT_ONCE):
        recorder.record(
            [
                Emission(f"customer {number % LEDGERS}", -number, reason)
                for number in range(start, min(count, start + AT_ONCE))
            ]
        )


def eas(bench: Bench, folder: Path) -> bytes:
    """Deploy the Ethereum Attestation Service as it was published, and return its address."""
    packed = subprocess.run(
        ["npm", "pack", "--silent", EAS_PACKAGE], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    with tarfile.open(folder / packed) as archive:
        file = archive.extractfile("package/artifacts/contracts/EAS.sol/EAS.json")
        assert file is not None
        code = bytes.fromhex(json.load(file)["bytecode"].removeprefix("0x"))
    # Its registry of schemas plays no part in timestamps.
    registry = bytes(12) + bench.owner.address
    receipt = send_and_wait(bench.node(), bench.owner, None, code + registry)
    assert receipt.contract_address is not None
    return receipt.contract_address


def slot_per_root(bench: Bench) -> bytes:
    """Compile and deploy the contract above, and return its address."""
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {"SlotPerRoot.sol": {"content": SLOT_PER_ROOT}},
            "settings": {
                **compiler_choice()["settings"],
                "outputSelection": {"*": {"*": ["evm.bytecode.object"]}},
            },
        },
        solc_binary=solc_binary(),
    )
    code = output["contracts"]["SlotPerRoot.sol"]["SlotPerRoot"]["evm"]["bytecode"]["object"]
    receipt = send_and_wait(bench.node(), bench.owner, None, bytes.fromhex(code))
    assert receipt.contract_address is not None
    return receipt.contract_address


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--deltas", type=int, nargs="+", default=[1, 1_000, 1_000_000])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    console = Console()
    costs = measure(arguments.deltas, console)
    table = Table(title="Gas of one anchor")
    for heading in ("way", "deltas in the batch", "gas", "gas per delta"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for cost in costs:
        table.add_row(cost.way, f"{cost.deltas:,}", f"{cost.gas:,}", f"{cost.per_delta:,.3f}")
    console.print(table)
    if arguments.json:
        rows = [asdict(cost) | {"gas_per_delta": cost.per_delta} for cost in costs]
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
