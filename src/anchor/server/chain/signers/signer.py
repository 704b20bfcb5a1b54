"""What every signer offers, and what can be wrong with one."""

from dataclasses import dataclass
from typing import Protocol

from anchor.server.chain.transactions import SignedTransaction, Transaction


class Signer(Protocol):
    """Holds one key, or knows who does."""

    @property
    def address(self) -> bytes:
        """Return the 20 bytes of the account that it signs for."""
        ...

    @property
    def kind(self) -> str:
        """Return what it is, for a person: 'keystore file', 'AWS KMS' ..."""
        ...

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """Return the transaction, signed, decoded again and found to be the one asked for.

        Raises SignerUnavailable, SignerRefused, or transactions.SignedDiffers.
        """
        ...


@dataclass(eq=False)
class SignerMisconfigured(Exception):
    """A signer that cannot be set up. ``remedy`` says what to do."""

    signer: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.signer}: {self.problem}; {self.remedy}"


@dataclass(eq=False)
class SignerUnavailable(Exception):
    """A signer that gives no answer now: it may later. Nothing was sent."""

    signer: str
    reason: str

    def __str__(self) -> str:
        return f"{self.signer} gives no answer: {self.reason}"


@dataclass(eq=False)
class SignerRefused(Exception):
    """A signer that said no."""

    signer: str
    reason: str

    def __str__(self) -> str:
        return f"{self.signer} refused to sign: {self.reason}"
