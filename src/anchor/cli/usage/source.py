"""A usage file as bytes: a file or standard input, packed with gzip or not, and how far it has been read."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

STANDARD_INPUT: Final = Path("-")
BROKEN: Final = (EOFError, gzip.BadGzipFile, zlib.error)
"""What reading a packed file raises where it ends too early or is damaged."""
_GZIP: Final = b"\x1f\x8b"


@dataclass
class Reading:
    """How far a file has been read, and what had to be guessed."""

    file: BinaryIO | None = None
    delimiter: str | None = None
    """Between the values of a CSV."""
    rounded: int = 0
    """Amounts that lost digits by ``--round``."""
    cut: int = 0
    """Times that were cut to the millisecond here."""
    currency: str = ""
    """The sign that the file's amounts bear."""

    def bytes_read(self) -> int:
        """Return the position in the file, read-ahead included; of a packed one in what is packed."""
        if self.file is None or self.file.closed or not self.file.seekable():
            return 0
        return self.file.tell()


@contextmanager
def opened(path: Path, reading: Reading) -> Iterator[io.BufferedReader]:
    """Yield the bytes of a file, unpacked. Reading them raises one of BROKEN where it is damaged."""
    if path == STANDARD_INPUT:
        yield _unpacked(cast(io.BufferedReader, sys.stdin.buffer))
        return
    with path.open("rb") as raw:
        reading.file = raw
        yield _unpacked(raw)


def _unpacked(raw: io.BufferedReader) -> io.BufferedReader:
    if raw.peek(2)[:2] != _GZIP:
        return raw
    return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=raw)))


def size_of(path: Path) -> int | None:
    """Return how many bytes a file has; None for standard input."""
    return None if path == STANDARD_INPUT else path.stat().st_size


def name_of(path: Path) -> str:
    """Return a file's name without the ending that says that it is packed."""
    return path.name.removesuffix(".gz")
