"""Every signer signs the same transaction to the same account, and says what is wrong with it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from eth_account import Account
from eth_keys.constants import SECPK1_N
from moto import mock_aws
from moto.kms.utils import ECDSAPrivateKey

from anchor.node.endpoint import TransportFailed, refused
from anchor.server.chain.settings import SignerSettings
from anchor.server.chain.signers.aws_kms import KmsSigner, kms_client
from anchor.server.chain.signers.local import (
    LocalSigner,
    create_keystore,
    signer_from_environment,
    signer_from_keystore,
)
from anchor.server.chain.signers.opening import open_signer
from anchor.server.chain.signers.remote import RemoteSigner
from anchor.server.chain.signers.signer import SignerMisconfigured, SignerRefused, SignerUnavailable
from anchor.server.chain.transactions import Fees, SignedDiffers, Transaction, decode_signed
from anchor.server.chain.values import address_text

SECRET = bytes(range(1, 33))
LOCAL = LocalSigner(SECRET)
TRANSACTION = Transaction(31337, 7, b"\x11" * 20, 0, b"\x01\x02", 50_000, Fees(2_000, 1_000))
LEGACY = replace(TRANSACTION, fees=Fees(2_000, 2_000, legacy=True))


class TestKeystore:
    """The default: an encrypted file."""

    def test_what_was_created_can_be_opened_by_us_and_by_others(self, tmp_path: Path) -> None:
        path = tmp_path / "key.json"
        address = create_keystore(path, "correct horse", cost=2)
        signer = signer_from_keystore(path, "correct horse")
        assert signer.address == address == signer.sign(TRANSACTION).sender
        theirs = Account.from_key(Account.decrypt(json.loads(path.read_text()), "correct horse"))
        assert theirs.address == address_text(address)

    def test_only_its_owner_reads_it_and_it_is_never_written_over(self, tmp_path: Path) -> None:
        path = tmp_path / "key.json"
        create_keystore(path, "x", cost=2)
        assert path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(FileExistsError):
            create_keystore(path, "x", cost=2)

    @pytest.mark.parametrize(
        ("content", "password", "problem"),
        [
            (None, "right", "no such file"),
            ("not json", "right", "cannot be read"),
            ("{}", "right", "no Web3 Secret Storage file"),
            ("good", "wrong", "the password is wrong"),
        ],
    )
    def test_each_mistake_is_named_with_a_remedy(
        self, tmp_path: Path, content: str | None, password: str, problem: str
    ) -> None:
        path = tmp_path / "key.json"
        if content == "good":
            create_keystore(path, "right", cost=2)
        elif content is not None:
            path.write_text(content)
        with pytest.raises(SignerMisconfigured, match=problem) as failure:
            signer_from_keystore(path, password)
        assert failure.value.remedy
        assert "right" not in str(failure.value).replace("right one", "")

    def test_its_password_comes_from_a_file_or_the_environment(self, tmp_path: Path) -> None:
        path, password = tmp_path / "key.json", tmp_path / "password"
        address = create_keystore(path, "correct horse", cost=2)
        password.write_text("correct horse\n")
        from_file = SignerSettings("keystore", keystore=path, password_file=password)
        from_variable = SignerSettings("keystore", keystore=path, password_variable="PASSWORD")
        assert open_signer(from_file, environment={}).address == address
        assert open_signer(from_variable, environment={"PASSWORD": "correct horse"}).address == address
        with pytest.raises(SignerMisconfigured, match=r"\$PASSWORD is not set"):
            open_signer(from_variable, environment={})


class TestEnvironment:
    """A key in a variable."""

    def test_it_signs_and_shows_nothing(self) -> None:
        signer = signer_from_environment("KEY", {"KEY": "0x" + SECRET.hex()})
        assert signer.sign(TRANSACTION).sender == LOCAL.address
        assert SECRET.hex() not in repr(signer)

    @pytest.mark.parametrize("value", ["", "0x", "zz", "0x" + "00" * 32, "0x" + "ff" * 32, "0x" + "11" * 31])
    def test_what_is_no_key_is_refused_and_not_shown(self, value: str) -> None:
        with pytest.raises(SignerMisconfigured) as failure:
            signer_from_environment("KEY", {"KEY": value})
        assert len(value) < 6 or value[2:] not in str(failure.value)


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """AWS KMS, as moto plays it, and with the one thing that moto leaves out: MessageType DIGEST."""

    def sign_digest(key: ECDSAPrivateKey, message: bytes, _signing_algorithm: str) -> bytes:
        assert len(message) == 32
        signed: bytes = key.private_key.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))
        return signed

    monkeypatch.setattr(ECDSAPrivateKey, "sign", sign_digest)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield kms_client("eu-central-1", None)


class TurnedKms:
    """A KMS client that answers a sign request in another way, or not at all."""

    def __init__(self, client: Any, turn: Any) -> None:
        self._client = client
        self._turn = turn

    def get_public_key(self, **arguments: Any) -> Any:
        return self._client.get_public_key(**arguments)

    def sign(self, **arguments: Any) -> Any:
        return self._turn(self._client.sign, arguments)


class TestKms:
    """Row 32 of the faults."""

    def key(self, kms: Any, spec: str = "ECC_SECG_P256K1") -> str:
        created = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")
        return str(created["KeyMetadata"]["KeyId"])

    @pytest.mark.parametrize("transaction", [TRANSACTION, LEGACY])
    def test_32_der_becomes_a_low_s_and_the_right_recovery_id(
        self, kms: Any, transaction: Transaction
    ) -> None:
        signer = KmsSigner(kms, self.key(kms))
        for nonce in range(12):
            signed = signer.sign(replace(transaction, nonce=nonce))
            assert decode_signed(signed.raw).sender == signer.address

    def test_32_a_high_s_is_turned_into_the_low_one(self, kms: Any) -> None:
        from cryptography.hazmat.primitives.asymmetric.utils import (
            decode_dss_signature,
            encode_dss_signature,
        )

        def high(sign: Any, arguments: Any) -> Any:
            r, s = decode_dss_signature(sign(**arguments)["Signature"])
            return {"Signature": encode_dss_signature(r, max(s, SECPK1_N - s))}

        signer = KmsSigner(TurnedKms(kms, high), self.key(kms))
        assert signer.sign(TRANSACTION).sender == signer.address

    def test_32_throttling_is_unavailable_and_denial_is_refused(self, kms: Any) -> None:
        from botocore.exceptions import ClientError, ConnectTimeoutError

        def failing(error: Exception) -> Any:
            def turn(_sign: Any, _arguments: Any) -> Any:
                raise error

            return KmsSigner(TurnedKms(kms, turn), self.key(kms))

        throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "Sign")
        with pytest.raises(SignerUnavailable, match="ThrottlingException"):
            failing(throttled).sign(TRANSACTION)
        with pytest.raises(SignerUnavailable):
            failing(ConnectTimeoutError(endpoint_url="x")).sign(TRANSACTION)
        denied = ClientError({"Error": {"Code": "AccessDeniedException"}}, "Sign")
        with pytest.raises(SignerRefused, match="AccessDeniedException"):
            failing(denied).sign(TRANSACTION)

    def test_32_a_key_that_does_not_match_the_address_refuses_to_start(self, kms: Any) -> None:
        key = self.key(kms)
        found = KmsSigner(kms, key).address
        KmsSigner(kms, key, address=found)
        with pytest.raises(SignerMisconfigured, match=address_text(found)):
            KmsSigner(kms, key, address=LOCAL.address)

    def test_32_a_key_of_another_kind_refuses_to_start(self, kms: Any) -> None:
        with pytest.raises(SignerMisconfigured, match="secp256r1"):
            KmsSigner(kms, self.key(kms, "ECC_NIST_P256"))

    def test_32_a_signature_by_another_key_is_refused(self, kms: Any) -> None:
        other = self.key(kms)

        def swapped(sign: Any, arguments: Any) -> Any:
            return sign(**(arguments | {"KeyId": other}))

        signer = KmsSigner(TurnedKms(kms, swapped), self.key(kms))
        with pytest.raises(SignerRefused, match="not by the key"):
            signer.sign(TRANSACTION)


class AnsweringEndpoint:
    """A remote signer that answers as a test says."""

    name = "http://signer"

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Any]] = []

    def call(self, method: str, params: Any) -> Any:
        self.asked.append((method, params))
        answer = self.answer(params[0]) if callable(self.answer) else self.answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def hide(self, text: str) -> str:
        return text


class TestRemote:
    """Row 33 of the faults."""

    @pytest.mark.parametrize("transaction", [TRANSACTION, LEGACY])
    @pytest.mark.parametrize("wrapped", [False, True])
    def test_what_web3signer_and_clef_answer_is_taken(self, transaction: Transaction, wrapped: bool) -> None:
        raw = "0x" + LOCAL.sign(transaction).raw.hex()
        endpoint = AnsweringEndpoint({"raw": raw, "tx": {}} if wrapped else raw)
        signed = RemoteSigner(endpoint, LOCAL.address).sign(transaction)
        assert signed.transaction == transaction
        [(method, [request])] = endpoint.asked
        assert method == "eth_signTransaction"
        assert request["from"] == address_text(LOCAL.address)
        assert ("gasPrice" in request) == transaction.fees.legacy

    def test_33_another_transaction_than_asked_for_is_never_sent(self) -> None:
        other = LOCAL.sign(replace(TRANSACTION, to=b"\x22" * 20))
        signer = RemoteSigner(AnsweringEndpoint("0x" + other.raw.hex()), LOCAL.address)
        with pytest.raises(SignedDiffers) as differs:
            signer.sign(TRANSACTION)
        assert differs.value.field == "to"

    def test_33_a_time_out_is_unavailable(self) -> None:
        timeout = TransportFailed("http://signer", "eth_signTransaction", "no answer", outcome_unknown=True)
        with pytest.raises(SignerUnavailable, match="no answer"):
            RemoteSigner(AnsweringEndpoint(timeout), LOCAL.address).sign(TRANSACTION)

    @pytest.mark.parametrize("answer", [None, "0x", 17, {"raw": "zz"}, "no"])
    def test_33_an_answer_that_is_no_transaction_is_refused(self, answer: Any) -> None:
        from anchor.server.chain.transactions import UnreadableTransaction

        with pytest.raises((SignerRefused, UnreadableTransaction)):
            RemoteSigner(AnsweringEndpoint(answer), LOCAL.address).sign(TRANSACTION)

    def test_33_a_refusal_is_told(self) -> None:
        error = refused(
            "http://signer", "account_signTransaction", {"code": -32000, "message": "Request denied"}
        )
        signer = RemoteSigner(AnsweringEndpoint(error), LOCAL.address, method="account_signTransaction")
        with pytest.raises(SignerRefused, match="Request denied"):
            signer.sign(TRANSACTION)
