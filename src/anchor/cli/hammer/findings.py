"""What the hammer found wrong, and how the run went."""

import threading
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

SHOWN: Final = 20


class Fault(StrEnum):
    """What can be wrong with a deployment."""

    LOSS = "loss"
    """An acknowledged delta is not on record."""
    DUPLICATE = "duplicate"
    """A delta is on record twice, or one place was given to two deltas."""
    CHANGED = "changed"
    """What is on record, or what a retry was answered, is not what was acknowledged."""
    REFUSED = "refused"
    """A good delta was refused."""
    INVALID_PROOF = "invalid_proof"
    """A proof file does not hold, or proves something else than the receipt says."""
    NOT_ANCHORED = "not_anchored"
    """A delta was not anchored in the time that was given."""
    NOT_CHECKED = "not_checked"
    """A proof could not be held against the chain."""


LATE: Final = frozenset({Fault.NOT_ANCHORED, Fault.NOT_CHECKED})
"""Faults that leave the answer open: more time, or another node, may still give it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, with the values that disagreed."""

    fault: Fault
    subject: str
    expected: str
    found: str


class Findings:
    """All findings of a run: every one is counted, the first few are kept. Thread-safe."""

    def __init__(self) -> None:
        self.counts: Counter[Fault] = Counter()
        self.first: list[Finding] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault, subject: str, expected: object, found: object, times: int = 1) -> None:
        """Note something wrong, or the same thing several times."""
        with self._lock:
            self.counts[fault] += times
            if len(self.first) < SHOWN:
                self.first.append(Finding(fault, subject, str(expected), str(found)))

    @property
    def broken(self) -> bool:
        """Whether a promise was broken, rather than left open."""
        return any(fault not in LATE for fault in self.counts)


@dataclass(frozen=True, slots=True)
class Timings:
    """Durations of requests of one kind, in seconds and in order, and how long all took side by side."""

    wall: float
    seconds: Sequence[float] = field(repr=False)

    @classmethod
    def of(cls, wall: float, seconds: Iterable[float]) -> "Timings":
        """Return the timings of requests in any order, at 8 bytes each."""
        return cls(wall, array("d", sorted(seconds)))

    def percentile(self, part: float) -> float:
        """Return a percentile, 0 where there were no requests."""
        ordered = self.seconds
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values, milliseconds for requests."""
        return {
            "requests": len(self.seconds),
            "seconds": round(self.wall, 3),
            "requestsPerSecond": round(len(self.seconds) / self.wall, 1) if self.wall else None,
            **{
                f"p{part * 100:g}Ms": round(self.percentile(part) * 1e3, 3)
                for part in (0.5, 0.9, 0.99, 0.999)
            },
        }


@dataclass(frozen=True, slots=True)
class HammerReport:
    """A whole run. ``verified`` counts the receipts whose proof file is valid."""

    run: str
    deltas: int
    acknowledged: int
    retried: int
    together: int
    """Of the retried: those that were sent a second time before the first answer."""
    verified: int
    emitting: Timings
    anchoring_seconds: float
    proving: Timings
    findings: Findings

    @property
    def passed(self) -> bool:
        """Whether everything was acknowledged, anchored and proven, and nothing else was found."""
        return not self.findings.counts and self.acknowledged == self.verified == self.deltas

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        wall = self.emitting.wall
        return {
            "passed": self.passed,
            "run": self.run,
            "deltas": self.deltas,
            "acknowledged": self.acknowledged,
            "retried": self.retried,
            "retriedTogether": self.together,
            "verified": self.verified,
            "deltasPerSecond": round(self.acknowledged / wall, 1) if wall else None,
            "emitting": self.emitting.to_json(),
            "anchoringSeconds": round(self.anchoring_seconds, 3),
            "proving": self.proving.to_json(),
            "findings": {fault.value: count for fault, count in sorted(self.findings.counts.items())},
            "firstFindings": [
                {"fault": one.fault, "subject": one.subject, "expected": one.expected, "found": one.found}
                for one in self.findings.first
            ],
        }
