"""Endpoints in this process that answer by a table: what several of them say, held against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anchor.node.endpoint import LocalEndpoint
from anchor.server.chain.node import Node

CHAIN_ID = 31_337
NOW = 1_700_000_000
"""Seconds: what the clock of these tests shows."""


class Scripted:
    """One endpoint. ``said`` has a result by method, an error as ``Refused``, or a function of the
    parameters to either; ``calls`` is what was asked."""

    def __init__(self, name: str, **said: Any) -> None:
        self.said: dict[str, Any] = {"eth_chainId": hex(CHAIN_ID), "eth_getBlockByNumber": chain_to(9)} | said
        self.calls: list[str] = []
        self.endpoint = LocalEndpoint(self._answer, name=name)

    def _answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        self.calls.append(method)
        said = self.said[method]
        found = said(*params) if callable(said) else said
        return {"error": found} if isinstance(found, Refused) else {"result": found}


class Refused(dict[str, Any]):
    """A JSON-RPC error."""

    def __init__(self, message: str, code: int = -32000, data: str | None = None) -> None:
        super().__init__(code=code, message=message, **({} if data is None else {"data": data}))


def node_of(*endpoints: Scripted, agreement: int = 1, now: float = NOW + 86_400) -> Node:
    """One chain by these endpoints. ``now`` is in seconds; at the next day no block is of the future."""
    return Node([one.endpoint for one in endpoints], CHAIN_ID, agreement=agreement, now=lambda: now)


def block(number: int, *, fork: int = 0, time: int | None = None, **fields: Any) -> dict[str, Any]:
    """A block of the chain, or of a ``fork`` of it; one in 12 seconds, the tenth at ``NOW``."""
    return {
        "number": hex(number),
        "hash": f"0x{fork:032x}{number:032x}",
        "parentHash": f"0x{fork:032x}{max(0, number - 1):032x}",
        "timestamp": hex(NOW + 12 * (number - 9) if time is None else time),
        "gasLimit": hex(30_000_000),
        "baseFeePerGas": hex(10**9),
    } | fields


def chain_to(
    newest: int, final: int = 0, made: Callable[[int], dict[str, Any]] = block
) -> Callable[[str, bool], dict[str, Any] | None]:
    """Answer ``eth_getBlockByNumber`` up to a newest block, and up to a final one by its tags."""

    def shown(which: str, _whole: bool) -> dict[str, Any] | None:
        heights = {"latest": newest, "finalized": final, "safe": final, "earliest": 0}
        number = heights[which] if which in heights else int(which, 16)
        return made(number) if number <= newest else None

    return shown
