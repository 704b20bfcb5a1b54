"""A counterparty draws a sample over the API, with a key for its own customer alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from anchor.server.service.development import Development, Ports
from tests.cli.running import anchor_here as anchor
from tests.client.altered_answers import Relay, serving


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    with Development(tmp_path_factory.mktemp("dev") / "data", {}, ports=Ports(0, 0), anchoring=False) as dev:
        rows = [f"{customer},-{at},{customer}{at},hour" for customer in ("acme", "other") for at in range(40)]
        file = dev.directory / "usage.csv"
        file.write_text("\n".join(["customerId,delta,referenceId,unit", *rows]))
        assert anchor("import", file, env=where(dev, dev.admin_key)).code == 0
        dev.anchor_now()
        yield dev


def where(dev: Development, key: str) -> dict[str, str]:
    return {"ANCHOR_URL": dev.url, "ANCHOR_API_KEY": key}


@pytest.fixture(scope="module")
def own(running: Development) -> str:
    """A key for acme alone."""
    made = anchor(
        "keys", "create", "c", "--customer", "acme", "--json", env=where(running, running.admin_key)
    )
    return str(made.json()["key"])


PERIOD = ("--unit", "hour", "--from", 3, "--to", 37)


def test_a_customers_own_key_draws_a_sample_that_the_chain_confirms(
    running: Development, own: str, tmp_path: Path
) -> None:
    file, local = tmp_path / "sample.json", tmp_path / "local.json"
    made = anchor("sample", "acme", *PERIOD, "--count", 5, "--out", file, "--json", env=where(running, own))
    assert (made.code, len(made.json()["deltas"])) == (0, 5), made.err
    here = anchor("sample", "acme", *PERIOD, "--count", 5, "--out", local, "--data", running.directory)
    assert here.code == 0, here.err
    assert "anchor verify" in here.out
    assert local.read_bytes() == file.read_bytes(), "a server and its operator draw the same"
    chain = ("--rpc", running.rpc_url, "--contract", running.contract, "--finality", "latest")
    agreed = (*PERIOD[2:], "--count", 5, "--customer", "acme")
    checked = anchor("verify", file, *chain, *agreed)
    assert (checked.code, "95 % confidence" in checked.out) == (0, True), checked


def test_another_customers_period_is_as_unknown_as_one_that_is_not_there(
    running: Development, own: str, tmp_path: Path
) -> None:
    told = []
    for customer in ("other", "nobody"):
        query = {"customerId": customer, "unit": "hour", "fromIndex": 3, "toIndex": 37}
        answer = httpx.get(f"{running.url}/api/v1/proofs/sample", params=query, headers={"X-Api-Key": own})
        told.append((answer.status_code, answer.text.replace(customer, "them")))
        done = anchor("sample", customer, *PERIOD, "--out", tmp_path / "x", env=where(running, own))
        assert done.code == 3
    assert told[0] == told[1]
    assert told[0][0] == 404
    assert not (tmp_path / "x").exists()


def test_what_cannot_be_drawn_is_refused_by_name(running: Development, own: str, tmp_path: Path) -> None:
    def refused(*words: object) -> str:
        done = anchor("sample", *words, "--out", tmp_path / "x", "--json", env=where(running, own))
        assert done.code == 3, done
        return str(json.loads(done.err)["code"])

    assert refused("acme", "--unit", "hour", "--from", 3, "--to", 40) == "index_out_of_range"
    assert refused("acme", "--unit", "hour", "--from", 3, "--to", 2) == "range_reversed"
    assert refused("acme", *PERIOD, "--chain-id", 999) == "not_anchored"
    assert refused("acme", "--unit", "mile", "--from", 0, "--to", 1) == "unknown_customer"
    late = ("emit", "acme", "1", "--unit", "hour", "--reference", "late")
    assert anchor(*late, env=where(running, running.admin_key)).code == 0
    assert refused("acme", "--unit", "hour", "--from", 3, "--to", 40) == "not_anchored"
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("place", "token"),
    [
        ((), '"x"'),
        (("deltas",), "[]"),
        (("period", "period", "toIndex"), "36"),
        (("period", "ledger"), "null"),
    ],
)
def test_another_sample_than_was_asked_for_is_not_written(
    running: Development, own: str, tmp_path: Path, place: tuple[str, ...], token: str
) -> None:
    relay = Relay(running.url, ("/sample", place, token))
    with serving(relay) as server:
        env = {"ANCHOR_URL": server.url, "ANCHOR_API_KEY": own}
        done = anchor("sample", "acme", *PERIOD, "--out", tmp_path / "x", "--json", env=env)
    assert (done.code, json.loads(done.err)["code"]) == (4, "unexpected_answer")
    assert not (tmp_path / "x").exists()
