"""Proof files with one value of their claim altered into another of its kind: they parse, and may lie."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from anchor.proof.values import ProofFile
from tests.verify.building import BuiltLog

_NOT_OF_THE_CLAIM = frozenset({"format", "version", "kind", "log", "ledger"})


def every_place(log: BuiltLog) -> Iterator[ProofFile]:
    """An honest proof of every delta in every batch, every head, and every growth from batch to batch."""
    for (customer, unit), ledger in log.ledgers.items():
        held = [
            (at, len(sealed.ledgers[ledger.identity.ledger_id]))
            for at, sealed in enumerate(log.batches, 1)
            if ledger.identity.ledger_id in sealed.ledgers
        ]
        for number, size in held:
            for index in range(size):
                yield log.delta(customer, index, number, unit, named=False)
            for earlier, _ in held:
                if earlier <= number:
                    yield log.extension(customer, earlier, number, unit, kept=(earlier + number) % 2 == 0)


def altered_claim(value: Any, random: Random) -> bytes:
    """The text of a file with one value in its claim altered, which still reads as one of its kind."""
    whole = json.loads(json.dumps(value))
    if random.random() < 0.95:
        # Checking an identity proof takes most of the time.
        for name in ("customerId", "unit", "identityProof"):
            whole.get("ledger", {}).pop(name, None)
    claim = {name: part for name, part in whole.items() if name not in _NOT_OF_THE_CLAIM}
    places = list(_values(claim))
    hashes = [holder[key] for holder, key in places if _is_hash(holder[key])]
    holder, key = random.choice(places)
    if isinstance(holder[key], list):
        _bend(holder[key], hashes, random)
    else:
        holder[key] = _another(key, holder[key], hashes, random)
    return json.dumps(whole).encode()


def _values(value: Any) -> Iterator[tuple[Any, Any]]:
    """The places of single values, and of lists of hashes. Of a period's list of deltas, the first only:
    what is wrong in it is for its reader to find, not for the library."""
    for key, entry in list(value.items() if isinstance(value, dict) else enumerate(value)):
        if isinstance(entry, list) and all(_is_hash(one) for one in entry):
            yield value, key
        if isinstance(entry, dict | list):
            yield from _values(entry[:1] if key == "deltas" and isinstance(entry, list) else entry)
        else:
            yield value, key


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("0x") and len(value) == 66


def _another(key: Any, value: Any, hashes: list[str], random: Random) -> Any:
    if isinstance(value, int):
        return abs(value + random.choice([-1000, -2, -1, 1, 2, 1000]))
    if value is None:
        return random.choice(hashes) if key == "adjusts" else "said later"
    if _is_hash(value) and random.random() < 0.3:
        return random.choice(hashes)
    if value.startswith("0x"):
        at = random.randrange(2, len(value))
        return value[:at] + random.choice("0123456789abcdef".replace(value[at], "")) + value[at + 1 :]
    if key in ("amount", "balance"):
        at = 1 if value[0] == "-" else 0
        return value[:at] + random.choice("123456789".replace(value[at], "")) + value[at + 1 :]
    return random.choice([value + "x", value[1:], value[::-1] + "✓"])


def _bend(path: list[str], hashes: list[str], random: Random) -> None:
    """Shorten a path, lengthen it, or give it its hashes in another order."""
    what = random.randrange(3)
    if what == 0 and path:
        path.pop(random.randrange(len(path)))
    elif what == 1 and len(path) > 1:
        one, other = random.sample(range(len(path)), 2)
        path[one], path[other] = path[other], path[one]
    else:
        path.insert(random.randint(0, len(path)), random.choice(hashes))
