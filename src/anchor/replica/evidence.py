"""Evidence: files beside a replica that say what did not fit, for others to check.

A proof file (``.proof.json``) is checked by ``anchor verify``. A dispute (``.dispute.json``) holds what no
proof can: what the copy holds and what the server shows now, as it came.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from anchor.proof.values import ProofFile
from anchor.proof.writing import write_proof_file
from anchor.protocol.errors import hex_of
from anchor.replica.store import Store
from anchor.replica.values import KeptFinding, Misfit, Pins


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


_NO_PROOFS: Final[Mapping[str, bytes]] = {}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not fit. ``files`` were saved in this round; none where it is known from before.

    ``proven`` is whether there is a fraud proof of it, which needs nobody's word.
    """

    misfit: Misfit
    files: tuple[Path, ...]
    proven: bool


class Findings:
    """The findings of one round.

    ``told`` is what was found before there was a copy to note it in: it is kept from round to round.
    """

    def __init__(self, path: Path, now_ms: Callable[[], int], told: set[str]) -> None:
        self._path = path
        self._now = now_ms
        self._told = told
        self.found: list[Finding] = []

    def add(
        self,
        store: Store | None,
        misfit: Misfit,
        *,
        shown: Any,
        held: Any = None,
        proofs: Mapping[str, bytes] = _NO_PROOFS,
        prove: Callable[[], ProofFile | None] = lambda: None,
    ) -> None:
        """Save the evidence of a misfit, unless that was done before.

        ``shown`` and ``held`` are JSON values, ``proofs`` proof files by name that support it, and
        ``prove`` tries to make a fraud proof.
        """
        if any(one.misfit.name == misfit.name for one in self.found):
            return
        now = self._now()
        fraud_name = f"fraud {misfit.kind} {misfit.place}"
        proven = self._knows(store, fraud_name)
        files: list[Path] = []
        if not proven and (fraud := prove()) is not None:
            path = save(self._path, now, f"{misfit.kind}.proof.json", write_proof_file(fraud))
            self._keep(store, fraud_name, misfit, now, [path])
            files.append(path)
            proven = True
        if not self._knows(store, misfit.name):
            supporting = [
                save(self._path, now, f"{misfit.kind}.{name}.proof.json", content)
                for name, content in proofs.items()
            ]
            text = dispute(
                misfit,
                now,
                None if store is None else store.pins,
                held=held,
                shown=shown,
                proofs=[path.name for path in (*files, *supporting)],
            )
            saved = [*supporting, save(self._path, now, f"{misfit.kind}.dispute.json", text)]
            self._keep(store, misfit.name, misfit, now, saved)
            files += saved
        self.found.append(Finding(misfit, tuple(files), proven))

    def _knows(self, store: Store | None, name: str) -> bool:
        return name in self._told if store is None else store.knows_finding(name)

    def _keep(self, store: Store | None, name: str, misfit: Misfit, now: int, files: list[Path]) -> None:
        if store is None:
            self._told.add(name)
        else:
            names = tuple(path.name for path in files)
            store.add_finding(name, KeptFinding(misfit.kind, misfit.statement, now, names))
