"""The recursive definitions of PROTOCOL sections 4 to 6, written for clarity and nothing else."""

from collections.abc import Mapping, Sequence

from anchor.protocol.hashing import ZERO, keccak


def naive_root(leaf_tag: bytes, node_tag: bytes, entries: Sequence[bytes]) -> bytes:
    """RFC 9162 §2.1.1."""
    if not entries:
        return ZERO
    if len(entries) == 1:
        return keccak(leaf_tag + entries[0])
    split = largest_power_below(len(entries))
    return keccak(
        node_tag
        + naive_root(leaf_tag, node_tag, entries[:split])
        + naive_root(leaf_tag, node_tag, entries[split:])
    )


def naive_inclusion(leaf_tag: bytes, node_tag: bytes, index: int, entries: Sequence[bytes]) -> list[bytes]:
    """RFC 9162 §2.1.3.1."""
    if len(entries) == 1:
        return []
    split = largest_power_below(len(entries))
    left, right = entries[:split], entries[split:]
    if index < split:
        below, beside = naive_inclusion(leaf_tag, node_tag, index, left), right
    else:
        below, beside = naive_inclusion(leaf_tag, node_tag, index - split, right), left
    return [*below, naive_root(leaf_tag, node_tag, beside)]


def naive_consistency(leaf_tag: bytes, node_tag: bytes, old: int, entries: Sequence[bytes]) -> list[bytes]:
    """RFC 9162 §2.1.4.1."""
    if old == 0 or old == len(entries):
        return []
    return _subproof(leaf_tag, node_tag, old, entries, True)


def _subproof(
    leaf_tag: bytes, node_tag: bytes, old: int, entries: Sequence[bytes], known: bool
) -> list[bytes]:
    if old == len(entries):
        return [] if known else [naive_root(leaf_tag, node_tag, entries)]
    split = largest_power_below(len(entries))
    left, right = entries[:split], entries[split:]
    if old <= split:
        return [
            *_subproof(leaf_tag, node_tag, old, left, known),
            naive_root(leaf_tag, node_tag, right),
        ]
    return [
        *_subproof(leaf_tag, node_tag, old - split, right, False),
        naive_root(leaf_tag, node_tag, left),
    ]


def naive_map_root(heads: Mapping[bytes, bytes], depth: int = 0) -> bytes:
    """Section 5, top down over all ledgers."""
    if not heads:
        return ZERO
    if len(heads) == 1:
        ((ledger_id, head),) = heads.items()
        return keccak(b"\x03" + ledger_id + head)
    sides: tuple[dict[bytes, bytes], dict[bytes, bytes]] = ({}, {})
    for ledger_id, head in heads.items():
        sides[int.from_bytes(ledger_id, "big") >> (255 - depth) & 1][ledger_id] = head
    return keccak(b"\x04" + naive_map_root(sides[0], depth + 1) + naive_map_root(sides[1], depth + 1))


def largest_power_below(size: int) -> int:
    power = 1
    while power * 2 < size:
        power *= 2
    return power
