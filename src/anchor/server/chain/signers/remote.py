"""A signer in another process over JSON-RPC: Web3Signer (``eth_signTransaction``) or Clef
(``account_signTransaction``). What it returns is decoded and compared with what was asked: it is trusted
with the key, not with what to sign.
"""

from typing import Any

from anchor.node.endpoint import Endpoint, NodeRefused, RpcError
from anchor.server.chain.signers.signer import SignerRefused, SignerUnavailable
from anchor.server.chain.transactions import SignedTransaction, Transaction, check_signed
from anchor.server.chain.values import MalformedAnswer, address_text, data


class RemoteSigner:
    """Asks another process to sign for ``address``."""

    kind: str = "remote signer"

    def __init__(self, endpoint: Endpoint, address: bytes, *, method: str = "eth_signTransaction") -> None:
        self._endpoint = endpoint
        self._method = method
        self.address: bytes = address

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """Return the signed transaction. Raises as ``Signer.sign`` says."""
        name = f"remote signer {self._endpoint.name}"
        try:
            answer = self._endpoint.call(self._method, [self._request(transaction)])
        except NodeRefused as error:
            raise SignerRefused(name, error.problem) from None
        except RpcError as error:
            raise SignerUnavailable(name, error.problem) from None
        if isinstance(answer, dict):
            # Clef and geth answer {raw, tx}, Web3Signer the bytes alone.
            answer = answer.get("raw")
        try:
            raw = data(answer, "signed transaction")
        except MalformedAnswer as error:
            raise SignerRefused(name, str(error)) from None
        return check_signed(raw, transaction, self.address)

    def _request(self, transaction: Transaction) -> dict[str, Any]:
        request: dict[str, Any] = {
            "from": address_text(self.address),
            "gas": hex(transaction.gas_limit),
            "value": hex(transaction.value),
            "nonce": hex(transaction.nonce),
            "data": "0x" + transaction.data.hex(),
            "chainId": hex(transaction.chain_id),
        }
        if transaction.to is not None:
            request["to"] = address_text(transaction.to)
        fees = transaction.fees
        if fees.legacy:
            return request | {"gasPrice": hex(fees.max_fee)}
        return request | {
            "maxFeePerGas": hex(fees.max_fee),
            "maxPriorityFeePerGas": hex(fees.max_tip),
        }
