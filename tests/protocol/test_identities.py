"""Section 2: one ledger a customer and unit, and a proof of it that nobody can bend."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl import bindings

from anchor.protocol import vrf
from anchor.protocol.errors import IdentityError
from anchor.protocol.identities import (
    IdentityKey,
    LedgerIdentity,
    alpha,
    check_ledger_identity,
    verify_ledger_identity,
)

KEY = IdentityKey(bytes(range(32)))
FOUNDER = bytes(range(100, 120))
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493

# RFC 9381, Appendix B.3: examples 16, 17 and 18 of ECVRF-EDWARDS25519-SHA512-TAI.
RFC_9381_EXAMPLES = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f"
        "26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab12"
        "68a1b0db10836d9826a528ca76567805",
        "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff"
        "66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed593"
        "3bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926d"
        "a3ef39226bbc355bdc9850112c8f4b02",
        "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb"
        "5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031",
    ),
]


@pytest.mark.parametrize(("secret", "public", "alpha_hex", "proof", "output"), RFC_9381_EXAMPLES)
def test_the_function_is_that_of_rfc_9381(
    secret: str, public: str, alpha_hex: str, proof: str, output: str
) -> None:
    key = vrf.SecretKey(bytes.fromhex(secret))
    assert key.public_key.hex() == public
    assert key.prove(bytes.fromhex(alpha_hex)).hex() == proof
    assert vrf.verify(key.public_key, bytes.fromhex(alpha_hex), bytes.fromhex(proof)).hex() == output


@given(st.text(max_size=40), st.text(max_size=20))
@settings(max_examples=60, deadline=None)
def test_whoever_is_shown_the_proof_finds_the_same_ledger(customer: str, unit: str) -> None:
    identity = KEY.ledger_identity(customer, unit)
    assert verify_ledger_identity(KEY.public_key, identity.proof, customer, unit) == identity.ledger_id
    check_ledger_identity(identity, KEY.public_key, FOUNDER, KEY.log_id(FOUNDER))


def test_a_customer_and_unit_cannot_be_read_as_another_pair() -> None:
    assert alpha("ab", "c") != alpha("a", "bc")
    assert alpha("é", "") == (2).to_bytes(8, "big") + b"\xc3\xa9" + bytes(8)


@given(st.integers(0, 80 * 8 - 1))
@settings(max_examples=200, deadline=None)
def test_a_proof_with_any_bit_flipped_is_refused(bit: int) -> None:
    identity = KEY.ledger_identity("cust_8xKj2m", "GPU-hrs")
    altered = bytearray(identity.proof)
    altered[bit >> 3] ^= 1 << (bit & 7)
    with pytest.raises(IdentityError):
        verify_ledger_identity(KEY.public_key, bytes(altered), "cust_8xKj2m", "GPU-hrs")


def test_a_proof_says_nothing_for_another_customer_unit_or_log() -> None:
    identity = KEY.ledger_identity("cust_8xKj2m", "GPU-hrs")
    for customer, unit in [("cust_8xKj2n", "GPU-hrs"), ("cust_8xKj2m", ""), ("GPU-hrs", "cust_8xKj2m")]:
        with pytest.raises(IdentityError, match="identity proof challenge"):
            verify_ledger_identity(KEY.public_key, identity.proof, customer, unit)
    other = IdentityKey(bytes(32))
    with pytest.raises(IdentityError):
        verify_ledger_identity(other.public_key, identity.proof, "cust_8xKj2m", "GPU-hrs")
    with pytest.raises(IdentityError, match="log id"):
        check_ledger_identity(identity, KEY.public_key, FOUNDER, other.log_id(FOUNDER))
    wrong = LedgerIdentity("cust_8xKj2m", "GPU-hrs", bytes(32), identity.proof)
    with pytest.raises(IdentityError, match="ledger id"):
        check_ledger_identity(wrong, KEY.public_key, FOUNDER, KEY.log_id(FOUNDER))


# The eight points of small order, in every encoding that decoders are known to accept.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_points_of_small_order_are_refused(point: str) -> None:
    identity = KEY.ledger_identity("c", "")
    with pytest.raises(IdentityError, match="identity public key"):
        verify_ledger_identity(bytes.fromhex(point), identity.proof, "c", "")
    with pytest.raises(IdentityError, match="identity proof point"):
        verify_ledger_identity(KEY.public_key, bytes.fromhex(point) + identity.proof[32:], "c", "")


def test_a_gamma_with_a_small_order_part_is_refused() -> None:
    identity = KEY.ledger_identity("c", "")
    mixed = bindings.crypto_core_ed25519_add(identity.proof[:32], bytes.fromhex(SMALL_ORDER[4]))
    with pytest.raises(IdentityError, match="identity proof point"):
        verify_ledger_identity(KEY.public_key, mixed + identity.proof[32:], "c", "")


def test_a_scalar_at_or_above_the_group_order_is_refused() -> None:
    identity = KEY.ledger_identity("c", "")
    raised = int.from_bytes(identity.proof[48:], "little") + GROUP_ORDER
    with pytest.raises(IdentityError, match="identity proof scalar"):
        verify_ledger_identity(KEY.public_key, identity.proof[:48] + raised.to_bytes(32, "little"), "c", "")


@pytest.mark.parametrize("length", [0, 79, 81])
def test_a_proof_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(IdentityError, match="identity proof length"):
        verify_ledger_identity(KEY.public_key, bytes(length), "c", "")


def test_the_secret_is_in_no_representation() -> None:
    key = IdentityKey.generate()
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)
