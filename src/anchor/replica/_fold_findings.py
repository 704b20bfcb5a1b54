"""What did not fit in a round: its evidence is saved once, and proven as soon as it can be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anchor.proof.values import ProofFile
from anchor.proof.writing import write_proof_file
from anchor.replica.evidence import dispute, save
from anchor.replica.store import Store
from anchor.replica.values import KeptFinding, Misfit

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
