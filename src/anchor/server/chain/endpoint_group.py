"""The endpoints of one chain: which of them may be asked, and what counts as an answer of theirs.

An endpoint is asked only where it said, at the last ``begin_cycle``, that it is on the chain of the
settings. One that answers nonsense has not answered: it rests as one that is down does, and the others
are asked.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from anchor.node.endpoint import Endpoint, NodeRefused, RpcError, TransportFailed
from anchor.node.refusals import Refusal
from anchor.server.chain.values import MalformedAnswer, quantity

Value = TypeVar("Value")

OWN_LIMITS: Final = frozenset({Refusal.METHOD_MISSING, Refusal.BLOCK_UNKNOWN, Refusal.RANGE_TOO_LARGE})
"""Refusals by which an endpoint tells of its own limits: another may have an answer."""


class Asker(Protocol):
    """Asks one endpoint, as ``EndpointGroup`` does."""

    def __call__(self, method: str, params: Sequence[Any], read: Callable[[Any], Value], /) -> Value:
        """Return what the endpoint says. Raises RpcError."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about an endpoint that the operator should know. ``kind`` is an alarm's name."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[Value]):
    """What one endpoint said: a value, None too, or an error."""

    endpoint: str
    result: Value | None
    error: RpcError | None


@dataclass(eq=False)
class WrongChain(Exception):
    """No endpoint is on the chain that the settings name."""

    expected: int
    found: dict[str, int]

    def __str__(self) -> str:
        seen = ", ".join(f"{name} is on {chain_id}" for name, chain_id in self.found.items())
        return f"the settings say chain id {self.expected}, but {seen or 'no endpoint is on it'}"


class AnsweredNonsense(TransportFailed):
    """An endpoint's answer is not what Ethereum's JSON-RPC says it is: as good as none."""

    def __init__(self, endpoint: str, method: str, malformed: str) -> None:
        super().__init__(endpoint, method, f"nonsense: {malformed}", outcome_unknown=True)


class EndpointGroup:
    """Asks all endpoints, and keeps away from those that failed."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        chain_id: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if not endpoints:
            raise ValueError("a chain needs at least one endpoint")
        self.endpoints: Final = tuple(endpoints)
        self.chain_id: Final = chain_id
        self.findings: list[Finding] = []
        names = [one.name for one in self.endpoints]
        self._names: Final = tuple(
            # Two keys of one provider look the same once they are hidden.
            one.name if not (earlier := names[:place].count(one.name)) else f"{one.name} ({earlier + 1})"
            for place, one in enumerate(self.endpoints)
        )
        self._monotonic = monotonic
        self._jitter = jitter
        self._failures: dict[int, int] = {}
        self._resting: dict[int, float] = {}
        self._usable: tuple[int, ...] | None = None

    def begin_cycle(self) -> None:
        """Forget the last cycle's findings, and take only the endpoints that say they are of this chain.

        Raises WrongChain where all that answer are of another, RpcError where none answers.
        """
        self.findings = []
        self._usable = None
        usable = []
        found: dict[str, int] = {}
        last: RpcError | None = None
        for place, name in enumerate(self._names):
            try:
                chain_id = self._ask(place, "eth_chainId", [], _chain_id)
            except RpcError as error:
                last = error
                if not isinstance(error, AnsweredNonsense):
                    self.findings.append(Finding("endpoint_unreachable", str(error)))
                continue
            if chain_id == self.chain_id:
                usable.append(place)
                continue
            found[name] = chain_id
            self.findings.append(Finding("wrong_chain", str(WrongChain(self.chain_id, {name: chain_id}))))
        if usable:
            self._usable = tuple(usable)
            return
        if found or last is None:
            raise WrongChain(self.chain_id, found)
        raise last

    def every(self, method: str, params: Sequence[Any], read: Callable[[Any], Value]) -> list[Answer[Value]]:
        """Ask every endpoint of this chain that is not resting after a failure.

        ``read`` makes a value of an answer, and raises MalformedAnswer where it is none.
        """
        answers: list[Answer[Value]] = []
        for place in self._order():
            name = self._names[place]
            try:
                answers.append(Answer(name, self._ask(place, method, params, read), None))
            except RpcError as failure:
                self._say_silent(failure)
                answers.append(Answer(name, None, failure))
        return answers

    def of_all(self, method: str, params: Sequence[Any], read: Callable[[Any], Value]) -> dict[str, Value]:
        """Return what each endpoint that has an answer says. Raises the last error where none has one."""
        said: dict[str, Value] = {}
        last: RpcError | None = None
        for place in self._order():
            try:
                said[self._names[place]] = self._ask(place, method, params, read)
            except RpcError as failure:
                self._say_silent(failure)
                last = failure
        if not said:
            raise last or WrongChain(self.chain_id, {})
        return said

    def askers(self) -> dict[str, Asker]:
        """Return how to ask each endpoint of this chain that is not resting after a failure."""
        return {self._names[place]: partial(self._ask, place) for place in self._order()}

    def _ask(self, place: int, method: str, params: Sequence[Any], read: Callable[[Any], Value]) -> Value:
        endpoint = self.endpoints[place]
        try:
            result = endpoint.call(method, params)
        except TransportFailed:
            self._failed(place)
            raise
        except NodeRefused:
            self._recovered(place)
            raise
        try:
            value = read(result)
        except MalformedAnswer as malformed:
            self._failed(place)
            nonsense = AnsweredNonsense(self._names[place], method, endpoint.hide(str(malformed)))
            self.findings.append(Finding("endpoint_unreachable", str(nonsense)))
            raise nonsense from None
        self._recovered(place)
        return value

    def _say_silent(self, failure: RpcError) -> None:
        """Tell of an endpoint that is not heard where all are, though it may have said its chain."""
        if isinstance(failure, TransportFailed) and not isinstance(failure, AnsweredNonsense):
            self.findings.append(Finding("endpoint_unreachable", str(failure)))

    def _failed(self, place: int) -> None:
        failures = self._failures.get(place, 0) + 1
        self._failures[place] = failures
        # 1, 2, 4 ... 60 seconds, each between half and all of it.
        pause = min(60.0, 2.0 ** (failures - 1)) * (0.5 + self._jitter() / 2)
        self._resting[place] = self._monotonic() + pause

    def _recovered(self, place: int) -> None:
        self._failures.pop(place, None)
        self._resting.pop(place, None)

    def _order(self) -> list[int]:
        if self._usable is None:
            self.begin_cycle()
        usable = self._usable or ()
        now = self._monotonic()
        awake = [place for place in usable if self._resting.get(place, now) <= now]
        return awake or list(usable)


def _chain_id(answer: Any) -> int:
    return quantity(answer, "chain id")
