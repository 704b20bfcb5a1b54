"""``anchor conformance`` lists what differs from the protocol, and says so to the shell."""

import json
from pathlib import Path

from anchor.cli.conformance import LARGEST_BYTES
from tests.cli.running import anchor_here as anchor

VECTORS = Path(__file__).parents[1] / "vectors" / "protocol-v1.json"


def test_the_published_vectors_conform() -> None:
    done = anchor("conformance", VECTORS)
    assert done.code == 0
    assert "all 1,665 values" in done.out


def test_an_altered_value_is_listed_with_both_values(tmp_path: Path) -> None:
    vectors = json.loads(VECTORS.read_text())
    stated = vectors["batches"][0]["anchorRoot"]
    altered = stated[:-1] + ("0" if stated[-1] != "0" else "1")
    vectors["batches"][0]["anchorRoot"] = altered
    file = tmp_path / "altered.json"
    file.write_text(json.dumps(vectors))

    done = anchor("conformance", file, "--json")

    assert done.code == 1
    mismatches = {one["place"]: one for one in done.json()["mismatches"]}
    assert mismatches["batches[0].anchorRoot"]["stated"] == altered
    assert mismatches["batches[0].anchorRoot"]["recomputed"] == stated


def test_what_is_no_vector_file_is_refused_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "vectors.json"
    for text in ("", "[1, 2]", "{" * 100_000, '{"a": ' + "[" * 64 + "]" * 64 + "}", '{"a": NaN}'):
        file.write_text(text)
        done = anchor("conformance", file, "--json")
        assert done.code == 3
        assert done.out == ""
        assert set(json.loads(done.err)) == {"code", "detail", "remedy"}


def test_a_key_given_twice_is_refused_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "vectors.json"
    file.write_text('{"version": 1, "log": {"salt": 1, "salt": 2}}')
    done = anchor("conformance", file)
    assert done.code == 3
    assert "holds the key 'salt' twice" in done.err


def test_a_file_too_large_for_vectors_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "vectors.json"
    with file.open("wb") as sparse:
        sparse.truncate(LARGEST_BYTES + 1)
    done = anchor("conformance", file)
    assert done.code == 3
    assert "larger than" in done.err


def test_a_file_that_is_not_there_is_named() -> None:
    done = anchor("conformance", "no-such-file.json")
    assert done.code == 3
    assert "no-such-file.json: no such file or directory" in done.err
