"""Signed bytes: made as eth-account makes them, read back, and compared with what was asked."""

from dataclasses import replace

import pytest
from eth_account import Account
from eth_keys.constants import SECPK1_N
from hypothesis import given, settings
from hypothesis import strategies as st

from anchor.server.chain.signers.local import LocalSigner
from anchor.server.chain.transactions import (
    Fees,
    SignedDiffers,
    Transaction,
    UnreadableTransaction,
    check_signed,
    decode_signed,
)
from anchor.server.chain.values import address_text

SECRET = bytes(range(1, 33))
SIGNER = LocalSigner(SECRET)

amounts = st.integers(0, 2**96)
transactions = st.builds(
    lambda chain_id, nonce, to, value, data, gas, fee, tip, legacy: Transaction(
        chain_id, nonce, to, value, data, gas, Fees(fee + tip, fee + tip if legacy else tip, legacy)
    ),
    st.integers(1, 2**40),
    st.integers(0, 2**40),
    st.none() | st.binary(min_size=20, max_size=20),
    amounts,
    st.binary(max_size=200),
    st.integers(21_000, 2**30),
    amounts,
    amounts,
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(transactions)
def test_the_bytes_are_those_that_eth_account_makes(transaction: Transaction) -> None:
    fields = {
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "to": b"" if transaction.to is None else address_text(transaction.to),
        "value": transaction.value,
        "data": transaction.data,
        "gas": transaction.gas_limit,
    }
    if transaction.fees.legacy:
        fields["gasPrice"] = transaction.fees.max_fee
    else:
        fields["maxFeePerGas"] = transaction.fees.max_fee
        fields["maxPriorityFeePerGas"] = transaction.fees.max_tip
        fields["type"] = 2
    theirs = Account.from_key(SECRET).sign_transaction(fields)
    ours = SIGNER.sign(transaction)
    assert ours.raw == bytes(theirs.raw_transaction)
    assert ours.hash == bytes(theirs.hash)
    assert ours.sender == SIGNER.address
    assert decode_signed(ours.raw).transaction == transaction


ASKED = Transaction(31337, 7, bytes(20), 0, b"\x01\x02", 50_000, Fees(2_000, 1_000))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chain_id", 1),
        ("nonce", 8),
        ("to", b"\x01" * 20),
        ("value", 1),
        ("data", b"\x01\x03"),
        ("gas_limit", 50_001),
        ("fees", Fees(2_001, 1_000)),
        ("fees", Fees(2_000, 999)),
    ],
)
def test_33_another_transaction_than_was_asked_for_is_told_by_its_field(field: str, value: object) -> None:
    other = SIGNER.sign(replace(ASKED, **{field: value}))  # type: ignore[arg-type]
    with pytest.raises(SignedDiffers) as differs:
        check_signed(other.raw, ASKED, SIGNER.address)
    assert differs.value.field == field


def test_33_another_key_is_told() -> None:
    other = LocalSigner(bytes(range(2, 34))).sign(ASKED)
    with pytest.raises(SignedDiffers) as differs:
        check_signed(other.raw, ASKED, SIGNER.address)
    assert differs.value.field == "sender"


def test_a_high_s_is_refused() -> None:
    signature = SIGNER._key.sign_msg_hash(ASKED.signing_hash())
    with pytest.raises(UnreadableTransaction, match="high s"):
        ASKED.signed(signature.r, SECPK1_N - signature.s, 1 - signature.v)


@given(st.binary(max_size=150))
def test_bytes_that_are_no_transaction_are_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableTransaction):
        decode_signed(raw)


def test_any_bit_changed_makes_another_transaction_or_none() -> None:
    raw = SIGNER.sign(ASKED).raw
    for place in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises((UnreadableTransaction, SignedDiffers)):
            check_signed(bytes(changed), ASKED, SIGNER.address)


def test_a_tip_above_the_fee_cannot_be() -> None:
    with pytest.raises(ValueError, match="tip"):
        Fees(1, 2)
