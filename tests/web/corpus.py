"""Proof files by the thousand: honest ones out of many logs, and each altered in some way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from anchor.proof.values import ProofFile
from anchor.proof.writing import proof_file_json
from tests.verify.building import (
    BuiltLog,
    MemoryChain,
    example_log,
    example_proofs,
    fingerprints_only,
)
from tests.verify.fraud_examples import cheated_log, fraud_file
from tests.web.claim_alterations import altered_claim, every_place

HASH = "0x" + "ab" * 32
OTHERS: list[Any] = [
    *(None, True, 0, 1, 2**64 - 1, 2**64, -1, "", "0", "-0", "1.5", "1.50", "1e3", "\ud800", "é", "\u0000"),
    *(
        HASH,
        HASH.upper(),
        HASH[:-1],
        "0x" + "00" * 32,
        "0x",
        [],
        {},
        [HASH],
        [[]],
        {"value": "", "salt": "0x"},
    ),
]


def logs(seeds: int) -> Iterator[tuple[MemoryChain, dict[str, ProofFile]]]:
    """Some logs with every honest proof out of them, and as many whose operator cheated."""
    for seed in range(1, seeds + 1):
        log = example_log(seed)
        yield log.chain, example_proofs(log) | {"old head": log.freshness("B6", 2, "mile")}
        yield log.chain, {f"place {at}": proof for at, proof in enumerate(every_place(log))}
        cheated, frauds = cheated_log(seed)
        yield cheated.chain, {name: fraud_file(cheated, fraud) for name, fraud in frauds.items()}
        yield cheated_periods(seed)


def cheated_periods(seed: int) -> tuple[MemoryChain, dict[str, ProofFile]]:
    """Periods of a log that was sealed and anchored with a false balance, and with times reversed."""
    log = BuiltLog(seed)
    for customer in ("UA", "AA"):
        log.record_many(customer, 4)
    log.record("UA", 5, balance=0)
    log.record("AA", 5, recorded_at=log.ledger("AA").records[2].recorded_at)
    number = log.seal().batch.number
    log.anchor()
    return log.chain, {
        "false balance": log.period("UA", 2, 4, number, listed=True),
        "times reversed": log.period("AA", 2, 4, number, listed=True),
        "times reversed at the opening": log.period("AA", 4, 4, number, listed=True),
        "amounts withheld": fingerprints_only(log.period("AA", 2, 4, number, listed=True), {2, 3, 4}),
        "an amount withheld": fingerprints_only(log.period("UA", 0, 3, number, listed=True), {1}),
    }


def altered(value: Any, random: Random) -> bytes:
    """The text of a file with one thing altered: a value, a list, a member, or some bytes."""
    if random.random() < 0.1:
        return _spliced(json.dumps(value).encode(), random)
    whole = json.loads(json.dumps(value))
    if random.random() < 0.8:
        # Checking an identity proof takes most of the time; one in five is enough.
        for name in ("customerId", "unit", "identityProof"):
            whole.get("ledger", {}).pop(name, None)
    holder, key = _any_place(whole, random)
    what = random.random()
    if what < 0.7:
        holder[key] = _flipped(holder[key], random)
    elif what < 0.77:
        del holder[key]
    elif what < 0.87:
        holder[key] = random.choice(OTHERS)
    elif isinstance(holder, list):
        _rearrange(holder, random)
    else:
        holder[random.choice(["extra", "path", "commitment", "fingerprint", "through", "unit"])] = (
            random.choice(OTHERS)
        )
    return json.dumps(whole).encode()


def _any_place(whole: Any, random: Random) -> tuple[Any, Any]:
    """A place in the file. Deep ones are as likely as shallow ones."""
    places = list(_places(whole))
    return random.choice(places)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in entries:
        yield value, key
        if isinstance(entry, dict | list):
            yield from _places(entry)


def _flipped(value: Any, random: Random) -> Any:
    """The value, a bit or a character off."""
    if isinstance(value, bool) or value is None:
        return random.choice(OTHERS)
    if isinstance(value, int):
        return (
            max(0, value + random.choice([-1, 1, 1000]))
            if random.random() < 0.7
            else value ^ (1 << random.randrange(64))
        )
    if isinstance(value, str):
        if not value:
            return "x"
        # Mostly what still reads as a value of its kind, so that the proof itself is put to the test.
        kept = random.random() < 0.9
        at = random.randrange(2 if kept and value[:2] == "0x" else 0, len(value))
        other = random.choice("0123456789" if kept else "0123456789abcdef-. é")
        return value[:at] + other + value[at + 1 :]
    if isinstance(value, list):
        value = list(value)
        _rearrange(value, random)
        return value
    return {key: value[key] for key in list(value)[::-1]} if random.random() < 0.2 else list(value.items())


def _rearrange(entries: list[Any], random: Random) -> None:
    what = random.randrange(5)
    if what == 0 and entries:
        entries.pop(random.randrange(len(entries)))
    elif what == 1:
        entries.insert(random.randint(0, len(entries)), random.choice([HASH, *entries]))
    elif what == 2 and len(entries) > 1:
        at = random.randrange(len(entries) - 1)
        entries[at], entries[at + 1] = entries[at + 1], entries[at]
    elif what == 3:
        entries.clear()
    else:
        entries.extend([HASH] * random.choice([1, 60, 300]))


def _spliced(raw: bytes, random: Random) -> bytes:
    start = random.randrange(len(raw))
    end = min(len(raw), start + random.choice([0, 1, 1, 2, 10, 500]))
    return (
        raw[:start]
        + random.choice([b"", b"0", b'"', b"\xff", b",", b"}", b"\\u0000", b"1e1", b" "])
        + raw[end:]
    )


def corpus(seeds: int, each: int, claims: int) -> Iterator[tuple[MemoryChain, list[bytes]]]:
    """For each log its chain, and its files: every honest one, and altered ones of it.

    Of each proof there are ``each`` with anything altered, many of them no proof files any more, and
    ``claims`` with a value of the claim altered; of the proofs of every place, which are many, fewer.
    """
    for number, (chain, proofs) in enumerate(logs(seeds)):
        random = Random(number)
        files = []
        for name, proof in proofs.items():
            share = 5 if name.startswith("place ") else 1
            whole = proof_file_json(proof)
            files.append(json.dumps(whole, ensure_ascii=random.random() < 0.5).encode())
            files.extend(altered(whole, random) for _ in range(each // share**2))
            files.extend(altered_claim(whole, random) for _ in range(claims // share))
        yield chain, files
