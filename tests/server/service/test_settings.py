"""Settings are read whole or refused with the place, what is wrong and what is allowed."""

from dataclasses import fields
from pathlib import Path

import pytest

from anchor.server.service.settings import (
    DatabaseSettings,
    IdentitySettings,
    InvalidSettings,
    SealingSettings,
    ServerSettings,
    load_settings,
    parse_settings,
)

DIRECTORY = Path("/data")


def test_an_empty_file_gives_the_defaults() -> None:
    settings = parse_settings("", DIRECTORY, {})
    assert settings.database_url == "sqlite:////data/anchor.db"
    assert settings.identity_file == Path("/data/identity.key")
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8440)
    assert settings.sealing.interval_seconds == 10


def test_the_environment_wins_over_the_file() -> None:
    text = '[server]\nport = 1\nhost = "0.0.0.0"\n[database]\nurl = "sqlite:///a.db"\n'
    settings = parse_settings(
        text, DIRECTORY, {"ANCHOR_SERVER_PORT": "2", "ANCHOR_DATABASE_URL": "postgresql://db/anchor"}
    )
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 2)
    assert settings.database_url == "postgresql://db/anchor"


CHAIN = """
[chains.main-net]
rpc = ["https://a"]
chain_id = 1
[chains.main-net.signer]
kind = "environment"
variable = "SIGNING_KEY"
"""


def test_a_chain_is_read_with_the_environment_on_top() -> None:
    address = "0x" + "12" * 20
    (chain,) = parse_settings(
        CHAIN,
        DIRECTORY,
        {
            "ANCHOR_CHAINS_MAIN_NET_RPC": '["https://b", "https://c"]',
            "ANCHOR_CHAINS_MAIN_NET_CHAIN_ID": "10",
            "ANCHOR_CHAINS_MAIN_NET_CONTRACT": address,
        },
    ).chains
    assert chain.rpc == ("https://b", "https://c")
    assert (chain.chain_id, chain.contract) == (10, bytes.fromhex(address[2:]))


@pytest.mark.parametrize(
    ("text", "environment", "place", "allowed"),
    [
        ("[servr]\nport = 1", {}, "[servr]", "database, identity, server, sealing, chains"),
        ("[server]\nprot = 1", {}, "server.prot", "host, port, queue_limit"),
        ('[server]\nport = "1"', {}, "server.port", "a whole number"),
        ("[server]\nport = true", {}, "server.port", "a whole number"),
        ("[server]\nport = 1.0", {}, "server.port", "a whole number"),
        ("[server]\nport = 70000", {}, "server.port", "0 to 65535"),
        ("[server]\nhost = 1", {}, "server.host", "a text"),
        ("[sealing]\ninterval_seconds = 0", {}, "sealing.interval_seconds", "1 to 86400"),
        ("server = 1", {}, "server", "[server]"),
        ("[chains]\nmain = 1", {}, "chains.main", "[chains.main]"),
        (CHAIN + "[chains.b]", {}, "chains.b.rpc", "https://"),
        (CHAIN.replace("chain_id", "chainid"), {}, "chains.main-net.chainid", "chain_id"),
        ("[server", {}, "anchor.toml", "toml"),
        ("", {"ANCHOR_SERVER_PORT": "x"}, "ANCHOR_SERVER_PORT", "a whole number"),
        ("", {"ANCHOR_SERVER_PROT": "1"}, "ANCHOR_SERVER_PROT", "ANCHOR_SERVER_PORT"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place_and_what_is_allowed(
    text: str, environment: dict[str, str], place: str, allowed: str
) -> None:
    with pytest.raises(InvalidSettings) as raised:
        parse_settings(text, DIRECTORY, environment)
    assert place in raised.value.place
    assert allowed in raised.value.remedy


def test_a_directory_without_settings_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="anchor init"):
        load_settings(tmp_path, {})


def test_the_operators_page_explains_every_setting() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operating.md").read_text(encoding="utf-8")
    table = page.partition("## Settings of the service")[2].partition("## Settings of a chain")[0]
    for kind in (DatabaseSettings, IdentitySettings, ServerSettings, SealingSettings):
        for field in fields(kind):
            assert f"`{field.name}`" in table
