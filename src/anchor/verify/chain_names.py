"""What a chain's id is called: a number says little to a person, and a test network proves little."""

import json
from functools import cache
from importlib import resources
from typing import Final

UNKNOWN: Final = "a chain that this verifier has no name for"


@cache
def _names() -> dict[int, str]:
    text = resources.files("anchor.verify").joinpath("chains.json").read_text("utf-8")
    return {int(number): name for number, name in json.loads(text)["names"].items()}


def chain_in_words(chain_id: int) -> str:
    """Return ``chain 8453 (Base)``; a chain that has no name here is said to have none."""
    return f"chain {chain_id} ({_names().get(chain_id, UNKNOWN)})"
