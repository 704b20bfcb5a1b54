"""The address of a new contract goes into its chain's section, and nothing else of the file changes."""

import tomllib
from pathlib import Path

import pytest

from anchor.server.service.settings import write_contract

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


def test_a_second_address_takes_the_place_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "anchor.toml").write_text(BEFORE)
    assert write_contract(tmp_path, "b", "0xone")
    assert write_contract(tmp_path, "b", "0xtwo")
    expected = tomllib.loads(BEFORE)
    expected["chains"]["b"]["contract"] = "0xtwo"
    text = (tmp_path / "anchor.toml").read_text()
    assert tomllib.loads(text) == expected
    assert "0xone" not in text


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_the_file_stays_readable_to_those_who_could_read_it_alone(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "anchor.toml"
    file.write_text(BEFORE)
    file.chmod(mode)
    assert write_contract(tmp_path, "a", "0xnew")
    assert file.stat().st_mode & 0o777 == mode
