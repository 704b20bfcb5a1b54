"""The proof library on one eth-tester chain, open to calls, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
from eth_tester import EthereumTester, PyEVMBackend
from eth_utils.abi import function_abi_to_4byte_selector, get_abi_input_types
from web3 import EthereumTesterProvider, Web3
from web3.contract import Contract

from scripts.compile_contracts import compiled
from tests.fixtures.eth_tester import Refusal, decode_refusal, deploy

CALLS_AT_ONCE = 50
"""Each of our calls takes well under 500,000 gas; eth-tester allows 30,000,000 a call."""


@dataclass(frozen=True)
class Call:
    """A function of the harness and its arguments."""

    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class ProofLibrary:
    """AnchorProof behind its harness."""

    web3: Web3
    harness: Contract
    attempts: Contract

    def outcomes(self, calls: Sequence[Call]) -> list[Any]:
        """What each call returns (one value, or None), or the Refusal it reverts with, in order."""
        found: list[Any] = []
        for start in range(0, len(calls), CALLS_AT_ONCE):
            some = calls[start : start + CALLS_AT_ONCE]
            data = [self._data(call) for call in some]
            answers = self.attempts.functions.all(self.harness.address, data).call()
            found += [self._outcome(call, *answer) for call, answer in zip(some, answers, strict=True)]
        return found

    def _data(self, call: Call) -> bytes:
        """What web3's ``encode_abi`` gives, without its checks, which take most of its time."""
        selector, types = self._encodings[call.function]
        return selector + self.web3.codec.encode(types, call.arguments)

    @cached_property
    def _encodings(self) -> dict[str, tuple[bytes, list[str]]]:
        functions = {one.fn_name: one.abi for one in self.harness.all_functions()}
        return {
            name: (function_abi_to_4byte_selector(abi), get_abi_input_types(abi))
            for name, abi in functions.items()
        }

    def _outcome(self, call: Call, accepted: bool, returned: bytes) -> Any:
        if not accepted:
            return decode_refusal(self.harness, returned)
        outputs = self.harness.get_function_by_name(call.function).abi["outputs"]
        types = [str(output["type"]) for output in outputs]
        values = self.web3.codec.decode(types, returned)
        return values[0] if values else None

    def outcome(self, function: str, *arguments: Any) -> Any:
        """What one call returns, or the Refusal it reverts with."""
        return self.outcomes([Call(function, arguments)])[0]

    def refusals(self, calls: Sequence[Call]) -> list[Refusal]:
        """The Refusal of each call; fails where one is accepted."""
        found = self.outcomes(calls)
        accepted = [call for call, outcome in zip(calls, found, strict=True) if type(outcome) is not Refusal]
        assert not accepted, accepted[:3]
        return found


@pytest.fixture(scope="session")
def proof_library() -> ProofLibrary:
    return proof_library_on(Web3(EthereumTesterProvider(EthereumTester(PyEVMBackend()))))


def proof_library_on(web3: Web3) -> ProofLibrary:
    """Deploy the library's harness on any chain with an unlocked account."""

    def deployed(name: str) -> Contract:
        contract = compiled(f"contracts/test/{name}.sol", name)
        bytecode = contract["evm"]["bytecode"]["object"]
        return deploy(web3, {"abi": contract["abi"], "bytecode": bytecode})

    return ProofLibrary(web3, deployed("AnchorProofHarness"), deployed("Attempts"))
