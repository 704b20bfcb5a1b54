"""From a file and the URLs of nodes to an answer: the half of a verification that does I/O."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from anchor.protocol.errors import ProofError
from anchor.verify.chain_view import ChainView, Finality
from anchor.verify.evidence import LARGEST_EVIDENCE, EvidenceChain, parse_evidence
from anchor.verify.json_rpc import AgreeingChains, JsonRpcChain
from anchor.verify.proof_reading import LARGEST_FILE, LARGEST_PERIOD_FILE, parse_proof_file
from anchor.verify.results import INVALID, NOT_CHECKED, Step, Verification
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
    evidence: Path | str | bytes | None = None,
    block_hash: str | bytes | None = None,
    timeout: float = 20.0,
    largest: int = LARGEST_FILE,
    largest_period: int = LARGEST_PERIOD_FILE,
) -> Verification:
    """Verify a proof file, given by its path or as its bytes.

    ``rpc`` holds the URLs of nodes of one chain; several are held against each other. In their place,
    ``evidence`` is a file of a chain's evidence and ``block_hash`` the block that the reader trusts.
    ``contract``, ``customer``, ``unit`` and ``ledger_id`` are what the reader means: the file must agree.
    Times are seconds, sizes bytes. A file that is no proof file is ``invalid``, with the step and the
    place.
    Raises ValueError where an option is malformed or missing, OSError where the file cannot be read.
    """
    expected_contract = None if contract is None else parse_contract(contract)
    expected_ledger = None if ledger_id is None else _hex(ledger_id, 32, "a ledger id")
    rule = Finality.parse(finality)
    trusted = None if block_hash is None else _hex(block_hash, 32, "a block's hash")
    if (evidence is None) != (trusted is None) or (evidence is not None and rpc):
        raise ValueError("evidence of a chain needs the hash of the block that you trust, and no node")
    raw = file if isinstance(file, bytes) else _read(Path(file), max(largest, largest_period))
    try:
        proof = parse_proof_file(raw, largest=largest, largest_period=largest_period)
    except ProofFileError as error:
        return not_a_proof_file(error)
    with ExitStack() as stack:
        chain: ChainView | None
        if evidence is None:
            chain = _chain([rpc] if isinstance(rpc, str) else list(rpc), timeout, stack)
        else:
            try:
                chain = _offline(evidence, trusted)
            except (ProofError, ProofFileError) as error:
                return _unusable_evidence(proof.kind, error)
        return verify_proof(
            proof,
            chain,
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


def _offline(evidence: Path | str | bytes, trusted: bytes | None) -> EvidenceChain:
    raw = evidence if isinstance(evidence, bytes) else _read(Path(evidence), LARGEST_EVIDENCE)
    return EvidenceChain(parse_evidence(raw), trusted or b"")


def _unusable_evidence(kind: str, error: ProofError | ProofFileError) -> Verification:
    """Evidence that is none leaves a file unchecked: it says nothing against it."""
    if isinstance(error, ProofFileError):
        place = error.place or "the file"
        step = Step(
            f"evidence: {error.step}", "failed", "a chain's evidence", place, f"{place} {error.reason}."
        )
    else:
        why = "The evidence is not of the block that you trust, or does not hold together."
        step = Step(f"evidence: {error.step}", "failed", error.expected, error.found, why)
    return Verification(kind, NOT_CHECKED, (step,), ("No chain was seen.", step.explanation))


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
