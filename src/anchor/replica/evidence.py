"""Evidence: files beside a replica that say what did not fit, for others to check.

A proof file (``.proof.json``) is checked by ``anchor verify``. A dispute (``.dispute.json``) holds what no
proof can: what the copy holds and what the server shows now, as it came.
"""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anchor.protocol.errors import hex_of
from anchor.replica.values import Misfit, Pins


def save(store: Path, now: int, name: str, content: bytes) -> Path:
    """Write a file beside a replica, named after it, the time (ms) and ``name``; whole or not at all."""
    stamp = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%dT%H%M%S") + f"{now % 1000:03d}Z"
    for attempt in range(1_000):
        again = f".{attempt}" if attempt else ""
        path = store.with_name(f"{store.name}.{stamp}{again}.{name}")
        if path.exists():
            continue
        partial = path.with_name(path.name + ".part")
        descriptor = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        # A link, since it refuses to take the place of a file that is there.
        with suppress(FileExistsError):
            os.link(partial, path)
            partial.unlink()
            return path
        partial.unlink()
    raise FileExistsError(17, "too many files of this name", str(store))


def dispute(
    misfit: Misfit,
    now: int,
    pins: Pins | None,
    *,
    held: Any,
    shown: Any,
    proofs: list[str],
) -> bytes:
    """Return a dispute's text: both values, and as JSON what the copy ``held`` and the server has ``shown``.

    ``proofs`` are the names of the proof files that were saved with it.
    """
    document: dict[str, Any] = {
        "format": "anchor-dispute",
        "version": 1,
        "kind": misfit.kind,
        "foundAt": now,
        "statement": misfit.statement,
        "expected": misfit.expected,
        "found": misfit.found,
        "index": misfit.index,
        "proofs": proofs,
    }
    if pins is not None:
        document |= {
            "logId": hex_of(pins.log_id),
            "ledgerId": hex_of(pins.ledger_id),
            "customerId": pins.customer_id,
            "unit": pins.unit,
        }
    document |= {"held": held, "shown": shown}
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
