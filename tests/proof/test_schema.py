"""The JSON Schema and the reader agree about what a proof file is."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from anchor.proof.bounds import ProofFileError
from anchor.proof.reading import parse_proof_file
from anchor.proof.writing import proof_file_json
from anchor.protocol.amounts import format_units
from tests.verify.building import example_log, example_proofs
from tests.verify.fraud_examples import fraud_proofs

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/proof-file.schema.json").read_text())
EDGES = (0, 2**127, -(2**127), 2**255, -(2**255), 10**18, -(10**18), 10**37, 10**38)
VALIDATOR = Draft202012Validator(SCHEMA)
FILES = {
    name: proof_file_json(proof) for name, proof in (example_proofs(example_log()) | fraud_proofs()).items()
}


def read(value: Any) -> bool:
    try:
        parse_proof_file(json.dumps(value).encode())
    except ProofFileError:
        return False
    return True


NEAR_AN_EDGE = st.builds(int.__add__, st.sampled_from(EDGES), st.integers(-6, 6))


@given(st.integers(-(2**256), 2**256) | NEAR_AN_EDGE)
def test_the_schema_has_the_ranges_of_amounts_and_balances(units: int) -> None:
    text = format_units(units)
    fits = {"amount": -(2**127) < units < 2**127, "balance": -(2**255) <= units < 2**255}
    for name, within in fits.items():
        validator = Draft202012Validator(SCHEMA["$defs"][name])
        assert validator.is_valid(text) == within
        for other in (f"{text}\n", f" {text}", f"+{text}", f"0{text}", f"{text}.0", f"{text}e0"):
            assert not validator.is_valid(other)


@pytest.mark.parametrize("name", ["hash", "salt"])
def test_hexadecimal_ends_where_it_ends(name: str) -> None:
    schema = SCHEMA["$defs"][name]
    text = "0x" + "ab" * ((schema["maxLength"] - 2) // 2)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(text)
    assert not validator.is_valid(text + "\n")
    assert not validator.is_valid(text[:-1] + "\n")


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_proof_file_fits_the_schema(name: str) -> None:
    VALIDATOR.validate(FILES[name])


def test_every_kind_and_every_cheat_is_among_them() -> None:
    kinds = {branch["properties"]["kind"]["const"] for branch in SCHEMA["oneOf"]}
    assert kinds == {file["kind"] for file in FILES.values()}
    cheats = {branch["properties"]["cheat"]["const"] for branch in SCHEMA["$defs"]["fraud"]["oneOf"]}
    assert cheats == {file["fraud"]["cheat"] for file in FILES.values() if file["kind"] == "fraud"}


OTHERS: list[Any] = [
    None,
    True,
    7,
    -1,
    "",
    "0",
    "-0",
    "1.50",
    "0x",
    "0x" + "ab" * 32,
    [],
    {},
    [[]],
    {"size": 1},
]


def alterations(value: Any, random: Random) -> Any:
    """The value with one thing in it dropped, added or replaced."""
    altered = json.loads(json.dumps(value))
    at = altered
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        inner = [key for key in keys if isinstance(at[key], dict | list) and at[key]]
        if not inner or random.random() < 0.3:
            break
        at = at[random.choice(inner)]
    what = random.choice(("drop", "add", "replace", "replace"))
    if what == "drop":
        del at[random.choice(keys)]
    elif what == "add" and isinstance(at, dict):
        at[random.choice(("path", "extra", "fingerprint", "commitment", "through", "span", "ledger"))] = (
            random.choice(OTHERS)
        )
    else:
        at[random.choice(keys)] = random.choice(OTHERS)
    return altered


@pytest.mark.parametrize("name", FILES)
def test_the_schema_and_the_reader_refuse_the_same(name: str) -> None:
    random = Random(name)
    for _ in range(150):
        altered = alterations(FILES[name], random)
        assert VALIDATOR.is_valid(altered) == read(altered), altered
