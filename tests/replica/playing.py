"""An operator who may cheat, with a server of its own over a real chain, and the counterparty who follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from anchor.node.reader import JsonRpcChain
from anchor.node.view import Finality
from anchor.proof.values import ConsistencyClaim, DeltaRecord, KeptHead, ProofFile
from anchor.proof.writing import ledger_json, log_json, record_json
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO
from anchor.protocol.merkle import LEDGER_TREE, tree_root
from anchor.replica.evidence import Finding
from anchor.replica.following import Follower, Round
from anchor.replica.operator import Operator
from anchor.replica.self_check import check_copy
from anchor.replica.store import Store
from anchor.replica.values import Wanted
from anchor.verify import Verification, verify_file, write_proof_file
from tests.verify.building import BuiltLog

CUSTOMER = "UA"
Answer = Callable[[httpx.Request, Any], Any]
"""What a cheat makes of an answer: takes the request and the honest JSON, gives the JSON to send."""


class Operated(Protocol):
    """Whatever holds the operator's log."""

    built: BuiltLog


@dataclass
class PlayedServer(httpx.BaseTransport):
    """Answers as an Anchor server does from a log in memory, which its operator alters as they like.

    ``shown_batch`` is the batch to show as the newest, None for the newest that is anchored; ``lies`` are
    applied to answers whose path ends with their key.
    """

    log: Operated
    shown_batch: int | None = None
    lies: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        status, answer = self._answer(path, request.url.params)
        for end, lie in self.lies.items():
            if path.endswith(end):
                answer = lie(request, answer)
        if isinstance(answer, httpx.Response):
            return answer
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return httpx.Response(status, content=content)

    def _answer(self, path: str, query: httpx.QueryParams) -> tuple[int, Any]:
        built = self.log.built
        records = built.ledger(CUSTOMER).records
        if path.endswith("/absence"):
            return 200, self._file(built.absence(CUSTOMER, self._newest()))
        if path.endswith("/batches"):
            stop, limit = int(query["cursor"]), int(query["limit"])
            shown = [one for one in built.batches if stop - limit <= one.batch.number < stop]
            return 200, {"items": [_batch(one) for one in reversed(shown)], "next": None}
        if not records:
            return 404, _problem(404, "unknown_customer")
        if path.endswith("/records"):
            start, limit = int(query["cursor"]), int(query["limit"])
            items = [self.item(record) for record in records[start : start + limit]]
            return 200, {
                "log": log_json(built.log()),
                "ledger": ledger_json(built.proof_ledger(CUSTOMER)),
                "size": len(records),
                "items": items,
                "next": None,
            }
        if not built.locations:
            return 409, _problem(409, "not_sealed_yet")
        number = self._newest()
        if path.endswith("/freshness"):
            return 200, self._file(built.freshness(CUSTOMER, number))
        if path.endswith("/balance"):
            index = int(query["asOfIndex"])
            if index >= built.head(CUSTOMER, number).size:
                return 409, _problem(409, "not_sealed_yet")
            return 200, self._file(built.balance(CUSTOMER, index, number))
        assert path.endswith("/consistency"), path
        old, head = int(query["earlierSize"]), built.head(CUSTOMER, number)
        if old > head.size:
            return 404, _problem(404, "index_out_of_range")
        ledger = built.ledger(CUSTOMER)
        root = tree_root(LEDGER_TREE, ledger.leaves[:old]) if old else ZERO
        claim = ConsistencyClaim(
            KeptHead(old, root), built.consistency(CUSTOMER, old, head.size, number), head
        )
        return 200, self._file(built.file(CUSTOMER, claim))

    def item(self, record: DeltaRecord) -> Any:
        """A delta as a page shows it."""
        ledger = self.log.built.ledger(CUSTOMER)
        fingerprint = record.fingerprint(ledger.separator, ledger.identity.ledger_id)
        return {"fingerprint": hex_of(fingerprint), "delta": record_json(record)}

    def _newest(self) -> int:
        return self.shown_batch or max(self.log.built.locations)

    @staticmethod
    def _file(proof: ProofFile) -> bytes:
        return write_proof_file(proof)


@dataclass
class Counterparty:
    """Follows one server into one file; every round is a process of its own, as far as the file knows."""

    server: PlayedServer
    path: Path
    rpc: str
    contract: bytes
    lag: float = 0
    now: int | None = None

    def round(self, **wanted: Any) -> Round:
        """Follow once, and see that the copy is whole afterwards."""
        chain = JsonRpcChain(self.rpc)
        clock = {} if self.now is None else {"now_ms": lambda: self.now}
        meant = {"customer_id": CUSTOMER, "finality": Finality.parse("latest"), "lag": self.lag} | wanted
        with (
            Operator("http://operator", "ak_x", transport=self.server) as operator,
            Follower(operator, chain, self.path, Wanted(**meant), **clock) as follower,  # type: ignore[arg-type]
        ):
            try:
                return follower.round()
            finally:
                chain.close()

    def honest(self) -> Round:
        """Follow once where everything fits."""
        went = self.round()
        assert went.findings == ()
        assert went.not_checked is None
        return went

    def finds(self, kind: str) -> Finding:
        """Follow once, and return the finding of a kind: it is told, and its evidence is saved."""
        went = self.round()
        kinds = {finding.misfit.kind: finding for finding in went.findings}
        assert kind in kinds, kinds
        return kinds[kind]

    def verify(self, file: Path) -> Verification:
        """Check a file of evidence as a third party does."""
        return verify_file(file, rpc=self.rpc, contract=self.contract, finality="latest")

    def proves(self, finding: Finding, cheat: str) -> None:
        """The finding comes with a fraud proof that anybody can check."""
        assert finding.proven
        verdicts = {file.name: self.verify(file) for file in finding.files if file.match("*.proof.json")}
        frauds = [one for one in verdicts.values() if one.facts.get("cheat") == cheat]
        assert frauds, [(name, one.kind, one.failed) for name, one in verdicts.items()]
        assert frauds[0].valid, frauds[0].failed
        assert frauds[0].statements[0].startswith("The operator cheated.")

    def held(self) -> list[bytes]:
        """The fingerprints of the copy."""
        with Store.open(self.path) as store:
            return store.fingerprints(0, store.standing().size)


def _batch(sealed: Any) -> Any:
    batch = sealed.batch
    return {
        "number": batch.number,
        "sealedAt": batch.sealed_at,
        "anchorRoot": hex_of(sealed.root),
        "historyRoot": hex_of(batch.history_root),
        "mapRoot": hex_of(batch.map_root),
        "deltaCount": 1,
        "ledgerCount": 1,
        "anchors": [],
    }


def _problem(status: int, code: str) -> Any:
    return {"type": "about:blank", "title": "Refused.", "status": status, "code": code}


@dataclass
class Log:
    """An honest log on a chain in memory."""

    built: BuiltLog


@dataclass
class Hearing:
    """A counterparty that has a copy of some of the record, and hears of more."""

    server: PlayedServer
    path: Path

    @property
    def truth(self) -> list[bytes]:
        ledger = self.server.log.built.ledger(CUSTOMER)
        return [record.fingerprint(ledger.separator, ledger.identity.ledger_id) for record in ledger.records]

    def round(self) -> Round:
        with (
            Operator("http://operator", "ak_x", transport=self.server) as operator,
            Follower(operator, self.server.log.built.chain, self.path, Wanted(CUSTOMER)) as follower,
        ):
            return follower.round()

    def held(self) -> list[bytes]:
        """The copy's fingerprints, once it is seen to be whole."""
        with Store.open(self.path) as store:
            assert check_copy(store) is None
            return store.fingerprints(0, store.standing().size)
