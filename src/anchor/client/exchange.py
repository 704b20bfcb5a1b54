"""The record as it is reached over HTTP, for comparing it with books that stay here."""

import base64
from typing import Final

from anchor.client.transport import Json, Transport
from anchor.protocol.amounts import parse_amount, parse_balance
from anchor.verify.divergence import RecordBlocks
from anchor.verify.reconciliation import RecordCells, ResolvedEntry


class HttpRecord:
    """``verify.reconciliation.RemoteRecord`` over HTTP. Every call is one request."""

    def __init__(self, transport: Transport, customer_id: str, unit: str) -> None:
        self._transport: Final = transport
        self._ledger: Final = {"customerId": customer_id, "unit": unit}

    def cells(self, salt: bytes, level: int, above: int | None, size: int | None) -> RecordCells:
        """Return cells of the record's sketch."""
        answer = self._ask("cells", {"salt": _text(salt), "level": level, "above": above, "size": size})
        return RecordCells(answer["size"], parse_balance(str(answer["total"])), _bytes(answer["cells"]))

    def resolve(self, salt: bytes, keys: list[bytes], size: int) -> list[ResolvedEntry]:
        """Return the deltas that keys stand for."""
        answer = self._ask(
            "entries", {"salt": _text(salt), "keys": [_text(key) for key in keys], "size": size}
        )
        return [
            ResolvedEntry(
                _bytes(entry["key"]), entry["index"], entry["referenceId"], parse_amount(str(entry["amount"]))
            )
            for entry in answer["entries"]
        ]

    def _ask(self, what: str, more: dict[str, Json]) -> Json:
        return self._transport.call("POST", f"/api/v1/balance/compare/{what}", body={**self._ledger, **more})


class HttpOrderedRecord:
    """``verify.divergence.OrderedRecord`` over HTTP. Every call is one request."""

    def __init__(self, transport: Transport, customer_id: str, unit: str, kind: str) -> None:
        self._transport: Final = transport
        self._ledger: Final = {"customerId": customer_id, "unit": unit, "kind": kind}

    def blocks(self, height: int, stop: int) -> RecordBlocks:
        """Return digests of blocks."""
        answer = self._ask("blocks", {"height": height, "stop": stop})
        return RecordBlocks(answer["size"], _bytes(answer["digests"]))

    def digests(self, start: int, stop: int) -> bytes:
        """Return digests of single deltas."""
        return _bytes(self._ask("digests", {"start": start, "stop": stop})["digests"])

    def _ask(self, what: str, more: dict[str, Json]) -> Json:
        return self._transport.call("POST", f"/api/v1/balance/compare/{what}", body={**self._ledger, **more})


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
