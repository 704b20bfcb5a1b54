"""A log on Anvil that anchors true batches unless a test makes it cheat, and watchers of it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from anchor.monitor.history import BatchesUnavailable
from anchor.monitor.nodes import Nodes
from anchor.monitor.sightings import Sighting
from anchor.monitor.state import Watched
from anchor.monitor.watcher import Watcher
from anchor.node.endpoint import HttpEndpoint
from anchor.node.reader import JsonRpcChain
from anchor.node.view import Finality
from anchor.protocol.batch import Batch
from anchor.protocol.hashing import ZERO, Bytes32, keccak
from anchor.protocol.merkle import HISTORY_TREE, tree_root
from anchor.server.chain.contract import AnchorLog, anchor_call, selector
from anchor.server.chain.deploying import deploy, send_and_wait
from anchor.server.chain.node import Node
from anchor.server.chain.signers.local import LocalSigner
from tests.fixtures.anvil import CHAIN_ID, Anvil

LOG_ID = b"\x21" * 32


@dataclass
class ShownBatches:
    """What the log shows; a test takes things away from it, or alters them."""

    batches: dict[int, Batch] = field(default_factory=dict)
    closed: bool = False

    def batch(self, number: int) -> Batch | None:
        if self.closed:
            raise BatchesUnavailable("the log is closed")
        return self.batches.get(number)


@dataclass
class WatchedLog:
    """A contract, and the log behind it."""

    anvil: Anvil
    node: Node
    signer: LocalSigner
    address: bytes
    source: ShownBatches = field(default_factory=ShownBatches)
    roots: list[Bytes32] = field(default_factory=list)
    watchers: list[Nodes] = field(default_factory=list)

    @property
    def shown(self) -> dict[int, Batch]:
        return self.source.batches

    @property
    def watched(self) -> Watched:
        return Watched(CHAIN_ID, self.address, LOG_ID)

    def now(self) -> float:
        """The time in seconds by this chain, however fast a test lets it go by."""
        return self.node.tallest_block().time / 1000

    def mine_slowly(self, blocks: int) -> None:
        """Mine blocks, each 12 seconds after the one before."""
        self.anvil.rpc("anvil_mine", hex(blocks), hex(12))

    def seal(self, *, sealed_at: int = 1_000) -> Batch:
        """Seal the next batch, whose history is true."""
        number = len(self.roots) + 1
        history = tree_root(HISTORY_TREE, [HISTORY_TREE.leaf(root) for root in self.roots])
        batch = Batch(number, history if self.roots else ZERO, keccak(bytes([number])), sealed_at)
        self.shown[number] = batch
        self.roots.append(batch.anchor_root(LOG_ID))
        return batch

    def anchor(self, root: Bytes32 | None = None, number: int | None = None) -> None:
        """Anchor the newest batch, or whatever a cheat wants."""
        head = AnchorLog(self.node, self.address).head()
        self.send(self.signer, anchor_call(head, root or self.roots[-1], number or len(self.roots)))

    def seal_and_anchor(self) -> None:
        """Be honest."""
        self.seal()
        self.anchor()

    def send(self, signer: LocalSigner, calldata: bytes) -> None:
        """Send a transaction to the contract."""
        assert send_and_wait(self.node, signer, self.address, calldata).succeeded

    def name(self, signer: LocalSigner, function: str, address: bytes) -> None:
        """Call one of the owner's functions."""
        self.send(signer, selector(function) + bytes(12) + address)

    def watcher(self, *urls: str, finality: int = 1, **changes: Any) -> Watcher:
        """Someone who watches through these nodes, by default the one."""
        nodes = Nodes([JsonRpcChain(url) for url in urls or (self.anvil.url,)], now=self.now)
        settings: dict[str, Any] = {
            "finality": Finality(None, finality),
            "batches": self.source,
            "now_ms": lambda: 0,
        }
        return Watcher(nodes, self.watched, **(settings | changes))


def log_on(anvil: Anvil) -> WatchedLog:
    """A fresh contract on a node."""
    node = Node([HttpEndpoint(anvil.url)], CHAIN_ID)
    signer = LocalSigner(bytes.fromhex(anvil.accounts[0].private_key[2:]))
    address = deploy(node, signer, log_id=LOG_ID, owner=signer.address, submitter=signer.address).address
    return WatchedLog(anvil, node, signer, address)


@pytest.fixture
def log(anvil: Anvil) -> WatchedLog:
    """A log on a node of its own."""
    return log_on(anvil)


def see(watcher: Watcher) -> list[Sighting]:
    """Look until all is seen; return what was new."""
    found: list[Sighting] = []
    while True:
        look = watcher.look()
        found += look.sightings
        if look.caught_up:
            return found


def kinds(watcher: Watcher) -> list[str]:
    """Look, and return the kinds of what was new."""
    return [sighting.kind for sighting in see(watcher)]
