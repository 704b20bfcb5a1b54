"""A pack made from the database is whole: the verifier finds nothing wrong with it."""

import zipfile
from pathlib import Path

import pytest

from anchor.ledger.errors import NotSealedYet
from anchor.ledger.model import Emission
from anchor.ledger.packing import packed_range, write_pack
from anchor.ledger.periods import Span
from anchor.verify import Disclosure, Verification, verify_file
from anchor.verify.audit_pack import DELTAS
from tests.fixtures.logs import OpenedLog


def flight(number: int) -> Emission:
    return Emission(
        customer_id="acme",
        unit="mile",
        amount=-(10**18) * number,
        reason=f"flight {number}",
        reference_id=f"flight-{number}",
        metadata=None,
        occurred_at=None,
        adjusts=None,
        idempotency_key=None,
        api_key_id=None,
    )


@pytest.fixture
def filled(opened: OpenedLog) -> OpenedLog:
    """Forty deltas of one customer, recorded a second apart, and a batch over all."""
    for number in range(40):
        opened.clock.advance(1_000)
        opened.record(flight(number))
    opened.clock.advance(1_000)
    opened.sealer.seal()
    return opened


def checked(filled: OpenedLog, path: Path, indices: range, **options: object) -> Verification:
    progress: list[int] = []
    write_pack(
        filled.database,
        filled.log,
        path,
        "acme",
        "mile",
        indices,
        made_at=filled.clock.now_ms(),
        progress=progress.append,
        **options,  # type: ignore[arg-type]
    )
    assert sum(progress) == 2 * len(indices)
    return verify_file(path, customer="acme", unit="mile")


@pytest.mark.parametrize(("start", "end"), [(None, None), (0, 0), (7, 31), (39, None)])
def test_every_range_makes_a_whole_pack(
    filled: OpenedLog, tmp_path: Path, start: int | None, end: int | None
) -> None:
    indices = packed_range(filled.database, "acme", "mile", from_index=start, to_index=end)
    result = checked(filled, tmp_path / "pack.zip", indices)
    assert result.verdict == "not_checked_against_a_chain"
    assert [step.name for step in result.steps if step.outcome != "passed"] == ["chain"]
    assert result.facts["allDeltas"] is True


def test_a_span_is_packed_with_what_shows_it_whole(filled: OpenedLog, tmp_path: Path) -> None:
    begin = filled.clock.now_ms() - 41_000
    span = Span(begin + 5_500, begin + 20_500)
    indices = packed_range(filled.database, "acme", "mile", span=span)
    result = checked(filled, tmp_path / "pack.zip", indices, span=span)
    assert result.verdict == "not_checked_against_a_chain"
    assert any(step.name == "span: delta after's time" for step in result.steps)


def test_texts_can_be_withheld(filled: OpenedLog, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    for disclosure in (Disclosure.AMOUNTS, Disclosure.FINGERPRINTS):
        assert checked(filled, path, range(3, 9), disclosure=disclosure).verdict != "invalid"
        assert b"flight" not in zipfile.ZipFile(path).read(DELTAS)


def test_what_no_batch_holds_is_not_packed(filled: OpenedLog, tmp_path: Path) -> None:
    assert filled.record(flight(40))[0].index == 40
    path = tmp_path / "pack.zip"
    with pytest.raises(NotSealedYet):
        checked(filled, path, range(41))
    assert not list(tmp_path.glob("pack.zip*"))
