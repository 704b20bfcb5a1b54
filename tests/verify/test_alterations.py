"""Any one thing altered in a proof is refused, naming the step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

import pytest

from anchor.proof.bounds import ProofFileError
from anchor.proof.reading import parse_proof_file
from anchor.proof.writing import proof_file_json
from anchor.verify.results import Verification
from anchor.verify.verification import verify_proof
from tests.verify.building import example_log, example_proofs

LOG = example_log()
PROOFS = example_proofs(LOG)

Place = tuple[str | int, ...]

CLAIMED: frozenset[Place] = frozenset({("period", "span", "start"), ("period", "span", "end")})
"""What the file claims and may claim otherwise: a span that is a little wider may hold as well."""


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every place in a JSON value that holds text or a number."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from places(member, (*place, key))
    elif isinstance(value, list):
        for at, entry in enumerate(value):
            yield from places(entry, (*place, at))
    elif value is not None:
        yield place


def get(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


def put(value: Any, place: Place, new: Any) -> Any:
    """A copy of the value with another one in this place."""
    altered = deepcopy(value)
    get(altered, place[:-1])[place[-1]] = new
    return altered


def flipped(value: str | int, bit: int) -> str | int:
    """The value with one bit flipped; of a decimal or of text, one character altered."""
    if isinstance(value, int):
        return value ^ (1 << (bit % 64))
    if value.startswith("0x"):
        flips = int(value, 16) ^ (1 << (bit % (4 * (len(value) - 2))))
        return f"0x{flips:0{len(value) - 2}x}"
    if not value:
        return "x"
    at = bit % len(value)
    last = value[at]
    other = str((int(last) + 1) % 10) if last.isascii() and last.isdigit() else chr(ord(last) ^ 1)
    return value[:at] + other + value[at + 1 :]


def refused(altered: Any) -> str:
    """The step that refuses an altered file."""
    try:
        result = verify_proof(parse_proof_file(json.dumps(altered).encode()), LOG.chain)
    except ProofFileError as error:
        return f"file: {error.step}"
    return step_of(result)


def step_of(result: Verification) -> str:
    assert result.verdict != "valid", "an altered proof is called valid"
    assert result.failed is not None
    assert result.failed.expected != result.failed.found
    return result.failed.name


@pytest.mark.parametrize("name", PROOFS)
def test_any_field_altered_is_refused(name: str) -> None:
    whole = proof_file_json(PROOFS[name])
    random = Random(name)
    for place in places(whole):
        value = get(whole, place)
        if place not in CLAIMED:
            for bit in (0, random.randrange(4096), random.randrange(4096)):
                assert refused(put(whole, place, flipped(value, bit))), place


@pytest.mark.slow
@pytest.mark.parametrize("name", ["delta through a later batch", "absence", "consistency"])
def test_any_one_bit_flipped_is_refused(name: str) -> None:
    whole = proof_file_json(PROOFS[name])
    for place in places(whole):
        value = get(whole, place)
        bits = 64 if isinstance(value, int) else 4 * (len(value) - 2) if value[:2] == "0x" else len(value)
        for bit in range(bits):
            assert refused(put(whole, place, flipped(value, bit))), (place, bit)


PATHS = {"path", "mapSiblings", "openingPath", "closingPath", "openingPeaks", "deltas"}


def paths(value: Any, place: Place = ()) -> Iterator[Place]:
    if isinstance(value, dict):
        for key, member in value.items():
            if key in PATHS:
                yield (*place, key)
            yield from paths(member, (*place, key))


LISTS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "shorter": lambda path: path[:-1],
    "shorter in front": lambda path: path[1:],
    "longer": lambda path: [*path, "0x" + "11" * 32],
    "longer by a repeated one": lambda path: [*path, path[-1]] if path else ["0x" + "00" * 32],
    "longer in front": lambda path: ["0x" + "00" * 32, *path],
    "swapped": lambda path: [path[1], path[0], *path[2:]] if len(path) > 1 else path,
    "reversed": lambda path: path[::-1],
    "empty": lambda _: [],
    "far too long": lambda path: [*path, *["0x" + "22" * 32] * 300],
}


@pytest.mark.parametrize("alteration", LISTS)
@pytest.mark.parametrize("name", PROOFS)
def test_any_path_too_long_too_short_or_out_of_order_is_refused(name: str, alteration: str) -> None:
    whole = proof_file_json(PROOFS[name])
    for place in paths(whole):
        path = get(whole, place)
        altered = LISTS[alteration](path)
        if altered != path:
            assert refused(put(whole, place, altered)), place


def test_the_step_that_an_alteration_breaks_is_named() -> None:
    whole = proof_file_json(PROOFS["delta through a later batch"])
    anchor: Place = ("head", "batch", "anchors", 0)
    zero = "0x" + "00" * 32
    steps = {
        ("delta", "amount"): ("1", "ledger inclusion"),
        ("delta", "reason", "value"): ("metered usage", "ledger inclusion"),
        ("delta", "path", 0): (zero, "ledger inclusion"),
        ("delta", "index"): (9, "ledger inclusion"),
        ("head", "size"): (8, "ledger inclusion"),
        ("head", "root"): (zero, "ledger inclusion"),
        ("head", "mapSiblings", 0): ("0x" + "11" * 32, "map presence"),
        ("head", "batch", "mapRoot"): (zero, "map presence"),
        ("head", "batch", "historyRoot"): (zero, "history path"),
        ("head", "batch", "sealedAt"): (2**62, "history path"),
        ("head", "batch", "number"): (2, "history path"),
        (*anchor, "through", "batch", "number"): (5, "history path"),
        (*anchor, "through", "batch", "mapRoot"): (zero, "anchored event"),
        (*anchor, "through", "batch", "sealedAt"): (2**62, "anchored event"),
        (*anchor, "blockHash"): (zero, "block"),
        (*anchor, "blockNumber"): (0, "block"),
        (*anchor, "transactionHash"): (zero, "transaction"),
        (*anchor, "contract"): ("0x" + "00" * 20, "contract"),
        (*anchor, "chainId"): (1, "chain"),
        ("log", "logId"): (zero, "log id"),
        ("log", "identityPublicKey"): (zero, "log id"),
        ("log", "founder"): ("0x" + "00" * 20, "log id"),
        ("ledger", "ledgerId"): (zero, "identity proof"),
        ("ledger", "customerId"): ("AA", "identity proof"),
        ("ledger", "unit"): ("", "identity proof"),
    }
    for place, (value, step) in steps.items():
        assert refused(put(whole, place, value)) == step, place


def test_one_digit_of_an_amount_is_enough() -> None:
    whole = proof_file_json(PROOFS["period with all deltas"])
    deltas = whole["period"]["all"]["deltas"]
    for at, delta in enumerate(deltas):
        altered = put(whole, ("period", "all", "deltas", at, "amount"), flipped(delta["amount"], 1))
        assert refused(altered) == "all deltas"


def test_a_delta_left_out_of_a_period_is_missed() -> None:
    whole = proof_file_json(PROOFS["period with all deltas"])
    for at in range(len(whole["period"]["all"]["deltas"])):
        altered = deepcopy(whole)
        del altered["period"]["all"]["deltas"][at]
        assert refused(altered) == "delta count"
        for later, delta in enumerate(altered["period"]["all"]["deltas"]):
            delta["index"] = whole["period"]["fromIndex"] + later
        altered["period"]["toIndex"] -= 1
        assert refused(altered) == "closing delta"


def test_a_span_that_leaves_out_its_edges_is_refused() -> None:
    records = LOG.ledger("UA", "mile").records
    whole = proof_file_json(PROOFS["span"])
    start, end = LOG.block_time(1), records[11].recorded_at
    for place, value, step in (
        ("start", start - 1, "span: opening block"),
        ("start", records[3].recorded_at + 1, "span: listed deltas"),
        ("end", records[10].recorded_at, "span: listed deltas"),
        ("end", end + 1, "span: after"),
        ("opening", None, "span: deltas before"),
    ):
        assert refused(put(whole, ("period", "span", place), value)) == step
    to_the_end = proof_file_json(PROOFS["span to the end"])
    assert refused(put(to_the_end, ("period", "span", "end"), LOG.block_time(2))) == "span"
    last = records[13].recorded_at
    assert refused(put(to_the_end, ("period", "span", "end"), last)) == "span: closing delta"
    sealed_at = LOG.batches[3].batch.sealed_at
    assert refused(put(to_the_end, ("period", "span", "end"), sealed_at - 59_999)) == "span: closing batch"
