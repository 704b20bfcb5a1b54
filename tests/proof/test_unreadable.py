"""A file that is no proof file is named for what it is, with what to do."""

import json
from pathlib import Path

import pytest

from anchor.verify import verify_file
from tests.cli.running import anchor_here as anchor

NO_PROOF_FILES: list[tuple[bytes, str, str]] = [
    (b"", "an empty file", "Fetch it again"),
    (b" \r\n", "an empty file", "Fetch it again"),
    (b"\n<!DOCTYPE html><html>", "a web page", "anchor proof ID --out FILE"),
    (b"<?xml version='1.0'?>", "a web page", "anchor proof ID --out FILE"),
    (b"PK\x05\x06" + bytes(18), "a zip archive", "unpack"),
    (b"\x1f\x8b\x08\x00", "a gzip archive", "Unpack it"),
    (b"%PDF-1.7", "a PDF", "anchor proof"),
    ('{"format":"anchor-proof"}'.encode("utf-16"), "text in UTF-16", "UTF-8"),
    (b"\xef\xbb\xbf{}", "JSON after a byte order mark", "UTF-8"),
    (b'{"format":"anchor-proof","ver', "JSON that is cut off at byte 29", "its end is missing"),
    (b'{"format":"anchor-proof",}', "JSON with a mistake in it", "Fetch it again"),
    (b'{"version":1.5}', "JSON with a mistake in it", "Fetch it again"),
    (b'{"a":1,"a":2}', "JSON with a mistake in it", "Fetch it again"),
    (b"rcpt_123", "a file that begins with the bytes 72 63 70 74", "anchor proof"),
    (b"\x89PNG\r\n\x1a\n", "a file that begins with the bytes 89 50 4e 47", "anchor proof"),
    (b'{"code":"unknown_receipt","status":404,"title":"No."}', "a server's refusal", "Do what it says"),
    (b'{"jsonrpc":"2.0"}', "/format", "anchor proof"),
    (b'{"format":"anchor-proof","version":3}', "/version", "a version of Anchor that knows it"),
    (
        b'{"format":"anchor-proof","version":1}',
        "a proof file of version 1, made before the log signed what it anchors",
        "Ask the operator for a new one",
    ),
    (b"[1]", "the file", "Fetch it again"),
]


@pytest.mark.parametrize(("raw", "found", "remedy"), NO_PROOF_FILES)
def test_a_file_that_is_no_proof_file_is_named_for_what_it_is(
    tmp_path: Path, raw: bytes, found: str, remedy: str
) -> None:
    result = verify_file(raw)
    assert (result.verdict, result.kind) == ("invalid", None)
    failed = result.failed
    assert failed is not None
    assert failed.expected == "a proof file"
    assert failed.found == found
    assert remedy in result.statements[-1]
    file = tmp_path / "x.json"
    file.write_bytes(raw)
    done = anchor("verify", file)
    assert done.code == 1
    assert result.statements[-1] in " ".join(done.out.split())
    assert "Traceback" not in done.err
    assert json.loads(anchor("verify", file, "--json").out)["steps"][0]["found"] == failed.found
