"""Receipt ids lead to their delta, and to nothing else."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given
from hypothesis import strategies as st

from anchor.server.ledger.errors import UnknownReceipt
from anchor.server.ledger.receipt_ids import ReceiptIds

KEY = bytes(range(16))
NUMBERS = st.integers(0, 2**63 - 1)
PLACES = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=20)


@given(places=PLACES)
def test_ids_lead_back_to_their_places(places: list[tuple[int, int]]) -> None:
    ids = ReceiptIds(KEY)
    assert [ids.read(receipt_id) for receipt_id in ids.make(places)] == places


@given(places=PLACES)
def test_an_id_is_the_base32_of_one_encrypted_block(places: list[tuple[int, int]]) -> None:
    encryptor = Cipher(AES(KEY), ECB()).encryptor()
    for receipt_id, (ledger, index) in zip(ReceiptIds(KEY).make(places), places, strict=True):
        block = encryptor.update(ledger.to_bytes(8, "big") + index.to_bytes(8, "big"))
        assert receipt_id == "rcpt_" + base64.b32encode(block).decode().lower().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rcpt_",
        "rcpt_" + "a" * 25,
        "rcpt_" + "A" * 26,
        "ckpt_" + "a" * 26,
        "rcpt_" + "a" * 25 + "1",
        "rcpt_" + "a" * 25 + "é",
        "rcpt_" + "a" * 27,
    ],
)
def test_other_texts_are_no_receipts(text: str) -> None:
    with pytest.raises(UnknownReceipt):
        ReceiptIds(KEY).read(text)


@given(text=st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26))
def test_a_guess_leads_nowhere_or_far_away(text: str) -> None:
    try:
        ledger, index = ReceiptIds(KEY).read("rcpt_" + text)
    except UnknownReceipt:
        return
    assert max(ledger, index) > 2**40


def test_only_one_text_stands_for_a_place() -> None:
    (receipt_id,) = ReceiptIds(KEY).make([(1, 0)])
    # The last digit carries three bits of the block and two that must be zero.
    last = "abcdefghijklmnopqrstuvwxyz234567".index(receipt_id[-1])
    twin = receipt_id[:-1] + "abcdefghijklmnopqrstuvwxyz234567"[last | 1]
    with pytest.raises(UnknownReceipt):
        ReceiptIds(KEY).read(twin)


def test_another_logs_receipts_lead_nowhere() -> None:
    (receipt_id,) = ReceiptIds(KEY).make([(1, 0)])
    with pytest.raises(UnknownReceipt):
        ReceiptIds(bytes(16)).read(receipt_id)
