"""A ledger as a batch of long ago holds it, whose map's nodes may not be stored any more."""

from dataclasses import replace

from sqlalchemy import Connection

from anchor.proof.values import LedgerAbsence, LedgerHead
from anchor.protocol.batch import Batch
from anchor.protocol.errors import ProofError
from anchor.protocol.hashing import Bytes32
from anchor.protocol.ledger_map import (
    MapLeaf,
    MapPath,
    head_hash,
    map_path,
    root_from_absence,
    root_from_presence,
)
from anchor.protocol.sorted_leaves import path_among
from anchor.server.ledger.proving import anchored_batch, ledger_head
from anchor.server.storage.map_nodes import path_reader
from anchor.server.storage.past_maps import heads_at
from anchor.server.storage.reading import LedgerRow


def past_head(connection: Connection, ledger: LedgerRow, batch: int) -> LedgerHead:
    """Return the ledger's head in a batch, however old. Raises NotSealedYet where it has none."""
    head = ledger_head(connection, ledger, batch)
    return replace(head, siblings=_way(connection, ledger.ledger_id, head.batch.batch).siblings)


def past_absence(connection: Connection, ledger: LedgerRow, batch: int) -> LedgerAbsence:
    """Return the place in a batch's map, however old, where the ledger is not."""
    there = anchored_batch(connection, batch)
    path = _way(connection, ledger.ledger_id, there.batch)
    return LedgerAbsence(path.siblings, path.found, there)


def _way(connection: Connection, ledger_id: Bytes32, batch: Batch) -> MapPath:
    """Return a key's way in a batch's map: as stored, or where versions were dropped, from all heads.

    The latter reads a row for each ledger of the log, and holds few at once.
    """
    stored = map_path(path_reader(connection, batch.number, ledger_id), ledger_id)
    if _root(stored, ledger_id) == batch.map_root:
        return stored
    heads = heads_at(connection, batch.number)
    return path_among((MapLeaf(key, head_hash(size, root)) for key, size, root in heads), ledger_id)


def _root(path: MapPath, ledger_id: Bytes32) -> Bytes32 | None:
    """Return the root that a way leads to, None where it leads nowhere."""
    try:
        if path.found is not None and path.found.ledger_id == ledger_id:
            return root_from_presence(ledger_id, path.found.head, path.siblings)
        return root_from_absence(ledger_id, path.siblings, path.found)
    except ProofError:
        return None
