"""``anchor verify`` says yes or no with a reason, from a file and a node, on the base install."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from anchor.replica.evidence import dispute
from anchor.replica.values import Misfit
from anchor.server.chain.development import DevelopmentChain
from anchor.server.chain.values import address_text
from anchor.server.service.background_server import BackgroundServer, listen
from anchor.server.service.json_rpc_app import JsonRpcApp
from anchor.verify import write_proof_file
from tests.cli.running import anchor as anchor_of
from tests.cli.running import anchor_here as anchor
from tests.verify.anchored_log import AnchoredLog


@pytest.fixture(scope="module")
def log() -> Iterator[AnchoredLog]:
    """A log anchored on a development chain that is served over HTTP."""
    chain = DevelopmentChain()

    def respond(method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"result": chain.endpoint.call(method, params)}

    server = BackgroundServer(JsonRpcApp(respond), "127.0.0.1", 0)
    server.start()
    anchored = AnchoredLog(server.url, chain.signer())
    anchored.grow()
    yield anchored
    server.stop()


@pytest.fixture(scope="module")
def proof(log: AnchoredLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("proof") / "delta.proof.json"
    path.write_bytes(write_proof_file(log.built.delta("UA", 4, 2, "mile")))
    return path


def altered(proof: Path, tmp_path: Path) -> Path:
    document = json.loads(proof.read_text())
    amount = document["delta"]["amount"]
    document["delta"]["amount"] = amount[:-1] + ("1" if amount[-1] != "1" else "2")
    path = tmp_path / "altered.proof.json"
    path.write_text(json.dumps(document))
    return path


def test_an_honest_proof_is_valid_and_each_step_is_told(log: AnchoredLog, proof: Path) -> None:
    done = anchor("verify", proof, "--rpc", log.url, "--contract", address_text(log.contract))
    assert (done.code, done.err) == (0, "")
    assert "VALID" in done.out
    assert done.out.count("✓") >= 6
    assert "✗" not in done.out


def test_one_digit_changed_is_not_valid_and_both_values_are_shown(
    log: AnchoredLog, proof: Path, tmp_path: Path
) -> None:
    file = altered(proof, tmp_path)
    done = anchor("verify", file, "--rpc", log.url)
    assert done.code == 1
    assert "NOT VALID" in done.out
    answer = anchor("verify", file, "--rpc", log.url, "--json").json()
    (failed,) = [step for step in answer["steps"] if step["outcome"] == "failed"]
    assert failed["expected"] in done.out
    assert failed["found"] in done.out


def test_of_a_folder_the_proofs_are_checked_and_not_what_an_unpacked_pack_holds_beside_them(
    log: AnchoredLog, proof: Path, tmp_path: Path
) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "period.json").write_bytes(proof.read_bytes())
    for name in ("chain.json", "evidence.json", "peaks.json", "README.txt"):
        (tmp_path / name).write_text("{}")
    done = anchor("verify", tmp_path, "--rpc", log.url, "--json")
    assert done.code == 0
    assert done.json()["verdict"] == "valid"


def test_without_a_chain_it_is_never_valid(proof: Path) -> None:
    done = anchor("verify", proof)
    assert done.code == 4
    assert "NOT CHECKED AGAINST A CHAIN" in done.out


def test_a_node_that_does_not_answer_leaves_it_unchecked(proof: Path) -> None:
    taken = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    taken.close()
    done = anchor("verify", proof, "--rpc", url, "--json")
    assert (done.code, done.json()["verdict"]) == (4, "not_checked_against_a_chain")


def test_another_contract_than_the_agreed_one_is_refused(log: AnchoredLog, proof: Path) -> None:
    done = anchor("verify", proof, "--rpc", log.url, "--contract", "0x" + "12" * 20)
    assert done.code == 1


def test_another_customer_than_the_one_meant_is_refused(log: AnchoredLog, proof: Path) -> None:
    assert anchor("verify", proof, "--rpc", log.url, "--customer", "UA", "--unit", "mile").code == 0
    assert anchor("verify", proof, "--rpc", log.url, "--customer", "AA", "--unit", "mile").code == 1


@pytest.mark.parametrize("option", [("--contract", "0x12"), ("--finality", "soon"), ("--ledger", "x")])
def test_an_option_that_cannot_be_read_is_a_usage_error(proof: Path, option: tuple[str, str]) -> None:
    done = anchor("verify", proof, *option)
    assert done.code == 2
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_it_runs_on_the_base_install(
    log: AnchoredLog, proof: Path, tmp_path: Path, base_python: Path
) -> None:
    python = str(base_python)
    assert anchor_of("verify", proof, "--rpc", log.url, python=python).code == 0
    assert anchor_of("verify", altered(proof, tmp_path), "--rpc", log.url, python=python).code == 1


def test_a_file_that_is_missing_keeps_no_other_from_its_answer(
    log: AnchoredLog, proof: Path, tmp_path: Path
) -> None:
    missing, bad = tmp_path / "missing.json", altered(proof, tmp_path)
    node = ("--rpc", log.url)
    done = anchor("verify", missing, proof, *node)
    assert done.code == 3
    assert "VALID" in done.out
    assert "1 valid, 1 not read" in done.out
    assert "missing.json: no such file or directory" in done.err.replace("\n", "")
    assert anchor("verify", missing, bad, *node).code == 1
    assert anchor("verify", missing, proof).code == 3
    told = json.loads(anchor("verify", proof, missing, "--json", *node).out)
    assert told[0]["verdict"] == "valid"
    assert told[1] == {
        "file": str(missing),
        "error": {"code": "file", "problem": f"{missing}: no such file or directory"},
    }


def disputed(folder: Path, proofs: list[str]) -> Path:
    misfit = Misfit("altered", "2", "Delta 2 is not what it was.", "amount -5", "amount [/x]")
    file = folder / "copy.altered.dispute.json"
    file.write_bytes(dispute(misfit, 1_776_000_000_000, None, held={}, shown={"a": 0.5}, proofs=proofs))
    return file


def test_a_dispute_is_shown_as_what_it_is_and_the_proofs_beside_it_are_checked(
    log: AnchoredLog, proof: Path, tmp_path: Path
) -> None:
    beside = tmp_path / "held.proof.json"
    beside.write_bytes(proof.read_bytes())
    file = disputed(tmp_path, [beside.name, "gone.proof.json", f"../{tmp_path.name}/held.proof.json", ".."])
    for named in ([file], [file, beside]):
        done = anchor("verify", *named, "--rpc", log.url)
        assert done.code == 4
        assert "This is a dispute" in done.out
        assert "amount [/x]" in done.out
        assert "1 valid, 1 dispute" in done.out
        assert "NOT VALID" not in done.out
        told = anchor("verify", *named, "--rpc", log.url, "--json").json()
        assert [one["kind"] for one in told] == ["dispute", "delta"]
        assert (told[0]["verdict"], told[1]["verdict"]) == ("not_checked_against_a_chain", "valid")
        assert told[0]["proofs"] == [str(beside)]
    # Of a folder the proof files are meant.
    assert anchor("verify", tmp_path, "--rpc", log.url).code == 0
    beside.unlink()
    assert "is not here: held.proof.json" in anchor("verify", file).out
    altered(proof, tmp_path).rename(beside)
    assert anchor("verify", file, "--rpc", log.url).code == 1
    assert "Nothing was saved with it" in anchor("verify", disputed(tmp_path, [])).out


def test_a_block_that_is_trusted_without_evidence_names_where_to_have_it(tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    file.write_text("{}")
    done = anchor("verify", file, "--block-hash", "0x" + "11" * 32)
    assert (done.code, done.out) == (2, "")
    for remedy in ("anchor pack", "--evidence", "--rpc URL"):
        assert remedy in done.err
    told = anchor("verify", file, "--block-hash", "0x" + "11" * 32, "--json")
    assert "--rpc URL" in json.loads(told.err)["remedy"]
