"""``anchor watch``: what someone without our database sees, and what alarms them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from anchor.chain.contract import AnchorLog, anchor_call, selector
from anchor.chain.deploying import deploy, send_and_wait
from anchor.chain.finality import FinalityRule
from anchor.chain.node import Node
from anchor.chain.rpc import HttpEndpoint
from anchor.chain.signers.local import LocalSigner
from anchor.chain.watch import ALARMS, Watcher
from anchor.protocol.batch import Batch
from anchor.protocol.hashing import ZERO, Bytes32, keccak
from anchor.protocol.merkle import HISTORY_TREE, tree_root
from tests.fixtures.anvil import CHAIN_ID, Anvil

LOG_ID = b"\x21" * 32


@dataclass
class Log:
    """A log that anchors true batches, unless a test makes it cheat."""

    node: Node
    signer: LocalSigner
    address: bytes
    shown: dict[int, Batch] = field(default_factory=dict)
    roots: list[Bytes32] = field(default_factory=list)

    def seal(self, *, sealed_at: int = 1_000) -> Batch:
        number = len(self.roots) + 1
        history = (
            tree_root(HISTORY_TREE, [HISTORY_TREE.leaf(root) for root in self.roots]) if self.roots else ZERO
        )
        batch = Batch(number, history, keccak(bytes([number])), sealed_at)
        self.shown[number] = batch
        self.roots.append(batch.anchor_root(LOG_ID))
        return batch

    def anchor(self, root: Bytes32 | None = None, number: int | None = None) -> None:
        head = AnchorLog(self.node, self.address).head()
        calldata = anchor_call(head, root or self.roots[-1], number or len(self.roots))
        assert send_and_wait(self.node, self.signer, self.address, calldata).succeeded

    def watcher(self, **changes: object) -> Watcher:
        return Watcher(
            AnchorLog(self.node, self.address),
            log_id=LOG_ID,
            finality=FinalityRule(None, 1),
            batches=self.shown.get,
            **changes,  # type: ignore[arg-type]
        )


@pytest.fixture
def log(anvil: Anvil) -> Log:
    node = Node([HttpEndpoint(anvil.url)], CHAIN_ID)
    signer = LocalSigner(bytes.fromhex(anvil.accounts[0].private_key[2:]))
    address = deploy(node, signer, log_id=LOG_ID, owner=signer.address, submitter=signer.address).address
    return Log(node, signer, address)


def kinds(watcher: Watcher) -> list[str]:
    return [sighting.kind for sighting in watcher.look()]


def test_an_honest_log_is_followed_and_every_history_checked(log: Log) -> None:
    watcher = log.watcher()
    assert kinds(watcher) == []
    log.seal()
    log.anchor()
    assert kinds(watcher) == ["anchored", "checked"]
    # Batches that never reached the chain are in the history all the same.
    for _ in range(3):
        log.seal()
    log.anchor()
    assert kinds(watcher) == ["anchored", "checked"]
    assert kinds(watcher) == []
    assert watcher.heads == 2
    # Someone who begins to watch now sees the same.
    assert kinds(log.watcher()) == ["anchored", "checked", "anchored", "checked"]


def rewrite_history(log: Log) -> None:
    batch = log.seal()
    log.shown[batch.number] = replace(batch, history_root=keccak(b"another history"))
    log.roots[-1] = log.shown[batch.number].anchor_root(LOG_ID)
    log.anchor()


def hide_a_batch(log: Log) -> None:
    batch = log.seal()
    log.anchor()
    del log.shown[batch.number]


def show_another_batch(log: Log) -> None:
    batch = log.seal()
    log.anchor()
    log.shown[batch.number] = replace(batch, map_root=keccak(b"another map"))


def repeat_a_number(log: Log) -> None:
    log.seal()
    log.anchor(number=1)


def seal_in_the_future(log: Log) -> None:
    log.seal(sealed_at=2**42)
    log.anchor()


@pytest.mark.parametrize(
    ("cheat", "alarm"),
    [
        (rewrite_history, "history_differs"),
        (hide_a_batch, "batch_missing"),
        (show_another_batch, "root_differs"),
        (repeat_a_number, "number_not_rising"),
        (seal_in_the_future, "sealed_after_block"),
    ],
)
def test_a_head_that_does_not_extend_the_history_alarms(
    log: Log, cheat: Callable[[Log], None], alarm: str
) -> None:
    watcher = log.watcher()
    log.seal()
    log.anchor()
    assert kinds(watcher) == ["anchored", "checked"]
    cheat(log)
    seen = watcher.look()
    assert alarm in [sighting.kind for sighting in seen if sighting.is_alarm]
    assert alarm in ALARMS


def test_another_submitter_and_owner_are_told(log: Log, anvil: Anvil) -> None:
    watcher = log.watcher()
    watcher.look()
    other = LocalSigner(bytes.fromhex(anvil.accounts[1].private_key[2:]))
    for function in ("nameSubmitter(address)", "transferOwnership(address)"):
        send_and_wait(log.node, log.signer, log.address, selector(function) + bytes(12) + other.address)
    assert kinds(watcher) == ["submitter_changed"]
    send_and_wait(log.node, other, log.address, selector("acceptOwnership()"))
    assert kinds(watcher) == ["owner_changed"]


def test_a_reorganisation_before_finality_is_followed_and_after_it_alarms(log: Log, anvil: Anvil) -> None:
    patient = Watcher(
        AnchorLog(log.node, log.address),
        log_id=LOG_ID,
        finality=FinalityRule(None, 50),
        batches=log.shown.get,
    )
    hasty = log.watcher()
    log.seal()
    log.anchor()
    assert kinds(patient) == kinds(hasty) == ["anchored", "checked"]
    anvil.rpc("anvil_reorg", 1, [])
    assert kinds(patient) == []
    assert patient.heads == 0
    assert "event_vanished" in kinds(hasty)
    log.anchor()
    assert kinds(patient) == ["anchored", "checked"]
