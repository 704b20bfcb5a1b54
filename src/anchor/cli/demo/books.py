"""The demo's files: the usage to import, and a counterparty's books with four mistakes in them."""

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from anchor.cli.demo.flights import Flight

USAGE_COLUMNS: Final = ("carrier", "flight", "miles", "route", "departure")
BOOK_COLUMNS: Final = ("flight", "miles")

_SEED: Final = 2013


@dataclass(frozen=True)
class Mistakes:
    """What we did to the counterparty's books: three flights left out, one with two digits swapped."""

    removed: tuple[Flight, ...]
    altered: Flight
    altered_miles: int


def write_usage(path: Path, flights: Sequence[Flight]) -> None:
    """Write the usage as a metering system would export it: one line a flight, in order of departure."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(USAGE_COLUMNS)
        for flight in flights:
            time = datetime.fromtimestamp(flight.departure // 1000, UTC)
            departure = f"{time:%Y-%m-%dT%H:%M:%SZ}"
            writer.writerow((flight.carrier, flight.reference, flight.miles, flight.route, departure))


def write_books(path: Path, flights: Sequence[Flight]) -> Mistakes:
    """Write the books of a counterparty who makes mistakes, the same ones every time."""
    chosen = random.Random(_SEED)
    swappable = [place for place, flight in enumerate(flights) if _swapped(flight.miles) is not None]
    altered = chosen.choice(swappable)
    removed = sorted(chosen.sample([place for place in range(len(flights)) if place != altered], 3))
    miles = _swapped(flights[altered].miles)
    assert miles is not None
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(BOOK_COLUMNS)
        for place, flight in enumerate(flights):
            if place not in removed:
                writer.writerow((flight.reference, miles if place == altered else flight.miles))
    return Mistakes(tuple(flights[place] for place in removed), flights[altered], miles)


def _swapped(miles: int) -> int | None:
    """Return a distance with its second and third digit swapped, as typed in a hurry; None if the same."""
    digits = str(miles)
    if len(digits) < 4 or digits[1] == digits[2]:
        return None
    return int(digits[0] + digits[2] + digits[1] + digits[3:])
