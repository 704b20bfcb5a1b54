"""Measure what the contracts cost on eth-tester and write docs/gas.md.

python -m scripts.gas_report           writes docs/gas.md
python -m scripts.gas_report --check   exits 1 where docs/gas.md says something else
"""

from __future__ import annotations

import json
import sys
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
from scripts.compile_contracts import ARTIFACT, ROOT, compiled

REPORT = ROOT / "docs/gas.md"
MOST_AN_ANCHOR_MAY_COST = 32_000
LOG_ID = keccak(b"the log of the gas report")
BATCH_SIZES = (1, 1_000, 1_000_000)


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
    dearest_anchor: int
    anchors: tuple[AnchorCost, ...]
    proofs: dict[str, int]


def measure() -> GasReport:
    """Run everything once on a fresh chain. The same sources give the same figures."""
    web3 = Web3(EthereumTesterProvider(EthereumTester(PyEVMBackend())))
    owner, submitter, successor = list(web3.eth.accounts)[:3]
    artifact = json.loads(ARTIFACT.read_text())
    log, deployment = deploy(web3, artifact["abi"], artifact["bytecode"], LOG_ID, owner, submitter)

    def send(sender: str, name: str, *arguments: Any) -> int:
        sent = log.functions[name](*arguments).transact({"from": sender})
        return web3.eth.wait_for_transaction_receipt(sent)["gasUsed"]

    # A head without a zero byte, and a number of eight bytes: calldata at its dearest.
    dear, dearer = bytes([0xAA] * 32), bytes([0xBB] * 32)
    transactions = {"deploy an AnchorLog": deployment}
    transactions["the first anchor of a log"] = send(submitter, "anchor", ZERO, dear, 1)
    dearest = send(submitter, "anchor", dear, dearer, 2**64 - 1)
    anchors, head = [], dearer
    for deltas, root in zip(BATCH_SIZES, batch_roots(), strict=True):
        arguments = (head, root, 7)
        total = send(submitter, "anchor", *arguments)
        calldata = bytes.fromhex(log.encode_abi("anchor", list(arguments)).removeprefix("0x"))
        anchors.append(AnchorCost(deltas, total, total - sum(16 if byte else 4 for byte in calldata)))
        head = root
    transactions["pin the head"] = send(successor, "pin")
    transactions["pin it again"] = send(successor, "pin")
    transactions["name another submitter"] = send(owner, "nameSubmitter", successor)
    transactions["offer the ownership"] = send(owner, "transferOwnership", successor)
    transactions["accept the ownership"] = send(successor, "acceptOwnership")
    return GasReport(transactions, dearest, tuple(anchors), dict(proof_costs(web3)))


def batch_roots() -> Iterator[bytes]:
    """The anchored roots of batches in which one ledger grew by 1, 1,000 and 1,000,000 deltas."""
    leaves: list[bytes] = []
    roots: list[bytes] = []
    for number, deltas in enumerate(BATCH_SIZES, start=1):
        start = len(leaves)
        leaves += [LEDGER_TREE.leaf(keccak(u64(index))) for index in range(start, start + deltas)]
        head = head_hash(len(leaves), tree_root(LEDGER_TREE, leaves))
        history = tree_root(HISTORY_TREE, [HISTORY_TREE.leaf(root) for root in roots])
        map_root = root_from_presence(keccak(b"ledger"), head, [])
        roots.append(Batch(number, history, map_root, 1_767_225_600_000 + number).anchor_root(LOG_ID))
        yield roots[-1]


def proof_costs(web3: Web3) -> Iterator[tuple[str, int]]:
    """What a transaction costs that does nothing but verify one delta, in a map of about 1,000 ledgers."""
    harness_output = compiled("contracts/test/AnchorProofHarness.sol", "AnchorProofHarness")
    harness, _ = deploy(web3, harness_output["abi"], harness_output["evm"]["bytecode"]["object"])
    separator = domain_separator(LOG_ID)
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
        verify = harness.functions.verifyDelta(LOG_ID, batch.anchor_root(LOG_ID), proof)
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
    lines = [
        "# What the contracts cost",
        "",
        "Measured on eth-tester by `python -m scripts.gas_report`, which wrote this page. A test measures",
        "again and fails where a figure changed, or where an anchor costs more than "
        f"{MOST_AN_ANCHOR_MAY_COST:,} gas.",
        "",
        "## An anchor, in steady state",
        "",
        "One storage slot changes, whatever the batch holds. The execution is the same to the unit; in all,",
        "two anchors differ by the zero bytes that their roots happen to have (12 gas each).",
        "",
        "| deltas in the batch | gas | of which calldata | execution | gas per delta |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {cost.deltas:,} | {cost.total:,} | {cost.total - cost.execution:,} | {cost.execution:,} "
        f"| {cost.total / cost.deltas:,.3f} |"
        for cost in report.anchors
    ]
    lines += [
        "",
        "The dearest that an anchor can be, with no zero byte in a root or number: "
        f"{report.dearest_anchor:,} gas.",
        "",
        "## Everything else that AnchorLog does",
        "",
        "| transaction | gas |",
        "| --- | ---: |",
        *(f"| {name} | {gas:,} |" for name, gas in report.transactions.items()),
        "",
        "## Verifying a delta with AnchorProof",
        "",
        "A whole transaction that verifies one delta and does nothing else, in a map of about 1,000 ledgers",
        "(10 siblings).",
        "",
        "| deltas in the ledger | gas |",
        "| ---: | ---: |",
        *(f"| {size} | {gas:,} |" for size, gas in report.proofs.items()),
    ]
    return "\n".join(lines) + "\n"


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
