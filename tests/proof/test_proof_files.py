"""The format: what is written is read again, and what is not a proof file is refused with its place."""

from __future__ import annotations

import json
import time
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anchor.proof.bounds import ProofFileError
from anchor.proof.reading import LARGEST_FILE, parse_proof_file
from anchor.proof.values import ProofFile
from anchor.proof.writing import proof_file_json, write_proof_file
from anchor.verify.verifying_files import verify_file
from tests.verify.building import example_log, example_proofs

PROOFS = example_proofs(example_log())
DELTA = proof_file_json(PROOFS["delta through a later batch"])
TEXT = json.dumps(DELTA)


def refusal(raw: bytes | str | Any) -> ProofFileError:
    if not isinstance(raw, bytes):
        raw = (raw if isinstance(raw, str) else json.dumps(raw)).encode()
    with pytest.raises(ProofFileError) as caught:
        parse_proof_file(raw)
    answer = verify_file(raw)
    assert answer.verdict == "invalid"
    assert answer.failed is not None
    assert answer.failed.name == f"file: {caught.value.step}"
    return caught.value


@pytest.mark.parametrize("name", PROOFS)
def test_what_is_written_is_read_again(name: str) -> None:
    proof: ProofFile = PROOFS[name]
    assert parse_proof_file(write_proof_file(proof)) == proof


@pytest.mark.parametrize(
    ("raw", "step"),
    [
        (b"", "json"),
        (b"\xff\xfe{\x00}\x00", "json"),
        (b"\xef\xbb\xbf{}", "json"),
        (b"null", "shape"),
        (b"[]", "shape"),
        (b"7", "shape"),
        (b"{}", "format"),
        (b'{"format": "anchor-proof"}', "version"),
        (b'{"format": "anchor-proof", "version": 3}', "version"),
        (b'{"format": "anchor-proof", "version": true}', "version"),
        (b'{"format": "anchor-proof", "version": "1"}', "version"),
        (b'{"format": "anchor-proof", "version": 1.0}', "json"),
        (b'{"format": "anchor-proof", "version": 1e0}', "json"),
        (b'{"format": "anchor-proof", "version": -0}', "json"),
        (b'{"format": "anchor-proof", "version": NaN}', "json"),
        (b'{"format": "anchor-proof", "version": 18446744073709551616}', "json"),
        (b'{"format": "anchor-proof", "version": ' + b"1" * 5000 + b"}", "json"),
        (b'{"format": "anchor-proof", "version": 2, "kind": "miracle"}', "shape"),
        (b'{"format": "anchor-proof", "version": 2, "kind": ["delta"]}', "shape"),
        (b'{"format": "anchor-proof", "format": "anchor-proof"}', "json"),
        (b'{"a": "\x01"}', "json"),
        (b'{"a": "\\x"}', "json"),
        (TEXT.encode()[:-1], "json"),
        (TEXT.encode() + b"x", "json"),
    ],
)
def test_what_is_no_proof_file_is_refused(raw: bytes, step: str) -> None:
    assert refusal(raw).step == step


def holder_of(whole: Any, place: str) -> tuple[Any, Any]:
    """The object or list that a JSON pointer ends in, and the key there."""
    *way, last = place.split("/")[1:]
    for key in way:
        whole = whole[int(key) if isinstance(whole, list) else key]
    return whole, int(last) if isinstance(whole, list) else last


def altered(place: str, value: Any) -> Any:
    whole = json.loads(TEXT)
    holder, key = holder_of(whole, place)
    holder[key] = value
    return whole


HASH = "0x" + "ab" * 32


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("/delta/index", "4"),
        ("/delta/index", True),
        ("/delta/index", None),
        ("/delta/amount", 5),
        ("/delta/amount", "5.0"),
        ("/delta/amount", "05"),
        ("/delta/amount", "-0"),
        ("/delta/amount", "+5"),
        ("/delta/amount", "5e2"),
        ("/delta/amount", " 5"),
        ("/delta/amount", "٥"),
        ("/delta/amount", "NaN"),
        ("/delta/amount", "0.0000000000000000001"),
        ("/delta/amount", str(2**127)),
        ("/delta/balance", "9" * 100),
        ("/delta/balance", "9" * 100_000),
        ("/delta/occurredAt", "0"),
        ("/delta/reason", "text"),
        ("/delta/reason/value", None),
        ("/delta/reason/value", 5),
        ("/delta/reason/value", "\ud800"),
        ("/delta/reason/salt", "0x00"),
        ("/delta/metadata/value", {}),
        ("/delta/adjusts", "0x" + "00" * 32),
        ("/delta/adjusts", ""),
        ("/delta/path/0", HASH.upper()),
        ("/delta/path/0", HASH[2:]),
        ("/delta/path/0", HASH[:-1]),
        ("/delta/path/0", HASH + "00"),
        ("/delta/path/0", "0x" + "g" * 64),
        ("/delta/path/0", "0x" + "١" * 64),
        ("/delta/path/0", "0x" + " " * 64),
        ("/delta/path/0", None),
        ("/delta/path", HASH),
        ("/delta/path", [HASH] * 65),
        ("/delta/path", {}),
        ("/head/mapSiblings", [HASH] * 257),
        ("/head/batch/number", 0),
        ("/head/batch/anchors", [{}]),
        ("/head/batch/anchors", None),
        ("/head/batch/anchors/0/contract", "0x" + "AB" * 20),
        ("/head/batch/anchors/0/through", None),
        ("/head", []),
        ("/ledger", None),
        ("/log", "x"),
        ("/kind", "balances"),
    ],
)
def test_a_value_of_another_form_is_refused_at_its_place(place: str, value: Any) -> None:
    found = refusal(altered(place, value))
    assert found.step == "shape"
    assert found.place.startswith(place)


@pytest.mark.parametrize(
    "object_", ["", "/log", "/ledger", "/delta", "/delta/reason", "/head", "/head/batch"]
)
def test_a_member_that_does_not_belong_there_is_refused(object_: str) -> None:
    found = refusal(altered(f"{object_}/extra", 1))
    assert (found.step, found.place) == ("shape", object_)
    assert "'extra'" in found.reason


def every_member(value: Any, place: str = "") -> list[str]:
    found = []
    if isinstance(value, dict):
        for key, member in value.items():
            found += [f"{place}/{key}", *every_member(member, f"{place}/{key}")]
    elif isinstance(value, list):
        for at, entry in enumerate(value):
            found += every_member(entry, f"{place}/{at}")
    return found


def test_a_member_that_is_missing_is_refused() -> None:
    for place in every_member(DELTA):
        whole = json.loads(TEXT)
        holder, key = holder_of(whole, place)
        del holder[key]
        if place in {"/head/batch/anchors/0/through", "/head/batch/signed"}:
            parse_proof_file(json.dumps(whole).encode())
        else:
            refusal(whole)


@pytest.mark.parametrize("member", ["logId", "identityPublicKey", "founder"])
def test_a_log_is_named_whole(member: str) -> None:
    whole = json.loads(TEXT)
    del whole["log"][member]
    assert refusal(whole).place == f"/log/{member}"


def test_a_claim_about_amounts_does_not_withhold_them() -> None:
    whole = proof_file_json(PROOFS["balance now"])
    whole["delta"] = {"index": 13, "fingerprint": HASH, "path": whole["delta"]["path"]}
    assert refusal(whole).place == "/delta"


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'"' + b'\\"' * 100_000,
        b'"' * 199_999,
        b"[" + b"[]," * 60_000 + b"[]]",
        b"[" + b"0," * 100_000 + b"0]",
        b'{"format":"anchor-proof","version":2,"kind":"delta","log":' + b'{"a":' * 15 + b"1" + b"}" * 16,
        b"1" * 250_000,
        b"-" * 250_000,
        b" " * 250_000,
        b'{"' + b"k" * 250_000 + b'":1}',
    ],
)
def test_hostile_text_is_refused_at_once_in_little_memory(raw: bytes) -> None:
    start = time.process_time()
    refusal(raw)
    assert time.process_time() - start < 2
    tracemalloc.start()
    refusal(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_file_beyond_the_limit_is_refused_unread() -> None:
    assert refusal(TEXT.encode() + b" " * LARGEST_FILE).step == "size"
    padded = json.dumps(proof_file_json(PROOFS["period"])).encode() + b" " * LARGEST_FILE
    parse_proof_file(padded)
    with pytest.raises(ProofFileError):
        parse_proof_file(padded, largest_period=LARGEST_FILE)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(HASH) | st.just("1"),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(list(DELTA)), inner)
    ),
    max_leaves=20,
)


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b'{"format":"anchor-proof","version":2,"kind":"\\ud800"}')
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    with pytest.raises(ProofFileError):
        parse_proof_file(raw)


@given(st.sampled_from(sorted(PROOFS)), st.data())
def test_no_value_in_any_place_crashes_the_reader(name: str, data: st.DataObject) -> None:
    whole = proof_file_json(PROOFS[name])
    place = data.draw(st.sampled_from(every_member(whole)))
    holder, key = holder_of(whole, place)
    holder[key] = data.draw(json_values)
    try:
        proof = parse_proof_file(json.dumps(whole).encode())
    except ProofFileError:
        return
    assert parse_proof_file(write_proof_file(proof)) == proof


@given(st.sampled_from(sorted(PROOFS)), st.data())
def test_no_splice_of_a_file_crashes_the_reader(name: str, data: st.DataObject) -> None:
    raw = write_proof_file(PROOFS[name])
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 200)))
    spliced = raw[:start] + data.draw(st.binary(max_size=20)) + raw[end:]
    with suppress(ProofFileError):
        parse_proof_file(spliced)
