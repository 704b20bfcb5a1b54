"""The address of a new contract goes into its chain's section, and nothing else of the file changes."""

import tomllib
from pathlib import Path

import pytest

from anchor.service.settings_file import write_contract

BEFORE = """# ours
[server]
port = 1  # contract = "no"

[chains.a]  # the first
rpc = ["https://a"]
contract = "0xold"
[chains.a.signer]
kind = "environment"

[chains.b]
rpc = ["https://b"]
"""


@pytest.mark.parametrize("chain", ["a", "b"])
def test_the_address_is_set_in_its_section_alone(tmp_path: Path, chain: str) -> None:
    (tmp_path / "anchor.toml").write_text(BEFORE)
    assert write_contract(tmp_path, chain, "0xnew")
    text = (tmp_path / "anchor.toml").read_text()
    expected = tomllib.loads(BEFORE)
    expected["chains"][chain]["contract"] = "0xnew"
    assert tomllib.loads(text) == expected
    assert text.startswith('# ours\n[server]\nport = 1  # contract = "no"\n')


def test_a_section_that_is_not_there_is_left_to_the_operator(tmp_path: Path) -> None:
    (tmp_path / "anchor.toml").write_text(BEFORE)
    assert not write_contract(tmp_path, "c", "0xnew")
    assert (tmp_path / "anchor.toml").read_text() == BEFORE
