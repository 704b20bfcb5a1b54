"""Sections 3 and 7: fingerprints and checkpoint hashes are EIP-712 digests that any wallet computes."""

import dataclasses
import struct

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak as library_keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from anchor.protocol.checkpoint import Checkpoint, checkpoint_hash
from anchor.protocol.commitments import commit
from anchor.protocol.fingerprint import Delta, domain_separator, fingerprint
from anchor.protocol.hashing import ZERO, keccak

words = st.binary(min_size=32, max_size=32)
int256s = st.integers(-(2**255), 2**255 - 1)
u64s = st.integers(0, 2**64 - 1)
deltas = st.builds(Delta, words, u64s, int256s, int256s, u64s, u64s, words, words, words, words)
checkpoints = st.builds(Checkpoint, words, u64s, u64s, int256s, int256s, words, words)

DOMAIN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "salt", "type": "bytes32"},
]
DELTA = [
    ("ledgerId", "bytes32"),
    ("index", "uint64"),
    ("amount", "int256"),
    ("balance", "int256"),
    ("occurredAt", "uint64"),
    ("recordedAt", "uint64"),
    ("reason", "bytes32"),
    ("referenceId", "bytes32"),
    ("metadata", "bytes32"),
    ("adjusts", "bytes32"),
]
CHECKPOINT = [
    ("ledgerId", "bytes32"),
    ("fromIndex", "uint64"),
    ("toIndex", "uint64"),
    ("openingBalance", "int256"),
    ("closingBalance", "int256"),
    ("openingRoot", "bytes32"),
    ("closingRoot", "bytes32"),
]


def library_digest(
    primary: str, fields: list[tuple[str, str]], values: tuple[object, ...], log_id: bytes
) -> bytes:
    signable = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": DOMAIN,
                primary: [{"name": name, "type": kind} for name, kind in fields],
            },
            "primaryType": primary,
            "domain": {"name": "Anchor", "version": "1", "salt": log_id},
            "message": {name: value for (name, _), value in zip(fields, values, strict=True)},
        }
    )
    return library_keccak(b"\x19" + signable.version + signable.header + signable.body)


@given(deltas, words)
@settings(max_examples=100, deadline=None)
def test_a_fingerprint_is_what_eth_account_computes(delta: Delta, log_id: bytes) -> None:
    expected = library_digest("Delta", DELTA, dataclasses.astuple(delta), log_id)
    assert fingerprint(domain_separator(log_id), delta) == expected


@given(checkpoints, words)
@settings(max_examples=100, deadline=None)
def test_a_checkpoint_hash_is_what_eth_account_computes(checkpoint: Checkpoint, log_id: bytes) -> None:
    expected = library_digest("Checkpoint", CHECKPOINT, dataclasses.astuple(checkpoint), log_id)
    assert checkpoint_hash(domain_separator(log_id), checkpoint) == expected


@given(deltas, st.sampled_from([field.name for field in dataclasses.fields(Delta)]))
@settings(max_examples=100, deadline=None)
def test_changing_any_field_changes_the_fingerprint(delta: Delta, name: str) -> None:
    value = getattr(delta, name)
    changed = keccak(value) if isinstance(value, bytes) else (value - 1 if value > 0 else value + 1)
    separator = domain_separator(ZERO)
    assert fingerprint(separator, delta) != fingerprint(
        separator, Delta(**{**dataclasses.asdict(delta), name: changed})
    )


def test_an_absent_value_is_not_an_empty_one() -> None:
    salt = bytes(16)
    assert commit(salt, None) != commit(salt, b"")
    assert commit(salt, b"a") != commit(bytes([1]) + bytes(15), b"a")
    assert commit(salt, b"") == keccak(b"\x11" + salt + b"\x01")


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_a_salt_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        commit(bytes(length), b"value")


def test_what_does_not_fit_its_word_is_refused() -> None:
    delta = Delta(ZERO, 0, 0, 0, 0, 0, ZERO, ZERO, ZERO, ZERO)
    with pytest.raises(OverflowError):
        fingerprint(ZERO, dataclasses.replace(delta, balance=2**255))
    with pytest.raises(struct.error):
        fingerprint(ZERO, dataclasses.replace(delta, index=2**64))


@pytest.mark.parametrize("length", [0, 31, 33])
@pytest.mark.parametrize("name", ["ledger_id", "reason", "reference_id", "metadata", "adjusts"])
def test_a_word_of_another_length_is_refused_and_neither_cut_nor_padded(name: str, length: int) -> None:
    word = b"\x01" * 32
    delta = Delta(word, 0, 1, 1, 5, 5, word, word, word, ZERO)
    fingerprint(ZERO, delta)
    with pytest.raises(ValueError, match="32 bytes"):
        fingerprint(ZERO, dataclasses.replace(delta, **{name: b"\x01" * length}))
    with pytest.raises(ValueError, match="32 bytes"):
        fingerprint(b"\x01" * length, delta)
