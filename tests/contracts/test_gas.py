"""What the contracts cost is what docs/gas.md says, and an anchor stays cheap whatever it covers."""

from __future__ import annotations

import pytest

from scripts.gas_report import MOST_AN_ANCHOR_MAY_COST, REPORT, GasReport, measure, report_text

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report() -> GasReport:
    return measure()


def test_the_gas_report_says_what_the_contracts_cost(report: GasReport) -> None:
    assert REPORT.read_text() == report_text(report), (
        "run python -m scripts.gas_report and look at the change"
    )


def test_no_anchor_in_steady_state_costs_more_than_32000(report: GasReport) -> None:
    assert report.dearest_anchor <= MOST_AN_ANCHOR_MAY_COST
    assert all(cost.total <= report.dearest_anchor for cost in report.anchors)


def test_an_anchor_of_a_million_deltas_costs_what_an_anchor_of_one_costs(report: GasReport) -> None:
    assert [cost.deltas for cost in report.anchors] == [1, 1_000, 1_000_000]
    assert len({cost.execution for cost in report.anchors}) == 1
