"""``anchor deploy`` and ``anchor doctor`` where two endpoints contradict each other."""

import json
from pathlib import Path

import pytest

from tests.cli.running import anchor_here as anchor
from tests.fixtures.anvil import CHAIN_ID, Anvil
from tests.fixtures.rpc_proxy import MakeProxy, answer


@pytest.mark.parametrize("method", ["eth_getBalance", "eth_getTransactionCount"])
def test_deploy_says_who_contradicts_whom_and_what_to_do(
    anvil: Anvil, tmp_path: Path, make_proxy: MakeProxy, method: str
) -> None:
    data, proxy = tmp_path / "data", make_proxy(anvil.url)
    made = anchor("init", data, "--rpc", anvil.url, "--chain-id", CHAIN_ID, "--json").json()
    anvil.rpc("anvil_setBalance", made["signer"], hex(10**18))
    both = {"ANCHOR_CHAINS_MAIN_RPC": f'["{proxy.url}", "{anvil.url}"]'}
    proxy.on(method, answer("0x5"))
    refused = anchor("deploy", "--data", data, env=both)
    assert refused.code == 4
    assert "the endpoints disagree about" in refused.err
    assert {proxy.url, anvil.url} <= {word.rstrip(":") for word in refused.err.split()}
    assert "take it out of rpc" in " ".join(refused.err.split())
    assert "Traceback" not in refused.err
    document = anchor("deploy", "--data", data, "--json", env=both)
    assert (document.code, json.loads(document.err)["code"]) == (4, "endpoints_disagree")
    # Nothing was signed, so nothing is waited for.
    assert list(data.glob("deploying-*")) == []
    proxy.heal()
    assert anchor("deploy", "--data", data, env=both).code == 0
    proxy.on("eth_getCode", answer("0x"))
    examined = anchor("doctor", "--data", data, "--json", env=both)
    assert (examined.code, examined.json()["ready"]) == (1, False)
    verdict = examined.json()["chains"]["main"][-1]
    assert (verdict["check"], verdict["outcome"]) == ("endpoints agree", "bad")
    assert "take it out of rpc" in verdict["remedy"]
