"""The compiler, Hardhat and the shipped artifact all say the same."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from anchor.protocol.hashing import keccak
from anchor.protocol.hub import (
    DEPLOYMENT_PROXY,
    HUB_ADDRESS,
    HUB_CODE_HASH,
    HUB_INIT_CODE_HASH,
    HUB_SALT,
    create2_address,
)
from scripts.compile_contracts import (
    ARTIFACT,
    HUB_ARTIFACT,
    ROOT,
    artifact_text,
    compile_contracts,
    solc_binary,
)

PUSH0 = 0x5F
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


@pytest.mark.parametrize("path", [ARTIFACT, HUB_ARTIFACT], ids=lambda path: path.stem)
def test_the_shipped_artifact_is_what_the_sources_compile_to(path: Path) -> None:
    assert path.read_text() == artifact_text(path), "run python -m scripts.compile_contracts"


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


def test_the_hub_that_the_package_knows_is_the_one_that_the_sources_compile_to() -> None:
    artifact = json.loads(HUB_ARTIFACT.read_text())
    init_code, code = (bytes.fromhex(artifact[name][2:]) for name in ("bytecode", "deployedBytecode"))
    assert keccak(init_code) == HUB_INIT_CODE_HASH
    assert keccak(code) == HUB_CODE_HASH
    assert create2_address(DEPLOYMENT_PROXY, HUB_SALT, HUB_INIT_CODE_HASH) == HUB_ADDRESS


def test_nothing_about_the_hubs_code_is_left_to_its_deployment() -> None:
    artifact = json.loads(HUB_ARTIFACT.read_text())
    assert artifact["immutableReferences"] == {}
    assert not any(entry["type"] == "constructor" for entry in artifact["abi"])


def test_the_hub_runs_where_there_is_no_push0() -> None:
    code = bytes.fromhex(json.loads(HUB_ARTIFACT.read_text())["bytecode"][2:])
    assert PUSH0 not in opcodes(code)


def opcodes(code: bytes) -> set[int]:
    """The instructions of code without metadata; what a PUSH1 to PUSH32 pushes is none."""
    found, at = set(), 0
    while at < len(code):
        found.add(code[at])
        at += 1 + (code[at] - 0x5F if 0x60 <= code[at] <= 0x7F else 0)
    return found
