"""A key in AWS KMS (extra ``[aws]``), of kind ECC_SECG_P256K1: it never leaves there.

KMS signs a digest and answers with DER. Ethereum wants (r, s) with the low s, and a recovery id that
KMS does not give: it is the one of two that leads back to the key's own address.
"""

from typing import Any, Final

from eth_keys.constants import SECPK1_N
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature

from anchor.protocol.hashing import keccak
from anchor.server.chain.signers.signer import SignerMisconfigured, SignerRefused, SignerUnavailable
from anchor.server.chain.transactions import SignedTransaction, Transaction, check_signed
from anchor.server.chain.values import address_text

_PASSING: Final = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
        "LimitExceededException",
        "KMSInternalException",
        "DependencyTimeoutException",
        "KeyUnavailableException",
        "ServiceUnavailable",
        "InternalFailure",
        "RequestTimeout",
    }
)


class KmsSigner:
    """Signs with a KMS key. ``client`` is boto3's KMS client."""

    kind: str = "AWS KMS"

    def __init__(self, client: Any, key_id: str, *, address: bytes | None = None) -> None:
        """Read the public key. Raises SignerMisconfigured where it is of another kind, or of another
        address than the one that the settings name; SignerUnavailable, SignerRefused."""
        self._client = client
        self._key_id = key_id
        self.address: bytes = self._read_address()
        if address is not None and address != self.address:
            raise SignerMisconfigured(
                self._name,
                f"its address is {address_text(self.address)}, the settings say {address_text(address)}",
                "name the right key, or the right address",
            )

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """Return the signed transaction."""
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        digest = transaction.signing_hash()
        answer = self._ask(
            "sign",
            KeyId=self._key_id,
            Message=digest,
            MessageType="DIGEST",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        try:
            r, s = decode_dss_signature(answer["Signature"])
        except ValueError:
            raise SignerRefused(self._name, "its answer is no DER signature") from None
        s = min(s, SECPK1_N - s)
        for y_parity in (0, 1):
            try:
                key = Signature(vrs=(y_parity, r, s)).recover_public_key_from_msg_hash(digest)
            except BadSignature:
                continue
            if key.to_canonical_address() == self.address:
                signed = transaction.signed(r, s, y_parity)
                return check_signed(signed.raw, transaction, self.address)
        raise SignerRefused(self._name, "its signature is not by the key that it shows")

    def _read_address(self) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        answer = self._ask("get_public_key", KeyId=self._key_id)
        key = load_der_public_key(answer["PublicKey"])
        if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256K1):
            kind = key.curve.name if isinstance(key, EllipticCurvePublicKey) else type(key).__name__
            raise SignerMisconfigured(
                self._name,
                f"it is a key of kind {kind}",
                "create one of kind ECC_SECG_P256K1 for SIGN_VERIFY",
            )
        numbers = key.public_numbers()
        return keccak(numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big"))[12:]

    def _ask(self, operation: str, **arguments: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client, operation)(**arguments)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "?"))
            if code in _PASSING:
                raise SignerUnavailable(self._name, code) from None
            raise SignerRefused(self._name, code) from None
        except BotoCoreError as error:
            raise SignerUnavailable(self._name, type(error).__name__) from None

    @property
    def _name(self) -> str:
        return f"AWS KMS key {self._key_id}"


def kms_client(region: str | None, endpoint: str | None) -> Any:
    """Return boto3's client, with its own retries for throttling. Raises SignerMisconfigured."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise SignerMisconfigured(
            "AWS KMS", "boto3 is not installed", "run: pip install 'anchor-ledger[aws]'"
        ) from None
    config = Config(connect_timeout=3, read_timeout=5, retries={"max_attempts": 3, "mode": "standard"})
    try:
        return boto3.client("kms", region_name=region, endpoint_url=endpoint, config=config)
    except BotoCoreError as error:
        raise SignerMisconfigured(
            "AWS KMS", str(error), "set the region in the settings or in AWS_REGION"
        ) from None
