"""Section 6a: a signed note (C2SP signed-note) by a log, and its one reading.

A note is lines of text, an empty line, and lines of signatures. The log's own line has the log's origin as
its name; lines of others (witnesses) may stand around it and are not judged here.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final, NoReturn

from anchor.protocol.errors import NoteError
from anchor.protocol.hashing import MAX_U64, Bytes32
from anchor.protocol.identities import IdentityKey
from anchor.protocol.signatures import is_signed

LARGEST_NOTE: Final = 128 * 1024
"""Bytes of UTF-8 that a note has at most, signatures of witnesses included."""

STEP: Final = "log's signature"

_ED25519: Final = b"\x01"
_BEFORE_NAME: Final = "\N{EM DASH} "
# What Unicode counts as white space beside control characters, which are refused before.
_BLANKS: Final = frozenset(
    map(chr, (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000))
)


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One line of signatures: who (by name and 4-byte key id), and the rest of the line's bytes."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedNote:
    """The lines of a note's text, without their newlines, and its signatures in order."""

    lines: tuple[str, ...]
    signatures: tuple[NoteSignature, ...]


def origin_of(log_id: Bytes32) -> str:
    """Return the log's name in notes: ``anchor-log/`` and its id in hex."""
    return f"anchor-log/{log_id.hex()}"


def key_id_of(log_id: Bytes32, public_key: Bytes32) -> bytes:
    """Return the 4 bytes that tell the log's signatures from those of other keys and kinds."""
    named = origin_of(log_id).encode() + b"\n"
    return hashlib.sha256(named + _ED25519 + public_key).digest()[:4]


def verifier_key(log_id: Bytes32, public_key: Bytes32) -> str:
    """Return the log's verifier key (C2SP signed-note), for witnesses and other tools of that kind."""
    encoded = base64.b64encode(_ED25519 + public_key).decode()
    return f"{origin_of(log_id)}+{key_id_of(log_id, public_key).hex()}+{encoded}"


def sign_note(key: IdentityKey, log_id: Bytes32, text: str) -> str:
    """Return the note of a text (whole lines) with the log's one signature."""
    signed = key_id_of(log_id, key.public_key) + key.sign(text.encode())
    return f"{text}\n{_BEFORE_NAME}{origin_of(log_id)} {base64.b64encode(signed).decode()}\n"


def read_note(note: str, log_id: Bytes32, public_key: Bytes32, *, lines: int) -> SignedNote:
    """Return a note of so many lines of text, which begins with the log's origin and is signed by the log.

    Which kind it is comes from the reader: the number of lines is one of the kind. Every line of the log's
    name and key id verifies, and there is one. Raises NoteError for anything else.
    """
    text, marks = _split(note)
    signatures = tuple(_signature(line) for line in marks)
    found = text.split("\n")[:-1]
    if len(found) != lines:
        _refuse(f"{lines} lines of text", f"{len(found)}")
    origin, key_id = origin_of(log_id), key_id_of(log_id, public_key)
    if found[0] != origin:
        _refuse(f"the origin {origin}", found[0][: len(origin) + 1])
    own = [one for one in signatures if (one.name, one.key_id) == (origin, key_id)]
    if not own:
        _refuse("a signature of the log", "none of its name and key id")
    for one in own:
        if not is_signed(public_key, text.encode(), one.signature):
            _refuse("a signature that verifies under the log's key", one.signature.hex()[:128])
    return SignedNote(tuple(found), signatures)


def decimal(text: str, what: str, *, least: int = 0) -> int:
    """Return a number below 2**64 written without sign or leading zero. Raises NoteError."""
    plain = text.isascii() and text.isdigit() and len(text) <= 20 and (text[0] != "0" or text == "0")
    if not plain or not least <= int(text) <= MAX_U64:
        _refuse(f"{what}: a decimal from {least} to {MAX_U64}", text[:40])
    return int(text)


def canonical_base64(text: str, what: str) -> bytes:
    """Return the bytes of standard base64 with its padding and no unused bit set. Raises NoteError."""
    try:
        value = base64.b64decode(text.encode(), validate=True)
    except binascii.Error:
        value = b""
    if not value or base64.b64encode(value).decode() != text:
        _refuse(f"{what}: canonical base64", text[:100])
    return value


def hash_in_hex(text: str, what: str) -> Bytes32:
    """Return the 32 bytes of 64 lower-case hex digits. Raises NoteError."""
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        _refuse(f"{what}: 64 lower-case hex digits", text[:100])
    return bytes.fromhex(text)


def _split(note: str) -> tuple[str, list[str]]:
    """Return the text with its last newline, and the lines of signatures."""
    if len(note) > LARGEST_NOTE or len(note.encode("utf-8", "surrogatepass")) > LARGEST_NOTE:
        _refuse(f"at most {LARGEST_NOTE} bytes", f"{len(note)} characters")
    for character in note:
        if (character < " " and character != "\n") or "\x7f" <= character <= "\x9f":
            _refuse("no control character", f"U+{ord(character):04X}")
        if "\ud800" <= character <= "\udfff":
            _refuse("UTF-8", f"U+{ord(character):04X}")
    text, empty_line, rest = note.rpartition("\n\n")
    if not empty_line or not rest.endswith("\n"):
        _refuse("a text, an empty line, and lines of signatures", "no such form")
    return text + "\n", rest.split("\n")[:-1]


def _signature(line: str) -> NoteSignature:
    name, blank, encoded = line.removeprefix(_BEFORE_NAME).partition(" ")
    well_formed = line.startswith(_BEFORE_NAME) and blank and name and "+" not in name
    if not well_formed or not _BLANKS.isdisjoint(name):
        _refuse("a line of signature: dash, name, base64", line[:100])
    value = canonical_base64(encoded, "signature")
    if len(value) < 5:
        _refuse("a signature of at least 5 bytes with its key id", f"{len(value)} bytes")
    return NoteSignature(name, value[:4], value[4:])


def _refuse(expected: str, found: str) -> NoReturn:
    raise NoteError(STEP, expected, found)
