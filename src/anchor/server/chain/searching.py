"""A contract's events, searched at every endpoint from the newest block down, and held against each other.

Each endpoint is asked for as many blocks at once as it gives; what all of them show, in the same order,
counts. One that shows none at all, for its limits or a failure, is told of and left out of the search.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from anchor.node.endpoint import NodeRefused, RpcError, TransportFailed
from anchor.node.refusals import Refusal, named_range
from anchor.protocol.hashing import Bytes32
from anchor.server.chain.agreement import AgreeingEndpoints, EndpointsDisagree
from anchor.server.chain.endpoint_group import AnsweredNonsense, Asker, Finding
from anchor.server.chain.values import Event, MalformedAnswer, events_of, hexadecimal

FIRST_RANGE: Final = 10_000
LARGEST_RANGE: Final = 1_000_000
"""Blocks searched for events at once: to begin with, and at most. Down to one are asked for."""


def agreed_events(
    node: AgreeingEndpoints,
    address: bytes,
    topics: list[Bytes32 | None],
    first_block: int,
    last_block: int,
    shown: Callable[[Event], str],
) -> Iterator[Event]:
    """Yield a contract's events with these topics (None: any), the newest first.

    Raises EndpointsDisagree where one endpoint shows an event that another does not, RpcError where fewer
    than ``node.agreement`` show any.
    """
    search = partial(_search, address=address, topics=topics, first=first_block, last=last_block)
    open_: Mapping[str, Iterator[Event]] = {name: search(ask) for name, ask in node.askers().items()}
    open_ = dict(node.keeping_up(open_))
    asked, last = len(open_), None
    while True:
        next_: dict[str, Event | None] = {}
        for name in list(open_):
            try:
                next_[name] = next(open_[name], None)
            except RpcError as failure:
                del open_[name]
                last = failure
                if asked > 1 and not isinstance(failure, AnsweredNonsense):
                    node.findings.append(Finding("endpoint_unreachable", str(failure)))
        if not next_ and last is not None:
            raise last
        if len(next_) < node.agreement:
            few = f"{len(next_)} of the {node.agreement} endpoints that have to agree show events"
            raise RpcError("all endpoints", "eth_getLogs", few)
        if len(set(next_.values())) > 1:
            said = {name: "no more" if event is None else shown(event) for name, event in next_.items()}
            raise EndpointsDisagree(f"the contract's events in blocks {first_block} to {last_block}", said)
        event = next(iter(next_.values()))
        if event is None:
            return
        yield event


def _search(
    ask: Asker, *, address: bytes, topics: list[Bytes32 | None], first: int, last: int
) -> Iterator[Event]:
    """Yield one endpoint's events: fewer blocks at once where they are too many for it, or where no whole
    answer comes, and more while all is well. Raises RpcError."""
    end, size, most = last, FIRST_RANGE, LARGEST_RANGE
    while end >= first:
        begin = max(first, end - size + 1)
        wanted = {
            "address": hexadecimal(address),
            "topics": [None if topic is None else hexadecimal(topic) for topic in topics],
            "fromBlock": hex(begin),
            "toBlock": hex(end),
        }
        try:
            events = ask("eth_getLogs", [wanted], partial(_events_between, begin, end))
        except RpcError as error:
            asked = end - begin + 1
            if asked == 1 or not _too_much(error):
                raise
            named = named_range(error.problem)
            fits = named is not None and named < asked
            size = named if fits and named is not None else max(1, asked // 8)
            most = size if fits else max(1, asked // 2)
            continue
        for event in sorted(events, key=lambda one: (one.block_number, one.log_index), reverse=True):
            if event.address == address and _has(event, topics):
                yield event
        end, size = begin - 1, min(2 * size, most)


FEW_BLOCKS: Final = 1_000
"""With fewer at once, a search through a year of a chain takes hours."""


def events_taken(node: AgreeingEndpoints, address: bytes, newest: int) -> dict[str, int | str]:
    """Return for how many blocks at once, up to ``FIRST_RANGE``, each endpoint shows a contract's events, or
    why it shows none."""
    found: dict[str, int | str] = {}
    for name, ask in node.askers().items():
        size = FIRST_RANGE
        while name not in found:
            wanted = {
                "address": hexadecimal(address),
                "fromBlock": hex(max(0, newest - size + 1)),
                "toBlock": hex(newest),
            }
            try:
                ask("eth_getLogs", [wanted], events_of)
            except RpcError as error:
                if size == 1 or not _too_much(error):
                    found[name] = error.problem
                    break
                named = named_range(error.problem)
                size = named if named is not None and named < size else max(1, size // 8)
            else:
                found[name] = size
    return found


def _events_between(first: int, last: int, answer: Any) -> list[Event]:
    if answer is None:
        raise MalformedAnswer("log entries", "null")
    events = events_of(answer)
    for event in events:
        if not first <= event.block_number <= last:
            raise MalformedAnswer("log entries", f"block {event.block_number} of {first} to {last}")
    return events


def _has(event: Event, topics: list[Bytes32 | None]) -> bool:
    """Whether an event has the topics that were asked for: some nodes give others too."""
    if len(event.topics) < len(topics):
        return False
    return all(wanted in (None, found) for wanted, found in zip(topics, event.topics, strict=False))


def _too_much(error: RpcError) -> bool:
    """Whether fewer blocks may help: whatever a node says that refuses these, and where it searches for too
    long or finds too much. A method that it lacks is lacking for one block too."""
    if isinstance(error, NodeRefused):
        return error.meaning is not Refusal.METHOD_MISSING
    return isinstance(error, TransportFailed) and error.outcome_unknown
