"""Zip archives as an audit pack may be one: few files, told apart in one way only, read as streams.

A zip archive can be read in more than one way (what its directory says, what its headers say, what stands
between), so only the plain kind is read: the directory closes the archive, the headers agree with it, no
files overlap, nothing is encrypted. The page's reader, web/verifier/zip.js, has the same rules.
"""

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO, Final

MOST_FILES: Final = 32
LARGEST_DIRECTORY: Final = 64 * 1024

_END: Final = Struct("<IHHHHIIH")
_END64: Final = Struct("<IQHHIIQQQQ")
_LOCATOR: Final = Struct("<IIQI")
_CENTRAL: Final = Struct("<IHHHHHHIIIHHHHHII")
_LOCAL: Final = Struct("<IHHHHHIIIHH")
_PLAIN_FLAGS: Final = 0x080E
"""Bits that may be set: names in UTF-8, sizes stated behind the data, how hard it was compressed."""
_STORED, _DEFLATED = 0, 8
_IN_ZIP64: Final = 0xFFFFFFFF
_PIECE: Final = 64 * 1024


class ZipError(Exception):
    """An archive, or a file in it, that is not of the plain kind, or damaged."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the archive: where its bytes start, how many (packed and unpacked), and their CRC-32."""

    name: str
    method: int
    start: int
    packed: int
    size: int
    crc: int


class ZipArchive:
    """The files of an archive. ``opened`` can be sought, and stays open as long as anything is read."""

    def __init__(self, opened: BinaryIO) -> None:
        """Raises ZipError, and OSError where the file cannot be read."""
        self._opened = opened
        self._length = opened.seek(0, io.SEEK_END)
        count, start, end = self._directory(self._length)
        raw = self._at(start, end - start)
        self.entries: dict[str, Entry] = {}
        free = 0
        for entry in sorted(self._entries(raw, count, start), key=lambda one: one.start):
            if entry.start < free or entry.name in self.entries:
                raise ZipError("two files overlap, or have one name")
            free = entry.start + entry.packed
            self.entries[entry.name] = entry

    def open(self, name: str) -> io.BufferedReader:
        """Return a file's bytes as a stream, whose reading raises ZipError where they are damaged."""
        return io.BufferedReader(_Unpacked(self._opened, self.entries[name]), _PIECE)

    def _at(self, start: int, length: int) -> bytes:
        if start < 0 or length < 0:
            raise ZipError("a part begins before the file")
        if start + length > self._length:
            raise ZipError("a part is cut short")
        self._opened.seek(start)
        raw = self._opened.read(length)
        if len(raw) != length:
            raise ZipError("a part is cut short")
        return raw

    def _directory(self, length: int) -> tuple[int, int, int]:
        """Return how many files the directory lists, and where it begins and ends."""
        at = length - _END.size
        sign, *disks, here, count, size, start, comment = _END.unpack(self._at(at, _END.size))
        if sign != 0x06054B50 or comment:
            raise ZipError("it does not end with its directory")
        if 0xFFFF in (here, count) or _IN_ZIP64 in (size, start):
            sign, disk, where, many = _LOCATOR.unpack(self._at(at - _LOCATOR.size, _LOCATOR.size))
            at -= _LOCATOR.size + _END64.size
            if sign != 0x07064B50 or where != at or disk or many != 1:
                raise ZipError("its 64-bit directory is elsewhere")
            sign, rest, _, _, *disks, here, count, size, start = _END64.unpack(self._at(at, _END64.size))
            if sign != 0x06064B50 or rest != _END64.size - 12:
                raise ZipError("its 64-bit directory is of another kind")
        if any(disks) or here != count or start + size != at:
            raise ZipError("its directory is elsewhere")
        if count > MOST_FILES or size > LARGEST_DIRECTORY:
            raise ZipError("it holds too many files")
        return count, start, at

    def _entries(self, raw: bytes, count: int, limit: int) -> Iterator[Entry]:
        at = 0
        for _ in range(count):
            if at + _CENTRAL.size > len(raw):
                raise ZipError("its directory is cut short")
            fields = _CENTRAL.unpack_from(raw, at)
            sign, _, _, flags, method, _, _, crc, packed, size, named, extra, comment, disk, _, _, start = (
                fields
            )
            at += _CENTRAL.size
            name = raw[at : at + named]
            more = raw[at + named : at + named + extra]
            at += named + extra + comment
            if sign != 0x02014B50 or disk or at > len(raw) or flags & ~_PLAIN_FLAGS:
                raise ZipError("a file is listed in another way than a plain one")
            size, packed, start = _wide(more, size, packed, start)
            if method not in (_STORED, _DEFLATED) or (method == _STORED and packed != size):
                raise ZipError("a file is compressed in another way than deflate")
            start = self._data_start(start, name, flags, method)
            if start + packed > limit:
                raise ZipError("a file reaches into the directory")
            yield Entry(name.decode("latin-1"), method, start, packed, size, crc)
        if at != len(raw):
            raise ZipError("its directory lists more than it counts")

    def _data_start(self, start: int, name: bytes, flags: int, method: int) -> int:
        sign, _, local_flags, local_method, *_, named, extra = _LOCAL.unpack(self._at(start, _LOCAL.size))
        if (sign, local_flags, local_method, named) != (0x04034B50, flags, method, len(name)):
            raise ZipError("a file's header is another than the directory says")
        if self._at(start + _LOCAL.size, named) != name:
            raise ZipError("a file has two names")
        return start + _LOCAL.size + int(named) + int(extra)


def _wide(extra: bytes, *sizes: int) -> list[int]:
    """Return sizes and offset, from the 64-bit extra field where they say so."""
    at, wide = 0, b""
    while at + 4 <= len(extra):
        kind, length = (
            int.from_bytes(extra[at : at + 2], "little"),
            int.from_bytes(extra[at + 2 : at + 4], "little"),
        )
        if kind == 1:
            wide = extra[at + 4 : at + 4 + length]
            break
        at += 4 + length
    found = []
    for size in sizes:
        if size == _IN_ZIP64:
            if len(wide) < 8:
                raise ZipError("a size is missing")
            size, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        found.append(size)
    return found


class _Unpacked(io.RawIOBase):
    """A file's bytes, a piece at a time: never more of them than the directory states."""

    def __init__(self, opened: BinaryIO, entry: Entry) -> None:
        self._opened, self._entry = opened, entry
        self._at, self._left = entry.start, entry.packed
        self._given, self._crc, self._whole = 0, 0, False
        self._inflate = zlib.decompressobj(-15) if entry.method == _DEFLATED else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._next(len(buffer))
        self._given += len(piece)
        self._crc = zlib.crc32(piece, self._crc)
        if self._given > self._entry.size:
            raise ZipError("it is longer than it says")
        if not piece and (self._given, self._crc) != (self._entry.size, self._entry.crc):
            raise ZipError("it is not what was packed")
        buffer[: len(piece)] = piece
        return len(piece)

    def _next(self, most: int) -> bytes:
        """Return up to so many bytes; none at the end."""
        if self._inflate is None:
            return self._take(most)
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._take(_PIECE)
            try:
                piece = self._inflate.decompress(packed, most)
            except zlib.error as error:
                raise ZipError("it cannot be unpacked") from error
            if piece:
                return piece
            if not packed:
                raise ZipError("it is cut short")
        if self._left or self._inflate.unused_data:
            raise ZipError("it is longer than it says")
        return b""

    def _take(self, most: int) -> bytes:
        self._opened.seek(self._at)
        raw = self._opened.read(min(most, self._left))
        if len(raw) < min(most, self._left):
            raise ZipError("it is cut short")
        self._at, self._left = self._at + len(raw), self._left - len(raw)
        return raw
