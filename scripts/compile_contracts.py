"""Compile contracts/ with py-solc-x and write the artifacts that ship inside the Python package.

    python -m scripts.compile_contracts           writes src/anchor/server/chain/artifacts/*.json
    python -m scripts.compile_contracts --check   exits 1 where an artifact is not what the sources give

The compiler is the npm package `solc` behind scripts/solc.mjs. Settings come from contracts/compiler.json,
which hardhat.config.js reads too.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
ARTIFACTS = ROOT / "src/anchor/server/chain/artifacts"
ARTIFACT = ARTIFACTS / "AnchorLog.json"
HUB_ARTIFACT = ARTIFACTS / "AnchorHub.json"


class CompilationError(Exception):
    """The compiler reported errors or warnings; the message holds them as the compiler wrote them."""


def compiler_choice() -> dict[str, Any]:
    """The compiler's version and settings: contracts/compiler.json."""
    choice: dict[str, Any] = json.loads((CONTRACTS / "compiler.json").read_text())
    return choice


@cache
def compile_contracts() -> dict[str, Any]:
    """Compile every source in contracts/; returns solc's standard JSON output.

    Raises CompilationError where the compiler says anything at all: our sources compile without a warning.
    """
    sources = {
        path.relative_to(ROOT).as_posix(): {"content": path.read_text()}
        for path in sorted(CONTRACTS.rglob("*.sol"))
    }
    outputs = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]
    outputs += ["evm.deployedBytecode.immutableReferences", "evm.methodIdentifiers"]
    standard_input = {
        "language": "Solidity",
        "sources": sources,
        "settings": {**compiler_choice()["settings"], "outputSelection": {"*": {"*": outputs}}},
    }
    output: dict[str, Any] = solcx.compile_standard(standard_input, solc_binary=solc_binary())
    said = [error["formattedMessage"] for error in output.get("errors", [])]
    if said:
        raise CompilationError("\n".join(said))
    return output


def solc_binary() -> Path:
    """The compiler as py-solc-x wants it: an executable. Puts this environment's Node first on the path."""
    scripts = sysconfig.get_path("scripts")
    if not os.environ.get("PATH", "").startswith(scripts + os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    return ROOT / "scripts/solc.mjs"


def compiled(source: str, name: str) -> dict[str, Any]:
    """The compiler's output for one contract, for example ("contracts/AnchorLog.sol", "AnchorLog")."""
    contract: dict[str, Any] = compile_contracts()["contracts"][source][name]
    return contract


def artifact(name: str) -> dict[str, Any]:
    """What ships: all that deploying, calling and recognising a contract takes, and where it came from.

    `immutableReferences` say where in the deployed bytecode an immutable stands (start and length in bytes,
    zero there in `deployedBytecode`), so that code found on a chain can be compared with this one.
    """
    contract = compiled(f"contracts/{name}.sol", name)
    deployed = contract["evm"]["deployedBytecode"]
    references = [place for places in deployed["immutableReferences"].values() for place in places]
    choice = compiler_choice()
    immutables = {"logId": sorted(references, key=lambda place: int(place["start"]))} if references else {}
    return {
        "contractName": name,
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + deployed["object"],
        "immutableReferences": immutables,
        "sources": {
            source: {"sha256": hashlib.sha256((ROOT / source).read_bytes()).hexdigest()}
            for source in (f"contracts/{name}.sol", f"contracts/I{name}.sol")
        },
        "compiler": {"version": choice["version"], "settings": choice["settings"]},
    }


def artifact_text(path: Path) -> str:
    """An artifact as it stands in its file."""
    return json.dumps(artifact(path.stem), indent=1, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    stale = False
    for path in (ARTIFACT, HUB_ARTIFACT):
        text, place = artifact_text(path), path.relative_to(ROOT)
        if arguments == ["--check"]:
            same = path.read_text() == text
            stale = stale or not same
            print(f"{place} is {'' if same else 'not '}what contracts/ compiles to")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"wrote {place}")
    if stale:
        print("run python -m scripts.compile_contracts")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
