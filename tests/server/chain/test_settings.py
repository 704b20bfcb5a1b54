"""The chains' settings: what is read, and an answer to each mistake."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from anchor.server.chain.fees import FeeLimits
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.settings import ChainSettingsError, parse_chains

WHOLE = """
[mainnet]
chain_id = 1
rpc = ["https://a.example/key", "https://b.example"]
contract = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
interval = 86400
max_fee_gwei = "40.5"
min_tip_gwei = "0.05"
budget_per_day = "0.002"
agreement = 2
[mainnet.signer]
kind = "aws-kms"
key_id = "alias/anchor"
region = "eu-central-1"

[base]
chain_id = 8453
rpc = "https://base.example"
finality = "safe"
interval = 60
primary = true
[base.signer]
kind = "keystore"
file = "signing-key.json"
password_variable = "ANCHOR_PASSWORD"
"""


def test_two_chains_are_read_with_their_own_rules() -> None:
    mainnet, base = parse_chains(tomllib.loads(WHOLE), folder=Path("/data"))
    assert (mainnet.name, mainnet.chain_id, len(mainnet.rpc), mainnet.agreement) == ("mainnet", 1, 2, 2)
    assert mainnet.fees == FeeLimits(40_500_000_000, 50_000_000)
    assert mainnet.budget_per_day == 2 * 10**15
    assert mainnet.finality == FinalityRule("finalized", 64)
    assert (mainnet.primary, base.primary) == (False, True)
    assert base.finality.tag == "safe"
    assert base.signer.keystore == Path("/data/signing-key.json")
    assert mainnet.signer.kms_key_id == "alias/anchor"
    assert "key" not in repr(mainnet.rpc.__class__)
    assert "a.example" not in repr(mainnet)


def chain(**changes: Any) -> dict[str, Any]:
    table: dict[str, Any] = {
        "chain_id": 1,
        "rpc": ["https://a.example"],
        "signer": {"kind": "environment", "variable": "KEY"},
    }
    table.update(changes)
    return {"one": {key: value for key, value in table.items() if value is not None}}


def test_defaults_are_safe() -> None:
    [settings] = parse_chains(chain(), folder=Path())
    assert settings.primary
    assert settings.finality == FinalityRule("finalized", 64)
    assert settings.fees.max_fee == 500 * 10**9
    assert (settings.interval, settings.agreement, settings.development) == (60.0, 1, False)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"chain_id": None}, "chain_id"),
        ({"chain_id": 0}, "chain_id"),
        ({"chain_id": "1"}, "chain_id"),
        ({"chain_id": True}, "chain_id"),
        ({"rpc": None}, "rpc"),
        ({"rpc": []}, "rpc"),
        ({"rpc": ["ftp://a"]}, "rpc"),
        ({"rpc": ["http://[::1"]}, "rpc"),
        ({"rpc": ["http://xn--a.com", "http://a"]}, "rpc"),
        ({"rpc": "http://a:99999"}, "rpc"),
        ({"rpc": ["secret-without-scheme"]}, "rpc"),
        ({"contract": "0x12"}, "contract"),
        ({"contract": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"}, "contract"),
        ({"finality": "soon"}, "finality"),
        ({"finality": 0}, "finality"),
        ({"finality": True}, "finality"),
        ({"confirmations": 0}, "confirmations"),
        ({"agreement": 2}, "agreement"),
        ({"interval": 0}, "interval"),
        ({"interval": "60"}, "interval"),
        ({"max_fee_gwei": 1.5}, "max_fee_gwei"),
        ({"max_fee_gwei": "-1"}, "max_fee_gwei"),
        ({"budget_per_day": "a lot"}, "budget_per_day"),
        ({"budget_per_day": "NaN"}, "budget_per_day"),
        ({"gas": 1}, "gas"),
        ({"development": "yes"}, "development"),
        ({"signer": None}, "signer"),
        ({"signer": {}}, "signer.kind"),
        ({"signer": {"kind": "paper"}}, "signer.kind"),
        ({"signer": {"kind": "environment"}}, "signer.variable"),
        ({"signer": {"kind": "environment", "variable": "K", "file": "x"}}, "signer.file"),
        ({"signer": {"kind": "keystore", "file": "x"}}, "signer.password_file"),
        ({"signer": {"kind": "remote", "url": "http://x"}}, "signer.address"),
        ({"signer": {"kind": "remote", "url": "http://a..b", "address": "0x" + "11" * 20}}, "signer.url"),
        (
            {"signer": {"kind": "remote", "url": "http://x", "address": "0x" + "11" * 20, "method": "m"}},
            "signer.method",
        ),
    ],
)
def test_each_mistake_is_named_by_its_key_with_a_remedy(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ChainSettingsError) as mistake:
        parse_chains(chain(**changes), folder=Path())
    assert mistake.value.key == f"chains.one.{key}"
    assert mistake.value.remedy
    assert "secret-without-scheme" not in str(mistake.value)


def test_two_primary_chains_are_refused() -> None:
    table = chain(primary=True) | {"two": chain(primary=True)["one"]}
    with pytest.raises(ChainSettingsError, match="one and two"):
        parse_chains(table, folder=Path())


def test_exact_decimals_are_taken_as_they_are() -> None:
    [settings] = parse_chains(chain(max_fee_gwei=Decimal("0.000000001")), folder=Path())
    assert settings.fees.max_fee == 1
