"""docs/proof-files.md says what the code does: its example, its limits, and every name in it."""

from __future__ import annotations

import re
from pathlib import Path

from anchor.proof.reading import LARGEST_FILE, LARGEST_PERIOD_FILE, parse_proof_file
from anchor.proof.values import KINDS
from anchor.proof.writing import CHEATS, proof_file_json
from anchor.verify import verify_file
from anchor.verify.frauds import ALLOWED_LAG
from anchor.verify.verification import verify_proof
from tests.verify.building import example_log, example_proofs
from tests.verify.fraud_examples import cheated_log, fraud_file

PAGE = (Path(__file__).parents[2] / "docs/proof-files.md").read_text()


def test_the_example_is_a_proof_file() -> None:
    example = PAGE.partition("```json\n")[2].partition("```")[0].encode()
    assert parse_proof_file(example).kind == "delta"
    assert verify_file(example).verdict == "not_checked_against_a_chain"


def test_the_limits_are_those_of_the_reader() -> None:
    assert "256 KiB" in PAGE
    assert "64 MiB" in PAGE
    assert (LARGEST_FILE, LARGEST_PERIOD_FILE) == (256 * 1024, 64 * 1024 * 1024)
    assert f"{ALLOWED_LAG:,} ms" in PAGE


def test_every_kind_cheat_and_member_is_described() -> None:
    prose = PAGE.partition("## An example")[0]
    words = {word for code in re.findall(r"`([^`]+)`", prose) for word in re.findall(r"\w+", code)}
    files = [proof_file_json(proof) for proof in example_proofs(example_log()).values()]
    log, frauds = cheated_log()
    files += [proof_file_json(fraud_file(log, fraud)) for fraud in frauds.values()]

    def members(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {name for member in value.values() for name in members(member)}
        if isinstance(value, list):
            return {name for entry in value for name in members(entry)}
        return set()

    for name in {*KINDS.values(), *CHEATS.values(), *(name for file in files for name in members(file))}:
        assert name in words, name


def test_every_step_is_described() -> None:
    log = example_log()
    results = [verify_proof(proof, log.chain) for proof in example_proofs(log).values()]
    cheated, frauds = cheated_log()
    results += [verify_proof(fraud_file(cheated, fraud), cheated.chain) for fraud in frauds.values()]
    names = {step.name.partition(" (")[0] for result in results for step in result.steps}
    for name in names:
        assert f"`{name}`" in PAGE or name.startswith("span: "), name


def test_the_security_page_names_steps_and_tests_that_exist() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs/security.md").read_text()
    for name in set(re.findall(r"`(test_\w+\.py)`", page)):
        assert list((root / "tests").rglob(name)), name
    for name in CHEATS.values():
        assert f"`{name}`" in page, name
