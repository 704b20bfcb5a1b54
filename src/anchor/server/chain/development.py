"""A chain in this process for development: eth-tester behind the same ``Endpoint`` as real nodes.

It lives as long as the process, under an id that no other has. Its accounts and their keys are eth-tester's,
worth nothing elsewhere.
"""

import secrets
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from anchor.node.endpoint import LocalEndpoint
from anchor.server.chain.signers.local import LocalSigner

_LEAST_CHAIN_ID: Final = 2**40
_BEYOND_CHAIN_IDS: Final = 2**51
"""Wallets keep twice a chain's id and a little more in a signature, and know whole numbers below 2**53."""

_BLOCK_KEYS: Final = frozenset({"blockHash", "requireCanonical"})


class DevelopmentChain:
    """An EVM in memory with funded accounts, mining a block for each transaction.

    ``endpoint`` answers JSON-RPC, for this process and for whoever it is served to.
    """

    def __init__(self, chain_id: int | None = None) -> None:
        """``chain_id``: drawn at random unless given, so that what was anchored on another is never mistaken
        for something of this one."""
        limit = sys.getrecursionlimit()
        from eth_tester import EthereumTester, PyEVMBackend

        # py-evm raises it for deep calls between contracts, of which we make none: see anchor.server.chain.
        sys.setrecursionlimit(limit)
        from web3 import Web3
        from web3.middleware import combine_middleware
        from web3.providers.eth_tester import EthereumTesterProvider
        from web3.providers.eth_tester.defaults import API_ENDPOINTS
        from web3.providers.eth_tester.middleware import (
            default_transaction_fields_middleware,
            ethereum_tester_middleware,
        )

        self.chain_id: Final = chain_id or new_chain_id()
        self._backend = PyEVMBackend()
        # The backend makes a class for each chain, with eth-tester's own id.
        type(self._backend.chain).chain_id = self.chain_id
        methods: dict[str, dict[str, Callable[..., Any]]] = {
            namespace: dict(functions) for namespace, functions in API_ENDPOINTS.items()
        }
        methods["eth"]["chainId"] = lambda _tester, _params: self.chain_id
        methods["net"]["version"] = lambda _tester, _params: str(self.chain_id)
        for name in ("call", "estimateGas"):
            methods["eth"][name] = _with_revert_data(methods["eth"][name])
        self._tester = EthereumTester(self._backend)
        provider = EthereumTesterProvider(self._tester, methods)
        self._request: Callable[..., Any] = combine_middleware(
            middleware=(default_transaction_fields_middleware, ethereum_tester_middleware),
            w3=Web3(provider),
            provider_request_fn=provider.make_request,
        )
        self.endpoint: LocalEndpoint = LocalEndpoint(self._answer, name="development chain")

    def signer(self, place: int = 0) -> LocalSigner:
        """Return a funded account's signer. ``place`` counts from 0 to 9."""
        key = self._backend.account_keys[place]
        return LocalSigner(bytes.fromhex(key.to_hex().removeprefix("0x")), kind="development key")

    def mine(self, blocks: int = 1) -> None:
        """Mine empty blocks."""
        self.endpoint.call("evm_mine", [blocks])

    def _answer(self, method: str, params: list[Any]) -> Any:
        from eth_tester.exceptions import BlockNotFound, TransactionNotFound

        try:
            params = self._known_params(method, params)
            if method in ("eth_sendTransaction", "eth_sendRawTransaction"):
                self._catch_up()
            answer = self._request(method, params)
        except _Reverted as reverted:
            return {"error": {"code": 3, "message": "execution reverted", "data": reverted.data}}
        except TransactionNotFound:
            return {"result": None}
        except BlockNotFound:
            return {"error": {"code": -32000, "message": "header not found"}}
        except Exception as error:
            # Whatever eth-tester raises is its way to say no.
            return {"error": {"code": -32000, "message": f"{type(error).__name__}: {error}"}}
        return answer if "error" in answer else {"result": _json(answer["result"])}

    def _known_params(self, method: str, params: list[Any]) -> list[Any]:
        """Name blocks by their numbers where they are given by hash, which eth-tester does not know."""
        if method == "eth_getLogs" and params and "blockHash" in params[0]:
            number = self._number(params[0]["blockHash"])
            rest = {name: value for name, value in params[0].items() if name != "blockHash"}
            return [{**rest, "fromBlock": number, "toBlock": number}]
        return [
            self._number(value["blockHash"])
            if isinstance(value, Mapping) and "blockHash" in value and value.keys() <= _BLOCK_KEYS
            else value
            for value in params
        ]

    def _number(self, block_hash: str) -> str:
        return hex(self._tester.get_block_by_hash(block_hash)["number"])

    def _catch_up(self) -> None:
        # Else the chain's clock moves by one second a block, whatever the time is.
        now = int(time.time())
        if now > self._tester.get_block_by_number("pending")["timestamp"]:
            self._tester.time_travel(now)


def new_chain_id() -> int:
    """Return a random id far above those of public chains."""
    return _LEAST_CHAIN_ID + secrets.randbelow(_BEYOND_CHAIN_IDS - _LEAST_CHAIN_ID)


class _Reverted(Exception):
    """A call that reverted, with its data, which web3's provider would drop."""

    def __init__(self, data: str | None) -> None:
        super().__init__(data)
        self.data = data


def _with_revert_data(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(tester: Any, params: Any) -> Any:
        from eth_tester.exceptions import TransactionFailed

        try:
            return function(tester, params)
        except TransactionFailed as error:
            raise _Reverted(_revert_data(error)) from None

    return call


def _revert_data(error: BaseException) -> str | None:
    for argument in error.args:
        if isinstance(argument, bytes):
            return "0x" + argument.hex()
        if isinstance(argument, str) and argument.startswith("0x"):
            return argument
        if isinstance(argument, BaseException):
            return _revert_data(argument)
    return None


def _json(value: Any, name: str = "") -> Any:
    """Return a result as JSON-RPC writes it: numbers as '0x…' quantities, bytes as '0x…' data."""
    if isinstance(value, bool) or value is None or isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return f"0x{value:0512x}" if name == "logsBloom" else hex(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {key: _json(item, key) for key, item in value.items()}
    return [_json(item) for item in value]
