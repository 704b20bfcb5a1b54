"""The tables. Every large one leads with the ledger, so that it shards by ledger without a redesign.

Integers are 64-bit, hashes are raw bytes, times are milliseconds since 1970, amounts are integers of
10**-18 units (``Units``). What is hashed is never updated and never deleted: triggers made by the
migrations refuse it. Tables of the chains are in ``schema_sending``.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
        "uq": "%(table_name)s_unique_%(column_0_N_name)s",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_in_%(referred_table_name)s",
        "pk": "%(table_name)s_pk",
    }
)

# SQLite hands out row ids only to a column declared INTEGER.
BigInt = BigInteger().with_variant(Integer(), "sqlite")
Hash = LargeBinary(32)
Salt = LargeBinary(16)


class Units(TypeDecorator[int]):
    """An amount in units of 10**-18, up to int256: NUMERIC(78, 0), or decimal text where there is none."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(Numeric(78, 0))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | Decimal | None:
        if value is None:
            return None
        return str(value) if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> int | None:
        return None if value is None else int(value)


log = Table(
    "log",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("log_id", Hash, nullable=False),
    Column("identity_public_key", Hash, nullable=False),
    Column("founder", LargeBinary(20), nullable=False),
    Column("receipt_key", LargeBinary(16), nullable=False),
    # No delta is ever recorded with an earlier time than this: the fence that a seal sets.
    Column("sealing_at", BigInt, nullable=False),
    Column("created_at", BigInt, nullable=False),
    CheckConstraint("id = 1", name="single_row"),
)

ledgers = Table(
    "ledgers",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("ledger_id", Hash, nullable=False, unique=True),
    Column("customer_id", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("identity_proof", LargeBinary(80), nullable=False),
    Column("size", BigInt, nullable=False, server_default=text("0")),
    Column("balance", Units, nullable=False, server_default=text("'0'")),
    Column("last_recorded_at", BigInt, nullable=False, server_default=text("0")),
    Column("sealed_size", BigInt, nullable=False, server_default=text("0")),
    # True while size > sealed_size. A column of its own, since an index over ``size`` itself would
    # have to be rewritten at every delta.
    Column("unsealed", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("customer_id", "unit"),
    CheckConstraint("sealed_size >= 0 AND sealed_size <= size", name="sealed_within_size"),
)
Index(
    "ledgers_unsealed",
    ledgers.c.id,
    sqlite_where=ledgers.c.unsealed,
    postgresql_where=ledgers.c.unsealed,
)

frontiers = Table(
    "frontiers",
    metadata,
    Column("ledger", BigInt, ForeignKey("ledgers.id"), primary_key=True, autoincrement=False),
    # protocol.merkle.Frontier at the ledger's sealed size.
    Column("frontier", LargeBinary, nullable=False),
)

deltas = Table(
    "deltas",
    metadata,
    Column("ledger", BigInt, ForeignKey("ledgers.id"), nullable=False),
    Column("index", BigInt, nullable=False),
    Column("amount", Units, nullable=False),
    Column("balance", Units, nullable=False),
    Column("occurred_at", BigInt, nullable=False),
    Column("recorded_at", BigInt, nullable=False),
    # A field without its salt was erased; a salt without a value says that the field was absent.
    Column("reason", Text),
    Column("reason_salt", Salt),
    Column("reference_id", Text),
    Column("reference_salt", Salt),
    Column("metadata", Text),
    Column("metadata_salt", Salt),
    Column("adjusts", Hash),
    Column("adjusts_index", BigInt),
    Column("fingerprint", Hash, nullable=False),
    PrimaryKeyConstraint("ledger", "index"),
    UniqueConstraint("ledger", "reference_id"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("ledger", BigInt, nullable=False),
    Column("index", BigInt, nullable=False),
    Column("field", String(16), nullable=False),
    Column("commitment", Hash, nullable=False),
    Column("erased_at", BigInt, nullable=False),
    Column("erased_by", Text, nullable=False),
    PrimaryKeyConstraint("ledger", "index", "field"),
    ForeignKeyConstraint(["ledger", "index"], ["deltas.ledger", "deltas.index"]),
    CheckConstraint("field IN ('reason', 'reference_id', 'metadata')", name="erasable_field"),
)

HISTORY = 0
"""The ``tree`` of the history of anchored roots in ``tree_nodes``; ledgers count from 1."""
SIGNED = -1
"""The ``tree`` of the anchored roots with SHA-256, whose roots are signed."""

tree_nodes = Table(
    "tree_nodes",
    metadata,
    Column("tree", BigInt, nullable=False),
    # Only heights 4, 8, 12, ... of complete subtrees: 16 hashes are read to fold one of the next.
    Column("height", BigInt, nullable=False),
    Column("position", BigInt, nullable=False),
    Column("hash", Hash, nullable=False),
    PrimaryKeyConstraint("tree", "height", "position"),
    sqlite_with_rowid=False,
)

batches = Table(
    "batches",
    metadata,
    Column("number", BigInt, primary_key=True, autoincrement=False),
    Column("sealed_at", BigInt, nullable=False),
    Column("history_root", Hash, nullable=False),
    Column("map_root", Hash, nullable=False),
    Column("anchor_root", Hash, nullable=False, unique=True),
    Column("delta_count", BigInt, nullable=False),
    Column("ledger_count", BigInt, nullable=False),
)

signed_checkpoints = Table(
    "signed_checkpoints",
    metadata,
    Column("batch", BigInt, ForeignKey("batches.number"), primary_key=True, autoincrement=False),
    # A signed note: the checkpoint of the tree of the batches up to this one.
    Column("note", Text, nullable=False),
)

heads = Table(
    "heads",
    metadata,
    Column("ledger", BigInt, ForeignKey("ledgers.id"), nullable=False),
    # The batch in which the ledger changed: it has this head until the next row.
    Column("batch", BigInt, ForeignKey("batches.number"), nullable=False),
    Column("size", BigInt, nullable=False),
    Column("root", Hash, nullable=False),
    Column("balance", Units, nullable=False),
    PrimaryKeyConstraint("ledger", "batch"),
    sqlite_with_rowid=False,
)

Index("heads_of_batches", heads.c.batch)

map_nodes = Table(
    "map_nodes",
    metadata,
    Column("depth", BigInt, nullable=False),
    Column("prefix", LargeBinary(32), nullable=False),
    # A place holds at batch b what its row with the largest batch <= b says; no row: it is empty.
    Column("batch", BigInt, ForeignKey("batches.number"), nullable=False),
    Column("hash", Hash, nullable=False),
    Column("leaf_ledger_id", Hash),
    Column("leaf_head", Hash),
    PrimaryKeyConstraint("depth", "prefix", "batch"),
    sqlite_with_rowid=False,
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("proof_token", String(40), nullable=False, unique=True),
    Column("proof_hash", Hash, nullable=False, index=True),
    Column("ledger", BigInt, ForeignKey("ledgers.id"), nullable=False),
    Column("from_index", BigInt, nullable=False),
    Column("to_index", BigInt, nullable=False),
    Column("opening_balance", Units, nullable=False),
    Column("closing_balance", Units, nullable=False),
    Column("opening_root", Hash, nullable=False),
    Column("closing_root", Hash, nullable=False),
    Column("span_start", BigInt),
    Column("span_end", BigInt),
    Column("created_at", BigInt, nullable=False),
)
Index(
    "checkpoints_of_ranges",
    checkpoints.c.ledger,
    checkpoints.c.from_index,
    checkpoints.c.to_index,
    unique=True,
    sqlite_where=checkpoints.c.span_start.is_(None),
    postgresql_where=checkpoints.c.span_start.is_(None),
)
Index(
    "checkpoints_of_spans",
    checkpoints.c.ledger,
    checkpoints.c.from_index,
    checkpoints.c.to_index,
    checkpoints.c.span_start,
    checkpoints.c.span_end,
    unique=True,
    sqlite_where=checkpoints.c.span_start.is_not(None),
    postgresql_where=checkpoints.c.span_start.is_not(None),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("key_hash", Hash, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    # Space-separated, sorted: 'admin', 'read', 'write'.
    Column("scopes", Text, nullable=False),
    Column("customer_id", Text),
    Column("created_at", BigInt, nullable=False),
    Column("revoked_at", BigInt),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # 0 where no API key was used.
    Column("api_key", BigInt, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("request_hash", Hash, nullable=False),
    Column("ledger", BigInt, nullable=False),
    Column("index", BigInt, nullable=False),
    PrimaryKeyConstraint("api_key", "idempotency_key"),
)
