"""The one-pass fingerprint is the fingerprint."""

from hypothesis import given
from hypothesis import strategies as st

from anchor.protocol.commitments import commit
from anchor.protocol.fingerprint import Delta, domain_separator, fingerprint
from anchor.protocol.salted_fingerprint import salted_fingerprint

HASHES = st.binary(min_size=32, max_size=32)
SALTS = st.binary(min_size=16, max_size=16)
U64 = st.integers(0, 2**64 - 1)
INT256 = st.integers(-(2**255), 2**255 - 1)
TEXTS = st.binary(max_size=300)


@given(
    log_id=HASHES,
    ledger_id=HASHES,
    numbers=st.tuples(U64, INT256, INT256, U64, U64),
    reason=st.tuples(TEXTS, SALTS),
    reference=st.tuples(st.none() | TEXTS, SALTS),
    metadata=st.tuples(st.none() | TEXTS, SALTS),
    adjusts=HASHES,
)
def test_one_pass_gives_what_committing_and_fingerprinting_give(
    log_id: bytes,
    ledger_id: bytes,
    numbers: tuple[int, int, int, int, int],
    reason: tuple[bytes, bytes],
    reference: tuple[bytes | None, bytes],
    metadata: tuple[bytes | None, bytes],
    adjusts: bytes,
) -> None:
    separator = domain_separator(log_id)
    delta = Delta(
        ledger_id,
        *numbers,
        reason=commit(reason[1], reason[0]),
        reference_id=commit(reference[1], reference[0]),
        metadata=commit(metadata[1], metadata[0]),
        adjusts=adjusts,
    )
    found = salted_fingerprint(separator)(ledger_id, *numbers, *reason, *reference, *metadata, adjusts)
    assert found == fingerprint(separator, delta)
