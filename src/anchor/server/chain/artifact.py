"""The compiled contract that ships in the package, and comparing code on a chain with it."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from anchor.protocol.hashing import Bytes32


@dataclass(frozen=True)
class Artifact:
    """AnchorLog as compiled. ``log_id_places`` are the byte offsets of the immutable log id."""

    abi: list[dict[str, Any]]
    creation_code: bytes
    runtime_code: bytes
    log_id_places: tuple[int, ...]

    def log_id_of(self, code: bytes) -> Bytes32 | None:
        """Return the log id that ``code`` was deployed with, or None where it is not our contract."""
        if len(code) != len(self.runtime_code):
            return None
        found = {code[place : place + 32] for place in self.log_id_places}
        if len(found) != 1 or self._masked(code) != self._masked(self.runtime_code):
            return None
        return found.pop()

    def _masked(self, code: bytes) -> bytes:
        masked = bytearray(code)
        for place in self.log_id_places:
            masked[place : place + 32] = bytes(32)
        return bytes(masked)


@cache
def anchor_log_artifact() -> Artifact:
    """Return the artifact that ships in ``anchor.server.chain.artifacts``."""
    text = resources.files("anchor.server.chain").joinpath("artifacts/AnchorLog.json").read_text("utf-8")
    content = json.loads(text)
    places = [
        reference["start"]
        for references in content["immutableReferences"].values()
        for reference in references
    ]
    return Artifact(
        abi=content["abi"],
        creation_code=bytes.fromhex(content["bytecode"].removeprefix("0x")),
        runtime_code=bytes.fromhex(content["deployedBytecode"].removeprefix("0x")),
        log_id_places=tuple(places),
    )
