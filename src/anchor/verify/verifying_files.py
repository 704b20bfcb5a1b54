"""From a file and the URLs of nodes to an answer: the half of a verification that does I/O."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from anchor.verify.chain_view import ChainView, Finality
from anchor.verify.json_rpc import AgreeingChains, JsonRpcChain
from anchor.verify.proof_reading import LARGEST_FILE, LARGEST_PERIOD_FILE, parse_proof_file
from anchor.verify.results import INVALID, Step, Verification
from anchor.verify.strict_json import ProofFileError
from anchor.verify.verification import verify_proof


def verify_file(
    file: Path | str | bytes,
    *,
    rpc: str | Sequence[str] = (),
    contract: str | bytes | None = None,
    customer: str | None = None,
    unit: str | None = None,
    ledger_id: str | bytes | None = None,
    finality: str | int | Finality = "finalized",
    timeout: float = 20.0,
    largest: int = LARGEST_FILE,
    largest_period: int = LARGEST_PERIOD_FILE,
) -> Verification:
    """Verify a proof file, given by its path or as its bytes.

    ``rpc`` holds the URLs of nodes of one chain; several are held against each other. ``contract``,
    ``customer``, ``unit`` and ``ledger_id`` are what the reader means: the file must agree. Times are
    seconds, sizes bytes. A file that is no proof file is ``invalid``, with the step and the place.
    Raises ValueError where an option is malformed, OSError where the file cannot be read.
    """
    expected_contract = None if contract is None else parse_contract(contract)
    expected_ledger = None if ledger_id is None else _hex(ledger_id, 32, "a ledger id")
    rule = Finality.parse(finality)
    raw = file if isinstance(file, bytes) else _read(Path(file), max(largest, largest_period))
    try:
        proof = parse_proof_file(raw, largest=largest, largest_period=largest_period)
    except ProofFileError as error:
        return not_a_proof_file(error)
    urls = [rpc] if isinstance(rpc, str) else list(rpc)
    with ExitStack() as stack:
        return verify_proof(
            proof,
            _chain(urls, timeout, stack),
            expected_contract=expected_contract,
            expected_customer=customer,
            expected_unit=unit,
            expected_ledger_id=expected_ledger,
            finality=rule,
        )


def not_a_proof_file(error: ProofFileError) -> Verification:
    """Return the answer for a file that could not be read as a proof file."""
    place = error.place or "the file"
    step = Step(f"file: {error.step}", "failed", "a proof file", place, f"{place} {error.reason}.")
    return Verification(None, INVALID, (step,), ("This is not a proof file.", step.explanation))


def parse_contract(contract: str | bytes) -> bytes:
    """Return the 20 bytes of a contract's address, given as hex in any case. Raises ValueError."""
    return _hex(contract, 20, "a contract's address")


def _hex(value: str | bytes, length: int, what: str) -> bytes:
    if isinstance(value, str):
        digits = value.removeprefix("0x")
        if len(digits) != 2 * length or not set(digits.lower()) <= set("0123456789abcdef"):
            raise ValueError(f"{value[:80]!r} is not {what}: 0x and {2 * length} hexadecimal digits")
        return bytes.fromhex(digits)
    if len(value) != length:
        raise ValueError(f"{what} has {length} bytes, not {len(value)}")
    return value


def _read(path: Path, largest: int) -> bytes:
    """Read a file, and never more of it than can be a proof file."""
    with path.open("rb") as opened:
        return opened.read(largest + 1)


def _chain(urls: Sequence[str], timeout: float, stack: ExitStack) -> ChainView | None:
    chains = []
    for url in urls:
        chain = JsonRpcChain(url, timeout=timeout)
        stack.callback(chain.close)
        chains.append((chain.name, chain))
    if not chains:
        return None
    return chains[0][1] if len(chains) == 1 else AgreeingChains(chains)
