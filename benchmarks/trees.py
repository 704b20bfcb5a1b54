"""Trees and proofs in memory: ours beside merkletreejs, @openzeppelin/merkle-tree and pymerkle.

    .venv/bin/python -m benchmarks.trees [--most 1000000] [--runs 3]

Each builds a tree over the same number of 32-byte entries, leaf hashes included, and makes proofs for
entries spread over it. Ours keeps what the database keeps: the leaves, and every fourth level. The bare
loop is the limit: the hashes of such a tree and nothing else. (pymerkle hashes with SHA-256, which is
faster than Keccak; its nodes are in memory too.)
"""

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measuring import (
    Measurement,
    in_a_fresh_process,
    median_of,
    print_table,
    shown_time,
    timed_each,
    write_results,
)

PEERS = Path(__file__).parent / "peers"
NODE = Path(__file__).parent.parent / ".venv" / "bin" / "node"
PROOFS = 50
SIZES = (1_000, 10_000, 100_000, 1_000_000)
LARGEST_FOR = {"@openzeppelin/merkle-tree": 1_000_000, "pymerkle": 100_000}


def entries(count: int) -> list[bytes]:
    return [number.to_bytes(32, "big") for number in range(count)]


def bare_loop(count: int) -> dict[str, float]:
    from sha3 import keccak_256

    leaf, node = bytes(33), bytes(65)
    started = time.perf_counter()
    for _ in range(count):
        keccak_256(leaf).digest()
    for _ in range(count - 1):
        keccak_256(node).digest()
    return {"build": time.perf_counter() - started}


def ours(count: int) -> dict[str, float]:
    from anchor.protocol.merkle import LEDGER_TREE, Frontier, leaf_level, root_from_inclusion
    from anchor.protocol.merkle_growth import grow
    from anchor.protocol.merkle_proofs import NodeAt, complete_root, inclusion_path

    source = entries(count)
    started = time.perf_counter()
    frontier, levels = Frontier.empty(), dict[int, list[bytes]]()
    for at in range(0, count, 1 << 14):
        leaves = leaf_level(LEDGER_TREE, source[at : at + (1 << 14)])
        levels.setdefault(0, []).extend(leaves)
        growth = grow(LEDGER_TREE, frontier, leaves)
        frontier = growth.frontier
        for nodes in growth.completed:
            if nodes.height % 4 == 0:
                levels.setdefault(nodes.height, []).extend(nodes.hashes)
    root = frontier.root(LEDGER_TREE)
    built = time.perf_counter() - started

    def read(wanted: Sequence[NodeAt]) -> Mapping[NodeAt, bytes]:
        found = {}
        for node in wanted:
            below = node.height % 4
            stored = levels[node.height - below]
            found[node] = complete_root(
                LEDGER_TREE, stored[node.position << below : (node.position + 1) << below]
            )
        return found

    indexes = [at * count // PROOFS for at in range(PROOFS)]
    paths = [inclusion_path(LEDGER_TREE, index, count, read) for index in indexes]
    proof = median_of(timed_each(lambda at: inclusion_path(LEDGER_TREE, indexes[at], count, read), PROOFS))

    def check(at: int) -> None:
        leaf = LEDGER_TREE.leaf(source[indexes[at]])
        if root_from_inclusion(LEDGER_TREE, leaf, indexes[at], count, paths[at]) != root:
            raise AssertionError("a proof does not lead to the root")

    return {"build": built, "proof": proof, "verify": median_of(timed_each(check, PROOFS))}


def pymerkle(count: int) -> dict[str, float]:
    from pymerkle import InmemoryTree

    source = entries(count)
    started = time.perf_counter()
    tree = InmemoryTree(algorithm="sha256")
    for entry in source:
        tree.append_entry(entry)
    tree.get_state()
    built = time.perf_counter() - started
    indexes = [at * count // PROOFS + 1 for at in range(PROOFS)]
    proof = median_of(timed_each(lambda at: tree.prove_inclusion(indexes[at], count), PROOFS))
    return {"build": built, "proof": proof}


def in_node(peer: str, count: int) -> tuple[dict[str, float], float]:
    name = "merkletreejs" if peer == "merkletreejs" else "openzeppelin"
    node = str(NODE) if NODE.exists() else "node"
    answer = subprocess.run(
        [node, "--max-old-space-size=12000", "trees.mjs", name, str(count), str(PROOFS)],
        cwd=PEERS,
        check=True,
        capture_output=True,
        text=True,
    )
    figures = json.loads(answer.stdout)
    return figures, figures.pop("megabytes")


def measure(name: str, count: int, runs: int) -> list[Measurement]:
    functions = {"anchor": ours, "bare loop": bare_loop, "pymerkle": pymerkle}
    results = [
        in_a_fresh_process(functions[name], count) if name in functions else in_node(name, count)
        for _ in range(runs)
    ]
    peak = statistics.median(megabytes for _, megabytes in results)
    return [
        Measurement(
            f"{name}: {what}", count, median_of([figures[what] for figures, _ in results]), runs, peak
        )
        for what in results[0][0]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if not (PEERS / "node_modules").exists():
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=PEERS, check=True)
    measurements: list[Measurement] = []
    for size in (size for size in SIZES if size <= options.most):
        for name in ("bare loop", "anchor", "merkletreejs", "@openzeppelin/merkle-tree", "pymerkle"):
            if size > LARGEST_FOR.get(name, size):
                continue
            # The slowest peer takes minutes at the largest size: once is enough to rank it.
            runs = 1 if name.startswith("@") and size > 100_000 else options.runs
            measurements += measure(name, size, runs)
    baseline = {one.size: one.seconds for one in measurements if one.name == "anchor: build"}
    print_table(
        "Trees in memory",
        ("what", "leaves", "median", "peak memory", "times Anchor's build"),
        [
            (
                one.name,
                f"{one.size:,}",
                shown_time(one.seconds),
                f"{one.peak_megabytes:.0f} MB",
                f"{one.seconds / baseline[one.size]:.2f}" if one.name.endswith("build") else "",
            )
            for one in measurements
        ],
    )
    print(f"\nwritten to {write_results('trees', measurements)}")


if __name__ == "__main__":
    main()
