"""Python and the page read archives alike that were put together by hand, to be read in two ways."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from struct import pack
from typing import Any

from tests.verify.building import BuiltLog
from tests.web.page_answers import Question, page_answers
from tests.web.test_pack_agreement import agree_on_pack, pack_of, python_answer

WIDE = 0xFFFFFFFF


@dataclass(frozen=True)
class Part:
    """A file in an archive. What is None is as it should be; ``local`` is what its own header says."""

    name: bytes
    content: bytes
    method: int = 8
    flags: int = 0
    packed: bytes | None = None
    packed_size: int | None = None
    size: int | None = None
    crc: int | None = None
    start: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    disk: int = 0
    sign: int = 0x02014B50
    local: Mapping[str, Any] | None = None
    gap: bytes = b""

    def body(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if self.method != 8:
            return self.content
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        return deflate.compress(self.content) + deflate.flush()


def archive(parts: Sequence[Part], **end: Any) -> bytes:
    """An archive of these parts; ``end`` replaces what the end of its directory says."""
    out, directory = bytearray(), bytearray()
    for part in parts:
        out += part.gap
        body = part.body()
        packed = len(body) if part.packed_size is None else part.packed_size
        size = len(part.content) if part.size is None else part.size
        crc = zlib.crc32(part.content) if part.crc is None else part.crc
        start = len(out) if part.start is None else part.start
        own = {
            "name": part.name,
            "flags": part.flags,
            "method": part.method,
            "extra": b"",
            "sign": 0x04034B50,
        }
        own |= {"crc": crc, "packed": packed & WIDE, "size": size & WIDE} | dict(part.local or {})
        out += pack(
            "<IHHHHHIII",
            own["sign"],
            20,
            own["flags"],
            own["method"],
            0,
            0,
            own["crc"],
            own["packed"],
            own["size"],
        )
        out += pack("<HH", len(own["name"]), len(own["extra"])) + own["name"] + own["extra"] + body
        directory += pack("<IHHHHHH", part.sign, 20, 20, part.flags, part.method, 0, 0)
        directory += pack("<III", crc, packed & WIDE, size & WIDE)
        directory += pack(
            "<HHHHHII", len(part.name), len(part.extra), len(part.comment), part.disk, 0, 0, start & WIDE
        )
        directory += part.name + part.extra + part.comment
    said = {"count": len(parts), "here": len(parts), "size": len(directory), "start": len(out)} | {
        "disks": (0, 0)
    }
    said |= {"comment": b"", "wide": None, "locator": {}, "before": b"", "after": b"", "length": None} | end
    out += said["before"] + directory
    if said["wide"] is not None:
        wide = {
            "count": len(parts),
            "here": len(parts),
            "size": len(directory),
            "start": said["start"],
            "rest": 44,
        }
        wide |= {"disks": (0, 0), "sign": 0x06064B50} | said["wide"]
        at = len(out)
        out += pack("<IQHHII", wide["sign"], wide["rest"], 45, 45, *wide["disks"])
        out += pack("<QQQQ", wide["here"], wide["count"], wide["size"], wide["start"])
        locator = {"sign": 0x07064B50, "disk": 0, "where": at, "many": 1} | said["locator"]
        out += pack("<IIQI", locator["sign"], locator["disk"], locator["where"], locator["many"])
    length = len(said["comment"]) if said["length"] is None else said["length"]
    out += pack(
        "<IHHHHIIH",
        0x06054B50,
        *said["disks"],
        said["here"],
        said["count"],
        said["size"],
        said["start"],
        length,
    )
    return bytes(out + said["comment"] + said["after"])


NARROW = {"count": 0xFFFF, "here": 0xFFFF, "size": WIDE, "start": WIDE}


def by_hand(files: Mapping[str, bytes]) -> Iterator[bytes]:
    """One honest pack, put together in many ways."""
    parts = [Part(name.encode(), content) for name, content in files.items()]
    names = list(files)
    deltas = names.index("deltas.ndjson")
    period = names.index("period.json")

    def with_(at: int, **changed: Any) -> list[Part]:
        return [replace(part, **changed) if number == at else part for number, part in enumerate(parts)]

    yield archive(parts)
    yield archive([replace(part, method=0) for part in parts])
    yield archive(parts[::-1])
    yield archive(parts, count=0, here=0)
    for wide in (
        {},
        {"rest": 45},
        {"disks": (1, 0)},
        {"count": 1},
        {"count": 2**63},
        {"here": 2**53},
        {"sign": 1},
    ):
        yield archive(parts, wide=wide, **NARROW)
    for wide in (
        {"start": 2**64 - 1},
        {"start": 2**53 + 1},
        {"size": 2**64 - 1},
        {"size": 2**32},
        {"start": 0},
    ):
        yield archive(parts, wide=wide, **NARROW)
    start = len(archive(parts)) - 22 - sum(46 + len(part.name) for part in parts)
    yield archive(parts, wide={"start": start}, **NARROW)
    for locator in ({"where": 0}, {"where": 2**53}, {"disk": 1}, {"many": 2}, {"many": 0}, {"sign": 1}):
        yield archive(parts, wide={"start": start}, locator=locator, **NARROW)
    yield archive(parts, wide={"start": start})
    for end in (
        {"comment": b"x"},
        {"length": 1},
        {"after": b"\x00"},
        {"after": bytes(22)},
        {"before": b"\x00"},
        {"disks": (1, 0)},
        {"disks": (0, 1)},
        {"here": 1},
        {"count": 40, "here": 40},
        {"size": 10**6},
        {"size": 0},
        {"start": 0},
        NARROW,
        {"comment": pack("<IHHHHIIH", 0x06054B50, 0, 0, 0, 0, 0, 0, 0)},
    ):
        yield archive(parts, **end)
    for at in (period, deltas):
        content = parts[at].content
        for changed in (
            *({"flags": flag} for flag in (1, 2, 4, 6, 8, 0x20, 0x40, 0x800, 0x2000)),
            *({"method": method} for method in (0, 1, 9, 12, 93, 99)),
            *({"method": 0, "packed_size": len(content) - 1}, {"method": 0, "size": len(content) + 1}),
            *(
                {"method": 0, "size": len(content) - 1, "packed_size": len(content) - 1},
                {"size": 0},
                {"crc": 0},
            ),
            *(
                {"size": len(content) - 1},
                {"size": len(content) + 1},
                {"size": 2**32 - 2},
                {"packed_size": 0},
            ),
            *(
                {"packed": b""},
                {"packed": b"\x03\x00"},
                {"packed": b"\xff" * 9},
                {"packed": parts[at].body()[:-1]},
            ),
            *(
                {"packed": parts[at].body() + b"\x00"},
                {"packed": parts[at].body() * 2},
                {"packed_size": 10**9},
            ),
            *(
                {"packed": zlib.compress(content)},
                {"start": 0},
                {"start": 10**9},
                {"start": WIDE},
                {"disk": 1},
            ),
            *(
                {"sign": 0},
                {"comment": b"c" * 9},
                {"extra": b"\x00" * 3},
                {"extra": pack("<HH", 1, 8) + bytes(8)},
            ),
            *({"gap": b"between"}, {"gap": pack("<I", 0x04034B50)}),
            *(
                {"name": name}
                for name in (b"", b"../period.json", b"/period.json", b"PERIOD.JSON", b"period.json\x00")
            ),
            *(
                {"name": name}
                for name in (b"period.json/", b"\xff\xfe", b"x" * 300, "é.json".encode(), b"deltas.csv")
            ),
            *({"local": {"name": name}} for name in (b"period.jsoN", b"other.json!", b"period.json ", b"")),
            *(
                {"local": local}
                for local in ({"flags": 8}, {"method": 0}, {"sign": 0}, {"crc": 0}, {"size": 1})
            ),
            *({"local": {"packed": 0, "size": 0, "crc": 0}, "flags": 8}, {"local": {"extra": b"\x00" * 40}}),
            *({"size": WIDE, "extra": extra} for extra in wide_sizes(len(content))),
            *({"packed_size": WIDE, "extra": extra} for extra in wide_sizes(len(parts[at].body()))),
        ):
            yield archive(with_(at, **changed))
    yield archive([*parts, parts[period]])
    yield archive([*parts, replace(parts[period], start=0)])
    first = len(parts[0].body()) + 30 + len(parts[0].name)
    yield archive([replace(part, start=first) if at == 2 else part for at, part in enumerate(parts)])
    yield archive([*parts, *(Part(f"{number}".encode(), b"") for number in range(40))])
    yield archive([*parts, Part(b"README.txt", b"", method=0)][::-1])
    for name in (b"deltas.ndjson", b"deltas.csv", b"peaks.json", b"period.json"):
        yield archive(
            [replace(part, content=bytes(50_000_000)) if part.name == name else part for part in parts]
        )
        yield archive(
            [replace(part, content=b"\n" * 300_000) if part.name == name else part for part in parts]
        )
        yield archive([replace(part, content=b"") if part.name == name else part for part in parts])
        yield archive(
            [replace(part, content=part.content + b"\n") if part.name == name else part for part in parts]
        )
        yield archive(
            [replace(part, content=part.content[:-1]) if part.name == name else part for part in parts]
        )
    for old, new in ((b"\n", b"\r\n"), (b"\n", b"\n\n"), (b"{", b"\xef\xbb\xbf{")):
        yield archive(with_(deltas, content=parts[deltas].content.replace(old, new, 1)))


def wide_sizes(size: int) -> Iterator[bytes]:
    """Extra fields for a size of 64 bits: an honest one, and others."""
    yield pack("<HHQ", 1, 8, size)
    yield pack("<HHHHQ", 7, 0, 1, 8, size)
    yield pack("<HHQHHQ", 1, 8, size, 1, 8, 1)
    yield pack("<HHQQ", 1, 16, size, 0)
    yield pack("<HHQ", 1, 8, size + 1)
    yield pack("<HHQ", 1, 8, 2**64 - 1)
    yield pack("<HHQ", 1, 8, 2**53)
    yield pack("<HHQ", 1, 7, size)
    yield pack("<HHI", 1, 8, size)
    yield pack("<HHQ", 2, 8, size)
    yield pack("<HHQ", 9, 4, size)
    yield b"\x01"
    yield b""


def test_python_and_the_page_read_every_archive_alike(tmp_path: Path) -> None:
    log = BuiltLog(12)
    log.record_many("UA", 9, "mile")
    log.seal()
    log.anchor()
    whole = pack_of(log, tmp_path / "pack.zip", 3, 7)
    with zipfile.ZipFile(io.BytesIO(whole)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    packs = list(by_hand(files))
    seen: Counter[str] = Counter()
    for raw, page in zip(packs, page_answers(log.chain, [Question(raw) for raw in packs]), strict=True):
        python = python_answer(log.chain, raw)
        agree_on_pack(raw, python, page)
        seen[f"{python.verdict} {python.failed.name if python.failed else ''}".strip()] += 1
    assert seen["valid"] >= 10
    assert seen["invalid file: pack"] >= 100
