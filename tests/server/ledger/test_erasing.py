"""An erased field is gone from the database, and every proof stays valid."""

import random
from pathlib import Path

import pytest
from sqlalchemy import select

from anchor.proof.values import DeltaClaim, Disclosed, Withheld
from anchor.server.audit.whole_log import audit
from anchor.server.ledger.erasing import (
    ErasableField,
    ErasedDelta,
    EraserMissing,
    NotErasable,
    erasable_field,
    erase_fields,
)
from anchor.server.ledger.errors import UnknownReceipt
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.ledger.proving import Prover
from anchor.server.storage.database import Database
from anchor.server.storage.erasing import SALT_OF
from anchor.server.storage.schema import deltas
from anchor.verify import verify_file, write_proof_file
from tests.fixtures.logs import OpenedLog, open_new_log

SECRETS = (b"Jane Doe of 12 Elm Street", b"JANES-PASSPORT-771", b"janes-diagnosis")


def recorded(opened: OpenedLog) -> Receipt:
    (receipt, *_) = opened.record(
        Emission(
            "acme", 5, SECRETS[0].decode(), SECRETS[1].decode(), metadata=b'{"note":"' + SECRETS[2] + b'"}'
        ),
        *(Emission("acme", 1, f"another {at}", f"other {at}") for at in range(200)),
    )
    opened.sealer.seal()
    return receipt


def erase(
    opened: OpenedLog, receipt_id: str, *fields: ErasableField, by: str = "data officer"
) -> ErasedDelta:
    return erase_fields(opened.database, opened.log, opened.clock, receipt_id, fields, by)


@pytest.mark.parametrize("field", list(ErasableField))
def test_an_erased_field_is_withheld_and_its_proof_still_holds(
    opened: OpenedLog, field: ErasableField
) -> None:
    receipt = recorded(opened)
    before = Prover(opened.database, opened.log).delta("acme", "", 0)
    opened.clock.advance(5_000)
    erased = erase(opened, receipt.receipt_id, field)
    (erasure,) = erased.erasures
    assert (erasure.erased_at, erasure.erased_by) == (opened.clock.now_ms(), "data officer")
    assert not erasure.already
    assert erased.pages_dropped
    after = Prover(opened.database, opened.log).delta("acme", "", 0)
    for proof, kind in ((before, Disclosed), (after, Withheld)):
        assert isinstance(proof.claim, DeltaClaim)
        assert isinstance(getattr(proof.claim.delta.record, field), kind)
        result = verify_file(write_proof_file(proof))
        assert result.failed is None, result.failed
    assert list(audit(opened.database)) == []


def test_erasing_again_tells_of_the_first_erasure(opened: OpenedLog) -> None:
    receipt = recorded(opened)
    (first,) = erase(opened, receipt.receipt_id, ErasableField.REASON, by="one").erasures
    opened.clock.advance(5_000)
    again = erase(opened, receipt.receipt_id, *ErasableField, by="another").erasures
    assert (again[0].erased_at, again[0].erased_by, again[0].already) == (first.erased_at, "one", True)
    assert [(one.erased_by, one.already) for one in again[1:]] == [("another", False)] * 2


def test_what_cannot_be_erased_is_refused(opened: OpenedLog) -> None:
    receipt = recorded(opened)
    for wrong in ("rcpt_" + "a" * 26, "nonsense"):
        with pytest.raises(UnknownReceipt):
            erase(opened, wrong, ErasableField.REASON)
    for nobody in ("  ", "a" * 201, "a\x00b"):
        with pytest.raises(EraserMissing):
            erase(opened, receipt.receipt_id, ErasableField.REASON, by=nobody)
    for name in ("amount", "index", "recordedAt", "reference_id", ""):
        with pytest.raises(NotErasable):
            erasable_field(name)


def test_an_erased_reference_is_free_again(opened: OpenedLog) -> None:
    receipt = recorded(opened)
    erase(opened, receipt.receipt_id, ErasableField.REFERENCE_ID)
    (again,) = opened.record(Emission("acme", 5, SECRETS[0].decode(), SECRETS[1].decode()))
    assert not again.idempotent
    assert again.index == 201


def test_the_value_and_its_salt_leave_the_row(opened: OpenedLog) -> None:
    receipt = recorded(opened)
    erase(opened, receipt.receipt_id, *ErasableField)
    columns = [deltas.c[name] for field, salt in SALT_OF.items() for name in (field, salt)]
    with opened.database.read() as connection:
        row = connection.execute(select(*columns).where(deltas.c.index == 0)).one()
    assert set(row) == {None}


def test_a_reader_of_the_old_state_keeps_the_old_pages_and_the_answer_says_so(opened: OpenedLog) -> None:
    receipt = recorded(opened)
    with opened.database.read() as connection:
        connection.execute(select(deltas.c.reason)).all()
        opened.record(Emission("acme", 1, "written after the reader began"))
        assert not erase(opened, receipt.receipt_id, ErasableField.REASON).pages_dropped
    again = erase(opened, receipt.receipt_id, ErasableField.REASON)
    assert (again.pages_dropped, again.erasures[0].already) == (True, True)


# SQLite only: PostgreSQL's files are its server's; VACUUM frees the row's place there.
def test_the_bytes_leave_the_files_of_sqlite_however_often_its_pages_were_split(
    sqlite_database: Database,
) -> None:
    opened = open_new_log(sqlite_database)
    chosen = random.Random(7)
    receipts = []
    for group in range(8):
        # References in no order split the pages of their index, and long metadata needs pages of its own.
        numbers = range(500 * group, 500 * (group + 1))
        receipts += opened.record(
            *(
                Emission(
                    "acme",
                    1,
                    f"REASON-{number:06}",
                    f"{chosen.randrange(10**9)}-REFERENCE-{number:06}",
                    metadata=b'{"note":"METADATA-%06d%s"}' % (number, b"-" * chosen.choice((1, 9_000))),
                )
                for number in numbers
            )
        )
    path = Path(sqlite_database.engine.url.database or "")

    def on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))

    picked = chosen.sample(range(len(receipts)), 25)
    texts = [
        b"%s-%06d" % (name, number) for number in picked for name in (b"REASON", b"REFERENCE", b"METADATA")
    ]
    before = on_disk()
    assert all(text in before for text in texts)
    for number in picked:
        erase(opened, receipts[number].receipt_id, *ErasableField)
    after = on_disk()
    assert [text for text in texts if text in after] == []
