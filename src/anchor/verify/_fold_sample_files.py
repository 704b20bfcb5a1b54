"""From the file of a sampled audit and the URLs of nodes to an answer."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from anchor.node.reader import open_chain
from anchor.node.view import Finality
from anchor.verify.results import Verification
from anchor.verify.sampling import LARGEST_SAMPLE_FILE, check_sample
from anchor.verify.verifying_files import parse_contract, parse_hash


def check_sample_file(
    file: Path | bytes,
    *,
    rpc: Sequence[str] = (),
    contract: str | bytes | None = None,
    customer: str | None = None,
    unit: str | None = None,
    ledger_id: str | bytes | None = None,
    count: int | None = None,
    from_index: int | None = None,
    to_index: int | None = None,
    finality: str | int | Finality = "finalized",
    timeout: float = 20.0,
) -> Verification:
    """Check a sample as ``check_sample`` does; several nodes of ``rpc`` are held against each other.

    ``timeout`` is seconds.
    Raises ValueError where an option is malformed, OSError where the file cannot be read.
    """
    expected = None if contract is None else parse_contract(contract)
    ledger = None if ledger_id is None else parse_hash(ledger_id, "a ledger id")
    rule = Finality.parse(finality)
    if isinstance(file, bytes):
        raw = file
    else:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST_SAMPLE_FILE + 1)
    with ExitStack() as stack:
        return check_sample(
            raw,
            open_chain(stack, rpc, timeout=timeout) if rpc else None,
            count=count,
            from_index=from_index,
            to_index=to_index,
            expected_contract=expected,
            expected_customer=customer,
            expected_unit=unit,
            expected_ledger_id=ledger,
            finality=rule,
        )
