"""The shipped vectors hold, and a file in which anything is changed does not."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anchor.protocol.conformance import SECTIONS, check_vectors

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "protocol-v1.json").read_text())


def test_every_value_of_the_vectors_is_recomputed() -> None:
    conformance = check_vectors(VECTORS)
    assert conformance.mismatches == ()
    assert conformance.checked > 1000


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every leaf of the file; of long lists the first, a middle and the last element."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for at in sorted({0, len(value) // 2, len(value) - 1} & set(range(len(value)))):
            yield from places(value[at], (*path, at))
    else:
        yield path


def altered(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return "changed"
    if isinstance(value, int | float):
        return value + 1
    if value.startswith("0x") and len(value) > 4:
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value + "1"


def alter(vectors: Any, path: tuple[Any, ...]) -> None:
    *parents, last = path
    for step in parents:
        vectors = vectors[step]
    vectors[last] = altered(vectors[last])


def means_the_same_when_altered(path: tuple[Any, ...]) -> bool:
    """Inputs whose neighbours have the same answer.

    1e21 + 1 is the same double, the proof from size 0 to any size is the empty path, an absent key's
    neighbour is absent by the same siblings, and a note with one more mistake is refused as well.
    """
    value = value_at(path)
    if path[-1] == "why" or (path[0] == "refusedNotes" and path[-1] == "note"):
        return True
    if "metadata" in path:
        return isinstance(value, float) and abs(value) > 1e15
    if path[0] == "maps" and path[2:3] == ("absent",) and path[-1] == "ledgerId":
        return bool(path[-2] != "other")
    return "consistency" in path and path[-1] == "to" and bool(value_at(path[:-1])["from"] == 0)


def value_at(path: tuple[Any, ...]) -> Any:
    value: Any = VECTORS
    for step in path:
        value = value[step]
    return value


def test_a_change_of_any_one_value_is_found() -> None:
    small = copy.deepcopy(VECTORS)
    small["ledgers"] = small["ledgers"][:1]
    ledger_id = small["ledgers"][0]["ledgerId"]
    del small["batches"]
    for section in ("checkpoints", "promises"):
        small[section] = [one for one in small[section] if one["ledgerId"] == ledger_id]
    before = check_vectors(small).mismatches
    assert [one.place for one in before] == ["batches"]
    checked = 0
    for path in places(small):
        if path[0] == "about" or means_the_same_when_altered(path):
            continue
        changed = copy.deepcopy(small)
        alter(changed, path)
        assert len(check_vectors(changed).mismatches) > len(before), path
        checked += 1
    assert checked > 100


@pytest.mark.slow
def test_a_change_of_any_one_value_of_a_batch_is_found() -> None:
    for path in places(VECTORS["batches"][-1]):
        changed = copy.deepcopy(VECTORS)
        changed["maps"] = changed["maps"][:1]
        changed["amounts"] = changed["amounts"][:1]
        alter(changed, ("batches", len(VECTORS["batches"]) - 1, *path))
        assert check_vectors(changed).mismatches, path


def test_missing_fields_are_mismatches_and_not_crashes() -> None:
    assert check_vectors({}).mismatches
    for key in VECTORS:
        if key != "about":
            without = {name: value for name, value in VECTORS.items() if name != key}
            assert check_vectors(without).mismatches, key


@pytest.mark.parametrize("section", SECTIONS)
def test_a_file_with_an_empty_section_does_not_conform(section: str) -> None:
    assert section in [one.place for one in check_vectors(VECTORS | {section: []}).mismatches]
