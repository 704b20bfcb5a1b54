"""Slither finds nothing in the contracts that is not answered here."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from crytic_compile import CryticCompile
from crytic_compile.platform.solc_standard_json import SolcStandardJson
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector

from scripts.compile_contracts import CONTRACTS, ROOT, compiler_choice, solc_binary

ANSWERS = {
    ("missing-zero-check", "AnchorLog.transferOwnership(address)"): (
        "Zero takes an offer back. Nobody can accept for the zero address, so ownership cannot be lost."
    ),
    ("missing-zero-check", "AnchorLog.nameSubmitter(address)"): (
        "Zero stops all anchoring until the owner names a submitter again."
    ),
    ("timestamp", "AnchorLog.pin()"): (
        "A stored time is only compared with zero, to know whether the head was pinned before."
    ),
    ("timestamp", "AnchorLog.pinned(bytes32)"): (
        "A stored time is only compared with zero, to know whether the root was pinned."
    ),
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """Every finding of every detector: (detector, the function it is about) to its description."""
    # crytic-compile runs whatever is called solc; what pip puts there would download a compiler.
    binaries = tmp_path_factory.mktemp("solc")
    (binaries / "solc").symlink_to(solc_binary())
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        patched.setenv("PATH", str(binaries), prepend=":")
        compilation = CryticCompile(SolcStandardJson(standard_input()), solc=str(binaries / "solc"))
    slither = Slither(compilation)
    for detector in vars(all_detectors).values():
        if inspect.isclass(detector) and issubclass(detector, AbstractDetector):
            slither.register_detector(detector)
    return {
        (found["check"], subject(found)): found["description"]
        for results in slither.run_detectors()
        for found in results
    }


def standard_input() -> dict[str, Any]:
    """Our sources without those that only tests use."""
    sources = [path for path in sorted(CONTRACTS.rglob("*.sol")) if CONTRACTS / "test" not in path.parents]
    assert Path(CONTRACTS / "AnchorLog.sol") in sources
    return {
        "language": "Solidity",
        "sources": {path.relative_to(ROOT).as_posix(): {"content": path.read_text()} for path in sources},
        "settings": compiler_choice()["settings"],
    }


def subject(found: dict[str, Any]) -> str:
    """The function that a finding is about, or the finding's first words where it is about none."""
    for element in found["elements"]:
        parent = element
        while parent:
            if parent["type"] == "function":
                fields = parent["type_specific_fields"]
                return f"{fields['parent']['name']}.{fields['signature']}"
            parent = parent.get("type_specific_fields", {}).get("parent")
    return str(found["description"])


def test_every_finding_is_answered(findings: dict[tuple[str, str], str]) -> None:
    unanswered = [text for finding, text in findings.items() if finding not in ANSWERS]
    assert not unanswered, "\n".join(unanswered)


def test_every_answer_still_has_its_finding(findings: dict[tuple[str, str], str]) -> None:
    """So this also shows that the detectors ran."""
    assert set(ANSWERS) <= set(findings)
