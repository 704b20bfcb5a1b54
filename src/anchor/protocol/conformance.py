"""Recompute every value of a vector file, so that any implementation can be held against it.

The format is that of ``tests/vectors/protocol-v1.json``: every object there states inputs and what
they hash to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from anchor.protocol import merkle_proofs, vrf
from anchor.protocol.amounts import format_units, parse_balance
from anchor.protocol.batch import Batch
from anchor.protocol.canonical_json import canonical_json
from anchor.protocol.checkpoint import Checkpoint, checkpoint_hash
from anchor.protocol.commitments import commit
from anchor.protocol.errors import NoteError, hex_of
from anchor.protocol.fingerprint import Delta, domain_separator, fingerprint
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.identities import IdentityKey, alpha, verify_ledger_identity
from anchor.protocol.ledger_map import (
    MapLeaf,
    MapNode,
    Position,
    ReadMapNodes,
    head_hash,
    map_path,
    root_from_absence,
    root_from_presence,
    update_map,
)
from anchor.protocol.merkle import (
    HISTORY_TREE,
    LEDGER_TREE,
    check_consistency,
    root_from_inclusion,
    tree_root,
)
from anchor.protocol.promise import Promise, read_promise
from anchor.protocol.signed_checkpoint import (
    SIGNED_TREE,
    SignedCheckpoint,
    check_extends,
    check_signed_batch,
    read_checkpoint,
)
from anchor.protocol.signed_note import key_id_of, origin_of

SECTIONS: Final = (
    *("amounts", "ledgers", "batches", "maps", "checkpoints", "promises", "refusedNotes", "acceptedNotes"),
)
"""The lists of a vector file, none of which may be empty."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One value of the file that is not what the protocol gives."""

    place: str
    stated: str
    recomputed: str


@dataclass(frozen=True, slots=True)
class Conformance:
    """How many values were recomputed, and those that differ."""

    checked: int
    mismatches: tuple[Mismatch, ...]


def check_vectors(vectors: Mapping[str, Any]) -> Conformance:
    """Recompute every value of a parsed vector file and return all that differ.

    A place that cannot be recomputed at all (a field is missing, malformed, or refused by a check)
    is itself a mismatch; nothing is skipped, and a section that holds nothing is a mismatch too.
    """
    checker = _Checker(vectors)
    checker.nothing_is_empty()
    for section in (
        checker.log,
        checker.amounts,
        checker.ledgers,
        checker.batches,
        checker.maps,
        checker.checkpoints,
        checker.promises,
        checker.refused_notes,
        checker.accepted_notes,
    ):
        checker.guarded(section.__name__, section)
    return Conformance(checker.checked, tuple(checker.mismatches))


class _Checker:
    def __init__(self, vectors: Mapping[str, Any]) -> None:
        self.vectors = vectors
        self.checked = 0
        self.mismatches: list[Mismatch] = []
        self._fingerprints: dict[Bytes32, list[Bytes32]] = {}
        self._balances: dict[Bytes32, list[int]] = {}

    # What is compared

    def same(self, place: str, stated: object, recomputed: object) -> None:
        self.checked += 1
        if isinstance(recomputed, bytes):
            recomputed = hex_of(recomputed)
        if stated != recomputed or isinstance(stated, bool) != isinstance(recomputed, bool):
            self.mismatches.append(Mismatch(place, _shown(stated), _shown(recomputed)))

    def guarded(self, place: str, check: Any, *arguments: Any) -> None:
        try:
            check(*arguments)
        except Exception as error:
            self.checked += 1
            reason = str(error) if not isinstance(error, KeyError) else f"no field {error}"
            self.mismatches.append(Mismatch(place, "a value that can be recomputed", reason))

    def nothing_is_empty(self) -> None:
        for name in SECTIONS:
            if name in self.vectors and not self.vectors[name]:
                self.checked += 1
                self.mismatches.append(Mismatch(name, "nothing", "values to recompute"))

    # The sections of the file

    def log(self) -> None:
        self.key = IdentityKey(_bytes(self.vectors["identityKey"]))
        self.log_id = self.key.log_id(_bytes(self.vectors["founder"]))
        self.separator = domain_separator(self.log_id)
        self.same("identityPublicKey", self.vectors["identityPublicKey"], self.key.public_key)
        self.same("logId", self.vectors["logId"], self.log_id)

    def amounts(self) -> None:
        for at, amount in enumerate(self.vectors["amounts"]):
            self.guarded(f"amounts[{at}]", self._amount, f"amounts[{at}]", amount)

    def _amount(self, place: str, amount: Mapping[str, Any]) -> None:
        units = parse_balance(amount["text"])
        self.same(f"{place}.units", amount["units"], str(units))
        self.same(f"{place}.text", amount["text"], format_units(int(amount["units"])))

    def ledgers(self) -> None:
        for at, ledger in enumerate(self.vectors["ledgers"]):
            self.guarded(f"ledgers[{at}]", self._ledger, f"ledgers[{at}]", ledger)

    def _ledger(self, place: str, ledger: Mapping[str, Any]) -> None:
        customer, unit = ledger["customerId"], ledger["unit"]
        identity = self.key.ledger_identity(customer, unit)
        self.same(f"{place}.alpha", ledger["alpha"], alpha(customer, unit))
        self.same(f"{place}.identityProof", ledger["identityProof"], identity.proof)
        self.same(f"{place}.vrfOutput", ledger["vrfOutput"], vrf.proof_to_output(identity.proof))
        self.same(f"{place}.ledgerId", ledger["ledgerId"], identity.ledger_id)
        proof = _bytes(ledger["identityProof"])
        verified = verify_ledger_identity(self.key.public_key, proof, customer, unit)
        self.same(f"{place}.ledgerId as verified", ledger["ledgerId"], verified)
        ledger_id = _bytes(ledger["ledgerId"])
        fingerprints = self._fingerprints.setdefault(ledger_id, [])
        balances = self._balances.setdefault(ledger_id, [])
        for at, delta in enumerate(ledger["deltas"]):
            where = f"{place}.deltas[{at}]"
            fingerprints.append(_bytes(delta["fingerprint"]))
            balances.append(int(delta["balanceUnits"]))
            self.guarded(where, self._delta, where, at, delta, ledger_id)
        self._ledger_tree(place, ledger, fingerprints)

    def _delta(self, place: str, at: int, delta: Mapping[str, Any], ledger_id: Bytes32) -> None:
        self.same(f"{place}.index", delta["index"], at)
        for name in ("amount", "balance"):
            units = parse_balance(delta[name])
            self.same(f"{place}.{name}Units", delta[f"{name}Units"], str(units))
            self.same(f"{place}.{name}", delta[name], format_units(int(delta[f"{name}Units"])))
        before = self._balances[ledger_id][at - 1] if at else 0
        self.same(
            f"{place}.balance after amount", delta["balanceUnits"], str(before + int(delta["amountUnits"]))
        )
        reference, metadata = delta["referenceId"], delta["metadata"]
        values = {
            "reason": delta["reason"].encode(),
            "referenceId": None if reference is None else reference.encode(),
            "metadata": None if metadata is None else canonical_json(metadata),
        }
        commitments = {name: commit(_bytes(delta["salts"][name]), value) for name, value in values.items()}
        for name, commitment in commitments.items():
            self.same(f"{place}.commitments.{name}", delta["commitments"][name], commitment)
        adjusted = delta["adjusts"]
        digest = fingerprint(
            self.separator,
            Delta(
                ledger_id=ledger_id,
                index=at,
                amount=int(delta["amountUnits"]),
                balance=int(delta["balanceUnits"]),
                occurred_at=delta["occurredAt"],
                recorded_at=delta["recordedAt"],
                reason=commitments["reason"],
                reference_id=commitments["referenceId"],
                metadata=commitments["metadata"],
                adjusts=self._adjusted(adjusted, ledger_id, at),
            ),
        )
        self.same(f"{place}.fingerprint", delta["fingerprint"], digest)

    def _adjusted(self, adjusts: str | None, ledger_id: Bytes32, at: int) -> Bytes32:
        if adjusts is None:
            return ZERO
        if _bytes(adjusts) not in self._fingerprints[ledger_id][:at]:
            raise ValueError("adjusts no earlier delta of its ledger")
        return _bytes(adjusts)

    def _ledger_tree(self, place: str, ledger: Mapping[str, Any], fingerprints: Sequence[Bytes32]) -> None:
        leaves = [LEDGER_TREE.leaf(entry) for entry in fingerprints]
        read_nodes = merkle_proofs.nodes_from_leaves(leaves, LEDGER_TREE)
        stated_roots = ledger["rootsBySize"]
        self.same(f"{place}.rootsBySize length", len(stated_roots), len(leaves) + 1)
        for size, stated in enumerate(stated_roots):
            self.same(f"{place}.rootsBySize[{size}]", stated, tree_root(LEDGER_TREE, leaves[:size]))
        for at, proof in enumerate(ledger["inclusion"]):
            index, size = proof["index"], proof["size"]
            where = f"{place}.inclusion[{at}]"
            made = merkle_proofs.inclusion_path(LEDGER_TREE, index, size, read_nodes)
            self.same(f"{where}.path", proof["path"], [hex_of(entry) for entry in made])
            root = root_from_inclusion(LEDGER_TREE, leaves[index], index, size, _hashes(proof["path"]))
            self.same(f"{where} root", stated_roots[size], root)
        for at, proof in enumerate(ledger["consistency"]):
            old, new = proof["from"], proof["to"]
            where = f"{place}.consistency[{at}]"
            made = merkle_proofs.consistency_path(LEDGER_TREE, old, new, read_nodes)
            self.same(f"{where}.path", proof["path"], [hex_of(entry) for entry in made])
            self.guarded(
                where,
                check_consistency,
                LEDGER_TREE,
                old,
                _bytes(stated_roots[old]),
                new,
                _bytes(stated_roots[new]),
                _hashes(proof["path"]),
            )

    def batches(self) -> None:
        roots: list[Bytes32] = []
        for at, batch in enumerate(self.vectors["batches"]):
            self.guarded(f"batches[{at}]", self._batch, f"batches[{at}]", at, batch, list(roots))
            roots.append(_bytes(batch["anchorRoot"]))

    def _batch(self, place: str, at: int, batch: Mapping[str, Any], earlier: list[Bytes32]) -> None:
        self.same(f"{place}.number", batch["number"], at + 1)
        leaves = [HISTORY_TREE.leaf(root) for root in earlier]
        self.same(f"{place}.historyRoot", batch["historyRoot"], tree_root(HISTORY_TREE, leaves))
        for entry, head in enumerate(batch["heads"]):
            where = f"{place}.heads[{entry}]"
            size, ledger_id = head["size"], _bytes(head["ledgerId"])
            known = [LEDGER_TREE.leaf(one) for one in self._fingerprints[ledger_id][:size]]
            self.same(f"{where}.root", head["root"], tree_root(LEDGER_TREE, known))
            self.same(f"{where}.head", head["head"], head_hash(size, _bytes(head["root"])))
        heads = {_bytes(head["ledgerId"]): _bytes(head["head"]) for head in batch["heads"]}
        read_nodes = self._map(place, batch, heads)
        absent = batch["absent"]
        identity = self.key.ledger_identity(absent["customerId"], absent["unit"])
        self.same(f"{place}.absent.identityProof", absent["identityProof"], identity.proof)
        self.same(f"{place}.absent.ledgerId", absent["ledgerId"], identity.ledger_id)
        self._absence(f"{place}.absent", absent, batch["mapRoot"], read_nodes)
        sealed = Batch(
            batch["number"], _bytes(batch["historyRoot"]), _bytes(batch["mapRoot"]), batch["sealedAt"]
        )
        self.same(f"{place}.anchorRoot", batch["anchorRoot"], sealed.anchor_root(self.log_id))
        self._history(place, batch, earlier, leaves)
        known = [*earlier, _bytes(batch["anchorRoot"])]
        self.guarded(f"{place}.checkpoint", self._signed, f"{place}.checkpoint", batch["checkpoint"], known)

    def _signed(self, place: str, stated: Mapping[str, Any], roots: Sequence[Bytes32]) -> None:
        leaves = [SIGNED_TREE.leaf(root) for root in roots]
        read_nodes = merkle_proofs.nodes_from_leaves(leaves, SIGNED_TREE)
        own = SignedCheckpoint(len(leaves), tree_root(SIGNED_TREE, leaves))
        self.same(f"{place}.size", stated["size"], own.size)
        self.same(f"{place}.root", stated["root"], own.root)
        self.same(f"{place}.origin", stated["origin"], origin_of(self.log_id))
        self.same(f"{place}.keyId", stated["keyId"], key_id_of(self.log_id, self.key.public_key))
        self._note(place, stated, own)
        self.same(f"{place} as read", own, read_checkpoint(stated["note"], self.log_id, self.key.public_key))
        self.same(f"{place}.inclusion length", len(stated["inclusion"]), own.size)
        for at, proof in enumerate(stated["inclusion"]):
            where, number = f"{place}.inclusion[{at}]", proof["number"]
            made = merkle_proofs.inclusion_path(SIGNED_TREE, number - 1, own.size, read_nodes)
            self.same(f"{where}.path", proof["path"], [hex_of(entry) for entry in made])
            path = _hashes(proof["path"])
            self.guarded(where, check_signed_batch, own, number, roots[number - 1], path)
        for at, proof in enumerate(stated["consistency"]):
            where, size = f"{place}.consistency[{at}]", proof["from"]
            made = merkle_proofs.consistency_path(SIGNED_TREE, size, own.size, read_nodes)
            self.same(f"{where}.path", proof["path"], [hex_of(entry) for entry in made])
            old = SignedCheckpoint(size, tree_root(SIGNED_TREE, leaves[:size]))
            self.guarded(where, check_extends, old, own, _hashes(proof["path"]))

    def _note(self, place: str, stated: Mapping[str, Any], said: SignedCheckpoint | Promise) -> None:
        text = said.text(self.log_id)
        self.same(f"{place}.text", stated["text"], text)
        self.same(f"{place}.signature", stated["signature"], self.key.sign(text.encode()))
        self.same(f"{place}.note", stated["note"], said.sign(self.key, self.log_id))

    def _history(
        self, place: str, batch: Mapping[str, Any], earlier: list[Bytes32], leaves: list[Bytes32]
    ) -> None:
        read_nodes = merkle_proofs.nodes_from_leaves(leaves, HISTORY_TREE)
        self.same(f"{place}.history length", len(batch["history"]), len(earlier))
        for at, proof in enumerate(batch["history"]):
            number = proof["number"]
            where = f"{place}.history[{at}]"
            made = merkle_proofs.inclusion_path(HISTORY_TREE, number - 1, len(earlier), read_nodes)
            self.same(f"{where}.path", proof["path"], [hex_of(entry) for entry in made])
            root = root_from_inclusion(
                HISTORY_TREE, leaves[number - 1], number - 1, len(earlier), _hashes(proof["path"])
            )
            self.same(f"{where} root", batch["historyRoot"], root)

    def maps(self) -> None:
        for at, entry in enumerate(self.vectors["maps"]):
            place = f"maps[{at}]"
            heads = {_bytes(head["ledgerId"]): _bytes(head["head"]) for head in entry["heads"]}
            self.guarded(place, self._lone_map, place, entry, heads)

    def _lone_map(self, place: str, entry: Mapping[str, Any], heads: dict[Bytes32, Bytes32]) -> None:
        read_nodes = self._map(place, entry, heads)
        for number, absent in enumerate(entry["absent"]):
            where = f"{place}.absent[{number}]"
            self.guarded(where, self._absence, where, absent, entry["mapRoot"], read_nodes)

    def _map(self, place: str, entry: Mapping[str, Any], heads: Mapping[Bytes32, Bytes32]) -> ReadMapNodes:
        nodes: dict[Position, MapNode] = {}

        def read_nodes(places: Sequence[Position]) -> dict[Position, MapNode]:
            return {position: nodes[position] for position in places if position in nodes}

        # One ledger at a time, so that growing the map is checked and not only building it.
        root = ZERO
        for ledger_id, head in heads.items():
            update = update_map(read_nodes, {ledger_id: head})
            nodes.update(update.written)
            root = update.root
        self.same(f"{place}.mapRoot", entry["mapRoot"], root)
        for at, head_entry in enumerate(entry["heads"]):
            ledger_id = _bytes(head_entry["ledgerId"])
            where = f"{place}.heads[{at}]"
            path = map_path(read_nodes, ledger_id)
            self.same(f"{where}.siblings", head_entry["siblings"], [hex_of(one) for one in path.siblings])
            found = root_from_presence(ledger_id, heads[ledger_id], _hashes(head_entry["siblings"]))
            self.same(f"{where} root", entry["mapRoot"], found)
        return read_nodes

    def _absence(
        self, place: str, absent: Mapping[str, Any], map_root: str, read_nodes: ReadMapNodes
    ) -> None:
        ledger_id = _bytes(absent["ledgerId"])
        path = map_path(read_nodes, ledger_id)
        self.same(f"{place}.siblings", absent["siblings"], [hex_of(one) for one in path.siblings])
        found = path.found
        self.same(
            f"{place}.other",
            absent["other"],
            None if found is None else {"ledgerId": hex_of(found.ledger_id), "head": hex_of(found.head)},
        )
        other = absent["other"]
        leaf = None if other is None else MapLeaf(_bytes(other["ledgerId"]), _bytes(other["head"]))
        self.same(f"{place} root", map_root, root_from_absence(ledger_id, _hashes(absent["siblings"]), leaf))

    def checkpoints(self) -> None:
        for at, entry in enumerate(self.vectors["checkpoints"]):
            self.guarded(f"checkpoints[{at}]", self._checkpoint, f"checkpoints[{at}]", entry)

    def _checkpoint(self, place: str, entry: Mapping[str, Any]) -> None:
        ledger_id = _bytes(entry["ledgerId"])
        start, end = entry["fromIndex"], entry["toIndex"]
        balances = self._balances[ledger_id]
        leaves = [LEDGER_TREE.leaf(one) for one in self._fingerprints[ledger_id]]
        opening = balances[start - 1] if start else 0
        self.same(f"{place}.openingBalance", entry["openingBalance"], format_units(opening))
        self.same(f"{place}.closingBalance", entry["closingBalance"], format_units(balances[end]))
        digest = checkpoint_hash(
            self.separator,
            Checkpoint(
                ledger_id,
                start,
                end,
                opening,
                balances[end],
                tree_root(LEDGER_TREE, leaves[:start]),
                tree_root(LEDGER_TREE, leaves[: end + 1]),
            ),
        )
        self.same(f"{place}.proofHash", entry["proofHash"], digest)

    def promises(self) -> None:
        for at, entry in enumerate(self.vectors["promises"]):
            self.guarded(f"promises[{at}]", self._promise, f"promises[{at}]", entry)

    def _promise(self, place: str, entry: Mapping[str, Any]) -> None:
        ledger_id, index = _bytes(entry["ledgerId"]), entry["index"]
        self.same(f"{place}.fingerprint", entry["fingerprint"], self._fingerprints[ledger_id][index])
        promise = Promise(
            ledger_id,
            index,
            _bytes(entry["fingerprint"]),
            entry["fromBatch"],
            entry["anchorBy"],
            int(entry["chainId"]),
        )
        self._note(place, entry, promise)
        self.same(f"{place} as read", promise, read_promise(entry["note"], self.log_id, self.key.public_key))

    def refused_notes(self) -> None:
        for at, entry in enumerate(self.vectors["refusedNotes"]):
            place = f"refusedNotes[{at}]"
            self.guarded(place, self._refused, place, entry)

    def _refused(self, place: str, entry: Mapping[str, Any]) -> None:
        read = _READERS[entry["kind"]]
        try:
            found = read(entry["note"], self.log_id, self.key.public_key)
        except NoteError:
            self.checked += 1
        else:
            self.same(place, f"refused: {entry['why']}", found)

    def accepted_notes(self) -> None:
        for at, entry in enumerate(self.vectors["acceptedNotes"]):
            place = f"acceptedNotes[{at}]"
            self.guarded(place, self._accepted, place, entry)

    def _accepted(self, place: str, entry: Mapping[str, Any]) -> None:
        found = _READERS[entry["kind"]](entry["note"], self.log_id, self.key.public_key)
        self.same(place, entry["note"].split("\n\n")[0] + "\n", found.text(self.log_id))


_READERS: Final[Mapping[str, Callable[[str, Bytes32, Bytes32], SignedCheckpoint | Promise]]] = {
    "checkpoint": read_checkpoint,
    "promise": read_promise,
}


def _bytes(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError(f"{text[:70]!r} is not 0x-prefixed hex")
    return bytes.fromhex(text[2:])


def _hashes(texts: Sequence[str]) -> list[bytes]:
    return [_bytes(text) for text in texts]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else repr(value)
