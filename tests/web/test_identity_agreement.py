"""Python and the page judge identity proofs alike whose points and scalars no honest prover makes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from nacl import bindings

from anchor.proof.writing import proof_file_json
from anchor.protocol.errors import hex_of
from anchor.protocol.identities import log_id
from anchor.verify import verify_file
from tests.fixtures.logs import FOUNDER
from tests.verify.building import example_log
from tests.web.page_answers import Question, agree, page_answers

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
OF_ORDER_EIGHT = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7
SIGN = 1 << 255


def points(honest: bytes) -> Iterator[bytes]:
    """Encodings of points: of small and of mixed order, that are not canonical, that are on no curve."""
    torsion = (0, 1, FIELD - 1, OF_ORDER_EIGHT, FIELD - OF_ORDER_EIGHT)
    for y in (*torsion, *range(2, 12), FIELD - 2, *(FIELD + more for more in (0, 1, 2, 3, 4, 9, 18))):
        yield y.to_bytes(32, "little")
        yield (y | SIGN).to_bytes(32, "little")
    whole = int.from_bytes(honest, "little")
    for other in (whole, whole ^ SIGN, whole ^ 1, (FIELD - whole) % FIELD):
        yield other.to_bytes(32, "little")
    for y in torsion[2:]:
        yield bindings.crypto_core_ed25519_add(honest, y.to_bytes(32, "little"))


def odd_proofs() -> Iterator[bytes]:
    """One honest proof file with another key, point, challenge or scalar."""
    log = example_log(1)
    whole: dict[str, Any] = proof_file_json(log.delta("UA", 4, 2, "mile"))
    key, proof = (
        bytes.fromhex(whole[where][name][2:])
        for where, name in (("log", "identityPublicKey"), ("ledger", "identityProof"))
    )

    def with_(public_key: bytes = key, identity_proof: bytes = proof) -> bytes:
        changed = json.loads(json.dumps(whole))
        changed["log"]["logId"] = hex_of(log_id(public_key, FOUNDER))
        changed["log"]["identityPublicKey"] = hex_of(public_key)
        changed["ledger"]["identityProof"] = hex_of(identity_proof)
        return json.dumps(changed).encode()

    gamma, challenge, scalar = proof[:32], proof[32:48], proof[48:]
    yield with_()
    for point in points(key):
        yield with_(public_key=point)
    for point in points(gamma):
        yield with_(identity_proof=point + challenge + scalar)
        yield with_(point, point + challenge + scalar)
    response = int.from_bytes(scalar, "little")
    for other in (0, 1, ORDER - 1, ORDER, ORDER + 1, response + ORDER, 2**253, 2**256 - 1, response ^ SIGN):
        yield with_(identity_proof=gamma + challenge + other.to_bytes(32, "little"))
        yield with_(identity_proof=gamma + bytes(16) + other.to_bytes(32, "little"))
        yield with_(identity_proof=gamma + b"\xff" * 16 + other.to_bytes(32, "little"))


def test_python_and_the_page_agree_on_every_point_and_scalar() -> None:
    files = list(odd_proofs())
    seen: Counter[str] = Counter()
    for raw, page in zip(files, page_answers(None, [Question(raw) for raw in files]), strict=True):
        python = verify_file(raw)
        agree(raw, python, page)
        assert python.failed is None or python.failed.name in ("identity proof", "ledger inclusion")
        told = "" if python.failed is None else python.failed.explanation.rpartition(" (")[2]
        seen[told] += 1
    for step in ("identity proof scalar", "identity public key", "identity proof point"):
        assert seen[f"{step})"] >= 6, seen
    assert seen["identity proof challenge)"] >= 10
    # The honest one, whose log id and ledger are untouched.
    assert seen[""] >= 1
