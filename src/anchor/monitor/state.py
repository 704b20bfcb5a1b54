"""What a watcher knows of the final past, and the file that keeps it from one start to the next.

Little has to be kept: a final block's hash stands for the whole chain before it, and the frontier of the
history for all batches before it. So the file stays small, however long the line of heads.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from anchor.monitor.history import History
from anchor.monitor.sightings import ALARMS, Sighting
from anchor.node.view import Block
from anchor.proof.bounds import ProofFileError, parse_json, shown
from anchor.proof.members import Members, address, hash32, list_of, text, u64
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.merkle import Frontier

FORMAT: Final = "anchor-watch"
VERSION: Final = 1
LARGEST_STATE: Final = 1024 * 1024
MOST_ALARMS: Final = 200
"""The newest alarms that are kept."""


class StateRefused(Exception):
    """A state file that cannot be gone on from. ``code`` is ``bad_state`` or ``foreign_state``."""

    def __init__(self, code: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.code = code
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched: a contract (20 bytes) on a chain, which anchors a log, from ``first_block`` on."""

    chain_id: int
    contract: bytes
    log_id: Bytes32
    first_block: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """All that is known up to a block that was final when it was read.

    ``settled`` is that block, None before the first. ``last_head`` and ``last_number`` are of the newest
    head up to it (ZERO and 0: none yet), ``heads`` is their count. ``roles`` are submitter and owner when
    last seen. ``alarms`` are those ever raised, the newest last.
    """

    settled: Block | None = None
    last_head: Bytes32 = ZERO
    last_number: int = 0
    heads: int = 0
    history: History = field(default_factory=History)
    roles: tuple[bytes, bytes] | None = None
    alarms: tuple[Sighting, ...] = ()


def write_state(path: Path, watched: Watched, state: State) -> None:
    """Put a state in the place of the file's, whole or not at all. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w") as opened:
            opened.write(json.dumps(_to_json(watched, state), indent=2) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_state(path: Path, watched: Watched) -> State:
    """Return the state that a file holds. Raises StateRefused, FileNotFoundError."""
    with path.open("rb") as opened:
        raw = opened.read(LARGEST_STATE + 1)
    try:
        found, state = _from_json(parse_json(raw, LARGEST_STATE))
    except (ProofFileError, ValueError) as error:
        reason = f"{error.place or 'it'} {error.reason}" if isinstance(error, ProofFileError) else str(error)
        raise StateRefused(
            "bad_state",
            f"{path} cannot be read: {reason}",
            "bring back a copy of it, or name another file to begin anew and read the whole past again",
        ) from error
    for name, kept, now in (
        ("chain", found.chain_id, watched.chain_id),
        ("contract", hex_of(found.contract), hex_of(watched.contract)),
        ("log", hex_of(found.log_id), hex_of(watched.log_id)),
        ("first block", found.first_block, watched.first_block),
    ):
        if kept != now:
            raise StateRefused(
                "foreign_state",
                f"{path} is of another {name}: {kept}, and {now} is to be watched",
                "name the file that belongs to this contract, or another one to begin anew",
            )
    return state


def _to_json(watched: Watched, state: State) -> dict[str, Any]:
    history, settled = state.history, state.settled
    return {
        "format": FORMAT,
        "version": VERSION,
        "chainId": watched.chain_id,
        "contract": hex_of(watched.contract),
        "logId": hex_of(watched.log_id),
        "firstBlock": watched.first_block,
        "settled": None
        if settled is None
        else {"number": settled.number, "hash": hex_of(settled.hash), "timestamp": settled.timestamp},
        "heads": state.heads,
        "lastHead": hex_of(state.last_head),
        "lastNumber": state.last_number,
        "history": {
            "size": history.size,
            "peaks": [hex_of(peak) for peak in history.frontier.peaks],
            "root": hex_of(history.root),
            "sealedAt": history.sealed_at,
            "broken": history.broken,
            # One more than the place, so that 'none yet' is 0.
            "checkedBlock": history.checked_at[0] + 1,
            "checkedIndex": history.checked_at[1] + 1,
        },
        "roles": None if state.roles is None else [hex_of(role) for role in state.roles],
        "alarms": [
            {
                "kind": alarm.kind,
                "batch": alarm.number,
                "head": hex_of(alarm.head),
                "block": alarm.block_number,
                "detail": alarm.detail,
            }
            for alarm in state.alarms
        ],
    }


def _from_json(document: Any) -> tuple[Watched, State]:
    members = Members.of(document, "")
    for name, expected in (("format", FORMAT), ("version", VERSION)):
        found = members.take(name, lambda value, _: value)
        if found != expected or isinstance(found, bool):
            raise ProofFileError(name, f"/{name}", f"is {shown(found)}, not {expected}")
    watched = Watched(
        members.take("chainId", u64),
        members.take("contract", address),
        members.take("logId", hash32),
        members.take("firstBlock", u64),
    )
    roles = members.nullable("roles", list_of(address, 2))
    if roles is not None and len(roles) != 2:
        raise ProofFileError("shape", "/roles", "are not two")
    state = State(
        members.nullable("settled", _block),
        heads=members.take("heads", u64),
        last_head=members.take("lastHead", hash32),
        last_number=members.take("lastNumber", u64),
        history=members.take("history", _history),
        roles=None if roles is None else (roles[0], roles[1]),
        alarms=members.take("alarms", list_of(_alarm, MOST_ALARMS)),
    )
    members.done()
    return watched, state


def _block(value: Any, place: str) -> Block:
    members = Members.of(value, place)
    block = Block(members.take("number", u64), members.take("hash", hash32), members.take("timestamp", u64))
    members.done()
    return block


def _history(value: Any, place: str) -> History:
    members = Members.of(value, place)
    frontier = Frontier(members.take("size", u64), members.take("peaks", list_of(hash32, 64)))
    history = History(
        frontier,
        root=members.take("root", hash32),
        sealed_at=members.take("sealedAt", u64),
        checked_at=(members.take("checkedBlock", u64) - 1, members.take("checkedIndex", u64) - 1),
        broken=members.take("broken", _truth),
    )
    members.done()
    return history


def _alarm(value: Any, place: str) -> Sighting:
    members = Members.of(value, place)
    kind = members.take("kind", text)
    if kind not in ALARMS:
        raise ProofFileError("shape", f"{place}/kind", f"is {shown(kind)}, which is no alarm")
    alarm = Sighting(
        kind,
        number=members.take("batch", u64),
        head=members.take("head", hash32),
        block_number=members.take("block", u64),
        detail=members.take("detail", text),
    )
    members.done()
    return alarm


def _truth(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise ProofFileError("shape", place, "is neither true nor false")
    return value
