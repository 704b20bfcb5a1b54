"""``anchor doctor`` where endpoints contradict each other: one plain verdict, and what to do."""

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.doctor import Doctor
from tests.fixtures.anchoring import LOG_ID, Bench
from tests.fixtures.rpc_proxy import MakeProxy, answer


@pytest.mark.parametrize(
    ("method", "lie", "about"),
    [
        ("eth_getCode", "0x", "the code at"),
        ("eth_getBalance", "0x0", "the balance of"),
        ("eth_call", "0x" + "66" * 32, "the contract's submitter()"),
    ],
)
def test_what_the_endpoints_disagree_about_is_told_with_a_remedy(
    bench: Bench, make_proxy: MakeProxy, method: str, lie: str, about: str
) -> None:
    proxy = make_proxy(bench.anvil.url)
    proxy.on(method, answer(lie))
    endpoints = [HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)]
    doctor = Doctor(
        bench.connection(endpoints=endpoints), log_id=LOG_ID, database=bench.database, clock=bench.clock
    )
    last = doctor.examine()[-1]
    assert (last.check, last.outcome) == ("endpoints agree", "bad")
    assert about in last.found
    assert proxy.url in last.found
    assert bench.anvil.url in last.found
    assert "take it out of rpc" in last.remedy
