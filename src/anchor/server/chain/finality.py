"""When a block counts as final: by the chain's own tag, or by a number of blocks on top of it.

A block has one confirmation when it is the newest: it is final by ``confirmations = n`` from the moment
at which the newest block is ``n - 1`` above it. Where several endpoints are given, the lowest of their
answers counts.
"""

from dataclasses import dataclass
from typing import Any, Final

from anchor.node.endpoint import NodeRefused, RpcError
from anchor.server.chain.node import Node
from anchor.server.chain.values import block_of

TAGS: Final = ("finalized", "safe")
DEFAULT_FALLBACK: Final = 64


@dataclass(frozen=True, slots=True)
class FinalityRule:
    """``tag`` ('finalized' or 'safe'), else ``confirmations``; these also where a chain lacks the tag."""

    tag: str | None = "finalized"
    confirmations: int = DEFAULT_FALLBACK

    def __post_init__(self) -> None:
        if self.tag is not None and self.tag not in TAGS:
            raise ValueError(
                f"finality is 'finalized', 'safe' or a number of confirmations, not {self.tag!r}"
            )
        if self.confirmations < 1:
            raise ValueError("finality takes at least 1 confirmation")

    def __str__(self) -> str:
        return self.tag or f"{self.confirmations} confirmation{'' if self.confirmations == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class FinalHeight:
    """The highest final block; -1 where none is. ``by_tag`` is False where confirmations were counted."""

    number: int
    by_tag: bool


def final_height(node: Node, rule: FinalityRule) -> FinalHeight | None:
    """Return how far the chain is final, by the lowest of all endpoints that answer.

    None where fewer than ``node.agreement`` endpoints answer, and where a tag is missing that this chain
    was seen to have: confirmations never take its place then. Raises RpcError where none answers.
    """
    if rule.tag is not None:
        by_tag = tagged_height(node, rule.tag)
        if by_tag is not None:
            return by_tag if by_tag.number >= -1 else None
    newest = node.of_all("eth_getBlockByNumber", ["latest", False], block_of)
    if len(newest) < node.agreement:
        return None
    lowest = min(block.number for block in newest.values())
    return FinalHeight(max(-1, lowest - rule.confirmations + 1), by_tag=False)


def tagged_height(node: Node, tag: str) -> FinalHeight | None:
    """Return the height that a tag stands for; None where the chain does not know the tag.

    A number of -2 says that fewer than ``node.agreement`` endpoints answered, or that none knows a tag
    (any more) that one of them knew before. Raises RpcError where none answers.
    """
    numbers: list[int] = []
    lacking: set[str] = set()
    last: RpcError | None = None
    for answer in node.every("eth_getBlockByNumber", [tag, False], _height):
        if answer.result is not None:
            numbers.append(answer.result)
        else:
            last = answer.error
            if isinstance(answer.error, NodeRefused):
                lacking.add(answer.endpoint)
    if numbers:
        node.tags_known.add(tag)
        return FinalHeight(min(numbers) if len(numbers) >= node.agreement else -2, by_tag=True)
    # Whatever the words: who refuses a tag and answers 'latest' does not have it.
    if lacking & node.of_all("eth_getBlockByNumber", ["latest", False], block_of).keys():
        # A node that was started again says for a while that it has no such block.
        return FinalHeight(-2, by_tag=True) if tag in node.tags_known else None
    assert last is not None
    raise last


def _height(answer: Any) -> int:
    # Null: the node knows the tag, and nothing is final yet.
    return -1 if answer is None else block_of(answer).number
