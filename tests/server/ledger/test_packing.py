"""A pack made from the database is whole: the verifier finds nothing wrong with it."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from anchor.proof.parts import TEXTS
from anchor.server.ledger.erasing import ErasableField, erase_fields
from anchor.server.ledger.errors import NotSealedYet
from anchor.server.ledger.model import Emission
from anchor.server.ledger.packing import packed_range, write_pack
from anchor.server.ledger.periods import Span
from anchor.server.ledger.proving import provable_ledger
from anchor.server.ledger.proving_periods import prove_period
from anchor.server.storage.proving import provable_deltas
from anchor.verify import Disclosure, Verification, parse_showing, verify_file, write_proof_file
from tests.fixtures.logs import OpenedLog


def flight(number: int) -> Emission:
    return Emission(
        customer_id="acme",
        unit="mile",
        amount=-(10**18) * number,
        reason=f"reason <{number}>",
        reference_id=f"reference <{number}>",
        metadata=b'{"note":"metadata <%d>"}' % number,
        occurred_at=None,
        adjusts=None,
        idempotency_key=None,
        api_key_id=None,
    )


@pytest.fixture
def filled(opened: OpenedLog) -> OpenedLog:
    """Forty deltas of one customer, recorded a second apart, and a minute later a batch over all."""
    for number in range(40):
        opened.clock.advance(1_000)
        opened.record(flight(number))
    opened.clock.advance(61_000)
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
    assert sum(progress) == len(indices)
    return verify_file(path, customer="acme", unit="mile")


@pytest.mark.parametrize(("start", "end"), [(None, None), (0, 0), (7, 31), (39, None)])
def test_every_range_makes_a_whole_pack(
    filled: OpenedLog, tmp_path: Path, start: int | None, end: int | None
) -> None:
    indices = packed_range(filled.database, "acme", "mile", from_index=start, to_index=end)
    result = checked(filled, tmp_path / "pack.zip", indices)
    assert result.verdict == "not_checked_against_a_chain"
    assert [step.name for step in result.steps if step.outcome != "passed"] == ["log's signature", "chain"]
    assert result.facts["allDeltas"] is True


def test_a_span_is_packed_with_what_shows_it_whole(filled: OpenedLog, tmp_path: Path) -> None:
    begin = filled.clock.now_ms() - 101_000
    span = Span(begin + 5_500, begin + 20_500)
    indices = packed_range(filled.database, "acme", "mile", span=span)
    result = checked(filled, tmp_path / "pack.zip", indices, span=span)
    assert result.verdict == "not_checked_against_a_chain"
    assert any(step.name == "span: after" for step in result.steps)


def test_what_is_erased_while_a_pack_is_written_is_in_all_of_it_or_in_none(
    filled: OpenedLog, tmp_path: Path
) -> None:
    (receipt,) = filled.record(flight(39))

    def erase(_done: int) -> None:
        erase_fields(
            filled.database, filled.log, filled.clock, receipt.receipt_id, [ErasableField.REASON], "the owner"
        )

    path = tmp_path / "pack.zip"
    write_pack(
        *(filled.database, filled.log, path, "acme", "mile", range(40)),
        made_at=filled.clock.now_ms(),
        progress=erase,
    )
    assert verify_file(path).verdict == "not_checked_against_a_chain"


@dataclass(frozen=True)
class Secrets:
    """What is behind each delta's commitments: its texts and their salts, as they would stand in a file."""

    of: dict[tuple[int, str], tuple[bytes, bytes]]

    @classmethod
    def held_by(cls, filled: OpenedLog) -> "Secrets":
        with filled.database.read() as connection:
            ledger = provable_ledger(connection, "acme", "mile")
            deltas = provable_deltas(connection, ledger.id, 0, ledger.size)
        found: dict[tuple[int, str], tuple[bytes, bytes]] = {}
        for delta in deltas:
            salts = (delta.reason_salt, delta.reference_salt, delta.metadata_salt)
            for name, salt in zip(TEXTS, salts, strict=True):
                assert salt is not None
                text = f"{name.removesuffix('Id')} <{delta.index_in_ledger}>".encode()
                found[delta.index_in_ledger, name] = (text, salt.hex().encode())
        return cls(found)

    def shown_in(self, *files: bytes) -> set[tuple[int, str]]:
        """The texts that any of the files shows; no salt is shown without its text, or the other way."""
        raw = b"\0".join(files)
        texts = {place for place, (text, _) in self.of.items() if text in raw}
        assert texts == {place for place, (_, salt) in self.of.items() if salt in raw}
        return texts


SHOWINGS = {
    "full": set(TEXTS),
    "amounts": set(),
    "fingerprints": set(),
    "reason": {"reason"},
    "referenceId,metadata": {"referenceId", "metadata"},
}


def members(path: Path) -> list[bytes]:
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


@pytest.mark.parametrize("show", SHOWINGS)
def test_no_text_and_no_salt_is_anywhere_in_a_pack_or_a_file_but_those_that_are_to_be_shown(
    filled: OpenedLog, tmp_path: Path, show: str
) -> None:
    secrets, path, disclosure = Secrets.held_by(filled), tmp_path / "pack.zip", parse_showing(show)
    begin = filled.clock.now_ms() - 101_000
    span = Span(begin + 5_500, begin + 20_500)
    for one in (None, span):
        indices = packed_range(filled.database, "acme", "mile", from_index=6, to_index=20, span=None)
        if one is not None:
            indices = packed_range(filled.database, "acme", "mile", span=one)
        assert checked(filled, path, indices, span=one, disclosure=disclosure).verdict != "invalid"
        asked = {(index, name) for index in indices for name in SHOWINGS[show]}
        assert secrets.shown_in(*members(path)) == asked
        ends = None if one is None else (one.start, one.end)
        first, last = indices[0], indices[-1]
        with filled.database.read() as connection:
            period = prove_period(
                connection, filled.log, "acme", "mile", first, last, span=ends, deltas=disclosure
            )
        assert secrets.shown_in(write_proof_file(period)) == asked


def test_the_two_ends_of_a_period_show_no_text(filled: OpenedLog) -> None:
    secrets = Secrets.held_by(filled)
    begin = filled.clock.now_ms() - 101_000
    for span in (None, (begin + 5_500, begin + 20_500)):
        indices = (5, 19) if span is not None else (0, 39)
        with filled.database.read() as connection:
            period = prove_period(connection, filled.log, "acme", "mile", *indices, span=span)
        assert secrets.shown_in(write_proof_file(period)) == set()


def test_balances_that_were_not_checked_are_not_said_to_be(filled: OpenedLog, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    for disclosure, outcome in ((Disclosure.AMOUNTS, "passed"), (Disclosure.FINGERPRINTS, "skipped")):
        result = checked(filled, path, range(3, 9), disclosure=disclosure)
        (step,) = (step for step in result.steps if step.name == "balances")
        assert (step.outcome, step.found) == (outcome, "6 of 6" if outcome == "passed" else None)


def test_what_no_batch_holds_is_not_packed(filled: OpenedLog, tmp_path: Path) -> None:
    assert filled.record(flight(40))[0].index == 40
    path = tmp_path / "pack.zip"
    with pytest.raises(NotSealedYet):
        checked(filled, path, range(41))
    assert not list(tmp_path.glob("pack.zip*"))
