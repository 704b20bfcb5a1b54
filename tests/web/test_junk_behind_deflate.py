"""Bytes behind a deflate stream are refused, also where the engine's own decompressor does not mind them."""

from __future__ import annotations

import base64
import io
import json
import struct
import subprocess
import zlib
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from anchor.verify.zip_archive import ZipArchive, ZipError
from tests.web.page_answers import NODE, ROOT

CONTENT = b"an audit pack's deltas, over and over. " * 2_000


def archive(junk: bytes) -> bytes:
    """One deflated file, with bytes behind its stream that the archive counts as its own."""
    made = io.BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as target:
        target.writestr("a.txt", CONTENT)
    raw = bytearray(made.getvalue())
    start, packed = 30 + len("a.txt"), struct.unpack_from("<I", raw, 18)[0]
    raw[start + packed : start + packed] = junk
    struct.pack_into("<I", raw, 18, packed + len(junk))
    directory = bytes(raw).index(b"PK\x01\x02")
    struct.pack_into("<I", raw, directory + 20, packed + len(junk))
    struct.pack_into("<I", raw, len(raw) - 6, directory)
    return bytes(raw)


def test_junk_behind_a_stream_is_refused_on_an_engine_that_ignores_it() -> None:
    trailer = struct.pack("<II", zlib.crc32(CONTENT), len(CONTENT))
    junks = [b"", b"\x00", b"\x03\x00", trailer, trailer * 2, b"x" * 9_000]
    archives = [archive(junk) for junk in junks]
    run = subprocess.run(
        [NODE, ROOT / "tests/web/tolerant_engine.mjs"],
        input=json.dumps([base64.b64encode(raw).decode() for raw in archives]),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    answers = json.loads(run.stdout)
    assert answers[0] == len(CONTENT)
    assert answers[1:] == ["it is longer than it says"] * (len(junks) - 1)
    for raw in archives[1:]:
        with pytest.raises(ZipError, match="longer"):
            ZipArchive(io.BytesIO(raw)).open("a.txt").read()
