"""The identity key and generated passwords on disk: files that only their owner reads."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from anchor.protocol.identities import IdentityKey
from anchor.server.service.settings import InvalidSettings

IDENTITY_VARIABLE: Final = "ANCHOR_IDENTITY_KEY"

# Whoever else may read the file can recognise guessed customer ids.
_OTHERS: Final = 0o077


def write_private(path: Path, text: str) -> None:
    """Write a new file with mode 0600, durably. Raises FileExistsError: a key is never written over."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_identity_key(path: Path, key: IdentityKey) -> None:
    """Write a log's identity key as 64 hexadecimal digits. Raises FileExistsError."""
    write_private(path, key.secret.hex() + "\n")


def read_identity_key(path: Path, environment: Mapping[str, str]) -> IdentityKey:
    """Return the identity key of the environment, else of the file. Raises InvalidSettings.

    Nothing of the key is ever part of an error.
    """
    stated = environment.get(IDENTITY_VARIABLE)
    if stated is not None:
        return _parse(stated, f"environment variable {IDENTITY_VARIABLE}")
    try:
        if path.stat().st_mode & _OTHERS:
            raise InvalidSettings(
                str(path), "others on this machine may read the identity key", f"run: chmod 600 {path}"
            )
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidSettings(
            str(path),
            "there is no identity key",
            f"restore it from your backup, or give it in {IDENTITY_VARIABLE}; it cannot be made anew",
        ) from None
    except (OSError, UnicodeDecodeError):
        raise InvalidSettings(str(path), "the identity key cannot be read", "check the file") from None
    return _parse(text, str(path))


def new_password() -> str:
    """Return a password for a keystore that nobody needs to remember."""
    return secrets.token_urlsafe(32)


def _parse(text: str, place: str) -> IdentityKey:
    try:
        secret = bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise InvalidSettings(place, "this is no identity key", "it is 64 hexadecimal digits")
    return IdentityKey(secret)
