"""Section 6: everything that an anchored root is taken of changes it."""

import dataclasses

from anchor.protocol.batch import Batch
from anchor.protocol.hashing import ZERO, keccak


def test_an_anchored_root_binds_every_field_and_the_log() -> None:
    batch = Batch(2, keccak(b"history"), keccak(b"map"), 1_767_312_060_000)
    roots = {
        batch.anchor_root(keccak(b"log")),
        batch.anchor_root(keccak(b"another log")),
        dataclasses.replace(batch, number=3).anchor_root(keccak(b"log")),
        dataclasses.replace(batch, history_root=ZERO).anchor_root(keccak(b"log")),
        dataclasses.replace(batch, map_root=ZERO).anchor_root(keccak(b"log")),
        dataclasses.replace(batch, sealed_at=batch.sealed_at + 1).anchor_root(keccak(b"log")),
    }
    assert len(roots) == 6
