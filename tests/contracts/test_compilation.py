"""The compiler, Hardhat and the shipped artifact all say the same."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from scripts.compile_contracts import ARTIFACT, ROOT, artifact_text, compile_contracts, solc_binary

HARDHAT_ARTIFACTS = ROOT / "build/hardhat/artifacts"


@pytest.fixture(scope="module")
def hardhat_artifacts() -> Path:
    """Where Hardhat has put what it compiled from the sources as they are now."""
    scripts = sysconfig.get_path("scripts")
    environment = {**os.environ, "PATH": os.pathsep.join([scripts, os.environ["PATH"]])}
    subprocess.run(
        [Path(scripts) / "npx", "--no-install", "hardhat", "compile", "--quiet"],
        cwd=ROOT,
        env=environment,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return HARDHAT_ARTIFACTS


def test_the_shipped_artifact_is_what_the_sources_compile_to() -> None:
    assert ARTIFACT.read_text() == artifact_text(), "run python -m scripts.compile_contracts"


def test_the_compiler_is_the_one_that_the_settings_name() -> None:
    said = subprocess.run([solc_binary(), "--version"], capture_output=True, text=True, check=True).stdout
    assert f"Version: {json.loads(ARTIFACT.read_text())['compiler']['version']}+commit" in said


def test_hardhat_and_py_solc_x_make_the_same_bytecode(hardhat_artifacts: Path) -> None:
    compared = 0
    contracts: dict[str, dict[str, Any]] = compile_contracts()["contracts"]
    for source, by_name in contracts.items():
        for name, ours in by_name.items():
            theirs = json.loads((hardhat_artifacts / source / f"{name}.json").read_text())
            assert theirs["abi"] == ours["abi"], name
            assert theirs["bytecode"] == "0x" + ours["evm"]["bytecode"]["object"], name
            assert theirs["deployedBytecode"] == "0x" + ours["evm"]["deployedBytecode"]["object"], name
            compared += bool(ours["evm"]["bytecode"]["object"])
    assert compared >= 3


def test_the_log_id_is_the_only_thing_that_deployed_code_does_not_fix() -> None:
    artifact = json.loads(ARTIFACT.read_text())
    (place,) = artifact["immutableReferences"]["logId"]
    code = bytes.fromhex(artifact["deployedBytecode"].removeprefix("0x"))
    assert place["length"] == 32
    assert code[place["start"] : place["start"] + 32] == bytes(32)
