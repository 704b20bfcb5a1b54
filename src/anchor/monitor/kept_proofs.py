"""Proof files that were kept: each holds batches, and what was handed out once cannot be taken back."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

from anchor.proof.bounds import ProofFileError
from anchor.proof.reading import LARGEST_PERIOD_FILE, parse_proof_file
from anchor.proof.values import AnchoredBatch
from anchor.protocol.errors import ProofError
from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import HISTORY_TREE, root_from_inclusion
from anchor.verify.audit_pack import PERIOD, AuditPack


@dataclass(frozen=True, slots=True)
class Stated:
    """What a file states of a batch."""

    root: Bytes32
    file: str


class KeptProofs:
    """The batches of some proof files of one log."""

    def __init__(self, log_id: Bytes32) -> None:
        self.log_id: Final = log_id
        self.stated: Final[dict[int, Stated]] = {}
        self.contradictions: Final[list[tuple[int, Stated, Stated]]] = []
        """Two files, or one in two places, that state two batches of one number."""
        self.reached: Final[dict[int, set[int]]] = {}
        """For a batch, the later ones in whose history it is by a path of its file."""

    def add(self, raw: bytes, name: str) -> None:
        """Take the batches of one file. Raises ProofFileError where it cannot be used, with the reason."""
        proof = parse_proof_file(raw, largest_period=LARGEST_PERIOD_FILE)
        if proof.log.log_id != self.log_id:
            raise ProofFileError("log", "", "is of another log than the contract's")
        for anchored in _batches(proof):
            self._add(anchored, name)

    def root_of(self, number: int) -> tuple[Bytes32, str] | None:
        """Return the root that a file states for a batch, and the file's name."""
        stated = self.stated.get(number)
        return None if stated is None else (stated.root, stated.file)

    def found_on(self, heads: dict[int, Bytes32]) -> set[int]:
        """Return the batches that are on a chain with these heads, themselves or in the history of one."""
        on_chain = {number for number, stated in self.stated.items() if heads.get(number) == stated.root}
        return on_chain | {number for number, later in self.reached.items() if later & on_chain}

    def _add(self, anchored: AnchoredBatch, name: str) -> None:
        batch = anchored.batch
        root = batch.anchor_root(self.log_id)
        later = []
        for anchor in anchored.anchors:
            if anchor.through is None:
                continue
            through = anchor.through.batch
            found = root_from_inclusion(
                HISTORY_TREE,
                HISTORY_TREE.leaf(root),
                batch.number - 1,
                through.number - 1,
                anchor.through.path,
            )
            if found != through.history_root:
                raise ProofFileError(
                    "history path", "", f"has a path of batch {batch.number} that leads nowhere"
                )
            later.append(through)
        for number, stated in (
            (batch.number, root),
            *((one.number, one.anchor_root(self.log_id)) for one in later),
        ):
            known = self.stated.setdefault(number, Stated(stated, name))
            if known.root != stated:
                self.contradictions.append((number, known, Stated(stated, name)))
        self.reached.setdefault(batch.number, set()).update(one.number for one in later)


def read_kept_proofs(paths: list[Path], log_id: Bytes32) -> tuple[KeptProofs, int, list[tuple[str, str]]]:
    """Read proof files, audit packs and directories of them.

    Returns what they state, how many were read, and the name and reason of each that was not used.
    """
    kept, refused, count = KeptProofs(log_id), [], 0
    for path in _files(paths):
        try:
            kept.add(_content(path), path.name)
            count += 1
        except ProofFileError as error:
            refused.append((path.name, f"{error.place or 'the file'} {error.reason}"))
        except ProofError as error:
            refused.append((path.name, str(error)))
    return kept, count, refused


def _content(path: Path) -> bytes:
    with path.open("rb") as opened:
        raw = opened.read(LARGEST_PERIOD_FILE + 1)
    if not raw.startswith(b"PK\x03\x04"):
        return raw
    with ExitStack() as stack:
        return AuditPack(path, stack).read(PERIOD, LARGEST_PERIOD_FILE)


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                one
                for one in path.rglob("*")
                if one.suffix in {".json", ".zip"} and one.name != "evidence.json" and one.is_file()
            )
        else:
            yield path


def _batches(value: Any) -> Iterator[AnchoredBatch]:
    """Yield every batch in a proof file, wherever its claim holds one."""
    if isinstance(value, AnchoredBatch):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _batches(getattr(value, field.name))
