"""An erased field is gone from the database, and every proof stays valid."""

from pathlib import Path

import pytest

from anchor.ledger.auditing import audit
from anchor.ledger.erasing import ErasableField, EraserMissing, erase_field
from anchor.ledger.errors import UnknownReceipt
from anchor.ledger.model import Emission, Receipt
from anchor.ledger.proving import Prover
from anchor.storage.database import Database
from anchor.verify import verify_file, write_proof_file
from anchor.verify.proof_file import DeltaClaim, Disclosed, Withheld
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


@pytest.mark.parametrize("field", list(ErasableField))
def test_an_erased_field_is_withheld_and_its_proof_still_holds(
    opened: OpenedLog, field: ErasableField
) -> None:
    receipt = recorded(opened)
    before = Prover(opened.database, opened.log).delta("acme", "", 0)
    opened.clock.advance(5_000)
    erasure = erase_field(
        opened.database, opened.log, opened.clock, receipt.receipt_id, field, "data officer"
    )
    assert (erasure.erased_at, erasure.erased_by) == (opened.clock.now_ms(), "data officer")
    assert not erasure.already
    assert erasure.pages_dropped
    after = Prover(opened.database, opened.log).delta("acme", "", 0)
    for proof, kind in ((before, Disclosed), (after, Withheld)):
        assert isinstance(proof.claim, DeltaClaim)
        assert isinstance(getattr(proof.claim.delta.record, field), kind)
        result = verify_file(write_proof_file(proof))
        assert result.failed is None, result.failed
    assert list(audit(opened.database)) == []


def test_erasing_again_tells_of_the_first_erasure(opened: OpenedLog) -> None:
    receipt = recorded(opened)
    arguments = (opened.database, opened.log, opened.clock, receipt.receipt_id, ErasableField.REASON)
    first = erase_field(*arguments, "one")
    opened.clock.advance(5_000)
    again = erase_field(*arguments, "another")
    assert (again.erased_at, again.erased_by, again.already) == (first.erased_at, "one", True)


def test_what_cannot_be_erased_is_refused(opened: OpenedLog) -> None:
    receipt = recorded(opened)
    for wrong in ("rcpt_" + "a" * 26, "nonsense"):
        with pytest.raises(UnknownReceipt):
            erase_field(opened.database, opened.log, opened.clock, wrong, ErasableField.REASON, "one")
    with pytest.raises(EraserMissing):
        erase_field(opened.database, opened.log, opened.clock, receipt.receipt_id, ErasableField.REASON, "  ")


def test_an_erased_reference_is_free_again(opened: OpenedLog) -> None:
    receipt = recorded(opened)
    erase_field(
        opened.database, opened.log, opened.clock, receipt.receipt_id, ErasableField.REFERENCE_ID, "one"
    )
    (again,) = opened.record(Emission("acme", 5, SECRETS[0].decode(), SECRETS[1].decode()))
    assert not again.idempotent
    assert again.index == 201


# SQLite only: PostgreSQL's files are its server's; VACUUM frees the row's place there.
def test_the_bytes_leave_the_files_of_sqlite(sqlite_database: Database) -> None:
    opened = open_new_log(sqlite_database)
    receipt = recorded(opened)
    path = Path(sqlite_database.engine.url.database or "")

    def bytes_on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))

    assert all(secret in bytes_on_disk() for secret in SECRETS)
    for field in ErasableField:
        erase_field(sqlite_database, opened.log, opened.clock, receipt.receipt_id, field, "data officer")
    assert not any(secret in bytes_on_disk() for secret in SECRETS)
