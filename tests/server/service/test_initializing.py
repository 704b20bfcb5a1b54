"""``anchor init`` makes a directory that opens, whose keys only its owner reads, and never makes it twice."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from anchor.server.ledger.api_keys import find_key, hash_of_key
from anchor.server.service.assembly import connect_chains, open_directory
from anchor.server.service.initializing import FirstChain, initialise
from anchor.server.service.settings import InvalidSettings
from tests.fixtures.logs import FOUNDER


def test_a_made_directory_opens_with_its_first_key(tmp_path: Path) -> None:
    made = initialise(tmp_path / "data")
    opened = open_directory(tmp_path / "data", {})
    key = find_key(opened.database, hash_of_key(made.admin_key))
    assert key is not None
    assert {scope.value for scope in key.scopes} == {"admin", "read", "write"}
    assert opened.log.log_id == made.log_id
    assert opened.settings.chains == ()
    opened.close()


def test_the_log_may_be_kept_in_postgresql(tmp_path: Path, make_postgresql_url: Callable[[], str]) -> None:
    url = make_postgresql_url()
    made = initialise(tmp_path / "data", database_url=url, founder=FOUNDER, with_signing_key=False)
    opened = open_directory(tmp_path / "data", {})
    assert (opened.database.dialect, opened.log.log_id) == ("postgresql", made.log_id)
    assert not (tmp_path / "data" / "anchor.db").exists()
    opened.close()


def test_only_the_owner_reads_what_is_secret(tmp_path: Path) -> None:
    initialise(tmp_path / "data")
    for name in ("identity.key", "signing-key.json", "signing-key.password"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o077 == 0
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_nothing_is_ever_made_over(tmp_path: Path) -> None:
    made = initialise(tmp_path / "data", founder=FOUNDER, with_signing_key=False)
    for name in ("anchor.toml", None):
        if name is not None:
            (tmp_path / "data" / name).unlink()
        with pytest.raises(InvalidSettings, match="there already"):
            initialise(tmp_path / "data", founder=FOUNDER, with_signing_key=False)
    assert made.log_id


def test_a_database_that_cannot_be_used_leaves_no_key_behind(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for url in ("nonsense://x", "postgresql://nobody@127.0.0.1:1/none"):
        with pytest.raises(Exception, match=r"nonsense|does not answer"):
            initialise(data, database_url=url)
        assert list(data.iterdir()) == []
    assert initialise(data, founder=FOUNDER, with_signing_key=False).admin_key


def test_a_second_log_in_one_database_is_refused_before_it_has_keys(
    tmp_path: Path, make_postgresql_url: Callable[[], str]
) -> None:
    url = make_postgresql_url()
    initialise(tmp_path / "first", database_url=url, founder=FOUNDER, with_signing_key=False)
    with pytest.raises(InvalidSettings, match="holds a log already"):
        initialise(tmp_path / "second", database_url=url)
    assert list((tmp_path / "second").iterdir()) == []


def test_the_first_chain_can_be_named_at_once(tmp_path: Path) -> None:
    made = initialise(tmp_path / "data", chain=FirstChain("main", 10, 'https://node/"key"'))
    opened = open_directory(tmp_path / "data", {})
    (chain,) = connect_chains(opened.settings, {})
    assert (chain.settings.chain_id, chain.settings.rpc) == (10, ('https://node/"key"',))
    assert "0x" + chain.signer.address.hex() == (made.signer or "").lower()
    opened.close()


def test_the_settings_that_are_commented_out_are_right_when_they_are_not(tmp_path: Path) -> None:
    initialise(tmp_path / "data", founder=FOUNDER, with_signing_key=False)
    text = (tmp_path / "data" / "anchor.toml").read_text()
    head, marker, tail = text.partition("# [chains.main]")
    lines = [line.removeprefix("# ").removeprefix("#") for line in (marker + tail).splitlines()]
    assert tomllib.loads(head + "\n".join(lines))["chains"]["main"]["signer"]["kind"] == "keystore"
