"""Every way to alter a proof a little: one field, one bit, one hash more or less."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any


def alterations(
    random: Random, names: tuple[Any, ...], proof: tuple[Any, ...]
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield (what was altered, the altered proof) for a nested tuple of int, bytes, bool and list of bytes.

    `names` has the shape of `proof`: a name for each value, and (name, names within) for each tuple.
    """
    for at, (name, value) in enumerate(zip(names, proof, strict=True)):
        changed: Iterator[tuple[str, Any]]
        if isinstance(value, tuple):
            prefix, inner = name
            changed = ((f"{prefix}.{what}", other) for what, other in alterations(random, inner, value))
        elif isinstance(value, list):
            changed = ((f"{name} {what}", other) for what, other in _altered_paths(random, value))
        else:
            changed = ((name, other) for other in _altered_values(random, value))
        for what, other in changed:
            yield what, (*proof[:at], other, *proof[at + 1 :])


def _altered_values(random: Random, value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, bytes):
        yield flipped(random, value)
    else:
        yield value - 1 if value > 0 else value + 1
        yield value ^ (1 << random.randrange(63))


def flipped(random: Random, value: bytes) -> bytes:
    """The bytes with one bit of them flipped."""
    bit = 1 << random.randrange(8 * len(value))
    return (int.from_bytes(value, "big") ^ bit).to_bytes(len(value), "big")


def _altered_paths(random: Random, path: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    yield "one longer", [*path, random.randbytes(32)]
    yield "with an empty end", [*path, bytes(32)]
    yield "with an empty start", [bytes(32), *path]
    yield "beyond all bounds", [*path, *(random.randbytes(32) for _ in range(257 - len(path)))]
    if path:
        at = random.randrange(len(path))
        yield "one shorter", path[:-1]
        yield "without its start", path[1:]
        yield "one bit flipped", [*path[:at], flipped(random, path[at]), *path[at + 1 :]]
        yield "doubled", path + path
        if path != path[::-1]:
            yield "reversed", path[::-1]
    for at in range(len(path) - 1):
        if path[at] != path[at + 1]:
            yield "with two swapped", [*path[:at], path[at + 1], path[at], *path[at + 2 :]]
            break
