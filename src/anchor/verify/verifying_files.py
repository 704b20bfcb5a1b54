"""From a file and the URLs of nodes to an answer: the half of a verification that does I/O."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Final

from anchor.node.reader import open_chain
from anchor.node.view import OLDEST_FINAL_BLOCK, ChainView, Clock, Finality
from anchor.proof.bounds import ProofFileError, parse_json
from anchor.proof.reading import LARGEST_FILE, LARGEST_PERIOD_FILE, proof_of
from anchor.proof.values import ProofFile
from anchor.protocol.errors import ProofError
from anchor.verify.audit_pack import EVIDENCE, AuditPack, check_pack
from anchor.verify.evidence import LARGEST_EVIDENCE, EvidenceChain, parse_evidence
from anchor.verify.known_logs import NO_LOGS, KnownLogs
from anchor.verify.results import NOT_CHECKED, Step, Verification, none_such, unreadable
from anchor.verify.sampling import check_sample, is_sample
from anchor.verify.verification import verify_proof


class NotStrict(ValueError):
    """A strict verification was asked for, and the reader did not name all that it takes from nobody else.

    ``missing`` holds what was not named, of ``log``, ``chain`` and ``customer`` (section 8 of the protocol).
    """

    remedy: Final = "name the log (--log), the chain (--chain-id, or the log's on your list) and the customer"

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(missing)
        self.missing = missing

    def __str__(self) -> str:
        return f"a strict verification needs to be told the {' and the '.join(self.missing)}"


class EvidenceMissing(ValueError):
    """A block is trusted, and nothing that is given leads to it."""

    remedy: Final = (
        "give the audit pack, which brings its own (anchor pack), name the chain's evidence with --evidence, "
        "or ask a node: --rpc URL in place of --block-hash"
    )

    def __str__(self) -> str:
        return "the hash of a block needs the chain's evidence, and there is none in this file"


def verify_file(
    file: Path | str | bytes,
    *,
    rpc: str | Sequence[str] = (),
    contract: str | bytes | None = None,
    customer: str | None = None,
    unit: str | None = None,
    ledger_id: str | bytes | None = None,
    log: str | bytes | None = None,
    chain_ids: Collection[int] = (),
    known_logs: KnownLogs = NO_LOGS,
    strict: bool = False,
    finality: str | int | Finality = "finalized",
    evidence: Path | str | bytes | None = None,
    block_hash: str | bytes | None = None,
    now: int | None = None,
    oldest_block: int = OLDEST_FINAL_BLOCK,
    timeout: float = 20.0,
    largest: int = LARGEST_FILE,
    largest_period: int = LARGEST_PERIOD_FILE,
    count: int | None = None,
    from_index: int | None = None,
    to_index: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Verification:
    """Verify a proof file, a sample or an audit pack, given by its path or as its bytes.

    ``rpc`` holds the URLs of nodes of one chain; several are held against each other. In their place,
    ``evidence`` is a file of a chain's evidence (a pack may hold its own) and ``block_hash`` the block
    that the reader trusts. ``progress`` hears how many deltas of a pack are done, and of how many.
    ``now`` is the time (ms), the system's where it is not given: with a node whose final block is more than
    ``oldest_block`` seconds older, what claims to be the newest is not checked.
    ``contract``, ``customer``, ``unit`` and ``ledger_id`` are what the reader means: the file must agree.
    ``count``, ``from_index`` and ``to_index`` are what was asked of a sample (see ``check_sample``).
    So are ``log``, a log's id or the name of one of ``known_logs``, and ``chain_ids``, the chains agreed on:
    where none are given, those on the list of a log that was named. ``strict``: nothing is verified unless
    log, chain and customer (or ledger id) are named; what acts on the answer by itself asks for that.
    Times are seconds, sizes bytes. A file that is no proof file is ``invalid``, with the step and the
    place.
    Raises ValueError where an option is malformed or missing (NotStrict where it is one of those), OSError
    where the file cannot be read.
    """
    log_id = None if log is None else log_of(log, known_logs)
    agreed = tuple(chain_ids) or chains_of(log_id, known_logs)
    if strict:
        require_strict(log_id, agreed, block_hash, customer, ledger_id)
    reading = _Reading(
        rpc=(rpc,) if isinstance(rpc, str) else tuple(rpc),
        contract=None if contract is None else parse_contract(contract),
        customer=customer,
        unit=unit,
        ledger_id=None if ledger_id is None else _hex(ledger_id, 32, "a ledger id"),
        log_id=log_id,
        chains=agreed,
        known_logs=known_logs,
        finality=Finality.parse(finality),
        clock=Clock(time.time_ns() // 1_000_000 if now is None else now, oldest_block),
        evidence=_read(Path(evidence), LARGEST_EVIDENCE) if isinstance(evidence, Path | str) else evidence,
        trusted=None if block_hash is None else _hex(block_hash, 32, "a block's hash"),
        timeout=timeout,
        largest=largest,
        largest_period=largest_period,
        asked=_Asked(count, from_index, to_index),
    )
    if reading.trusted is not None and reading.rpc:
        raise ValueError("name a node, or the hash of the block that you trust, not both")
    if reading.evidence is not None and reading.trusted is None:
        raise ValueError("evidence of a chain needs the hash of the block that you trust")
    given = file if isinstance(file, bytes) else Path(file)
    if _is_pack(given):
        return _verify_pack(given, reading, progress)
    if reading.trusted is not None and reading.evidence is None:
        raise EvidenceMissing
    raw = given if isinstance(given, bytes) else _read(given, max(largest, largest_period))
    return reading.verify_any(raw)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked of a sample."""

    count: int | None = None
    from_index: int | None = None
    to_index: int | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the reader means, and how the chain is asked."""

    rpc: tuple[str, ...]
    contract: bytes | None
    customer: str | None
    unit: str | None
    ledger_id: bytes | None
    log_id: bytes | None
    chains: tuple[int, ...]
    known_logs: KnownLogs
    finality: Finality
    clock: Clock
    evidence: bytes | None
    trusted: bytes | None
    timeout: float
    largest: int
    largest_period: int
    asked: _Asked

    def verify_any(self, raw: bytes) -> Verification:
        """Verify one file, a proof or a sample, as it says of itself."""
        try:
            value = parse_json(raw, max(self.largest, self.largest_period))
            if not is_sample(value):
                if self.asked != _Asked():
                    raise ValueError("a count and a range are those of a sample, and this file is none")
                return self._verify(proof_of(value, len(raw), self.largest))
        except ProofFileError as error:
            return not_a_proof_file(error)
        with ExitStack() as stack:
            try:
                chain = self._chain(stack)
            except (ProofError, ProofFileError) as error:
                return _unusable_evidence("period", error)
            return check_sample(
                value,
                chain,
                count=self.asked.count,
                from_index=self.asked.from_index,
                to_index=self.asked.to_index,
                expected_contract=self.contract,
                expected_customer=self.customer,
                expected_unit=self.unit,
                expected_ledger_id=self.ledger_id,
                expected_log=self.log_id,
                expected_chains=self.chains,
                known_logs=self.known_logs,
                finality=self.finality,
            )

    def verify(self, raw: bytes) -> Verification:
        """Verify one proof file."""
        try:
            value = parse_json(raw, max(self.largest, self.largest_period))
            proof = proof_of(value, len(raw), self.largest)
        except ProofFileError as error:
            return not_a_proof_file(error)
        return self._verify(proof)

    def _verify(self, proof: ProofFile) -> Verification:
        with ExitStack() as stack:
            try:
                chain = self._chain(stack)
            except (ProofError, ProofFileError) as error:
                return _unusable_evidence(proof.kind, error)
            return verify_proof(
                proof,
                chain,
                expected_contract=self.contract,
                expected_customer=self.customer,
                expected_unit=self.unit,
                expected_ledger_id=self.ledger_id,
                expected_log=self.log_id,
                expected_chains=self.chains,
                known_logs=self.known_logs,
                finality=self.finality,
                clock=self.clock,
            )

    def _chain(self, stack: ExitStack) -> ChainView | None:
        if self.evidence is not None and self.trusted is not None:
            return EvidenceChain(parse_evidence(self.evidence), self.trusted)
        return open_chain(stack, self.rpc, timeout=self.timeout) if self.rpc else None


def _is_pack(file: Path | bytes) -> bool:
    return (file[:4] if isinstance(file, bytes) else _read(file, 3)) == b"PK\x03\x04"


def _verify_pack(file: Path | bytes, reading: _Reading, progress: Callable[[int, int], None]) -> Verification:
    with ExitStack() as stack:
        try:
            pack = AuditPack(BytesIO(file) if isinstance(file, bytes) else file, stack)
            if reading.trusted is not None and reading.evidence is None and pack.has_evidence:
                reading = replace(reading, evidence=pack.read(EVIDENCE, LARGEST_EVIDENCE))
            return check_pack(pack, reading.verify, progress)
        except ProofFileError as error:
            return not_a_proof_file(error)


def not_a_proof_file(error: ProofFileError) -> Verification:
    """Return the answer for a file that could not be read as a proof file."""
    return none_such("file", "a proof file", error)


def _unusable_evidence(kind: str, error: ProofError | ProofFileError) -> Verification:
    """Evidence that is none leaves a file unchecked: it says nothing against it."""
    if isinstance(error, ProofFileError):
        step = unreadable("evidence", "a chain's evidence", error)
    else:
        why = "The evidence is not of the block that you trust, or does not hold together."
        step = Step(f"evidence: {error.step}", "failed", error.expected, error.found, why)
    return Verification(kind, NOT_CHECKED, (step,), ("No chain was seen.", step.explanation))


def log_of(log: str | bytes, known: KnownLogs) -> bytes:
    """Return the id (32 bytes) of a log that is given by its id or by its name on the reader's list.

    Raises ValueError where it is neither.
    """
    if isinstance(log, str) and not log.startswith("0x"):
        found = known.named(log)
        if found is None:
            raise ValueError(f"{log[:100]!a} is no log id, and no log on your list has this name")
        return found.log_id
    return _hex(log, 32, "a log id")


def chains_of(log_id: bytes | None, known: KnownLogs) -> tuple[int, ...]:
    """Return the chains agreed on for a log on the reader's list; none where it is not on it."""
    found = None if log_id is None else known.of_id(log_id)
    return () if found is None else found.chains


def require_strict(
    log_id: bytes | None,
    chains: tuple[int, ...],
    block_hash: object,
    customer: object,
    ledger_id: object,
) -> None:
    """Raise NotStrict unless log, chain and customer are named. A trusted block says which chain it is of."""
    named = {
        "log": log_id is not None,
        "chain": bool(chains) or block_hash is not None,
        "customer": customer is not None or ledger_id is not None,
    }
    missing = tuple(what for what, is_named in named.items() if not is_named)
    if missing:
        raise NotStrict(missing)


def parse_contract(contract: str | bytes) -> bytes:
    """Return the 20 bytes of a contract's address, given as hex in any case. Raises ValueError."""
    return _hex(contract, 20, "a contract's address")


def parse_hash(value: str | bytes, what: str) -> bytes:
    """Return 32 bytes given as hex in any case; ``what`` names them. Raises ValueError."""
    return _hex(value, 32, what)


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
