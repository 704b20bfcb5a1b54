"""What a transaction would do, by several endpoints: what it returns, what gas it takes, whether it reverts.

One endpoint alone that says 'it reverts' could stop all sending, and one alone that says 'it passes' would
have us pay for what reverts. So of contrary words those of the most endpoints count, and where neither
side has more, none does. An endpoint that refuses for another reason has said nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_high, median_low
from typing import Any, Final, Generic

from anchor.node.endpoint import NodeRefused
from anchor.node.refusals import Refusal
from anchor.server.chain.agreement import AgreeingEndpoints, EndpointsDisagree
from anchor.server.chain.endpoint_group import OWN_LIMITS, Answer, Finding, Value

FARTHEST: Final = 2
"""Two estimates of gas may be apart by this factor: nodes estimate by different means."""


@dataclass(frozen=True, slots=True)
class Outcomes(Generic[Value]):
    """What each endpoint that keeps up says: a value, or that it reverts. At least one says something."""

    values: Mapping[str, Value]
    reverts: Mapping[str, NodeRefused]

    def disagreement(self, what: str, shown: Callable[[Value], str]) -> EndpointsDisagree:
        """Return who said what."""
        said = {name: shown(value) for name, value in self.values.items()}
        return EndpointsDisagree(what, said | {name: error.problem for name, error in self.reverts.items()})

    def revert(self) -> NodeRefused:
        """Return a revert, with its data where any endpoint gives it."""
        return max(self.reverts.values(), key=lambda error: bool(error.data))


def outcomes(
    node: AgreeingEndpoints, method: str, params: Sequence[Any], read: Callable[[Any], Value]
) -> Outcomes[Value]:
    """Ask every endpoint. Raises NodeRefused or TransportFailed where none says what would happen."""
    answers = node.every(method, params, read)
    said = {answer.endpoint: answer for answer in answers if answer.error is None or _reverts(answer)}
    if not said:
        raise _why_not(answers)
    kept_up = node.keeping_up(said)
    return Outcomes(
        {name: answer.result for name, answer in kept_up.items() if answer.error is None},  # type: ignore[misc]
        {name: answer.error for name, answer in kept_up.items() if isinstance(answer.error, NodeRefused)},
    )


def agreed_result(node: AgreeingEndpoints, params: Sequence[Any], read: Callable[[Any], bytes]) -> bytes:
    """Return what ``eth_call`` returns. Raises EndpointsDisagree unless all say the same, NodeRefused."""
    found = outcomes(node, "eth_call", params, read)
    results = set(found.values.values())
    if len(results) > 1 or (results and found.reverts):
        raise found.disagreement("what a call does", lambda result: f"0x{result.hex()[:64]}")
    if found.reverts:
        raise found.revert()
    return results.pop()


def agreed_gas(node: AgreeingEndpoints, params: Sequence[Any], read: Callable[[Any], int]) -> int:
    """Return the gas that ``eth_estimateGas`` says, the middle of what the endpoints say.

    Raises EndpointsDisagree where there is none: as many say that it reverts, or two in the middle are far
    apart; NodeRefused.
    """
    found = outcomes(node, "eth_estimateGas", params, read)
    disagreement = found.disagreement("what gas a transaction takes", "{} gas".format)
    gas = found.values.values()
    if len(found.reverts) == len(gas):
        raise disagreement
    if len(found.reverts) > len(gas):
        if gas:
            node.findings.append(Finding("endpoints_disagree", str(disagreement)))
        raise found.revert()
    least, most = median_low(gas), median_high(gas)
    if most > FARTHEST * least:
        raise disagreement
    if found.reverts or any(most > FARTHEST * one or one > FARTHEST * most for one in gas):
        node.findings.append(Finding("endpoints_disagree", str(disagreement)))
    return most


def _reverts(answer: Answer[Any]) -> bool:
    return isinstance(answer.error, NodeRefused) and answer.error.meaning is Refusal.REVERTED


def _why_not(answers: Sequence[Answer[Any]]) -> Exception:
    """Return the error that says the most: a refusal, best one that is not of an endpoint's own limits."""
    errors = [answer.error for answer in answers if answer.error is not None]
    refusals = [error for error in errors if isinstance(error, NodeRefused)]
    telling = [error for error in refusals if error.meaning not in OWN_LIMITS]
    return [*errors, *refusals, *telling[::-1]][-1]
