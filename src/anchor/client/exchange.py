"""The record as it is reached over HTTP, for comparing it with books that stay here."""

import base64
from collections.abc import Callable
from typing import Final, TypeVar

from anchor.client.members import Json, MemberError, Members
from anchor.client.transport import Transport, json_body
from anchor.compare.divergence import RecordBlocks
from anchor.compare.reconciliation import RecordCells, ResolvedEntry
from anchor.protocol.amounts import parse_amount, parse_balance
from anchor.protocol.errors import AmountError

T = TypeVar("T")


class _Exchange:
    """Asks one ledger's record, and counts what travels: bodies in bytes, as they are sent."""

    def __init__(self, transport: Transport, ledger: dict[str, Json]) -> None:
        self._transport: Final = transport
        self._ledger: Final = ledger
        self.round_trips = 0
        self.sent = 0
        self.received = 0

    def _ask(self, what: str, more: dict[str, Json], reading: Callable[[Members], T]) -> T:
        content = json_body({**self._ledger, **more})
        answer = self._transport.send("POST", f"/api/v1/balance/compare/{what}", content=content)
        self.round_trips += 1
        self.sent += len(content)
        self.received += len(answer.content)
        return self._transport.read(reading, answer)


class HttpRecord(_Exchange):
    """``verify.reconciliation.RemoteRecord`` over HTTP. Every call is one request."""

    def __init__(self, transport: Transport, customer_id: str, unit: str) -> None:
        super().__init__(transport, {"customerId": customer_id, "unit": unit})

    def cells(self, salt: bytes, level: int, above: int | None, size: int | None) -> RecordCells:
        """Return cells of the record's sketch."""
        return self._ask(
            "cells",
            {"salt": _text(salt), "level": level, "above": above, "size": size},
            lambda answer: RecordCells(
                answer.whole("size"), _units(answer, "total", parse_balance), _bytes(answer, "cells")
            ),
        )

    def resolve(self, salt: bytes, keys: list[bytes], size: int) -> list[ResolvedEntry]:
        """Return the deltas that keys stand for."""
        return self._ask(
            "entries",
            {"salt": _text(salt), "keys": [_text(key) for key in keys], "size": size},
            lambda answer: [
                ResolvedEntry(
                    _bytes(entry, "key"),
                    entry.whole("index"),
                    entry.text_or_none("referenceId"),
                    _units(entry, "amount", parse_amount),
                )
                for entry in answer.parts("entries")
            ],
        )


class HttpOrderedRecord(_Exchange):
    """``verify.divergence.OrderedRecord`` over HTTP. Every call is one request."""

    def __init__(self, transport: Transport, customer_id: str, unit: str, kind: str) -> None:
        super().__init__(transport, {"customerId": customer_id, "unit": unit, "kind": kind})

    def blocks(self, height: int, stop: int) -> RecordBlocks:
        """Return digests of blocks."""
        return self._ask(
            "blocks",
            {"height": height, "stop": stop},
            lambda answer: RecordBlocks(answer.whole("size"), _bytes(answer, "digests")),
        )

    def digests(self, start: int, stop: int) -> bytes:
        """Return digests of single deltas."""
        return self._ask("digests", {"start": start, "stop": stop}, lambda answer: _bytes(answer, "digests"))


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(answer: Members, name: str) -> bytes:
    try:
        return base64.b64decode(answer.text(name), validate=True)
    except ValueError as error:
        raise MemberError(f"{answer.place}/{name} is not base64: {error}") from None


def _units(answer: Members, name: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(str(answer.number(name)))
    except AmountError as error:
        raise MemberError(f"{answer.place}/{name} is no amount: {error}") from None
