"""The record as it is reached over HTTP, for comparing it with books that stay here."""

import base64
import json
from typing import Final

from anchor.client.transport import Json, Transport
from anchor.protocol.amounts import parse_amount, parse_balance
from anchor.verify.divergence import RecordBlocks
from anchor.verify.reconciliation import RecordCells, ResolvedEntry


class _Exchange:
    """Asks one ledger's record, and counts what travels: bodies in bytes, as they are sent."""

    def __init__(self, transport: Transport, ledger: dict[str, Json]) -> None:
        self._transport: Final = transport
        self._ledger: Final = ledger
        self.round_trips = 0
        self.sent = 0
        self.received = 0

    def _ask(self, what: str, more: dict[str, Json]) -> Json:
        content = json.dumps({**self._ledger, **more}, ensure_ascii=False).encode()
        answer = self._transport.send("POST", f"/api/v1/balance/compare/{what}", content=content)
        self.round_trips += 1
        self.sent += len(content)
        self.received += len(answer.content)
        return self._transport.json_of(answer)


class HttpRecord(_Exchange):
    """``verify.reconciliation.RemoteRecord`` over HTTP. Every call is one request."""

    def __init__(self, transport: Transport, customer_id: str, unit: str) -> None:
        super().__init__(transport, {"customerId": customer_id, "unit": unit})

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


class HttpOrderedRecord(_Exchange):
    """``verify.divergence.OrderedRecord`` over HTTP. Every call is one request."""

    def __init__(self, transport: Transport, customer_id: str, unit: str, kind: str) -> None:
        super().__init__(transport, {"customerId": customer_id, "unit": unit, "kind": kind})

    def blocks(self, height: int, stop: int) -> RecordBlocks:
        """Return digests of blocks."""
        answer = self._ask("blocks", {"height": height, "stop": stop})
        return RecordBlocks(answer["size"], _bytes(answer["digests"]))

    def digests(self, start: int, stop: int) -> bytes:
        """Return digests of single deltas."""
        return _bytes(self._ask("digests", {"start": start, "stop": stop})["digests"])


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
