"""One machine whose clock is wrong does not move the time of a log that several machines share."""

import time

import pytest

from anchor.protocol.identities import IdentityKey
from anchor.server.ledger.clock import SystemClock
from anchor.server.ledger.log import create_log
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.ledger.recording import Recorder
from anchor.server.ledger.sealing import Sealer
from anchor.server.storage.database import Database
from anchor.server.storage.fence import fence_for_recording, shared_time
from tests.fixtures.databases import EVERY_SERVER
from tests.fixtures.logs import FOUNDER

KEY = IdentityKey(bytes(range(32)))
TWO_HOURS_MS = 7_200_000


@pytest.mark.databases(*EVERY_SERVER[1:])
@pytest.mark.parametrize("wrong_by", [TWO_HOURS_MS, -TWO_HOURS_MS])
def test_a_server_with_a_wrong_clock_moves_nobodys_time(
    database: Database, monkeypatch: pytest.MonkeyPatch, wrong_by: int
) -> None:
    began = SystemClock().now_ms()
    truth = time.time_ns
    with monkeypatch.context() as wrong:
        wrong.setattr(time, "time_ns", lambda: truth() + wrong_by * 1_000_000)
        log = create_log(database, KEY, FOUNDER, SystemClock())
        recorder, sealer = (
            Recorder(database, log, KEY, SystemClock()),
            Sealer(database, log, KEY, SystemClock()),
        )
        (of_wrong,) = recorder.record([Emission("acme", 1)])
        batch = sealer.seal()
    (of_right,) = recorder.record([Emission("bolt", 1)])
    assert isinstance(of_wrong, Receipt)
    assert isinstance(of_right, Receipt)
    assert batch is not None
    # The server under test is on this machine: a second is for its coarser reading of the same clock.
    assert began - 1_000 <= of_wrong.recorded_at <= batch.sealed_at <= of_right.recorded_at
    assert of_right.recorded_at <= SystemClock().now_ms() + 1_000


def test_sqlite_has_no_other_clock_than_the_machines(sqlite_database: Database) -> None:
    create_log(sqlite_database, KEY, FOUNDER, SystemClock())
    with sqlite_database.write() as connection:
        assert shared_time(connection) is None
        assert fence_for_recording(connection).now is None
