"""The rules of a verification, whole, and without any I/O: section 8 of docs/protocol.md.

What always holds of ``verify_proof``:

- ``valid`` is said only where every step passed, the chain's included. There is no 'probably valid'.
- Without a chain, or with one that cannot be asked, is of another id, or has not reached the block, the
  verdict is ``not_checked_against_a_chain``, unless the file is already wrong by itself: ``invalid``.
- Which contract, which customer or ledger, and what counts as final come from the caller, never from the
  file: where the caller names none, the answer says what is left for the reader to recognise.
- All batches of one file are held against one contract: nobody can be accused by a contract that the
  accuser deployed, once the reader knows the agreed one.
- ``valid`` is said only of what the log itself signed: what stands on the chain under another's hand, or
  under no signature, proves nothing.
- Nothing is taken for true because the file states it. A root, a balance or a hash in it is one side of
  a comparison.

    verification = verify_proof(parse_proof_file(raw), chain, expected_contract=contract)
    if verification.valid: ...
"""

from collections.abc import Callable, Collection
from typing import Any, Final

from anchor.node.view import ChainUnavailable, ChainView, Clock, Finality, TrustedBlock
from anchor.proof.values import (
    AbsenceClaim,
    BalanceClaim,
    Claim,
    ConsistencyClaim,
    DeltaClaim,
    FraudClaim,
    FreshnessClaim,
    PeriodClaim,
    ProofFile,
)
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.times import moment
from anchor.protocol.visible_text import visible_id
from anchor.verify import claims
from anchor.verify.chain_names import chain_in_words
from anchor.verify.frauds import fraud
from anchor.verify.known_logs import NO_LOGS, KnownLogs
from anchor.verify.local_checks import LocalChecks, Proven
from anchor.verify.on_chain import NEWEST_BLOCK, Committed, OnChain, Seen, check_histories, on_which
from anchor.verify.own_batch import check_own, is_unsigned
from anchor.verify.period_claim import period
from anchor.verify.results import INVALID, NOT_CHECKED, VALID, Checks, Stopped, Verdict, Verification
from anchor.verify.span_claim import blocks_words

_CLAIMS: Final[dict[type[Claim], Callable[[LocalChecks, Any], Proven]]] = {
    DeltaClaim: claims.delta,
    BalanceClaim: claims.balance,
    PeriodClaim: period,
    AbsenceClaim: claims.absence,
    FreshnessClaim: claims.freshness,
    ConsistencyClaim: claims.consistency,
    FraudClaim: fraud,
}


def verify_proof(
    proof: ProofFile,
    chain: ChainView | None,
    *,
    expected_contract: bytes | None = None,
    expected_customer: str | None = None,
    expected_unit: str | None = None,
    expected_ledger_id: Bytes32 | None = None,
    expected_log: Bytes32 | None = None,
    expected_chains: Collection[int] = (),
    known_logs: KnownLogs = NO_LOGS,
    finality: Finality | str | int = "finalized",
    clock: Clock | None = None,
) -> Verification:
    """Say whether a proof file holds, and what it proves.

    ``expected_contract`` (20 bytes) is the contract that the reader and the operator agreed on;
    ``expected_log`` is the id of the other party's log and ``expected_chains`` the ids of the chains agreed
    on (none: any); ``known_logs`` are the reader's own, so that the answer can name them;
    ``finality`` is ``finalized``, ``safe``, ``latest`` or a number of confirmations. ``clock`` is the
    reader's own time: where a claim to be the newest rests on a final block that is too old by it, no
    verdict is given. Without a clock none is too old, as where the reader knows the block. Raises ValueError
    where ``finality`` is no rule, and nothing else.
    """
    rule = Finality.parse(finality)
    checks = Checks()
    proven = None
    try:
        _expected(checks, proof, expected_log, expected_customer, expected_unit, expected_ledger_id)
        proven = _local(checks, proof)
        if is_unsigned(checks):
            checks.skipped("chain", "Not asked, since the log's signature is not shown.")
            raise Stopped(NOT_CHECKED)
        if chain is None:
            checks.skipped("chain", "No node was named, so no chain was asked.")
            raise Stopped(NOT_CHECKED)
        _expected_chain(checks, chain, expected_chains)
        seen = OnChain(checks, chain, proof.log.log_id, rule, clock).check(proven.batches, expected_contract)
    except Stopped as stopped:
        if proven is None:
            checks.skipped("chain", "Not asked, since an earlier step failed.")
        return _unproven(proof, checks, stopped.verdict, proven)
    return Verification(
        proof.kind,
        VALID,
        tuple(checks.steps),
        (
            *proven.statements,
            *_naming(proof),
            _which_log(proof, known_logs, named_by_reader=expected_log is not None),
            *_on_chain(seen, expected_contract is not None),
            *_as_of(proof, seen),
        ),
        _facts(proof, proven) | {"chain": _chain_facts(seen)},
    )


def _expected(
    checks: Checks,
    proof: ProofFile,
    log: Bytes32 | None,
    customer: str | None,
    unit: str | None,
    ledger_id: Bytes32 | None,
) -> None:
    """Hold the file against what the reader means."""
    ledger = proof.ledger
    named = None if ledger is None else ledger.customer
    wanted = (
        ("expected log", log, proof.log.log_id, "log"),
        ("expected ledger", ledger_id, None if ledger is None else ledger.ledger_id, "ledger"),
        ("expected customer", customer, None if named is None else named.customer_id, "customer"),
        ("expected unit", unit, None if named is None else named.unit, "unit"),
    )
    for name, expected, found, what in wanted:
        if expected is None:
            continue
        if found != expected:
            why = f"The file names no {what}." if found is None else f"The file is about another {what}."
            checks.fail(name, _shown(expected), _shown(found), why)
        checks.passed(name, _shown(expected), f"The file is about the {what} that you named.")


def _shown(value: str | Bytes32 | None) -> str | Bytes32 | None:
    """Return an id so that two which differ look different."""
    return visible_id(value) if isinstance(value, str) else value


def _expected_chain(checks: Checks, chain: ChainView, chains: Collection[int]) -> None:
    """Hold the node's chain against those that the reader and the operator agreed on.

    A block that is trusted by its hash says by itself which chain it is of. A node that does not answer is
    left to the steps that ask it.
    """
    if not chains or isinstance(chain, TrustedBlock):
        return
    try:
        found = chain.chain_id()
    except ChainUnavailable:
        return
    agreed = " or ".join(map(chain_in_words, sorted(chains)))
    checks.holds(
        "expected chain",
        found in chains,
        agreed,
        chain_in_words(found),
        "The node is of a chain that you named."
        if found in chains
        else "The node is of another chain than you named, where anybody can anchor a history of their own.",
        NOT_CHECKED,
    )


def _local(checks: Checks, proof: ProofFile) -> Proven:
    ledger_id = ZERO if proof.ledger is None else proof.ledger.ledger_id
    local = LocalChecks(checks, proof.log.log_id, ledger_id)
    local.identity(proof)
    proven = _CLAIMS[type(proof.claim)](local, proof.claim)
    for claimed in proven.batches:
        check_histories(checks, claimed, proof.log.log_id)
        check_own(checks, claimed, proof.log)
    return proven


def _unproven(proof: ProofFile, checks: Checks, verdict: Verdict, proven: Proven | None) -> Verification:
    failed = next((step for step in checks.steps if step.outcome == "failed"), None)
    if verdict == INVALID:
        said = "This proves nothing."
    elif is_unsigned(checks):
        said = "The file fits together, but that is no proof: it does not show that the log signed it."
    elif failed is not None and failed.name.startswith(NEWEST_BLOCK):
        said = "The chain holds the file's root, but whether it is the newest now was not seen."
    else:
        said = "The file fits together, but that is no proof: no chain was seen to hold its root."
    statements = (said,) if failed is None else (said, failed.explanation)
    return Verification(
        proof.kind,
        verdict,
        tuple(checks.steps),
        statements,
        {} if proven is None else _facts(proof, proven),
    )


def _naming(proof: ProofFile) -> tuple[str, ...]:
    if proof.ledger is None:
        return ()
    customer = proof.ledger.customer
    if customer is None:
        return (
            f"It names no customer: it proves something about the ledger id "
            f"{hex_of(proof.ledger.ledger_id)} only.",
        )
    unit = f"unit “{visible_id(customer.unit)}”" if customer.unit else "no unit"
    return (
        f"The ledger is the only one that customer “{visible_id(customer.customer_id)}” can have in {unit}.",
    )


def _which_log(proof: ProofFile, known: KnownLogs, *, named_by_reader: bool) -> str:
    log_id = hex_of(proof.log.log_id)
    log = known.of_id(proof.log.log_id)
    if log is not None:
        return f"It is the log that you know as “{log.name}”: {log_id}."
    if named_by_reader:
        return f"It is the log that you named: {log_id}."
    return f"Whether {log_id} is the other party's log is for you to recognise."


def _on_chain(seen: Seen, named_by_reader: bool) -> tuple[str, ...]:
    contract, where = hex_of(seen.contract), on_which(seen.chain_id, seen.by_hash)
    lines = [
        f"Valid under contract {contract}, which you named, on {where}."
        if named_by_reader
        else f"Valid under contract {contract} on {where}: "
        "whether that is the agreed contract is for you to recognise."
    ]
    for one in seen.committed:
        what = f"Batch {one.number}" if len(seen.committed) > 1 else "All this"
        block = f" (block {one.block})" if one.block is not None else " (pinned)"
        lines.append(f"{what} was committed no later than {moment(one.time * 1000)}{block}.")
        if one.is_head:
            as_of = f"block {one.as_of.number}, {moment(one.as_of.timestamp * 1000)}"
            lines.append(f"Batch {one.number} is the contract's head as of {as_of}.")
    return tuple(lines)


def _as_of(proof: ProofFile, seen: Seen) -> tuple[str, ...]:
    """Say as of when a head was the newest, or a ledger absent (§8), and what a span's blocks leave open."""
    if isinstance(proof.claim, PeriodClaim) and proof.claim.span is not None:
        return blocks_words(proof.claim.span, seen.committed)
    if isinstance(proof.claim, FreshnessClaim):
        what = "This was the ledger's newest head"
    elif isinstance(proof.claim, AbsenceClaim):
        named = proof.ledger is not None and proof.ledger.customer is not None
        what = f"There was no ledger {'for exactly this customer id and unit' if named else 'of this id'}"
    else:
        return ()
    return tuple(
        f"{what} as of {moment(one.newest.time)}{', ' if one.newest.condition else ''}{one.newest.condition}."
        for one in seen.committed
    )


def _facts(proof: ProofFile, proven: Proven) -> dict[str, Any]:
    facts: dict[str, Any] = {"logId": hex_of(proof.log.log_id)}
    if proof.ledger is not None:
        facts["ledgerId"] = hex_of(proof.ledger.ledger_id)
        if (customer := proof.ledger.customer) is not None:
            facts |= {"customerId": customer.customer_id, "unit": customer.unit}
    return facts | proven.facts


def _chain_facts(seen: Seen) -> dict[str, Any]:
    return {
        "chainId": seen.chain_id,
        "contract": hex_of(seen.contract),
        "finalBlock": seen.final.number,
        "finalBlockTime": seen.final.timestamp * 1000,
        "batches": [_batch_facts(one) for one in seen.committed],
    }


def _batch_facts(one: Committed) -> dict[str, Any]:
    return {
        "number": one.number,
        "anchorRoot": hex_of(one.root),
        "through": one.through,
        "by": one.by,
        "block": one.block,
        "committedBy": one.time * 1000,
        "newestAsOf": one.newest.time,
        "isHead": one.is_head,
    }
