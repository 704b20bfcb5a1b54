"""Step 4 of a verification: did the log itself sign the batch that a claim rests on? Section 6a."""

from typing import Final

from anchor.proof.values import ProofLog
from anchor.protocol.errors import NoteError, ProofError
from anchor.protocol.signed_checkpoint import read_checkpoint, signed_root
from anchor.protocol.signed_note import STEP
from anchor.verify.on_chain import Claimed
from anchor.verify.results import Checks

SIGNED_BATCH: Final = "signed batch"


def check_own(checks: Checks, claimed: Claimed, log: ProofLog) -> None:
    """Check that the log signed a tree that holds this batch, where the file shows a signature at all."""
    batch, signed = claimed.batch.batch, claimed.batch.signed
    name = claimed.step(STEP)
    if signed is None:
        checks.skipped(name, f"The file does not show that the log signed batch {batch.number}.")
        return
    try:
        checkpoint = read_checkpoint(signed.checkpoint, log.log_id, log.public_key)
    except NoteError as failure:
        checks.refused(name, failure, "The checkpoint is not one that the log signed.")
        raise
    checks.passed(
        name,
        checkpoint.root,
        f"The log signed this root of its first {checkpoint.size} batches.",
    )
    name = claimed.step(SIGNED_BATCH)
    try:
        found = signed_root(batch.number, batch.anchor_root(log.log_id), checkpoint.size, signed.path)
    except ProofError as failure:
        checks.refused(name, failure, "The path cannot be one of that batch.")
        raise
    checks.same(
        name,
        checkpoint.root,
        found,
        f"Batch {batch.number} is one that the log signed.",
        f"The log signed another batch {batch.number} than this one.",
    )


def is_unsigned(checks: Checks) -> bool:
    """Whether the file does not show the log's signature over a batch that it rests on."""
    return any(step.outcome == "skipped" and step.name.startswith(STEP) for step in checks.steps)
