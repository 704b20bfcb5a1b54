"""Fifty kills under load, and nothing that was acknowledged is lost: 24 servers on SQLite, 24 on
PostgreSQL, and PostgreSQL itself twice."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import SubprocessError
from typing import Any

import pytest

from tests.durability.deployment import Deployment, Load, delta, new_deployment, until
from tests.fixtures.databases import running_postgresql

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROUNDS = 12
SERVERS = 2


def kill_under_load(deployment: Deployment, rounds: int) -> None:
    chance = random.Random(4)
    for turn in range(rounds):
        servers = [deployment.server() for _ in range(SERVERS)]
        for server in servers:
            server.wait_until_ready()
        retry_some(deployment, servers[0].url, chance)
        before = len(deployment.acknowledged)
        loads = [Load(deployment, server, f"{turn}-{at}", f"{turn}") for at, server in enumerate(servers)]
        for load in loads:
            load.start()
        for load in loads:
            until(lambda load=load: load.answered >= 3 or not load.is_alive(), "the load is answered")
        # At some instant of a commit, and not in between two.
        time.sleep(chance.random() / 20)
        for server in servers:
            server.kill()
        for load in loads:
            load.end()
            assert load.answered >= 3
        assert len(deployment.acknowledged) > before
        deployment.check()


def retry_some(deployment: Deployment, url: str, chance: random.Random) -> None:
    """Send again what killed servers acknowledged: each answer must be the first receipt."""
    known = sorted(deployment.acknowledged)
    with deployment.client_of(url) as client:
        again = [delta(customer.removeprefix("customer-"), reference) for customer, reference in known]
        for start in range(0, min(len(again), 500), 100):
            sent = chance.sample(again, min(100, len(again)))
            answer = deployment.emit(client, sent)
            assert answer.status_code == 200, (start, answer.text)
            assert all(result["idempotent"] for result in answer.json()["results"])


def test_killed_servers_on_sqlite_lose_nothing_they_acknowledged(tmp_path: Path) -> None:
    with new_deployment(tmp_path) as deployment:
        kill_under_load(deployment, ROUNDS)


def test_killed_servers_on_postgresql_lose_nothing_they_acknowledged(
    make_postgresql_url: Callable[[], str], tmp_path: Path
) -> None:
    with new_deployment(tmp_path, make_postgresql_url()) as deployment:
        kill_under_load(deployment, ROUNDS)


def test_a_killed_postgresql_loses_nothing_and_the_servers_go_on_by_themselves(tmp_path: Path) -> None:
    with (
        running_postgresql() as postgresql,
        new_deployment(tmp_path, postgresql.get_uri(driver="psycopg")) as deployment,
    ):
        servers = [deployment.server() for _ in range(SERVERS)]
        for server in servers:
            server.wait_until_ready()
        loads = [Load(deployment, server, f"load-{at}", "all") for at, server in enumerate(servers)]
        for load in loads:
            load.start()
        for _ in range(2):
            wait_for_answers(loads)
            members = processes_of(postgresql.get_pid())
            os.kill(postgresql.get_pid(), signal.SIGKILL)
            # A new one does not start beside what is left of the old one.
            until(lambda members=members: not any(map(is_there, members)), "all of it is gone")
            # Where nobody reaps the dead, the package takes the old server for a running one.
            (postgresql.pgdata / "postmaster.pid").unlink(missing_ok=True)
            refused = until(lambda: refusal(deployment, servers[0].url), "the server says that it cannot")
            assert refused == "storage_unavailable"
            until(lambda: starts(postgresql), "PostgreSQL runs again", 120)
            assert postgresql.get_uri(driver="psycopg") == deployment.database_url
        wait_for_answers(loads)
        for load in loads:
            load.end()
        deployment.check()
        assert all(server.popen.poll() is None for server in servers)


def wait_for_answers(loads: list[Load]) -> None:
    """Wait until each load has some more batches acknowledged."""
    for load in loads:
        seen = load.answered
        until(
            lambda load=load, seen=seen: load.answered > seen + 2 or not load.is_alive(),
            f"the load is answered, and not {load.refused}",
        )
        assert load.is_alive(), load.failure


def starts(postgresql: Any) -> bool:
    """Start a server anew; a busy machine may take longer than the ten seconds that it is given."""
    try:
        postgresql.start()
    except (SubprocessError, AssertionError):
        return False
    return True


def refusal(deployment: Deployment, url: str) -> str | None:
    """Return the code of the problem that one emit is refused with, None where it is recorded."""
    with deployment.client_of(url) as client:
        answer = client.post("/api/v1/balance/delta", json=delta("probe", "probe"))
    if answer.status_code in (200, 201):
        return None
    assert answer.status_code == 503, answer.text
    return str(answer.json()["code"])


def processes_of(parent: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *map(int, children)]


def is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
