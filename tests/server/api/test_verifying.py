"""``verify``: anybody's, against the record and against a real chain, saying what was checked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from anchor.node.endpoint import HttpEndpoint
from anchor.node.reader import JsonRpcChain
from anchor.node.view import Finality
from anchor.protocol.identities import IdentityKey
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.anchoring.sending_chain import ChainConnection
from anchor.server.api.public_checks import AskedChain
from anchor.server.chain.deploying import deploy
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.node import Node
from anchor.server.chain.settings import ChainSettings, SignerSettings
from anchor.server.chain.signers.local import LocalSigner
from anchor.server.ledger.sealing import Sealer
from anchor.server.storage.database import Database
from tests.fixtures.anvil import CHAIN_ID, Anvil
from tests.fixtures.logs import FOUNDER
from tests.fixtures.service import Service, running_service


@dataclass
class Anchored:
    """A service whose batches go to a chain."""

    service: Service
    anvil: Anvil
    loop: AnchoringLoop

    def anchor(self) -> None:
        """Seal, send, and let it become final."""
        self.service.clock.advance(1_000)
        self.loop.run_once()
        self.anvil.mine(3)
        self.loop.run_once()

    def verify(self, proof_id: str, source: str = "both") -> dict[str, Any]:
        answer = self.service.anybody.get(f"/api/v1/verify/{proof_id}", params={"source": source})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def anchored(anvil: Anvil, database: Database) -> Iterator[Anchored]:
    """A service and a contract on a node, where a block with two upon it is final."""
    identity_key = IdentityKey.generate()
    signer = LocalSigner(bytes.fromhex(anvil.accounts[0].private_key.removeprefix("0x")))
    node = Node([HttpEndpoint(anvil.url)], CHAIN_ID)
    contract = deploy(
        node, signer, log_id=identity_key.log_id(FOUNDER), owner=signer.address, submitter=signer.address
    ).address
    settings = ChainSettings(
        name="anvil",
        chain_id=CHAIN_ID,
        rpc=(anvil.url,),
        signer=SignerSettings("environment"),
        contract=contract,
        finality=FinalityRule(None, 2),
        interval=0.01,
        low_funds_days=1e-6,
    )
    asked = AskedChain(CHAIN_ID, contract, JsonRpcChain(anvil.url), Finality(None, 2))
    with running_service(database, chains=(asked,), identity_key=identity_key) as service:
        loop = AnchoringLoop(
            service.database,
            Sealer(service.database, service.log, service.components.identity_key, service.clock),
            [ChainConnection(settings, [HttpEndpoint(anvil.url)], signer)],
            service.clock,
            log_id=service.log.log_id,
        )
        yield Anchored(service, anvil, loop)


def test_a_receipt_is_followed_from_the_record_to_the_chain(anchored: Anchored) -> None:
    receipt = anchored.service.emit("acme", -182, "run-1", metadata={"secret": "m"})
    stored = anchored.verify(receipt["receiptId"])
    assert (stored["valid"], stored["status"]) == (None, "QUEUED")
    assert stored["checked"] == {"db": "not_checked", "chain": "not_checked"}
    anchored.anchor()
    found = anchored.verify(receipt["receiptId"])
    assert (found["valid"], found["status"], found["kind"]) == (True, "VERIFIED", "receipt")
    assert found["checked"] == {"db": "holds", "chain": "holds"}
    assert found["fingerprint"] == receipt["fingerprint"]
    assert {check["source"] for check in found["checks"]} == {"db", "chain"}
    assert {check["outcome"] for check in found["checks"]} == {"passed"}
    assert found["statements"]
    (anchor,) = found["anchors"]
    assert (anchor["state"], anchor["chainId"]) == ("final", CHAIN_ID)
    derived = anchored.service.http.get("/api/v1/balance/derive/acme").json()
    assert (derived["balance"], derived["deltaCount"], derived["lastVerifiedIndex"]) == (-182, 1, 0)


def test_each_source_can_be_asked_alone(anchored: Anchored) -> None:
    receipt = anchored.service.emit("acme", -182, "run-1")["receiptId"]
    anchored.anchor()
    record, chain = anchored.verify(receipt, "db"), anchored.verify(receipt, "chain")
    assert (record["valid"], record["checked"]) == (None, {"db": "holds", "chain": "not_asked"})
    assert (chain["valid"], chain["checked"]) == (True, {"db": "not_asked", "chain": "holds"})
    assert {check["source"] for check in chain["checks"]} == {"chain"}


def test_a_batch_that_is_not_final_yet_is_not_called_valid(anchored: Anchored) -> None:
    receipt = anchored.service.emit("acme", -182, "run-1")["receiptId"]
    anchored.service.clock.advance(1_000)
    anchored.loop.run_once()
    found = anchored.verify(receipt)
    assert (found["valid"], found["status"]) == (None, "PROCESSING")
    assert found["checked"] == {"db": "holds", "chain": "not_checked"}
    assert found["statements"] == []


def test_a_checkpoint_is_verified_by_its_token_and_by_its_hash(anchored: Anchored) -> None:
    for number in range(4):
        anchored.service.emit("acme", number, f"run-{number}")
    checkpoint = anchored.service.http.post(
        "/api/v1/balance/checkpoint", json={"customerId": "acme", "fromIndex": 1, "toIndex": 2}
    ).json()
    anchored.anchor()
    for proof_id in (checkpoint["proofToken"], checkpoint["proofHash"]):
        found = anchored.verify(proof_id)
        assert (found["valid"], found["kind"], found["id"]) == (True, "checkpoint", proof_id)
        assert (found["fromIndex"], found["toIndex"]) == (1, 2)
        assert found["proofHash"] == checkpoint["proofHash"]
    again = anchored.service.http.get(f"/api/v1/checkpoints/{checkpoint['proofToken']}").json()
    assert again["status"] == "VERIFIED"


def test_whose_it_is_and_its_texts_are_not_shown(anchored: Anchored) -> None:
    receipt = anchored.service.emit("acme-the-customer", -182, "the-reference", unit="the-unit")
    checkpoint = anchored.service.http.post(
        "/api/v1/balance/checkpoint",
        json={"customerId": "acme-the-customer", "unit": "the-unit", "fromIndex": 0, "toIndex": 0},
    ).json()
    anchored.anchor()
    for proof_id in (receipt["receiptId"], checkpoint["proofToken"]):
        shown = anchored.service.anybody.get(f"/api/v1/verify/{proof_id}").text
        for private in ("acme", "the-reference", "the-unit", "usage"):
            assert private not in shown


def test_a_record_that_was_altered_is_not_valid(anchored: Anchored) -> None:
    receipt = anchored.service.emit("acme", -182, "run-1")["receiptId"]
    anchored.service.emit("acme", -1, "run-2")
    anchored.anchor()
    with anchored.service.database.write() as connection:
        if anchored.service.database.dialect == "postgresql":
            connection.execute(text("ALTER TABLE deltas DISABLE TRIGGER USER"))
        else:
            triggers = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'deltas'")
            for trigger in connection.execute(triggers).scalars():
                connection.execute(text(f'DROP TRIGGER "{trigger}"'))
        connection.execute(text("UPDATE deltas SET amount = '1' WHERE \"index\" = 0"))
    for source in ("db", "chain", "both"):
        found = anchored.verify(receipt, source)
        assert found["valid"] is False
    assert anchored.verify(receipt)["checked"]["db"] == "fails"


def test_a_chain_that_cannot_be_asked_proves_nothing(anchored: Anchored) -> None:
    receipt = anchored.service.emit("acme", -182, "run-1")["receiptId"]
    anchored.anchor()
    anchored.anvil.stop()
    found = anchored.verify(receipt)
    assert (found["valid"], found["checked"]) == (None, {"db": "holds", "chain": "not_checked"})
    assert found["status"] == "VERIFIED"


def test_a_server_without_a_chain_checks_the_record_alone(service: Service) -> None:
    receipt = service.emit("acme", -182)["receiptId"]
    service.seal()
    found = service.anybody.get(f"/api/v1/verify/{receipt}").json()
    assert (found["valid"], found["checked"]) == (None, {"db": "holds", "chain": "not_checked"})
