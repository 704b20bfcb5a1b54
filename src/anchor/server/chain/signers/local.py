"""A key in this process: from the environment, or from an encrypted keystore file (Web3 Secret Storage)."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_keys.datatypes import PrivateKey
from eth_utils.exceptions import ValidationError

from anchor.server.chain.signers.signer import SignerMisconfigured
from anchor.server.chain.transactions import SignedTransaction, Transaction, check_signed
from anchor.server.chain.values import address_text

SCRYPT_COST: Final = 1 << 15
"""The work that opening a keystore file takes: a fraction of a second and 32 MB."""


class LocalSigner:
    """Signs with a key that this process holds."""

    def __init__(self, secret: bytes, *, kind: str = "key in memory") -> None:
        """Raises SignerMisconfigured where the 32 bytes are no key."""
        try:
            self._key = PrivateKey(secret)
            self.address: bytes = self._key.public_key.to_canonical_address()
        except (ValidationError, ValueError):
            raise SignerMisconfigured(
                kind, "it is no private key", "give 32 bytes, as 64 hexadecimal digits"
            ) from None
        self.kind: str = kind

    def __repr__(self) -> str:
        return f"LocalSigner({address_text(self.address)})"

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """Return the signed transaction."""
        signature = self._key.sign_msg_hash(transaction.signing_hash())
        signed = transaction.signed(signature.r, signature.s, signature.v)
        return check_signed(signed.raw, transaction, self.address)


def signer_from_environment(variable: str, environment: Mapping[str, str]) -> LocalSigner:
    """Return the signer whose key an environment variable holds. Raises SignerMisconfigured."""
    kind = f"key in ${variable}"
    text = environment.get(variable, "").strip()
    if not text:
        raise SignerMisconfigured(
            kind, "the variable is not set", f"set {variable} to the key, as 0x and 64 hexadecimal digits"
        )
    try:
        secret = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        secret = b""
    return LocalSigner(secret, kind=kind)


def signer_from_keystore(path: Path, password: str) -> LocalSigner:
    """Return the signer whose key an encrypted file holds. Raises SignerMisconfigured."""
    kind = f"keystore file {path}"
    try:
        content: Any = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SignerMisconfigured(
            kind, "there is no such file", "make one with `anchor init`, or correct the path"
        ) from None
    except (OSError, ValueError) as error:
        raise SignerMisconfigured(
            kind, f"it cannot be read ({type(error).__name__})", "give a Web3 Secret Storage file"
        ) from None
    try:
        secret = bytes(Account.decrypt(content, password))
    except (ValueError, KeyError, TypeError, NotImplementedError) as error:
        wrong = "MAC mismatch" in str(error)
        raise SignerMisconfigured(
            kind,
            "the password is wrong" if wrong else "it is no Web3 Secret Storage file",
            "check the password's source" if wrong else "give a file made by `anchor init`, geth or clef",
        ) from None
    return LocalSigner(secret, kind=kind)


def create_keystore(path: Path, password: str, *, cost: int = SCRYPT_COST) -> bytes:
    """Draw a key, write it encrypted to a new file that only its owner reads, and return its address.

    Raises FileExistsError: a key is never written over.
    """
    secret = secrets.token_bytes(32)
    content = Account.encrypt(secret, password, kdf="scrypt", iterations=cost)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    return LocalSigner(secret).address
