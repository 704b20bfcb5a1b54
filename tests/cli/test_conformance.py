"""``anchor conformance`` lists what differs from the protocol, and says so to the shell."""

import json
from pathlib import Path

from tests.cli.running import anchor_here as anchor

VECTORS = Path(__file__).parents[1] / "vectors" / "protocol-v1.json"


def test_the_published_vectors_conform() -> None:
    done = anchor("conformance", VECTORS)
    assert done.code == 0
    assert "all 1,055 values" in done.out


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
    for text in ("", "[1, 2]", "{" * 100_000):
        file.write_text(text)
        done = anchor("conformance", file, "--json")
        assert done.code == 3
        assert done.out == ""
        assert set(json.loads(done.err)) == {"code", "detail", "remedy"}


def test_a_file_that_is_not_there_is_named() -> None:
    done = anchor("conformance", "no-such-file.json")
    assert done.code == 3
    assert "no-such-file.json: no such file or directory" in done.err
