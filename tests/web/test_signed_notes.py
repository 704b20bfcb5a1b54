"""The page reads signed notes, checkpoints and promises as the protocol's vectors do (sections 6a and 9)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.web.page_answers import NODE, ROOT

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors/protocol-v1.json").read_text())
BATCHES: list[dict[str, Any]] = VECTORS["batches"]
PROMISED = ("ledgerId", "index", "fingerprint", "fromBatch", "anchorBy", "chainId")


def readings(questions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the page's reader says of each note under the log of the vectors."""
    log = {"logId": VECTORS["logId"], "publicKey": VECTORS["identityPublicKey"]}
    run = subprocess.run(
        [NODE, ROOT / "tests/web/signed_notes.mjs"],
        input=json.dumps(log | {"questions": list(questions)}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    answers: list[dict[str, Any]] = json.loads(run.stdout)
    assert len(answers) == len(questions)
    return answers


def checkpoint_question(batch: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A batch's checkpoint, with every batch that it holds and every older one that it extends."""
    signed = batch["checkpoint"]
    batches = [
        {"anchorRoot": BATCHES[held["number"] - 1]["anchorRoot"]} | held for held in signed["inclusion"]
    ]
    olders = [
        {"size": old["from"], "root": _root(old["from"]), "path": old["path"]}
        for old in signed["consistency"]
    ]
    return {"kind": "checkpoint", "note": signed["note"], "batches": batches, "olders": olders} | changed


def _root(size: int) -> str:
    return str(BATCHES[size - 1]["checkpoint"]["root"]) if size else "0x" + "00" * 32


def flipped(value: str) -> str:
    return value[:-1] + ("0" if value[-1] != "0" else "1")


def test_every_checkpoint_holds_its_batches_and_extends_every_older_one() -> None:
    answers = readings([checkpoint_question(batch) for batch in BATCHES])
    for batch, answer in zip(BATCHES, answers, strict=True):
        signed = batch["checkpoint"]
        assert answer == {"said": {"size": str(signed["size"]), "root": signed["root"]}}


@pytest.mark.parametrize(
    ("part", "of"), [("batches", "anchorRoot"), ("batches", "path"), ("olders", "root"), ("olders", "path")]
)
def test_a_path_or_root_with_one_digit_changed_proves_nothing(part: str, of: str) -> None:
    questions = []
    for batch in BATCHES:
        whole = checkpoint_question(batch)
        for entry in whole[part]:
            changes = [flipped(entry[of])] if isinstance(entry[of], str) else _each_flipped(entry[of])
            questions += [
                checkpoint_question(batch, batches=[], olders=[]) | {part: [entry | {of: change}]}
                for change in changes
            ]
    assert len(questions) >= 40
    for question, answer in zip(questions, readings(questions), strict=True):
        assert answer["refused"]["step"].startswith("signed tree"), question


def _each_flipped(path: list[str]) -> list[list[str]]:
    changed = [[*path[:at], flipped(path[at]), *path[at + 1 :]] for at in range(len(path))]
    return [*changed, [*path, "0x" + "00" * 32], *([path[:-1]] if path else [])]


def test_a_batch_in_another_place_than_its_own_is_refused() -> None:
    questions = [
        checkpoint_question(batch, olders=[], batches=[held | {"number": number}])
        for batch in BATCHES
        for held in checkpoint_question(batch)["batches"]
        for number in range(len(BATCHES) + 2)
        if number != held["number"]
    ]
    assert all("refused" in answer for answer in readings(questions))


def test_every_promise_is_read() -> None:
    promises = VECTORS["promises"]
    answers = readings([{"kind": "promise", "note": promise["note"]} for promise in promises])
    for promise, answer in zip(promises, answers, strict=True):
        said = {name: promise[name] for name in PROMISED}
        assert answer["said"] == {
            name: str(value) if isinstance(value, int) else value for name, value in said.items()
        }


def test_every_note_that_is_to_be_refused_is_refused() -> None:
    notes = VECTORS["refusedNotes"]
    assert len(notes) >= 109
    for note, answer in zip(notes, readings(notes), strict=True):
        assert answer.get("refused", {}).get("step") == "log's signature", note["why"]


def test_every_note_with_lines_of_others_is_accepted() -> None:
    notes = VECTORS["acceptedNotes"]
    for note, answer in zip(notes, readings(notes), strict=True):
        assert "said" in answer, (note["why"], answer)
