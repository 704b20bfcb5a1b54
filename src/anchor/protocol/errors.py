"""What a check says when it fails: the step, what was expected, and what was found."""

from dataclasses import dataclass


class ProtocolError(Exception):
    """Something that the protocol does not allow."""


@dataclass(eq=False)
class StepFailed(ProtocolError):
    """A verification step whose two sides disagree.

    ``step`` is the stable name of the step; ``expected`` and ``found`` are the values that
    disagreed, as text a person can compare.
    """

    step: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.step}: expected {self.expected}, found {self.found}"


class ProofError(StepFailed):
    """A Merkle proof that cannot be right: its shape, its bounds, or the root it leads to."""


class IdentityError(StepFailed):
    """An identity proof that does not bind this customer and unit to this ledger id."""


class NoteError(StepFailed):
    """A text that is not a signed note of the log, of the kind that was asked for."""


@dataclass(eq=False)
class AmountError(ProtocolError):
    """A text that is not an exact amount.

    ``code`` is ``not_a_number``, ``too_many_digits`` (finer than 10**-18) or ``out_of_range``.
    """

    code: str
    text: str

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        reason = {
            "not_a_number": "is not a decimal number",
            "too_many_digits": "has more than 18 fractional digits",
            "out_of_range": "is out of range",
        }[self.code]
        return f"{shown!r} {reason}"


@dataclass(eq=False)
class CanonicalJsonError(ProtocolError):
    """A JSON value that RFC 8785 cannot carry, or that is not what Anchor takes as metadata.

    ``code`` is stable; ``path`` is a JSON pointer to the offending place.
    """

    code: str
    path: str

    def __str__(self) -> str:
        return f"{self.code} at {self.path or 'the top'}"


def hex_of(value: bytes) -> str:
    """Return ``value`` as 0x-prefixed lower-case hex."""
    return "0x" + value.hex()
