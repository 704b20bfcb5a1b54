"""``anchor doctor``: a plain verdict for each check, and nothing changed by asking."""

import time
from typing import Any

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.doctor import Doctor, Verdict
from anchor.server.chain.contract import anchor_call
from anchor.server.chain.deploying import deploy, send_and_wait
from anchor.server.chain.fees import FeeLimits
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.signers.local import LocalSigner
from anchor.server.chain.values import address_text
from anchor.server.ledger.clock import SystemClock
from tests.fixtures.anchoring import LOG_ID, Bench
from tests.fixtures.anvil import StartAnvil
from tests.fixtures.rpc_proxy import MakeProxy, answer, status


def examine(bench: Bench, **changes: Any) -> dict[str, Verdict]:
    """The verdicts by their checks."""
    defaults: dict[str, Any] = {"fees": FeeLimits(max_fee=10**11), "finality": FinalityRule("finalized")}
    connection = bench.connection(**(defaults | changes))
    clock = bench.clock
    latest = bench.node().tallest_block()
    clock.ms = latest.time + 1_000
    doctor = Doctor(connection, log_id=LOG_ID, database=bench.database, clock=clock)
    return {verdict.check: verdict for verdict in doctor.examine()}


def bad(verdicts: dict[str, Verdict]) -> list[str]:
    return [verdict.check for verdict in verdicts.values() if verdict.outcome == "bad"]


@pytest.mark.databases("sqlite", "postgresql")
def test_all_is_well_and_nothing_was_sent(bench: Bench) -> None:
    blocks = bench.anvil.rpc("eth_blockNumber")
    verdicts = examine(bench)
    assert {verdict.outcome for verdict in verdicts.values()} == {"good"}
    assert list(verdicts)[1:] == [
        "newest block",
        "clock",
        "finality",
        "contract",
        "log id",
        "submitter",
        "head",
        "fees",
        "funds",
        "trial anchor",
    ]
    assert bench.anvil.rpc("eth_blockNumber") == blocks
    assert bench.states() == []


@pytest.mark.databases("sqlite", "postgresql")
def test_each_bad_verdict_says_what_to_do(bench: Bench) -> None:
    other = bench.owner
    verdicts = examine(bench, signer=other)
    assert bad(verdicts) == ["submitter", "trial anchor"]
    assert address_text(bench.signer.address) in verdicts["submitter"].found
    assert "name-submitter" in verdicts["submitter"].remedy
    assert verdicts["owner"].outcome == "warning"


def test_a_wrong_chain_stops_the_examination(bench: Bench, start_anvil: StartAnvil) -> None:
    other = start_anvil("--chain-id", "99")
    verdicts = examine(bench, endpoints=[HttpEndpoint(other.url)])
    [verdict] = verdicts.values()
    assert verdict.outcome == "bad"
    assert "on chain 99, the settings say 31337" in verdict.found


def test_one_endpoint_of_two_that_fails_is_told(bench: Bench, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(bench.anvil.url)
    proxy.on("*", status(503))
    verdicts = examine(bench, endpoints=[HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)], agreement=2)
    assert "agreement" in bad(verdicts)
    assert verdicts[f"endpoint {proxy.url}"].outcome == "bad"
    assert verdicts[f"endpoint {bench.anvil.url}"].outcome == "good"


@pytest.mark.parametrize("method", ["eth_chainId", "eth_getBlockByNumber"])
def test_nonsense_from_one_endpoint_of_two_is_told(bench: Bench, make_proxy: MakeProxy, method: str) -> None:
    proxy = make_proxy(bench.anvil.url)
    proxy.on(method, answer("hello"))
    verdicts = examine(bench, endpoints=[HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)])
    told = [one for one in verdicts.values() if "'hello'" in one.found]
    assert told
    assert all(one.outcome != "good" for one in told)
    assert verdicts["trial anchor"].outcome == "good"


@pytest.mark.parametrize("contract", [None, b"\x42" * 20])
def test_no_contract_is_told(bench: Bench, contract: bytes | None) -> None:
    verdicts = examine(bench, contract=contract)
    assert bad(verdicts) == ["contract"]


def test_another_logs_contract_is_told(bench: Bench) -> None:
    deployment = deploy(
        bench.node(),
        bench.owner,
        log_id=b"\x33" * 32,
        owner=bench.owner.address,
        submitter=bench.signer.address,
    )
    verdicts = examine(bench, contract=deployment.address)
    assert bad(verdicts) == ["log id"]


def test_funds_fees_and_finality_are_judged(bench: Bench) -> None:
    account = "0x" + bench.signer.address.hex()
    bench.anvil.rpc("anvil_setBalance", account, "0x1")
    assert "funds" in bad(examine(bench))
    bench.anvil.rpc("anvil_setBalance", account, hex(10**17))
    few_days = examine(bench, interval=1.0, low_funds_days=7.0)
    assert few_days["funds"].outcome == "warning"
    assert examine(bench, fees=FeeLimits(max_fee=1))["fees"].outcome == "warning"
    assert examine(bench, fees=FeeLimits())["fees"].outcome == "warning"
    assert examine(bench, finality=FinalityRule(None, 3))["finality"].outcome == "warning"


@pytest.mark.databases("postgresql")
def test_on_postgresql_the_servers_clock_counts_since_it_dates_the_batches(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = time.time_ns
    with monkeypatch.context() as wrong:
        wrong.setattr(time, "time_ns", lambda: truth() - 3_600 * 10**9)
        chain = bench.connection()
        asked = {
            database: Doctor(chain, log_id=LOG_ID, database=database, clock=SystemClock()).examine()
            for database in (bench.database, None)
        }
    found = [
        [verdict.outcome for verdict in verdicts if verdict.check == "clock"] for verdicts in asked.values()
    ]
    assert found == [["good"], ["bad"]]


def test_a_clock_behind_the_chain_is_told(bench: Bench) -> None:
    bench.clock.ms = bench.node().tallest_block().time - 3_600_000
    connection = bench.connection()
    verdicts = Doctor(connection, log_id=LOG_ID, database=None, clock=bench.clock).examine()
    [clock] = [verdict for verdict in verdicts if verdict.check == "clock"]
    assert clock.outcome == "bad"
    assert "3600 s behind" in clock.found


@pytest.mark.databases("sqlite", "postgresql")
def test_a_database_older_than_the_chain_is_told(bench: Bench) -> None:
    submitter: LocalSigner = bench.signer
    send_and_wait(bench.node(), submitter, bench.contract, anchor_call(bytes(32), b"\x77" * 32, 4))
    verdicts = examine(bench)
    assert bad(verdicts) == ["head"]
    assert "anchor repair" in verdicts["head"].remedy


def test_an_unreachable_endpoint_is_told(bench: Bench) -> None:
    bench.anvil.stop()
    connection = bench.connection()
    verdicts = Doctor(connection, log_id=LOG_ID, database=None, clock=bench.clock).examine()
    assert [verdict.outcome for verdict in verdicts] == ["bad"]
    assert "cannot connect" in verdicts[0].found
