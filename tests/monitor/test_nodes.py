"""Several nodes: one that lags is named and set aside, one that lies is caught, a silent one is told."""

import pytest

from anchor.node.lag import LAG_BLOCKS
from anchor.node.view import ChainUnavailable
from tests.fixtures.anvil import StartAnvil
from tests.fixtures.rpc_proxy import Call, MakeProxy, Reply, answer, change, lose_request, refuse, status
from tests.monitor.watched_log import WatchedLog, kinds, log, see

__all__ = ["log"]

LIES = {
    "a head": ("eth_call", change(lambda _: "0x" + "66" * 32)),
    "no events": ("eth_getLogs", change(lambda _: [])),
    "another event": (
        "eth_getLogs",
        change(lambda events: [{**event, "data": "0x" + "77" * 32} for event in events]),
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_node_that_lies_alarms_and_nothing_counts_until_the_nodes_agree(
    log: WatchedLog, make_proxy: MakeProxy, lie: str
) -> None:
    proxy = make_proxy(log.anvil.url)
    watcher = log.watcher(log.anvil.url, proxy.url)
    log.seal_and_anchor()
    proxy.on(*LIES[lie])
    before = watcher.state
    [alarm] = see(watcher)
    assert (alarm.kind, alarm.is_alarm) == ("endpoints_disagree", True)
    assert proxy.url in alarm.detail
    assert log.anvil.url in alarm.detail
    assert (watcher.heads, watcher.state.settled) == (0, before.settled)
    assert kinds(watcher) == []
    proxy.heal()
    assert kinds(watcher) == ["anchored", "checked"]


def test_a_node_on_another_chain_of_blocks_alarms_where_it_calls_them_final(
    log: WatchedLog, start_anvil: StartAnvil
) -> None:
    fork = start_anvil("--fork-url", log.anvil.url)
    watcher = log.watcher(log.anvil.url, fork.url)
    log.seal_and_anchor()
    fork.mine(1)
    [alarm] = see(watcher)
    assert alarm.kind == "endpoints_disagree"
    assert "which is final" in alarm.detail


def test_two_tips_that_differ_for_a_moment_are_no_alarm(log: WatchedLog, start_anvil: StartAnvil) -> None:
    fork = start_anvil("--fork-url", log.anvil.url)
    watcher = log.watcher(log.anvil.url, fork.url, finality=2)
    log.seal_and_anchor()
    fork.mine(1)
    # What both call final is seen, the rest waits.
    assert kinds(watcher) == []
    assert watcher.state.settled is not None


def test_a_node_that_lags_is_named_and_the_other_is_followed(
    log: WatchedLog, start_anvil: StartAnvil
) -> None:
    behind = start_anvil("--fork-url", log.anvil.url)
    watcher = log.watcher(log.anvil.url, behind.url)
    assert kinds(watcher) == []
    # So many blocks in as many seconds are no lag: what both hold is seen, and the rest waits.
    log.seal_and_anchor()
    log.anvil.mine(LAG_BLOCKS)
    assert kinds(watcher) == []
    log.mine_slowly(3)
    seen = see(watcher)
    assert [sighting.kind for sighting in seen] == ["endpoint_lags", "anchored", "checked"]
    assert behind.url in seen[0].detail
    assert not seen[0].is_alarm
    # It is said once.
    assert kinds(watcher) == []


def test_a_node_on_a_fork_is_not_silenced_by_the_taller_one(log: WatchedLog, start_anvil: StartAnvil) -> None:
    fork = start_anvil("--fork-url", log.anvil.url)
    watcher = log.watcher(log.anvil.url, fork.url)
    fork.rpc("anvil_mine", hex(1), hex(7))
    log.seal_and_anchor()
    log.mine_slowly(LAG_BLOCKS + 1)
    [alarm] = see(watcher)
    assert alarm.kind == "endpoints_disagree"
    assert "which is final" in alarm.detail


def test_a_node_that_makes_up_a_height_silences_nobody(
    log: WatchedLog, make_proxy: MakeProxy, start_anvil: StartAnvil
) -> None:
    """It holds all blocks that there are, and shows a thousand more, without an anchor in them."""
    proxy = make_proxy(log.anvil.url)
    watcher = log.watcher(proxy.url, log.anvil.url)
    made_up = {"hash": "0x" + "ab" * 32, "timestamp": hex(int(log.now()) + 12_000)}

    def taller(call: Call) -> Reply:
        block = call.forward()["result"]
        if call.params[0] == "latest":
            return answer(made_up | {"number": hex(int(block["number"], 16) + 1_000)})(call)
        return answer(block or made_up | {"number": call.params[0]})(call)

    proxy.on("eth_getBlockByNumber", taller)
    log.seal_and_anchor()
    seen = see(watcher)
    assert [sighting.kind for sighting in seen] == ["block_of_the_future", "anchored", "checked"]
    assert proxy.url in seen[0].detail
    assert watcher.state.settled is not None
    assert watcher.state.settled.number == log.node.tallest_block().number
    # Nor does it keep one that lags from being set aside.
    behind = start_anvil("--fork-url", log.anvil.url)
    log.seal_and_anchor()
    log.mine_slowly(LAG_BLOCKS)
    seen = see(log.watcher(proxy.url, log.anvil.url, behind.url))
    assert [sighting.kind for sighting in seen][:2] == ["endpoint_lags", "block_of_the_future"]
    assert behind.url in seen[0].detail
    assert len(seen) == 6
    # Where it lies about what is in the blocks, nothing counts.
    proxy.on("eth_getLogs", answer([]))
    log.seal_and_anchor()
    assert "endpoints_disagree" in kinds(watcher)


def test_a_node_that_is_silent_is_told_and_the_other_is_followed(
    log: WatchedLog, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(log.anvil.url)
    watcher = log.watcher(log.anvil.url, proxy.url)
    proxy.on("*", lose_request)
    log.seal_and_anchor()
    assert kinds(watcher) == ["endpoint_unreachable", "anchored", "checked"]


def test_where_no_node_answers_nothing_is_learnt_and_nothing_lost(
    log: WatchedLog, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(log.anvil.url)
    watcher = log.watcher(proxy.url)
    log.seal_and_anchor()
    # Cut off at every call of a look in turn.
    probe = log.watcher(proxy.url)
    proxy.calls.clear()
    see(probe)
    for skip in range(len(proxy.calls)):
        proxy.heal()
        proxy.on("*", status(503), skip=skip)
        with pytest.raises(ChainUnavailable):
            watcher.look()
        assert watcher.heads == 0
    proxy.heal()
    assert kinds(watcher) == ["anchored", "checked"]


def test_events_are_asked_for_in_ranges_as_large_as_the_node_gives(
    log: WatchedLog, make_proxy: MakeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = make_proxy(log.anvil.url)
    log.seal_and_anchor()
    log.anvil.mine(300)
    log.seal_and_anchor()
    most = 50

    def limited(call: object) -> object:
        wanted = call.params[0]  # type: ignore[attr-defined]
        if int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) >= most:
            return refuse("query exceeds max block range")(call)  # type: ignore[arg-type]
        return change(lambda events: events)(call)  # type: ignore[arg-type]

    proxy.on("eth_getLogs", limited)  # type: ignore[arg-type]
    watcher = log.watcher(proxy.url)
    assert kinds(watcher) == ["anchored", "checked"] * 2
    # And one that gives none at all is named.
    proxy.on("eth_getLogs", refuse("no logs here"))
    log.anvil.mine(1)
    with pytest.raises(ChainUnavailable, match="no logs here"):
        see(watcher)


@pytest.mark.parametrize(
    "garbage",
    [None, 7, {}, [7], [{"topics": []}], [{"topics": ["0x", "0x", "0x"]}], "0x", [[]]],
)
def test_events_that_are_none_are_no_events(log: WatchedLog, make_proxy: MakeProxy, garbage: object) -> None:
    proxy = make_proxy(log.anvil.url)
    log.seal_and_anchor()
    proxy.on("eth_getLogs", change(lambda _: garbage))
    with pytest.raises(ChainUnavailable):
        log.watcher(proxy.url).look()


@pytest.mark.parametrize(
    "altered",
    [
        {"address": "0x" + "11" * 20},
        {"removed": True},
        {"blockNumber": "0xffffff"},
        {"logIndex": None},
        {"blockHash": "0x12"},
    ],
)
def test_an_event_that_was_not_asked_for_is_refused(
    log: WatchedLog, make_proxy: MakeProxy, altered: dict[str, object]
) -> None:
    proxy = make_proxy(log.anvil.url)
    log.seal_and_anchor()
    proxy.on("eth_getLogs", change(lambda events: [event | altered for event in events]))
    with pytest.raises(ChainUnavailable):
        log.watcher(proxy.url).look()
    proxy.heal()
    proxy.on("eth_getLogs", change(lambda events: events * 2))
    with pytest.raises(ChainUnavailable):
        log.watcher(proxy.url).look()


def test_a_head_that_the_events_do_not_lead_to_alarms(log: WatchedLog, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(log.anvil.url)
    log.seal_and_anchor()
    log.seal_and_anchor()
    proxy.on("eth_getLogs", change(lambda events: events[:-1]))
    seen = see(log.watcher(proxy.url))
    assert "head_without_event" in [sighting.kind for sighting in seen if sighting.is_alarm]
    proxy.heal()
    proxy.on("eth_getLogs", change(lambda events: events[1:]))
    seen = see(log.watcher(proxy.url))
    assert "broken_line" in [sighting.kind for sighting in seen if sighting.is_alarm]
