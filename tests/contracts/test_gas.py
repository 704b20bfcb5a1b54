"""What the contracts cost is what docs/gas.md says, and an anchor stays cheap whatever it covers."""

from __future__ import annotations

import pytest
from eth_tester import EthereumTester, PyEVMBackend

from scripts.gas_report import (
    FORK,
    MOST_AN_ANCHOR_MAY_COST,
    MOST_THAT_OPENING_A_LOG_MAY_COST,
    OPENING,
    PRAGUE,
    REPORT,
    STEADY_ANCHOR,
    TOUCHED,
    GasReport,
    measure,
    report_text,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report() -> GasReport:
    return measure()


def test_the_gas_report_says_what_the_contracts_cost(report: GasReport) -> None:
    assert REPORT.read_text() == report_text(report), (
        "run python -m scripts.gas_report and look at the change"
    )


def test_no_anchor_in_steady_state_costs_more_than_one_rewritten_slot(report: GasReport) -> None:
    assert report.dearest_anchor <= MOST_AN_ANCHOR_MAY_COST
    assert all(cost.total <= report.dearest_anchor for cost in report.anchors)


def test_an_anchor_of_a_million_deltas_costs_what_an_anchor_of_one_costs(report: GasReport) -> None:
    assert [cost.deltas for cost in report.anchors] == [1, 1_000, 1_000_000]
    assert len({cost.execution for cost in report.anchors}) == 1


def test_opening_a_log_costs_a_few_slots_and_no_deployment(report: GasReport) -> None:
    assert report.transactions[OPENING] <= MOST_THAT_OPENING_A_LOG_MAY_COST


def test_the_figures_are_of_the_fork_that_the_page_names() -> None:
    assert type(EthereumTester(PyEVMBackend()).backend.chain.get_vm()).__name__ == f"{FORK}VM"


def test_what_was_computed_starts_from_what_the_transactions_touch(report: GasReport) -> None:
    """What is left after the state's price is little: calldata, events, instructions."""
    for name, touched in TOUCHED.items():
        assert 1_000 < report.transactions[name] - touched.gas(PRAGUE) < 10_000, name
    for cost in report.anchors:
        assert 1_000 < cost.total - STEADY_ANCHOR.gas(PRAGUE) < 10_000
