"""What a verification says: a verdict, each step with its two values, and what is proven in plain words."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from anchor.proof.bounds import ProofFileError, remedy_of
from anchor.protocol.errors import StepFailed, hex_of

Outcome: TypeAlias = Literal["passed", "failed", "skipped"]
Verdict: TypeAlias = Literal["valid", "invalid", "not_checked_against_a_chain"]

VALID: Final = "valid"
INVALID: Final = "invalid"
NOT_CHECKED: Final = "not_checked_against_a_chain"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked.

    ``expected`` and ``found`` are the two values as text, None where there is none; they differ where
    the step failed.
    """

    name: str
    outcome: Outcome
    expected: str | None
    found: str | None
    explanation: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The whole answer. ``facts`` holds, for programs, what ``statements`` say to people."""

    kind: str | None
    verdict: Verdict
    steps: tuple[Step, ...]
    statements: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether every step passed, those on the chain included."""
        return self.verdict == VALID

    @property
    def failed(self) -> Step | None:
        """The step that failed first; None where none did."""
        return next((step for step in self.steps if step.outcome == "failed"), None)

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {
            "kind": self.kind,
            "verdict": self.verdict,
            "steps": [
                {
                    "name": step.name,
                    "outcome": step.outcome,
                    "expected": step.expected,
                    "found": step.found,
                    "explanation": step.explanation,
                }
                for step in self.steps
            ],
            "statements": list(self.statements),
            "facts": self.facts,
        }


def unreadable(name: str, expected: str, error: ProofFileError) -> Step:
    """Return the step of a file that could not be read as what was ``expected``."""
    place = error.place or "the file"
    found = place if error.described is None else error.described.found
    return Step(f"{name}: {error.step}", "failed", expected, found, f"{place} {error.reason}.")


def none_such(name: str, what: str, error: ProofFileError) -> Verification:
    """Return the answer for a file that could not be read as ``what``, with what to do about it."""
    step = unreadable(name, what, error)
    remedy = remedy_of(error.step) if error.described is None else error.described.remedy
    return Verification(None, INVALID, (step,), (f"This is not {what}.", step.explanation, remedy))


class Stopped(Exception):
    """A step failed: nothing that rests on it is looked at. ``verdict`` is what that leaves to say."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class Checks:
    """The steps taken so far. A step that fails ends the verification by raising Stopped."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def same(
        self, name: str, expected: object, found: object, explanation: str, otherwise: str | None = None
    ) -> None:
        """Compare two values. ``otherwise`` explains a difference."""
        if expected != found:
            self.fail(name, expected, found, otherwise or explanation)
        self.passed(name, expected, explanation)

    def holds(
        self,
        name: str,
        condition: bool,
        expected: str,
        found: object,
        explanation: str,
        verdict: Verdict = INVALID,
    ) -> None:
        """Require a condition that is more than two equal values."""
        if not condition:
            self.fail(name, expected, found, explanation, verdict)
        self.passed(name, found, explanation)

    def passed(self, name: str, found: object, explanation: str) -> None:
        """Note what was found, or computed."""
        self.steps.append(Step(name, "passed", None, text_of(found), explanation))

    def skipped(self, name: str, explanation: str) -> None:
        """Note what could not be checked."""
        self.steps.append(Step(name, "skipped", None, None, explanation))

    def fail(
        self, name: str, expected: object, found: object, explanation: str, verdict: Verdict = INVALID
    ) -> None:
        """Note a failure and stop."""
        self.steps.append(Step(name, "failed", text_of(expected), text_of(found), explanation))
        raise Stopped(verdict)

    def refused(self, name: str, failure: StepFailed, explanation: str) -> None:
        """Note a check of the protocol's that raised, and stop."""
        self.fail(name, failure.expected, failure.found, f"{explanation} ({failure.step})")


def text_of(value: object) -> str | None:
    """Return a value as text that a person can compare: bytes as hex."""
    if value is None or isinstance(value, str):
        return value
    return hex_of(value) if isinstance(value, bytes) else str(value)
