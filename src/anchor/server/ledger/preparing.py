"""What can be done for a group of emissions before anybody knows their places: salts and commitments.

It takes about a third of a recording's work, and nothing is locked meanwhile.
"""

import os
from collections.abc import Sequence
from typing import Final, TypeAlias

from anchor.protocol.commitments import SALT_LENGTH
from anchor.protocol.hashing import Bytes32
from anchor.protocol.salted_fingerprint import commit_fields
from anchor.server.ledger.model import Emission

PreparedFields: TypeAlias = tuple[bytes, Bytes32, bytes, Bytes32, bytes, Bytes32]
"""The salts (16 bytes) of reason, reference and metadata, each with the commitment behind it."""

_SALT_BYTES: Final = 3 * SALT_LENGTH


def prepare(emissions: Sequence[Emission]) -> list[PreparedFields]:
    """Return each emission's fields, committed to with salts drawn for them alone."""
    salts = os.urandom(_SALT_BYTES * len(emissions))
    prepared: list[PreparedFields] = []
    at = 0
    for emission in emissions:
        reason_salt = salts[at : at + 16]
        reference_salt = salts[at + 16 : at + 32]
        metadata_salt = salts[at + 32 : at + 48]
        at += _SALT_BYTES
        reference = emission.reference_id
        reason, hidden_reference, metadata = commit_fields(
            emission.reason.encode(),
            reason_salt,
            None if reference is None else reference.encode(),
            reference_salt,
            emission.metadata,
            metadata_salt,
        )
        prepared.append((reason_salt, reason, reference_salt, hidden_reference, metadata_salt, metadata))
    return prepared
