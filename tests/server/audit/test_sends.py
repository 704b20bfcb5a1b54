"""Every column of every table, changed behind the log's back, is found and named: on both engines."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    LargeBinary,
    Numeric,
    Table,
    and_,
    create_engine,
    select,
    text,
    update,
)

from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.audit.chain import audit_on_chain
from anchor.server.audit.sends import audit_anchoring
from anchor.server.audit.whole_log import Finding, audit
from anchor.server.ledger.model import Emission
from anchor.server.storage.anchors import accept_head, batch_of_number, chain_in_use
from anchor.server.storage.database import Database
from anchor.server.storage.schema import Units, metadata
from tests.fixtures.anchoring import Bench, bench_on
from tests.fixtures.anvil import Anvil
from tests.fixtures.logs import OpenedLog
from tests.server.audit.audited_log import filled

NOT_AUDITED: Final = {
    "leases": "who works at this moment",
    "alarms": "notices for the operator",
    "observations": "one look at a chain, replaced by the next",
}
NOT_RECOMPUTED: Final = {
    ("erasures", "erased_by"): "a name",
    ("checkpoints", "id"): "an order of ours",
    ("idempotency_keys", "idempotency_key"): "the caller's choice",
    ("api_keys", "name"): "a name",
    ("api_keys", "customer_id"): "the operator's choice, of a customer who may have nothing on record yet",
    ("sends", "reason"): "a sentence for the operator",
    ("attempts", "id"): "an order of ours",
    ("attempts", "refusal"): "the node's words",
}
ONLY_THE_FORM: Final = {
    ("log", "receipt_key"): "random; every receipt is made with it, and none is kept to try it on",
    ("checkpoints", "proof_token"): "random",
    ("api_keys", "key_hash"): "the key is with its holder alone",
}
"""Another value of the same form is not found; one of another form is."""
ONLY_BETWEEN: Final = {
    **{
        (table.name, column.name): "a reading of our clock"
        for table in metadata.sorted_tables
        if table.name not in NOT_AUDITED
        for column in table.columns
        if column.name.endswith("_at") and table.name not in ("deltas", "batches", "ledgers")
    },
    ("chains", "first_block"): "any block before the first anchor will do",
    ("checkpoints", "span_start"): "any time after the delta before will do",
    ("checkpoints", "span_end"): "any time up to the delta after will do",
}
"""Another value nearby is not found; one outside what its neighbours allow is."""
COLUMNS: Final = [
    (table.name, column.name)
    for table in metadata.sorted_tables
    if table.name not in NOT_AUDITED
    for column in table.columns
    if (table.name, column.name) not in NOT_RECOMPUTED
]


def _far(value: Any) -> Any:
    return value + 1000


def _shorter(value: Any) -> Any:
    return value[:-1]


NEWEST: Final = {"created_at", "batch", "index", "span_start", "span_end"}
"""Of these the newest is changed: nothing follows that would allow it."""
CHOSEN: Final[dict[tuple[str, str], Callable[[Any], bool]]] = {
    ("sends", "state"): lambda state: state == "final",
    ("anchors", "state"): lambda state: state == "final",
    ("anchors", "settled"): lambda settled: not settled,
    ("chains", "is_primary"): bool,
}
CHANGED: Final[dict[tuple[str, str], Callable[[Any], Any]]] = {
    # To where no row is: a key that is taken, the database itself refuses.
    **dict.fromkeys(
        (
            (table.name, column.name)
            for table in metadata.sorted_tables
            for column in table.columns
            if column.name
            in ("ledger", "index", "batch", "tree", "position", "depth", "chain", "send", "api_key")
            or (column.name == "id" and table.name != "log")
        ),
        _far,
    ),
    # Among what there is, wherever no key is in the way.
    ("checkpoints", "ledger"): lambda value: value + 1,
    ("idempotency_keys", "ledger"): lambda value: value + 1,
    ("idempotency_keys", "index"): lambda value: value - 1,
    ("sends", "batch"): lambda value: value - 1,
    # Outside of what is allowed: see ONLY_BETWEEN.
    ("log", "sealing_at"): lambda _: 1,
    ("log", "created_at"): lambda value: value + 10**9,
    ("chains", "first_block"): lambda value: value + 10**6,
    ("checkpoints", "span_start"): lambda value: value + 10**6,
    ("checkpoints", "span_end"): lambda value: value - 10**6,
    ("erasures", "erased_at"): lambda value: value - 2 * 24 * 60 * 60 * 1000,
    ("batches", "number"): _far,
    ("map_nodes", "prefix"): lambda value: b"\x7f" + value,
    ("erasures", "index"): lambda value: value - 1,
    ("erasures", "field"): lambda _: "metadata",
    **dict.fromkeys(ONLY_THE_FORM, _shorter),
    ("sends", "state"): lambda _: "failed",
    ("anchors", "state"): lambda _: "mined",
}
FINGERPRINT: Final = (("deltas", "fingerprint"),)
SHOWN_AS: Final[dict[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    ("signed_checkpoints", "batch"): (("signed_checkpoints", "note"),),
    # A hash does not tell which of what it covers was changed; the row is named.
    **{
        ("deltas", column): FINGERPRINT
        for column in (
            "amount",
            "occurred_at",
            "recorded_at",
            "reason",
            "reason_salt",
            "reference_id",
            "reference_salt",
            "metadata",
            "metadata_salt",
        )
    },
    ("log", "identity_public_key"): (("log", "log_id"),),
    ("log", "founder"): (("log", "log_id"),),
    ("ledgers", "id"): (("deltas", "ledger"),),
    ("ledgers", "customer_id"): (("ledgers", "identity_proof"),),
    ("ledgers", "unit"): (("ledgers", "identity_proof"),),
    ("deltas", "adjusts_index"): (("deltas", "adjusts"),),
    ("tree_nodes", "tree"): (("tree_nodes", "position"), ("tree_nodes", "hash")),
    ("tree_nodes", "height"): (("tree_nodes", "position"), ("tree_nodes", "hash")),
    ("heads", "size"): (("heads", "root"),),
    ("batches", "sealed_at"): (("batches", "anchor_root"),),
    ("map_nodes", "depth"): (("map_nodes", "prefix"), ("map_nodes", "hash")),
    ("checkpoints", "from_index"): (("checkpoints", "proof_hash"),),
    ("checkpoints", "to_index"): (("checkpoints", "proof_hash"),),
    ("erasures", "ledger"): (("erasures", "field"),),
    ("erasures", "index"): (("erasures", "field"),),
    ("erasures", "commitment"): FINGERPRINT,
    ("checkpoints", "ledger"): (("checkpoints", "proof_hash"), ("checkpoints", "to_index")),
    ("idempotency_keys", "ledger"): (("idempotency_keys", "index"), ("idempotency_keys", "request_hash")),
    ("idempotency_keys", "index"): (("idempotency_keys", "request_hash"),),
    ("sends", "batch"): (("sends", "new_head"),),
    ("api_keys", "id"): (("idempotency_keys", "api_key"),),
    ("chains", "id"): (("sends", "chain"),),
    ("sends", "id"): (("attempts", "send"),),
    ("anchors", "settled"): (("anchors", "state"),),
}


@dataclass(frozen=True)
class Corruptible:
    """An honest log with anchors on a chain, and a way past everything that guards its tables."""

    opened: OpenedLog
    bench: Bench
    unguarded: Engine

    def findings(self) -> list[Finding]:
        """Return what the whole audit finds."""
        database, now = self.opened.database, self.opened.clock.now_ms()
        return [
            *audit(database),
            *audit_anchoring(database, now),
            *audit_on_chain(database, self.bench.settings(), self.bench.node(), self.opened.log.log_id),
        ]

    @contextlib.contextmanager
    def changed(self, table: Table, column: Column[Any]) -> Iterator["Change"]:
        """Change a column of one row, and put it back in the end."""
        keys = list(table.primary_key.columns)
        order = column.desc() if column.name in NEWEST else column
        with self._begin() as connection:
            rows = connection.execute(select(*keys, column).order_by(column.is_(None), order, *keys)).all()
            row = next(one for one in rows if CHOSEN.get((table.name, column.name), _any)(one[-1]))
            before = row[-1]
            after = CHANGED.get((table.name, column.name), lambda value: _other(column, value))(before)
            place = dict(zip([key.name for key in keys], row, strict=False))
            self._set(connection, table, place, column.name, after)
        moved = place | ({column.name: after} if column.name in place else {})
        try:
            yield Change(table.name, before, tuple(place.values()), tuple(moved.values()))
        finally:
            with self._begin() as connection:
                self._set(connection, table, moved, column.name, before)

    @contextlib.contextmanager
    def _begin(self) -> Iterator[Any]:
        with self.unguarded.begin() as connection:
            if self.unguarded.dialect.name == "postgresql":
                connection.execute(text("SET session_replication_role = replica"))
            yield connection

    @staticmethod
    def _set(connection: Any, table: Table, place: dict[str, Any], column: str, value: Any) -> None:
        where = and_(*(table.c[name] == part for name, part in place.items()))
        assert connection.execute(update(table).where(where).values({column: value})).rowcount == 1


@dataclass(frozen=True)
class Change:
    """A change of one row: the value before, and the row's whole key before and after."""

    table: str
    value: Any
    key: tuple[Any, ...]
    moved: tuple[Any, ...]

    def is_named_by(self, finding: Finding) -> bool:
        """Whether a finding is at this row: by its whole key, or, in a table that refers to the row, by what
        it says of the row's key."""
        # Where a chain is asked, it goes by its name; it is the only one.
        key = tuple(1 if part == "anvil" else part for part in finding.key)
        if finding.table == self.table:
            return key in (self.key, self.moved)
        shared = min(len(key), len(self.key))
        return key[:shared] == self.key[:shared] or finding.stated == str(self.value)


def _any(_value: Any) -> bool:
    return True


def _other(column: Column[Any], value: Any) -> Any:
    """Return another value of the same kind, as near as can be; of a reading of our clock, one before the
    log began."""
    if (column.table.name, column.name) in ONLY_BETWEEN:
        return 1
    kind = column.type
    if isinstance(kind, LargeBinary):
        return bytes([value[0] ^ 1]) + bytes(value[1:]) if value else b"\x01"
    if isinstance(kind, Boolean):
        return not value
    if isinstance(kind, Units | Numeric) or isinstance(value, int):
        return (value or 0) + 1
    return "x" if value is None else 1 if kind.python_type is int else f"{value}x"


@pytest.fixture(scope="module")
def log(session_anvil: Anvil, module_database_url: str) -> Iterator[Corruptible]:
    """A log that is anchored: one anchor settled, one just mined."""
    with contextlib.ExitStack() as stack:
        database = Database.open(module_database_url)
        stack.callback(database.close)
        opened = filled(database)
        bench = bench_on(session_anvil, database, log_id=opened.log.log_id)
        loop = AnchoringLoop(
            database,
            opened.sealer,
            [bench.connection()],
            opened.clock,
            log_id=opened.log.log_id,
            holder="one",
        )
        _anchor(opened, loop, bench)
        bench.mine(8)
        assert loop.run_once()
        opened.record(Emission("acme", 1, "another"))
        opened.clock.advance(1_000)
        _anchor(opened, loop, bench)
        loop.lease.release()
        _accept_a_head(database, opened.clock.now_ms())
        engine = create_engine(module_database_url)
        stack.callback(engine.dispose)
        _take_guards_away(engine)
        yield Corruptible(opened, bench, engine)


def _anchor(opened: OpenedLog, loop: AnchoringLoop, bench: Bench) -> None:
    """Seal first, since the loop looks at the chain, and may send the batch before, ahead of sealing; and
    let it look until the node has mined, which it does a moment after it took the transaction."""
    batch = opened.sealer.seal()
    assert batch is not None
    deadline = time.monotonic() + 30
    while batch.number not in {row.batch for row in bench.anchor_rows()}:
        assert time.monotonic() < deadline, bench.states()
        assert loop.run_once()


def _accept_a_head(database: Database, now: int) -> None:
    with database.write() as connection:
        chain, batch = chain_in_use(connection, "anvil"), batch_of_number(connection, 21)
        assert chain is not None
        assert batch is not None
        accept_head(connection, chain.id, batch.anchor_root, now)


def _take_guards_away(engine: Engine) -> None:
    """Drop triggers and checks: who changes a database behind our back does the same."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("PRAGMA ignore_check_constraints = ON"))
            triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
            for (name,) in triggers.all():
                connection.execute(text(f"DROP TRIGGER {name}"))
            return
        checks = "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
        for table, name in connection.execute(text(checks)).all():
            connection.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'))


def test_an_honest_log_that_is_anchored_has_no_findings(log: Corruptible) -> None:
    assert log.findings() == []
    assert [(row.batch, row.state) for row in log.bench.anchor_rows()] == [(21, "final"), (22, "mined")]


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_changed_column_is_found_and_named(log: Corruptible, table: str, column: str) -> None:
    in_metadata = metadata.tables[table]
    with log.changed(in_metadata, in_metadata.c[column]) as change:
        findings = log.findings()
    due = {(table, column), *SHOWN_AS.get((table, column), ())}
    found = [finding for finding in findings if (finding.table, finding.column) in due]
    assert found, findings[:5]
    assert any(map(change.is_named_by, found)), (change, found[:5])


def test_every_exception_names_a_column_that_exists() -> None:
    assert set(NOT_AUDITED) <= set(metadata.tables)
    excepted = [*NOT_RECOMPUTED, *ONLY_THE_FORM, *ONLY_BETWEEN]
    assert all(column in metadata.tables[table].columns for table, column in excepted)
