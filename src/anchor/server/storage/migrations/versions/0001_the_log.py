"""The log: ledgers, deltas, trees, map, batches, checkpoints and keys, and what may never change in them."""

import sqlalchemy as sa
from alembic import op

from anchor.server.storage.migrations import append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HASH = sa.LargeBinary(32)
SALT = sa.LargeBinary(16)
UNITS = sa.Numeric(78, 0).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    create_record()
    create_commitments()
    create_access()
    append_only.protect(op.get_bind())


def create_record() -> None:
    op.create_table(
        "log",
        sa.Column("id", BIG, nullable=False, autoincrement=False),
        sa.Column("log_id", HASH, nullable=False),
        sa.Column("identity_public_key", HASH, nullable=False),
        sa.Column("founder", sa.LargeBinary(20), nullable=False),
        sa.Column("receipt_key", sa.LargeBinary(16), nullable=False),
        sa.Column("sealing_at", BIG, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="log_pk"),
        sa.CheckConstraint("id = 1", name="log_single_row"),
    )
    op.create_table(
        "ledgers",
        sa.Column("id", BIG, nullable=False),
        sa.Column("ledger_id", HASH, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("identity_proof", sa.LargeBinary(80), nullable=False),
        sa.Column("size", BIG, nullable=False, server_default=sa.text("0")),
        sa.Column("balance", UNITS, nullable=False, server_default=sa.text("'0'")),
        sa.Column("last_recorded_at", BIG, nullable=False, server_default=sa.text("0")),
        sa.Column("sealed_size", BIG, nullable=False, server_default=sa.text("0")),
        sa.Column("unsealed", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("id", name="ledgers_pk"),
        sa.UniqueConstraint("ledger_id", name="ledgers_unique_ledger_id"),
        sa.UniqueConstraint("customer_id", "unit", name="ledgers_unique_customer_id_unit"),
        sa.CheckConstraint("sealed_size >= 0 AND sealed_size <= size", name="ledgers_sealed_within_size"),
    )
    op.create_index(
        "ledgers_unsealed",
        "ledgers",
        ["id"],
        sqlite_where=sa.text("unsealed"),
        postgresql_where=sa.text("unsealed"),
    )
    op.create_table(
        "deltas",
        sa.Column("ledger", BIG, nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.Column("amount", UNITS, nullable=False),
        sa.Column("balance", UNITS, nullable=False),
        sa.Column("occurred_at", BIG, nullable=False),
        sa.Column("recorded_at", BIG, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("reason_salt", SALT),
        sa.Column("reference_id", sa.Text),
        sa.Column("reference_salt", SALT),
        sa.Column("metadata", sa.Text),
        sa.Column("metadata_salt", SALT),
        sa.Column("adjusts", HASH),
        sa.Column("adjusts_index", BIG),
        sa.Column("fingerprint", HASH, nullable=False),
        sa.PrimaryKeyConstraint("ledger", "index", name="deltas_pk"),
        sa.UniqueConstraint("ledger", "reference_id", name="deltas_unique_ledger_reference_id"),
        sa.ForeignKeyConstraint(["ledger"], ["ledgers.id"], name="deltas_ledger_in_ledgers"),
    )
    op.create_table(
        "erasures",
        sa.Column("ledger", BIG, nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.Column("field", sa.String(16), nullable=False),
        sa.Column("commitment", HASH, nullable=False),
        sa.Column("erased_at", BIG, nullable=False),
        sa.Column("erased_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("ledger", "index", "field", name="erasures_pk"),
        sa.ForeignKeyConstraint(
            ["ledger", "index"], ["deltas.ledger", "deltas.index"], name="erasures_ledger_index_in_deltas"
        ),
        sa.CheckConstraint("field IN ('reason', 'reference_id', 'metadata')", name="erasures_erasable_field"),
    )


def create_commitments() -> None:
    op.create_table(
        "frontiers",
        sa.Column("ledger", BIG, nullable=False, autoincrement=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("ledger", name="frontiers_pk"),
        sa.ForeignKeyConstraint(["ledger"], ["ledgers.id"], name="frontiers_ledger_in_ledgers"),
    )
    op.create_table(
        "tree_nodes",
        sa.Column("tree", BIG, nullable=False),
        sa.Column("height", BIG, nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("hash", HASH, nullable=False),
        sa.PrimaryKeyConstraint("tree", "height", "position", name="tree_nodes_pk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "batches",
        sa.Column("number", BIG, nullable=False, autoincrement=False),
        sa.Column("sealed_at", BIG, nullable=False),
        sa.Column("history_root", HASH, nullable=False),
        sa.Column("map_root", HASH, nullable=False),
        sa.Column("anchor_root", HASH, nullable=False),
        sa.Column("delta_count", BIG, nullable=False),
        sa.Column("ledger_count", BIG, nullable=False),
        sa.PrimaryKeyConstraint("number", name="batches_pk"),
        sa.UniqueConstraint("anchor_root", name="batches_unique_anchor_root"),
    )
    op.create_table(
        "signed_checkpoints",
        sa.Column("batch", BIG, nullable=False, autoincrement=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("batch", name="signed_checkpoints_pk"),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name="signed_checkpoints_batch_in_batches"),
    )
    op.create_table(
        "heads",
        sa.Column("ledger", BIG, nullable=False),
        sa.Column("batch", BIG, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("root", HASH, nullable=False),
        sa.Column("balance", UNITS, nullable=False),
        sa.PrimaryKeyConstraint("ledger", "batch", name="heads_pk"),
        sa.ForeignKeyConstraint(["ledger"], ["ledgers.id"], name="heads_ledger_in_ledgers"),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name="heads_batch_in_batches"),
        sqlite_with_rowid=False,
    )
    op.create_index("heads_of_batches", "heads", ["batch"])
    op.create_table(
        "map_nodes",
        sa.Column("depth", BIG, nullable=False),
        sa.Column("prefix", sa.LargeBinary(32), nullable=False),
        sa.Column("batch", BIG, nullable=False),
        sa.Column("hash", HASH, nullable=False),
        sa.Column("leaf_ledger_id", HASH),
        sa.Column("leaf_head", HASH),
        sa.PrimaryKeyConstraint("depth", "prefix", "batch", name="map_nodes_pk"),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name="map_nodes_batch_in_batches"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "checkpoints",
        sa.Column("id", BIG, nullable=False),
        sa.Column("proof_token", sa.String(40), nullable=False),
        sa.Column("proof_hash", HASH, nullable=False),
        sa.Column("ledger", BIG, nullable=False),
        sa.Column("from_index", BIG, nullable=False),
        sa.Column("to_index", BIG, nullable=False),
        sa.Column("opening_balance", UNITS, nullable=False),
        sa.Column("closing_balance", UNITS, nullable=False),
        sa.Column("opening_root", HASH, nullable=False),
        sa.Column("closing_root", HASH, nullable=False),
        sa.Column("span_start", BIG),
        sa.Column("span_end", BIG),
        sa.Column("created_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="checkpoints_pk"),
        sa.UniqueConstraint("proof_token", name="checkpoints_unique_proof_token"),
        sa.ForeignKeyConstraint(["ledger"], ["ledgers.id"], name="checkpoints_ledger_in_ledgers"),
    )
    op.create_index("checkpoints_by_proof_hash", "checkpoints", ["proof_hash"])
    op.create_index(
        "checkpoints_of_ranges",
        "checkpoints",
        ["ledger", "from_index", "to_index"],
        unique=True,
        sqlite_where=sa.text("span_start IS NULL"),
        postgresql_where=sa.text("span_start IS NULL"),
    )
    op.create_index(
        "checkpoints_of_spans",
        "checkpoints",
        ["ledger", "from_index", "to_index", "span_start", "span_end"],
        unique=True,
        sqlite_where=sa.text("span_start IS NOT NULL"),
        postgresql_where=sa.text("span_start IS NOT NULL"),
    )


def create_access() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", BIG, nullable=False),
        sa.Column("key_hash", HASH, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("revoked_at", BIG),
        sa.PrimaryKeyConstraint("id", name="api_keys_pk"),
        sa.UniqueConstraint("key_hash", name="api_keys_unique_key_hash"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("api_key", BIG, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("request_hash", HASH, nullable=False),
        sa.Column("ledger", BIG, nullable=False),
        sa.Column("index", BIG, nullable=False),
        sa.PrimaryKeyConstraint("api_key", "idempotency_key", name="idempotency_keys_pk"),
    )
