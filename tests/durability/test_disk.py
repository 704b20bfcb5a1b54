"""A disk that is full, and one that may only be read: said at once, nothing half-written, over by itself."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from anchor.server.storage.database import Database
from tests.durability.deployment import Deployment, Server, delta, new_deployment, until
from tests.fixtures.databases import administer, folder_of_a_server, running_postgresql

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

BATCH = 200


def batch(number: int) -> list[dict[str, object]]:
    reason = "r" * 200
    return [delta(at % 3, f"{number}-{at}") | {"reason": reason} for at in range(BATCH)]


def fill(deployment: Deployment, client: httpx.Client, first: int = 0) -> tuple[int, httpx.Response]:
    """Send batches until one is refused; return its number and the answer."""
    for number in range(first, first + 1_000):
        answer = deployment.emit(client, batch(number))
        if answer.status_code != 200:
            return number, answer
    raise AssertionError("the disk never filled")


def assert_says_why(answer: httpx.Response, why: str) -> None:
    assert answer.status_code == 503, answer.text
    problem = answer.json()
    assert problem["code"] == "storage_unavailable"
    assert why in problem["detail"].lower(), problem
    assert problem["remedy"]
    assert answer.headers["content-type"] == "application/problem+json"


def goes_on_as_before(deployment: Deployment, client: httpx.Client, refused: int) -> None:
    """The refused batch is recorded when it is sent again, and the first is answered as it was."""
    assert deployment.emit(client, batch(refused)).status_code == 200
    first = deployment.emit(client, batch(0))
    assert all(result["idempotent"] for result in first.json()["results"])
    deployment.check()


def count(deployment: Deployment) -> int:
    database = Database.open(deployment.database_url)
    try:
        with database.read() as connection:
            return int(connection.execute(text("SELECT count(*) FROM deltas")).scalar_one())
    finally:
        database.close()


def limit_file_size(server: Server, size: int) -> None:
    """Let every write of a running process beyond this many bytes fail, as those on a full disk do."""
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_writes_that_fail_are_refused_whole_and_work_again_when_there_is_room(tmp_path: Path) -> None:
    with new_deployment(tmp_path) as deployment:
        server = deployment.server()
        server.wait_until_ready()
        with deployment.client_of(server.url) as client:
            assert deployment.emit(client, batch(0)).status_code == 200
            limit_file_size(server, 1_500_000)
            refused, answer = fill(deployment, client, first=1)
            assert_says_why(answer, "disk")
            # It stays up, answers what it can, and has kept nothing of the refused batch.
            assert client.get("/healthz").status_code == 200
            assert client.get("/api/v1/balance/derive/customer-0").status_code == 200
            assert count(deployment) == refused * BATCH == len(deployment.acknowledged)
            assert_says_why(deployment.emit(client, batch(refused)), "disk")
            limit_file_size(server, resource.RLIM_INFINITY)
            goes_on_as_before(deployment, client, refused)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, as large as is said; needs root, or sudo that asks for no password."""
    folder.mkdir()
    as_root(f"mount -t tmpfs -o size={size},mode=0777 tmpfs {folder}")
    try:
        yield folder
    finally:
        as_root(f"umount -l {folder}")


def as_root(command: str) -> None:
    subprocess.run(["sudo", "-n", *command.split()] if not is_root() else command.split(), check=True)


def is_root() -> bool:
    return subprocess.run(["id", "-u"], capture_output=True, text=True, check=True).stdout.strip() == "0"


def may_mount() -> bool:
    try:
        return is_root() or subprocess.run(["sudo", "-n", "true"], check=False).returncode == 0
    except FileNotFoundError:
        return False


needs_mount = pytest.mark.skipif(not may_mount(), reason="a disk is mounted by root alone")


@needs_mount
def test_a_full_disk_is_named_and_is_over_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "6m") as disk, new_deployment(disk) as deployment:
        server = deployment.server()
        server.wait_until_ready()
        with deployment.client_of(server.url) as client:
            refused, answer = fill(deployment, client)
            assert_says_why(answer, "the disk is full")
            assert client.get("/healthz").status_code == 200
            # The server's own log line may have needed the last page; the record did not suffer.
            as_root(f"mount -o remount,size=60m {disk}")
            assert count(deployment) == refused * BATCH == len(deployment.acknowledged)
            goes_on_as_before(deployment, client, refused)


@needs_mount
def test_a_full_disk_under_postgresql_is_named_and_is_over_when_there_is_room(tmp_path: Path) -> None:
    with (
        folder_of_a_server() as folder,
        small_disk(folder / "disk", "400m") as disk,
        running_postgresql(disk) as server,
        new_deployment(tmp_path, prepared(server)) as deployment,
    ):
        serving = deployment.server()
        serving.wait_until_ready()
        with deployment.client_of(serving.url) as client:
            assert deployment.emit(client, batch(0)).status_code == 200
            leave_room(disk, 1_000_000)
            refused, answer = fill(deployment, client, first=1)
            assert_says_why(answer, "the disk is full")
            assert client.get("/healthz").status_code == 200
            assert client.get("/api/v1/balance/derive/customer-0").status_code == 200
            assert count(deployment) == refused * BATCH == len(deployment.acknowledged)
            as_root(f"mount -o remount,size=600m {disk}")
            goes_on_as_before(deployment, client, refused)


def prepared(server: Any) -> str:
    """Make a database on a server that has written its log ahead: it is the tables that find no room."""
    maintenance = server.get_uri(driver="psycopg")
    administer(maintenance, "CREATE DATABASE anchor")
    for number in range(5):
        administer(maintenance, f"CREATE TABLE written_{number} (at int)")
        administer(maintenance, "SELECT pg_switch_wal()")
    administer(maintenance, "CHECKPOINT")
    return make_url(maintenance).set(database="anchor").render_as_string(hide_password=False)


def leave_room(disk: Path, size: int) -> None:
    """Fill a disk with a file of nothing until so many bytes are free."""
    free = os.statvfs(disk)
    (disk / "ballast").write_bytes(bytes(free.f_bavail * free.f_frsize - size))


@needs_mount
def test_a_read_only_disk_is_named_and_is_over_when_it_can_be_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "60m") as disk, new_deployment(disk) as deployment:
        before = deployment.server()
        before.wait_until_ready()
        with deployment.client_of(before.url) as client:
            assert deployment.emit(client, batch(0)).status_code == 200
        before.kill()
        # The log of the next process is on another disk.
        as_root(f"mount -o remount,ro {disk}")
        server = Server(deployment.directory, tmp_path / "server.log")
        try:
            until(lambda: answers(server), "the server answers")
            with deployment.client_of(server.url) as client:
                answer = client.post("/api/v1/balance/delta", json=delta(0, "new"))
                assert_says_why(answer, "read-only")
                as_root(f"mount -o remount,rw {disk}")
                until(lambda: deployment.emit(client, batch(1)).status_code == 200, "it recovers by itself")
                goes_on_as_before(deployment, client, 1)
        finally:
            server.end()


def answers(server: Server) -> bool:
    assert server.popen.poll() is None, server.log.read_text()
    try:
        return httpx.get(f"{server.url}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_a_postgresql_that_may_only_be_read_is_named_and_is_over_by_itself(
    make_postgresql_url: Callable[[], str], tmp_path: Path
) -> None:
    url = make_postgresql_url()
    with new_deployment(tmp_path, url) as deployment:
        server = deployment.server()
        server.wait_until_ready()
        with deployment.client_of(server.url) as client:
            assert deployment.emit(client, batch(0)).status_code == 200
            read_only(url, True)
            assert_says_why(deployment.emit(client, batch(1)), "read-only")
            assert client.get("/api/v1/balance/derive/customer-0").status_code == 200
            assert count(deployment) == BATCH
            read_only(url, False)
            until(lambda: deployment.emit(client, batch(1)).status_code == 200, "it recovers by itself")
            goes_on_as_before(deployment, client, 1)


def read_only(url: str, on: bool) -> None:
    """Make this database read-only for new sessions and end the others, as a failover to a replica does."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"))
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        state = "on" if on else "off"
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = {state}"))
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    engine.dispose()
