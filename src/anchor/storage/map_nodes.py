"""The map of ledgers as it is stored: a row for each version of each place.

A place holds at batch b what its row with the largest batch <= b says. Versions that no proof needs
any more are removed when the place is written again, so a place keeps one old version at most
beside those still in use.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, tuple_

from anchor.protocol.ledger_map import MapBranch, MapLeaf, MapNode, Position, ReadMapNodes
from anchor.storage.schema import map_nodes

_PLACES_AT_ONCE: Final = 500


def map_reader(connection: Connection, batch: int) -> ReadMapNodes:
    """Return a reader of the map as batch ``batch`` sealed it; batch 0 is the empty map."""

    def read(places: Sequence[Position]) -> dict[Position, MapNode]:
        found: dict[Position, MapNode] = {}
        for at in range(0, len(places), _PLACES_AT_ONCE):
            found.update(_versions_at(connection, batch, places[at : at + _PLACES_AT_ONCE]))
        return found

    return read


def _versions_at(connection: Connection, batch: int, places: Sequence[Position]) -> dict[Position, MapNode]:
    rows = connection.execute(
        select(
            map_nodes.c.depth,
            map_nodes.c.prefix,
            map_nodes.c.hash,
            map_nodes.c.leaf_ledger_id,
            map_nodes.c.leaf_head,
        )
        .where(
            tuple_(map_nodes.c.depth, map_nodes.c.prefix).in_(
                [(place.depth, _prefix_bytes(place)) for place in places]
            ),
            map_nodes.c.batch <= batch,
        )
        .order_by(map_nodes.c.batch)
    )
    # In the order of batches, so that the newest version stays.
    found: dict[Position, MapNode] = {}
    for depth, prefix, node, leaf_ledger_id, leaf_head in rows:
        found[Position(depth, int.from_bytes(prefix, "big"))] = (
            MapBranch(bytes(node))
            if leaf_ledger_id is None
            else MapLeaf(bytes(leaf_ledger_id), bytes(leaf_head))
        )
    return found


def write_map_nodes(
    connection: Connection, batch: int, nodes: Mapping[Position, MapNode], needed_from: int
) -> None:
    """Write the places that ``batch`` changed, and drop their versions that no proof needs.

    Every batch from ``needed_from`` on stays provable (0: all of them).
    """
    places = list(nodes)
    if needed_from:
        for at in range(0, len(places), _PLACES_AT_ONCE):
            _drop_superseded(connection, places[at : at + _PLACES_AT_ONCE], needed_from)
    if places:
        connection.execute(insert(map_nodes), [_row(batch, place, node) for place, node in nodes.items()])


def _drop_superseded(connection: Connection, places: Sequence[Position], needed_from: int) -> None:
    keys = [(place.depth, _prefix_bytes(place)) for place in places]
    newer = map_nodes.alias("newer")
    connection.execute(
        delete(map_nodes).where(
            tuple_(map_nodes.c.depth, map_nodes.c.prefix).in_(keys),
            map_nodes.c.batch < needed_from,
            select(1)
            .where(
                newer.c.depth == map_nodes.c.depth,
                newer.c.prefix == map_nodes.c.prefix,
                newer.c.batch > map_nodes.c.batch,
                newer.c.batch <= needed_from,
            )
            .exists(),
        )
    )


def _row(batch: int, place: Position, node: MapNode) -> dict[str, Any]:
    leaf = node if isinstance(node, MapLeaf) else None
    return {
        "depth": place.depth,
        "prefix": _prefix_bytes(place),
        "batch": batch,
        "hash": node.hash,
        "leaf_ledger_id": None if leaf is None else leaf.ledger_id,
        "leaf_head": None if leaf is None else leaf.head,
    }


def _prefix_bytes(place: Position) -> bytes:
    return place.prefix.to_bytes((place.depth + 7) // 8, "big")
