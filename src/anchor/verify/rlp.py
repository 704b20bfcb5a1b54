"""Recursive Length Prefix: Ethereum's headers, accounts and trie nodes. Only the canonical form is read."""

from collections.abc import Sequence
from typing import TypeAlias

Item: TypeAlias = bytes | list["Item"]
MOST_NESTED = 8


class RlpError(ValueError):
    """Bytes that are not the canonical encoding of one item."""


def encode(item: bytes | Sequence[object]) -> bytes:
    """Return the encoding of bytes, or of a sequence of items."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(len(item), 0x80) + item
    body = b"".join(encode(entry) for entry in item)  # type: ignore[arg-type]
    return _prefix(len(body), 0xC0) + body


def integer(number: int) -> bytes:
    """Return a non-negative integer as RLP holds it: big-endian, no leading zero."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def decode(data: bytes) -> Item:
    """Return the one item that ``data`` encodes. Raises RlpError."""
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise RlpError("bytes are left over")
    return item


def decode_list(data: bytes) -> list[Item]:
    """Return the items of an encoded list. Raises RlpError."""
    item = decode(data)
    if isinstance(item, bytes):
        raise RlpError("this is no list")
    return item


def _prefix(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = integer(length)
    return bytes([offset + 55 + len(size)]) + size


def _item(data: bytes, at: int, end: int, depth: int) -> tuple[Item, int]:
    if at >= end or depth > MOST_NESTED:
        raise RlpError("an item is cut short or nests too deep")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    is_list = first >= 0xC0
    start, stop = _payload(data, at, end, first - (0xC0 if is_list else 0x80))
    if not is_list:
        payload = data[start:stop]
        if len(payload) == 1 and payload[0] < 0x80:
            raise RlpError("a single byte is written longer than it has to be")
        return payload, stop
    items: list[Item] = []
    while start < stop:
        item, start = _item(data, start, stop, depth + 1)
        items.append(item)
    return items, stop


def _payload(data: bytes, at: int, end: int, code: int) -> tuple[int, int]:
    """Return where an item's bytes begin and end."""
    start = at + 1
    length = code
    if code > 55:
        size = data[start : start + code - 55]
        start += code - 55
        length = int.from_bytes(size, "big")
        if start > end or size[:1] in (b"", b"\x00") or length < 56:
            raise RlpError("a length is written longer than it has to be")
    if start + length > end:
        raise RlpError("an item is cut short")
    return start, start + length
