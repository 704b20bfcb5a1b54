"""Copies of any length, written without a server: what a follower would have kept."""

from __future__ import annotations

from pathlib import Path

from anchor.proof.values import DeltaRecord, Disclosed
from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.identities import IdentityKey
from anchor.replica.store import Store
from anchor.replica.values import Pins, Shown
from tests.fixtures.logs import FOUNDER
from tests.verify.building import START

SALT = bytes(16)
PAGE = 1_000


def written_copy(path: Path, count: int, *, correcting: bool = False) -> None:
    """Write a copy of so many deltas; where it is ``correcting``, each corrects the first."""
    key = IdentityKey.generate()
    identity = key.ledger_identity("acme", "")
    pins = Pins(key.log_id(FOUNDER), key.public_key, FOUNDER, identity.ledger_id, "acme", "", identity.proof)
    separator = domain_separator(pins.log_id)
    first = bytes(32)
    with Store.create(path, pins, START) as store:
        for start in range(0, count, PAGE):
            shown = []
            for index in range(start, min(start + PAGE, count)):
                record = DeltaRecord(
                    index=index,
                    amount=1,
                    balance=index + 1,
                    occurred_at=START,
                    recorded_at=START,
                    reason=Disclosed("", SALT),
                    reference_id=Disclosed(f"job-{index}", SALT),
                    metadata=Disclosed(None, SALT),
                    adjusts=first if correcting else bytes(32),
                )
                shown.append(Shown(record.fingerprint(separator, pins.ledger_id), record))
                first = first if any(first) else shown[-1].fingerprint
            store.append(store.standing(), shown)
