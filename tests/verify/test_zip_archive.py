"""Only plain zip archives are read: one way to read them, whole, and never more than they state."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from anchor.verify.zip_archive import MOST_FILES, ZipArchive, ZipError

FILES = {"a.txt": b"first " * 1000, "b.txt": b"", "c.txt": bytes(range(256)) * 300}


def zipped(
    method: int = zipfile.ZIP_DEFLATED, *, wide: bool = False, files: dict[str, bytes] | None = None
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in (FILES if files is None else files).items():
            with archive.open(name, "w", force_zip64=wide) as opened:
                opened.write(content)
    return out.getvalue()


def read(raw: bytes) -> dict[str, bytes]:
    archive = ZipArchive(io.BytesIO(raw))
    return {name: archive.open(name).read() for name in archive.entries}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("wide", [False, True])
def test_what_was_packed_is_read(method: int, wide: bool) -> None:
    assert read(zipped(method, wide=wide)) == FILES


def test_an_archive_written_to_a_pipe_is_read() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.written += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    assert read(pipe.written) == FILES


def test_a_directory_of_64_bits_is_read() -> None:
    narrow = zipped()
    end = narrow[-22:]
    count, size, start = (int.from_bytes(end[at : at + n], "little") for at, n in ((10, 2), (12, 4), (16, 4)))
    body = narrow[:-22]
    wide = b"PK\x06\x06" + (44).to_bytes(8, "little") + bytes(12)
    wide += b"".join(number.to_bytes(8, "little") for number in (count, count, size, start))
    locator = b"PK\x06\x07" + bytes(4) + len(body).to_bytes(8, "little") + (1).to_bytes(4, "little")
    marked = end[:8] + b"\xff" * 12 + end[20:]
    assert read(body + wide + locator + marked) == FILES
    with pytest.raises(ZipError):
        read(body + b"x" + wide + locator + marked)


def set_bytes(at: int, content: bytes) -> Callable[[bytes], bytes]:
    return lambda raw: raw[:at] + content + raw[at + len(content) :]


def in_directory(offset: int, content: bytes) -> Callable[[bytes], bytes]:
    def change(raw: bytes) -> bytes:
        at = int.from_bytes(raw[-6:-2], "little") + offset
        return raw[:at] + content + raw[at + len(content) :]

    return change


OTHERWISE: dict[str, Callable[[bytes], bytes]] = {
    "a comment behind it": lambda raw: raw[:-2] + b"\x01\x00x",
    "something before it": lambda raw: b"#!/bin/sh\n" + raw,
    "something behind it": lambda raw: raw + b"\x00",
    "an encrypted file": lambda raw: set_bytes(6, b"\x01\x00")(in_directory(8, b"\x01\x00")(raw)),
    "another name in the header": set_bytes(30, b"b"),
    "another method in the header": set_bytes(8, b"\x00"),
    "a method that is not known": lambda raw: set_bytes(8, b"\x0c\x00")(in_directory(10, b"\x0c\x00")(raw)),
    "another size": in_directory(24, b"\xff"),
    "another checksum": in_directory(16, b"\x00\x00"),
    "another disk": in_directory(34, b"\x01"),
    "an offset that is not there": in_directory(42, b"\xff\xff\xff\xfe"),
    "a size that is not there": in_directory(20, b"\xff\xff\xff\xff"),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_an_archive_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(ZipError):
        read(OTHERWISE[name](zipped()))


def test_a_file_that_begins_beyond_what_can_be_sought_is_refused(tmp_path: Path) -> None:
    name, beyond = b"a", struct.pack("<HHQ", 1, 8, 2**64 - 1)
    header = struct.pack("<4s26x", b"PK\x03\x04")
    listed = struct.pack("<4s24xHHH8xL", b"PK\x01\x02", len(name), len(beyond), 0, 0xFFFFFFFF) + name + beyond
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 1, 1, len(listed), len(header), 0)
    raw = header + listed + end
    path = tmp_path / "far.zip"
    path.write_bytes(raw)
    for opened in (io.BytesIO(raw), path.open("rb")):
        with opened, pytest.raises(ZipError, match="cut short"):
            ZipArchive(opened)


def test_other_compressions_double_names_and_many_files_are_refused() -> None:
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(ZipError):
            read(zipped(method))
    twice = zipped(files={"a.txt": b"1", "b.txt": b"2"}).replace(b"b.txt", b"a.txt")
    with pytest.raises(ZipError):
        read(twice)
    with pytest.raises(ZipError):
        read(zipped(files={f"{number}": b"" for number in range(MOST_FILES + 1)}))


def test_files_that_share_their_bytes_are_refused() -> None:
    raw = bytearray(zipped(files={"a.txt": b"1" * 100, "b.txt": b"2" * 100}))
    second = bytes(raw).rindex(b"PK\x01\x02")
    name = bytes(raw[30:35])
    raw[second + 42 : second + 46] = bytes(4)
    raw[second + 46 : second + 51] = name
    with pytest.raises(ZipError, match="overlap"):
        read(bytes(raw))


def test_no_more_is_unpacked_than_the_directory_states() -> None:
    bomb = bytearray(zipped(files={"a.txt": bytes(50_000_000)}))
    at = int.from_bytes(bomb[-6:-2], "little")
    bomb[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    opened = ZipArchive(io.BytesIO(bytes(bomb))).open("a.txt")
    with pytest.raises(ZipError, match="longer"):
        opened.read()


def test_a_changed_byte_is_noticed_or_changes_nothing() -> None:
    whole, random = zipped(), Random(5)
    for _ in range(2000):
        spoiled = bytearray(whole)
        spoiled[random.randrange(len(whole))] ^= 1 << random.randrange(8)
        try:
            assert read(bytes(spoiled)) == FILES
        except ZipError:
            continue


def test_a_shortened_archive_is_refused() -> None:
    whole = zipped()
    for size in range(0, len(whole), 7):
        with pytest.raises(ZipError):
            read(whole[:size])
