"""Section 5: the map of ledgers, a binary sparse Merkle tree keyed by the bits of the ledger id.

``head = H(0x02 ‖ u64(size) ‖ ledgerRoot)``, ``leaf = H(0x03 ‖ ledgerId ‖ head)`` and
``node = H(0x04 ‖ left ‖ right)``. A subtree with no ledger is ZERO; one with exactly one ledger is
that ledger's leaf, at whatever depth; any other is a node. The map never loses a ledger.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from anchor.protocol.errors import ProofError, hex_of
from anchor.protocol.hashing import (
    TAG_LEDGER_HEAD,
    TAG_MAP_LEAF,
    TAG_MAP_NODE,
    ZERO,
    Bytes32,
    keccak,
    u64,
)

MAX_DEPTH: Final = 256


def head_hash(size: int, ledger_root: Bytes32) -> Bytes32:
    """Return ``H(0x02 ‖ u64(size) ‖ ledgerRoot)``: what the map holds for a ledger."""
    return keccak(TAG_LEDGER_HEAD + u64(size) + ledger_root)


def map_leaf(ledger_id: Bytes32, head: Bytes32) -> Bytes32:
    """Return ``H(0x03 ‖ ledgerId ‖ head)``."""
    return keccak(TAG_MAP_LEAF + ledger_id + head)


def map_node(left: Bytes32, right: Bytes32) -> Bytes32:
    """Return ``H(0x04 ‖ left ‖ right)``."""
    return keccak(TAG_MAP_NODE + left + right)


class Position(NamedTuple):
    """A place in the map: the first ``depth`` bits of every key below it, as an integer."""

    depth: int
    prefix: int

    def child(self, bit: int) -> "Position":
        """The place one bit further down."""
        return Position(self.depth + 1, (self.prefix << 1) | bit)


ROOT: Final = Position(0, 0)


@dataclass(frozen=True, slots=True)
class MapLeaf:
    """A subtree with exactly one ledger in it."""

    ledger_id: Bytes32
    head: Bytes32

    @property
    def hash(self) -> Bytes32:
        """The hash of the subtree."""
        return map_leaf(self.ledger_id, self.head)


@dataclass(frozen=True, slots=True)
class MapBranch:
    """A subtree with two or more ledgers in it."""

    hash: Bytes32


MapNode: TypeAlias = MapLeaf | MapBranch
ReadMapNodes: TypeAlias = Callable[[Sequence[Position]], Mapping[Position, MapNode]]
"""Gives the nodes at the places asked for; a place left out is empty."""


@dataclass(frozen=True, slots=True)
class MapUpdate:
    """The new root, and every node that is new or has another hash than before."""

    root: Bytes32
    written: dict[Position, MapNode]


@dataclass(frozen=True, slots=True)
class MapPath:
    """The siblings from the root down to where a key's way ends, and what is there."""

    siblings: tuple[Bytes32, ...]
    found: MapLeaf | None


def bit_of(key: Bytes32, depth: int) -> int:
    """Return the bit of ``key`` that decides below ``depth``, most significant first."""
    return (key[depth >> 3] >> (7 - (depth & 7))) & 1


def update_map(read_nodes: ReadMapNodes, changes: Mapping[Bytes32, Bytes32]) -> MapUpdate:
    """Set the heads of some ledgers (ledger id to head) and recompute only what lies above them.

    The store is asked level by level, once a level, for the changed places and their siblings.
    """
    places: dict[Position, MapNode] = dict(read_nodes([ROOT]))
    if not changes:
        root = places.get(ROOT)
        return MapUpdate(ZERO if root is None else root.hash, {})
    opened = _open_places(read_nodes, places, changes)
    written: dict[Position, MapNode] = {}
    for position, leaves in opened.ends:
        _plant(position, sorted(leaves.items()), written)
    for position in reversed(opened.branches):
        left, right = (written.get(position.child(bit)) or places.get(position.child(bit)) for bit in (0, 1))
        written[position] = MapBranch(
            map_node(ZERO if left is None else left.hash, ZERO if right is None else right.hash)
        )
    changed = {place: node for place, node in written.items() if places.get(place) != node}
    return MapUpdate(written[ROOT].hash, changed)


@dataclass(slots=True)
class _Opened:
    """The branches on the way of the changed keys, from the root down, and where the ways end."""

    branches: list[Position]
    ends: list[tuple[Position, dict[Bytes32, Bytes32]]]


def _open_places(
    read_nodes: ReadMapNodes, places: dict[Position, MapNode], changes: Mapping[Bytes32, Bytes32]
) -> _Opened:
    opened = _Opened([], [])
    level: list[tuple[Position, dict[Bytes32, Bytes32]]] = [(ROOT, dict(changes))]
    while level:
        below: list[tuple[Position, dict[Bytes32, Bytes32]]] = []
        for position, keys in level:
            node = places.get(position)
            if isinstance(node, MapBranch):
                opened.branches.append(position)
                sides: tuple[dict[Bytes32, Bytes32], dict[Bytes32, Bytes32]] = ({}, {})
                for key, head in keys.items():
                    sides[bit_of(key, position.depth)][key] = head
                below.extend((position.child(bit), sides[bit]) for bit in (0, 1))
            elif keys:
                if isinstance(node, MapLeaf):
                    keys.setdefault(node.ledger_id, node.head)
                opened.ends.append((position, keys))
        if below:
            places.update(read_nodes([position for position, _ in below]))
        level = [(position, keys) for position, keys in below if keys]
    return opened


def _plant(
    position: Position, leaves: Sequence[tuple[Bytes32, Bytes32]], written: dict[Position, MapNode]
) -> Bytes32:
    """Build the subtree over ``leaves`` (sorted by ledger id) at ``position`` and return its hash."""
    if not leaves:
        return ZERO
    if len(leaves) == 1:
        leaf = MapLeaf(*leaves[0])
        written[position] = leaf
        return leaf.hash
    cut = next(
        (at for at, (key, _) in enumerate(leaves) if bit_of(key, position.depth)),
        len(leaves),
    )
    branch = MapBranch(
        map_node(
            _plant(position.child(0), leaves[:cut], written),
            _plant(position.child(1), leaves[cut:], written),
        )
    )
    written[position] = branch
    return branch.hash


def map_path(read_nodes: ReadMapNodes, ledger_id: Bytes32) -> MapPath:
    """Return the way of a key: a proof of presence where ``found`` is its leaf, of absence otherwise."""
    position = ROOT
    node = read_nodes([ROOT]).get(ROOT)
    siblings: list[Bytes32] = []
    while isinstance(node, MapBranch):
        bit = bit_of(ledger_id, position.depth)
        pair = (position.child(0), position.child(1))
        nodes = read_nodes(pair)
        sibling = nodes.get(pair[1 - bit])
        siblings.append(ZERO if sibling is None else sibling.hash)
        position, node = pair[bit], nodes.get(pair[bit])
    return MapPath(tuple(siblings), node)


def root_from_presence(ledger_id: Bytes32, head: Bytes32, siblings: Sequence[Bytes32]) -> Bytes32:
    """Return the map root under which ``ledger_id`` has ``head``.

    ``siblings`` run from the root down. Raises ProofError where there are more than 256.
    """
    return _fold("map presence", ledger_id, map_leaf(ledger_id, head), siblings)


def root_from_absence(ledger_id: Bytes32, siblings: Sequence[Bytes32], other: MapLeaf | None) -> Bytes32:
    """Return the map root under which ``ledger_id`` has no ledger.

    Its place is empty, or holds the only leaf ``other``, whose id differs and shares the first
    ``len(siblings)`` bits. Raises ProofError where ``other`` does not stand in this place.
    """
    step = "map absence"
    _require_siblings(step, siblings)
    if other is None:
        return _fold(step, ledger_id, ZERO, siblings)
    if other.ledger_id == ledger_id:
        raise ProofError(step, "a leaf of another ledger", hex_of(other.ledger_id))
    depth = len(siblings)
    shared = 256 - (int.from_bytes(ledger_id, "big") ^ int.from_bytes(other.ledger_id, "big")).bit_length()
    if shared < depth:
        raise ProofError(step, f"a leaf that shares the first {depth} bits", f"{shared} bits shared")
    return _fold(step, ledger_id, other.hash, siblings)


def _fold(step: str, ledger_id: Bytes32, value: Bytes32, siblings: Sequence[Bytes32]) -> Bytes32:
    _require_siblings(step, siblings)
    for depth in range(len(siblings) - 1, -1, -1):
        sibling = siblings[depth]
        value = map_node(sibling, value) if bit_of(ledger_id, depth) else map_node(value, sibling)
    return value


def _require_siblings(step: str, siblings: Sequence[Bytes32]) -> None:
    if len(siblings) > MAX_DEPTH:
        raise ProofError(step, f"at most {MAX_DEPTH} siblings", str(len(siblings)))
    for sibling in siblings:
        if len(sibling) != 32:
            raise ProofError(step, "siblings of 32 bytes", f"{len(sibling)} bytes")
