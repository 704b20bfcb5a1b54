"""Measure what the contracts cost on eth-tester and write docs/gas.md.

python -m scripts.gas_report           writes docs/gas.md
python -m scripts.gas_report --check   exits 1 where docs/gas.md says something else
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, Web3
from web3.contract import Contract

from anchor.protocol.batch import Batch
from anchor.protocol.fingerprint import Delta, domain_separator, fingerprint
from anchor.protocol.hashing import ZERO, keccak, u64
from anchor.protocol.ledger_map import head_hash, root_from_presence
from anchor.protocol.merkle import (
    HISTORY_TREE,
    LEDGER_TREE,
    inclusion_length,
    root_from_inclusion,
    tree_root,
)
from scripts.compile_contracts import HUB_ARTIFACT, ROOT, compiled

REPORT = ROOT / "docs/gas.md"
FORK = "Prague"
"""What eth-tester's py-evm runs by default."""
MOST_AN_ANCHOR_MAY_COST = 33_000
"""One slot that is not zero is rewritten, on the fork above."""
MOST_THAT_OPENING_A_LOG_MAY_COST = 100_000
IDENTITY_KEY = keccak(b"the identity key of the gas report")
BATCH_SIZES = (1, 1_000, 1_000_000)
DEPLOYING, OPENING, FIRST_ANCHOR = "put the hub on a chain", "open a log", "the first anchor of a log"
PINNING, NAMING, OFFERING = "pin the head", "name another submitter", "offer the log"


@dataclass(frozen=True)
class Touched:
    """What a transaction touches of a chain's state: by these a fork can change its price.

    Slots are counted once each: read only, written where something stood, written where nothing stood.
    """

    read: int = 0
    rewritten: int = 0
    filled: int = 0
    code: int = 0
    """Bytes of code that are created."""

    def gas(self, prices: Prices) -> int:
        """What a fork takes for it, the transaction's base included; all of it is cold."""
        slots = self.read + self.rewritten + self.filled
        return (
            prices.transaction
            + slots * prices.cold_slot
            + self.rewritten * prices.rewrite
            + self.filled * prices.fill
            + self.code * prices.code_byte
        )


@dataclass(frozen=True)
class Prices:
    """A fork's gas: of a transaction and the account that it is sent to, of slots beside the cold access."""

    transaction: int
    cold_slot: int
    rewrite: int
    fill: int
    code_byte: int


PRAGUE = Prices(21_000, 2_100, 2_900, 20_000, 200)
NEXT_FORK = Prices(12_000 + 3_000, 2_100, 10_000, 10_000 + 97_920, 1_530)
"""EIP-2780, 8037 and 8038 as clients have them in 2026-12: not final, and not run here."""

TOUCHED = {
    OPENING: Touched(filled=2),
    FIRST_ANCHOR: Touched(read=1, filled=1),
    PINNING: Touched(read=1, filled=1),
    NAMING: Touched(read=1, rewritten=1),
    OFFERING: Touched(read=1, filled=1),
}
STEADY_ANCHOR = Touched(read=1, rewritten=1)


@dataclass(frozen=True)
class AnchorCost:
    """What one anchor cost: in all, and without what its calldata costs (4 a zero byte, 16 any other)."""

    deltas: int
    total: int
    execution: int


@dataclass(frozen=True)
class GasReport:
    """Gas of every transaction, by what it does; of steady anchors, by the size of the batch."""

    transactions: dict[str, int]
    code_size: int
    dearest_anchor: int
    anchors: tuple[AnchorCost, ...]
    proofs: dict[str, int]

    def on_the_next_fork(self, name: str) -> int | None:
        """What a transaction would cost there, computed; None where a refund or a creation plays a part."""
        touched = TOUCHED.get(name)
        return None if touched is None else repriced(self.transactions[name], touched)


def repriced(measured: int, touched: Touched) -> int:
    """Measured gas with what the fork before took for the state exchanged for what the next one takes."""
    return measured - touched.gas(PRAGUE) + touched.gas(NEXT_FORK)


def measure() -> GasReport:
    """Run everything once on a fresh chain. The same sources give the same figures."""
    web3 = Web3(EthereumTesterProvider(EthereumTester(PyEVMBackend())))
    owner, submitter, successor = list(web3.eth.accounts)[:3]
    artifact = json.loads(HUB_ARTIFACT.read_text())
    hub, deployment = deploy(web3, artifact["abi"], artifact["bytecode"])
    log_id = bytes(hub.functions.open(IDENTITY_KEY, submitter).call({"from": owner}))

    def send(sender: str, name: str, *arguments: Any) -> int:
        sent = hub.functions[name](*arguments).transact({"from": sender})
        return web3.eth.wait_for_transaction_receipt(sent)["gasUsed"]

    # A head without a zero byte, and a number of eight bytes: calldata at its dearest.
    dear, dearer = bytes([0xAA] * 32), bytes([0xBB] * 32)
    transactions = {DEPLOYING: deployment, OPENING: send(owner, "open", IDENTITY_KEY, submitter)}
    transactions[FIRST_ANCHOR] = send(submitter, "anchor", log_id, ZERO, dear, 1)
    dearest = send(submitter, "anchor", log_id, dear, dearer, 2**64 - 1)
    anchors, head = [], dearer
    for deltas, root in zip(BATCH_SIZES, batch_roots(log_id), strict=True):
        arguments = (log_id, head, root, 7)
        total = send(submitter, "anchor", *arguments)
        calldata = bytes.fromhex(hub.encode_abi("anchor", list(arguments)).removeprefix("0x"))
        anchors.append(AnchorCost(deltas, total, total - sum(16 if byte else 4 for byte in calldata)))
        head = root
    transactions[PINNING] = send(successor, "pin", log_id, head)
    transactions["pin it again"] = send(successor, "pin", log_id, head)
    transactions[NAMING] = send(owner, "nameSubmitter", log_id, successor)
    transactions[OFFERING] = send(owner, "transferOwnership", log_id, successor)
    transactions["accept the log"] = send(successor, "acceptOwnership", log_id)
    code_size = len(web3.eth.get_code(hub.address))
    return GasReport(transactions, code_size, dearest, tuple(anchors), dict(proof_costs(web3, log_id)))


def batch_roots(log_id: bytes) -> Iterator[bytes]:
    """The anchored roots of batches in which one ledger grew by 1, 1,000 and 1,000,000 deltas."""
    leaves: list[bytes] = []
    roots: list[bytes] = []
    for number, deltas in enumerate(BATCH_SIZES, start=1):
        start = len(leaves)
        leaves += [LEDGER_TREE.leaf(keccak(u64(index))) for index in range(start, start + deltas)]
        head = head_hash(len(leaves), tree_root(LEDGER_TREE, leaves))
        history = tree_root(HISTORY_TREE, [HISTORY_TREE.leaf(root) for root in roots])
        map_root = root_from_presence(keccak(b"ledger"), head, [])
        roots.append(Batch(number, history, map_root, 1_767_225_600_000 + number).anchor_root(log_id))
        yield roots[-1]


def proof_costs(web3: Web3, log_id: bytes) -> Iterator[tuple[str, int]]:
    """What a transaction costs that does nothing but verify one delta, in a map of about 1,000 ledgers."""
    harness_output = compiled("contracts/test/AnchorProofHarness.sol", "AnchorProofHarness")
    harness, _ = deploy(web3, harness_output["abi"], harness_output["evm"]["bytecode"]["object"])
    separator = domain_separator(log_id)
    siblings = [keccak(b"sibling" + u64(depth)) for depth in range(10)]
    for size in (1, 1_000, 1_000_000, 1_000_000_000):
        index = size // 2
        texts = keccak(b"reason"), keccak(b"referenceId"), keccak(b"metadata")
        amounts, times = (-(10**18), 10**24), (1_767_225_600_000, 1_767_225_600_001)
        ledger_id = keccak(b"ledger")
        delta = Delta(ledger_id, index, *amounts, *times, *texts, ZERO)
        path = [keccak(b"path" + u64(height)) for height in range(inclusion_length(index, size))]
        leaf = LEDGER_TREE.leaf(fingerprint(separator, delta))
        head = head_hash(size, root_from_inclusion(LEDGER_TREE, leaf, index, size, path))
        batch = Batch(9, keccak(b"history"), root_from_presence(ledger_id, head, siblings), 1_767_225_600_002)
        proof = (astuple(delta), size, path, siblings, astuple(batch))
        verify = harness.functions.verifyDelta(log_id, batch.anchor_root(log_id), proof)
        verify.call()
        sent = verify.transact()
        yield f"{size:,}", web3.eth.wait_for_transaction_receipt(sent)["gasUsed"]


def deploy(web3: Web3, abi: Any, bytecode: str, *arguments: Any) -> tuple[Contract, int]:
    """Deploy a contract; return it and the gas that this took."""
    sent = web3.eth.contract(abi=abi, bytecode=bytecode).constructor(*arguments).transact()
    receipt = web3.eth.wait_for_transaction_receipt(sent)
    address = receipt["contractAddress"]
    assert address is not None
    return web3.eth.contract(address=address, abi=abi), receipt["gasUsed"]


def report_text(report: GasReport) -> str:
    """The page, as it stands in docs/gas.md."""
    next_anchor = repriced(report.anchors[0].total, STEADY_ANCHOR)
    next_dearest = repriced(report.dearest_anchor, STEADY_ANCHOR)
    lines = [
        "# What the contracts cost",
        "",
        _paragraph(
            f"Measured on eth-tester, which runs the rules of the {FORK} fork, by",
            "`python -m scripts.gas_report`, which wrote this page. A test measures again and fails where a",
            f"figure changed, where an anchor costs more than {MOST_AN_ANCHOR_MAY_COST:,} gas on {FORK} (one",
            "slot that is not zero is rewritten), or where opening a log costs more than",
            f"{MOST_THAT_OPENING_A_LOG_MAY_COST:,}.",
        ),
        "",
        _paragraph(
            "What a column *next fork* holds was **computed, not run**: the measured gas, with what",
            f"{FORK} takes for a transaction and its storage exchanged for the constants of EIP-2780,",
            "EIP-8037 and EIP-8038 as clients had them in December 2026:",
            f"{NEXT_FORK.transaction:,} for a transaction to a contract (was {PRAGUE.transaction:,}),",
            f"{NEXT_FORK.cold_slot:,} for a cold slot (the same), {NEXT_FORK.rewrite:,} to rewrite it (was",
            f"{PRAGUE.rewrite:,}), {NEXT_FORK.fill:,} to fill an empty one (was {PRAGUE.fill:,}),",
            f"{NEXT_FORK.code_byte:,} for a byte of new code (was {PRAGUE.code_byte:,}).",
            "They may still change.",
        ),
        "",
        "## An anchor, in steady state",
        "",
        "One storage slot changes, whatever the batch holds. The execution is the same to the unit; in all,",
        "two anchors differ by the zero bytes that their roots happen to have (12 gas each).",
        "",
        f"| deltas in the batch | gas ({FORK}) | of which calldata | execution | gas per delta |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {cost.deltas:,} | {cost.total:,} | {cost.total - cost.execution:,} | {cost.execution:,} "
        f"| {cost.total / cost.deltas:,.3f} |"
        for cost in report.anchors
    ]
    lines += [
        "",
        "The dearest that an anchor can be, with no zero byte in a log id, root or number: "
        f"{report.dearest_anchor:,} gas.",
        f"On the next fork (computed): {next_anchor:,} for the first line, {next_dearest:,} at the dearest.",
        "",
        "## Everything else that AnchorHub does",
        "",
        f"| transaction | gas ({FORK}) | next fork (computed) |",
        "| --- | ---: | ---: |",
        *(
            f"| {name} | {gas:,} | {_or_dash(report.on_the_next_fork(name))} |"
            for name, gas in report.transactions.items()
        ),
        "",
        _paragraph(
            "The hub is put on a chain once, by whoever comes first; a log is opened in it, and deploys",
            f"nothing. On the next fork the hub's {report.code_size:,} bytes of code alone would cost",
            f"{report.code_size * NEXT_FORK.code_byte:,}. Where a dash stands, a refund or the price of a",
            "new account plays a part, which these constants do not tell.",
        ),
        "",
        "## Verifying a delta with AnchorProof",
        "",
        "A whole transaction that verifies one delta and does nothing else, in a map of about 1,000 ledgers",
        "(10 siblings).",
        "",
        f"| deltas in the ledger | gas ({FORK}) |",
        "| ---: | ---: |",
        *(f"| {size} | {gas:,} |" for size, gas in report.proofs.items()),
    ]
    return "\n".join(lines) + "\n"


def _paragraph(*parts: str) -> str:
    return textwrap.fill(" ".join(parts), 110, break_long_words=False, break_on_hyphens=False)


def _or_dash(gas: int | None) -> str:
    return "—" if gas is None else f"{gas:,}"


def main(arguments: list[str]) -> int:
    text = report_text(measure())
    if arguments == ["--check"]:
        if REPORT.read_text() != text:
            print("docs/gas.md is not what the contracts cost; run python -m scripts.gas_report")
            return 1
        return 0
    REPORT.write_text(text)
    print("wrote docs/gas.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
