"""An auditor installs little: the verifier's commands run on the base install, and the others say what
they lack."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import anchor

VECTORS = Path(__file__).parents[1] / "vectors" / "protocol-v1.json"

pytestmark = pytest.mark.slow


def test_no_server_module_is_there(base_python: Path) -> None:
    code = (
        "import importlib.util as u;"
        "print([m for m in ('web3','sqlalchemy','fastapi','eth_account','alembic') if u.find_spec(m)])"
    )
    ran = subprocess.run([base_python, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_conformance_runs(base_python: Path) -> None:
    done = anchor("conformance", VECTORS, python=str(base_python))
    assert (done.code, done.err) == (0, "")


def test_help_of_everything_is_there(base_python: Path) -> None:
    done = anchor("--help", python=str(base_python))
    assert done.code == 0
    assert "verify" in done.out
    assert "serve" in done.out


@pytest.mark.parametrize("command", [("serve", "--data", "."), ("dev",), ("init", "new"), ("demo",)])
def test_a_server_command_says_what_to_install(
    base_python: Path, command: tuple[str, ...], tmp_path: Path
) -> None:
    flights = ("--flights", str(VECTORS)) if command == ("demo",) else ()
    done = anchor(*command, *flights, python=str(base_python), cwd=tmp_path)
    assert done.code == 3
    assert "pip install '.[" in done.err
    assert "Traceback" not in done.err


def test_a_file_that_is_no_proof_is_not_valid(base_python: Path, tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    file.write_text(json.dumps({"format": "something else"}))
    done = anchor("verify", file, "--json", python=str(base_python))
    assert done.code == 1
    assert done.json()["verdict"] == "invalid"


def test_a_copy_is_followed_and_read(base_python: Path, tmp_path: Path) -> None:
    from anchor.client import AnchorClient
    from anchor.server.service.development import Development, Ports

    store = tmp_path / "acme.replica"
    with (
        Development(tmp_path / "dev", {}, ports=Ports(0, 0), anchoring=False) as running,
        AnchorClient(running.url, running.admin_key) as client,
    ):
        client.emit("acme", -3, reference_id="run-1")
        running.anchor_now()
        place = ("--rpc", running.rpc_url, "--contract", running.contract, "--store", store, "--once")
        reached = {"ANCHOR_URL": running.url, "ANCHOR_API_KEY": running.admin_key}
        followed = anchor("follow", "acme", *place, env=reached, python=str(base_python))
        assert (followed.code, followed.err) == (0, "")
    # The server is gone.
    for what, *more in (("derive",), ("compare", "--yours", "-3"), ("check",), ("status",), ("prove", 0)):
        done = anchor("replica", what, store, *more, python=str(base_python))
        assert (done.code, done.err) == (0, ""), what
