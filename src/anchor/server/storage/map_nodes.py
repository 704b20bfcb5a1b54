"""The map of ledgers as it is stored: a row for each version of each place.

A place holds at batch b what its row with the largest batch <= b says. Versions that no proof needs
any more are removed when the place is written again, so a place keeps one old version at most
beside those still in use.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, select, tuple_

from anchor.protocol.hashing import Bytes32
from anchor.protocol.ledger_map import ROOT, MapBranch, MapLeaf, MapNode, Position, ReadMapNodes
from anchor.server.storage.appending import Appending
from anchor.server.storage.schema import map_nodes

_PLACES_AT_ONCE: Final = 500
_LEVELS_AT_ONCE: Final = 16
_NODES: Final = Appending(map_nodes, "depth", "prefix", "batch", "hash", "leaf_ledger_id", "leaf_head")


def map_reader(connection: Connection, batch: int) -> ReadMapNodes:
    """Return a reader of the map as batch ``batch`` sealed it; batch 0 is the empty map."""

    def read(places: Sequence[Position]) -> dict[Position, MapNode]:
        found: dict[Position, MapNode] = {}
        for at in range(0, len(places), _PLACES_AT_ONCE):
            found.update(_versions_at(connection, batch, places[at : at + _PLACES_AT_ONCE]))
        return found

    return read


def path_reader(connection: Connection, batch: int, ledger_id: Bytes32) -> ReadMapNodes:
    """Return a reader as ``map_reader`` does that reads a key's way many levels at once.

    A map of n ledgers is about log2(n) deep, so a statement or two cover the way of nearly every key.
    """
    known = _versions_at(connection, batch, [ROOT, *_way(ledger_id, 0)])
    depth = _LEVELS_AT_ONCE

    def read(places: Sequence[Position]) -> Mapping[Position, MapNode]:
        nonlocal depth
        while any(place.depth > depth for place in places):
            known.update(_versions_at(connection, batch, _way(ledger_id, depth)))
            depth += _LEVELS_AT_ONCE
        return {place: known[place] for place in places if place in known}

    return read


def _way(ledger_id: Bytes32, above: int) -> list[Position]:
    """Return the places on a key's way, and beside it, of the next levels below depth ``above``."""
    key = int.from_bytes(ledger_id, "big")
    way = []
    for depth in range(above + 1, min(above + _LEVELS_AT_ONCE, 256) + 1):
        prefix = key >> (256 - depth)
        way += [Position(depth, prefix), Position(depth, prefix ^ 1)]
    return way


def _versions_at(connection: Connection, batch: int, places: Sequence[Position]) -> dict[Position, MapNode]:
    keys = [place_key(place) for place in places]
    if connection.dialect.name == "sqlite":
        values = ",".join(["(?,?)"] * len(keys))
        # CROSS JOIN holds SQLite to this order: for each place, one search of the table.
        rows = connection.exec_driver_sql(
            f"WITH k(depth, prefix) AS (VALUES {values}) "
            "SELECT m.depth, m.prefix, m.hash, m.leaf_ledger_id, m.leaf_head FROM k CROSS JOIN map_nodes m "
            "ON m.depth = k.depth AND m.prefix = k.prefix AND m.batch <= ? ORDER BY m.batch",
            (*(part for key in keys for part in key), batch),
        ).fetchall()
    else:
        rows = connection.exec_driver_sql(
            "SELECT m.depth, m.prefix, m.hash, m.leaf_ledger_id, m.leaf_head "
            "FROM unnest(%s::bigint[], %s::bytea[]) AS k(depth, prefix) JOIN map_nodes m "
            "ON m.depth = k.depth AND m.prefix = k.prefix AND m.batch <= %s ORDER BY m.batch",
            ([depth for depth, _ in keys], [prefix for _, prefix in keys], batch),
        ).fetchall()
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
    _NODES.append(connection, [_row(batch, place, node) for place, node in nodes.items()])


def _drop_superseded(connection: Connection, places: Sequence[Position], needed_from: int) -> None:
    keys = [place_key(place) for place in places]
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


def _row(batch: int, place: Position, node: MapNode) -> tuple[Any, ...]:
    leaf = node if isinstance(node, MapLeaf) else None
    return (
        *place_key(place),
        batch,
        node.hash,
        None if leaf is None else leaf.ledger_id,
        None if leaf is None else leaf.head,
    )


def place_key(place: Position) -> tuple[int, bytes]:
    """Return a place as the table names it: its depth, and its prefix in whole bytes."""
    return place.depth, place.prefix.to_bytes((place.depth + 7) // 8, "big")
