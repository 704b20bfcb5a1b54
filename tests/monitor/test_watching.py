"""What someone without our database sees of a log on a chain, and what alarms them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from anchor.monitor.sightings import ALARMS
from anchor.protocol.hashing import keccak
from anchor.server.chain.signers.local import LocalSigner
from tests.fixtures.anvil import Anvil
from tests.monitor.watched_log import WatchedLog, kinds, log, see

__all__ = ["log"]


def test_an_honest_log_is_followed_and_every_history_checked(log: WatchedLog) -> None:
    watcher = log.watcher()
    assert kinds(watcher) == []
    log.seal_and_anchor()
    assert kinds(watcher) == ["anchored", "checked"]
    # Batches that never reached the chain are in the history all the same.
    for _ in range(3):
        log.seal()
    log.anchor()
    assert kinds(watcher) == ["anchored", "checked"]
    assert kinds(watcher) == []
    assert watcher.heads == 2
    # Someone who begins to watch now sees the same.
    assert kinds(log.watcher()) == ["anchored", "checked", "anchored", "checked"]


def rewrite_history(log: WatchedLog) -> None:
    batch = log.seal()
    log.shown[batch.number] = replace(batch, history_root=keccak(b"another history"))
    log.roots[-1] = log.shown[batch.number].anchor_root(log.watched.log_id)
    log.anchor()


def hide_a_batch(log: WatchedLog) -> None:
    batch = log.seal()
    log.anchor()
    del log.shown[batch.number]


def show_another_batch(log: WatchedLog) -> None:
    batch = log.seal()
    log.anchor()
    log.shown[batch.number] = replace(batch, map_root=keccak(b"another map"))


def repeat_a_number(log: WatchedLog) -> None:
    log.seal()
    log.anchor(number=1)


def seal_in_the_future(log: WatchedLog) -> None:
    log.seal(sealed_at=2**42)
    log.anchor()


def seal_in_the_past(log: WatchedLog) -> None:
    log.seal(sealed_at=999)
    log.anchor()


def anchor_a_foreign_head_of_a_far_number(log: WatchedLog) -> None:
    log.anchor(keccak(b"an attacker's"), 2**63)


@pytest.mark.parametrize(
    ("cheat", "alarms"),
    [
        (rewrite_history, ["history_differs"]),
        (hide_a_batch, ["batch_missing"]),
        (show_another_batch, ["root_differs"]),
        (repeat_a_number, ["number_not_rising", "root_differs"]),
        (seal_in_the_future, ["sealed_after_block"]),
        (seal_in_the_past, ["sealed_backwards"]),
        (anchor_a_foreign_head_of_a_far_number, ["batch_missing"]),
    ],
)
def test_a_head_that_does_not_extend_the_history_alarms(
    log: WatchedLog, cheat: Callable[[WatchedLog], None], alarms: list[str]
) -> None:
    watcher = log.watcher()
    log.seal_and_anchor()
    assert kinds(watcher) == ["anchored", "checked"]
    cheat(log)
    seen = see(watcher)
    assert [sighting.kind for sighting in seen if sighting.is_alarm] == alarms
    assert set(alarms) <= set(ALARMS)
    # It is said once, and kept.
    assert kinds(watcher) == []
    assert [kept.kind for kept in watcher.state.alarms] == alarms


def test_a_log_rewritten_after_it_was_watched_alarms_at_its_next_head(log: WatchedLog) -> None:
    watcher = log.watcher()
    for _ in range(3):
        log.seal_and_anchor()
    assert kinds(watcher) == ["anchored", "checked"] * 3
    # The operator makes another past, whole and consistent in itself, and anchors upon it.
    log.roots = []
    for number in range(1, 5):
        log.seal(sealed_at=1_000 + number)
    log.anchor()
    alarms = [sighting for sighting in see(watcher) if sighting.is_alarm]
    assert [alarm.kind for alarm in alarms] == ["history_differs"]
    assert "batch 4 states the history" in alarms[0].detail
    # And at every one after it: the break does not heal.
    log.seal_and_anchor()
    assert "history_differs" in kinds(watcher)


def test_a_missing_batch_that_is_shown_later_is_held_against_the_head_it_was_hidden_from(
    log: WatchedLog,
) -> None:
    watcher = log.watcher()
    log.seal_and_anchor()
    batch = log.seal()
    log.anchor()
    del log.shown[batch.number]
    assert kinds(watcher) == ["anchored", "checked", "anchored", "batch_missing"]
    log.shown[batch.number] = replace(batch, map_root=keccak(b"made up since"))
    log.seal()
    log.anchor()
    assert "root_differs" in kinds(watcher)


def test_while_the_log_shows_nothing_its_heads_wait_and_are_checked_when_it_does(log: WatchedLog) -> None:
    watcher = log.watcher()
    log.source.closed = True
    log.seal_and_anchor()
    seen = see(watcher)
    assert [sighting.kind for sighting in seen] == ["anchored", "batches_unavailable"]
    assert [sighting.is_alarm for sighting in seen] == [False, False]
    log.seal_and_anchor()
    assert kinds(watcher) == ["anchored"]
    log.source.closed = False
    assert kinds(watcher) == ["checked", "checked"]


def test_another_submitter_and_owner_are_told(log: WatchedLog, anvil: Anvil) -> None:
    watcher = log.watcher()
    see(watcher)
    other = LocalSigner(bytes.fromhex(anvil.accounts[1].private_key[2:]))
    log.name(log.signer, "nameSubmitter(address)", other.address)
    log.name(log.signer, "transferOwnership(address)", other.address)
    [told] = see(watcher)
    assert (told.kind, told.is_alarm) == ("submitter_changed", True)
    assert f"0x{other.address.hex()}" in told.detail
    log.send(other, keccak(b"acceptOwnership()")[:4])
    assert kinds(watcher) == ["owner_changed"]


def test_a_reorganisation_before_finality_is_followed_and_after_it_alarms(
    log: WatchedLog, anvil: Anvil
) -> None:
    patient, hasty = log.watcher(finality=50), log.watcher()
    log.seal_and_anchor()
    assert kinds(patient) == kinds(hasty) == ["anchored", "checked"]
    anvil.rpc("anvil_reorg", 1, [])
    assert kinds(patient) == ["reorganised"]
    assert patient.heads == 0
    assert "past_changed" in kinds(hasty)
    assert [alarm.kind for alarm in hasty.state.alarms] == ["past_changed"]
    log.anchor()
    assert kinds(patient) == kinds(hasty) == ["anchored", "checked"]
    assert [alarm.kind for alarm in patient.state.alarms] == []


def test_a_reorganisation_that_brings_an_anchor_into_an_empty_block_is_seen(
    log: WatchedLog, anvil: Anvil
) -> None:
    watcher = log.watcher(finality=50)
    anvil.mine(3)
    assert kinds(watcher) == []
    # The blocks that were read change without any event having left them.
    anvil.rpc("anvil_reorg", 3, [])
    log.seal_and_anchor()
    anvil.mine(1)
    assert kinds(watcher) == ["anchored", "checked"]


def test_begun_in_the_middle_the_first_head_is_taken_as_it_is(log: WatchedLog) -> None:
    log.seal_and_anchor()
    middle = log.node.tallest_block().number + 1
    log.seal_and_anchor()
    watcher = log.watcher()
    watcher = type(watcher)(
        watcher._nodes,
        replace(log.watched, first_block=middle),
        finality=watcher._finality,
        now_ms=lambda: 0,
    )
    assert kinds(watcher) == ["anchored"]


def test_a_chain_that_stands_still_is_told(log: WatchedLog) -> None:
    newest = log.node.tallest_block().time
    assert kinds(log.watcher(now_ms=lambda: newest + 3_600_001)) == ["no_new_blocks"]
    assert kinds(log.watcher(now_ms=lambda: newest + 3_599_000)) == []
