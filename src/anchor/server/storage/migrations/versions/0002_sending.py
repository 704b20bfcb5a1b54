"""The chains: what is sent to them, what they hold, and what the operator is told."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HASH = sa.LargeBinary(32)
UNITS = sa.Numeric(78, 0).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "chains",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("chain_id", BIG, nullable=False),
        sa.Column("contract", sa.LargeBinary(20), nullable=False),
        sa.Column("genesis_hash", HASH, nullable=False),
        sa.Column("first_block", BIG, nullable=False),
        sa.Column("is_primary", sa.Boolean, nullable=False),
        sa.Column("created_at", BIG, nullable=False),
        sa.Column("retired_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name="chains_pk"),
    )
    op.create_index(
        "chains_in_use",
        "chains",
        ["name"],
        unique=True,
        sqlite_where=sa.text("retired_at IS NULL"),
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_table(
        "sends",
        sa.Column("id", BIG, nullable=False),
        sa.Column("chain", BIG, nullable=False),
        sa.Column("batch", BIG, nullable=False),
        sa.Column("previous_head", HASH, nullable=False),
        sa.Column("new_head", HASH, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("planned_at", BIG, nullable=False),
        sa.Column("changed_at", BIG, nullable=False),
        sa.Column("sender", sa.LargeBinary(20), nullable=True),
        sa.Column("nonce", BIG, nullable=True),
        sa.Column("cancel_requested_at", BIG, nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="sends_pk"),
        sa.CheckConstraint(
            "state IN ('planned', 'signed', 'sent', 'mined', 'final', 'failed', 'superseded', 'cancelled')",
            name="sends_known_state",
        ),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name="sends_batch_in_batches"),
        sa.ForeignKeyConstraint(["chain"], ["chains.id"], name="sends_chain_in_chains"),
    )
    op.create_index("sends_by_chain_state", "sends", ["chain", "state"])
    op.create_index(
        "sends_one_planned",
        "sends",
        ["chain"],
        unique=True,
        sqlite_where=sa.text("state = 'planned'"),
        postgresql_where=sa.text("state = 'planned'"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("send", BIG, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("transaction_hash", HASH, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("max_fee", UNITS, nullable=False),
        sa.Column("max_tip", UNITS, nullable=False),
        sa.Column("gas_limit", BIG, nullable=False),
        sa.Column("signed_at", BIG, nullable=False),
        sa.Column("accepted_at", BIG, nullable=True),
        sa.Column("broadcast_at", BIG, nullable=True),
        sa.Column("refusal", sa.Text, nullable=True),
        sa.Column("block_number", BIG, nullable=True),
        sa.Column("block_hash", HASH, nullable=True),
        sa.Column("succeeded", sa.Boolean, nullable=True),
        sa.Column("gas_used", BIG, nullable=True),
        sa.Column("fee_paid", UNITS, nullable=True),
        sa.Column("mined_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name="attempts_pk"),
        sa.CheckConstraint("kind IN ('anchor', 'cancel')", name="attempts_known_kind"),
        sa.ForeignKeyConstraint(["send"], ["sends.id"], name="attempts_send_in_sends"),
        sa.UniqueConstraint("send", "transaction_hash", name="attempts_unique_send_transaction_hash"),
    )
    op.create_index("attempts_by_transaction_hash", "attempts", ["transaction_hash"])
    op.create_table(
        "anchors",
        sa.Column("chain", BIG, nullable=False),
        sa.Column("batch", BIG, nullable=False),
        sa.Column("previous_head", HASH, nullable=False),
        sa.Column("transaction_hash", HASH, nullable=False),
        sa.Column("block_number", BIG, nullable=False),
        sa.Column("block_hash", HASH, nullable=False),
        sa.Column("block_time", BIG, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("recorded_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("chain", "batch", name="anchors_pk"),
        sa.CheckConstraint("state IN ('mined', 'final')", name="anchors_known_state"),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name="anchors_batch_in_batches"),
        sa.ForeignKeyConstraint(["chain"], ["chains.id"], name="anchors_chain_in_chains"),
    )
    op.create_index(
        "anchors_unsettled",
        "anchors",
        ["chain", "batch"],
        sqlite_where=sa.text("settled = false"),
        postgresql_where=sa.text("settled = false"),
    )
    op.create_table(
        "accepted_heads",
        sa.Column("chain", BIG, nullable=False),
        sa.Column("head", HASH, nullable=False),
        sa.Column("accepted_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("chain", "head", name="accepted_heads_pk"),
        sa.ForeignKeyConstraint(["chain"], ["chains.id"], name="accepted_heads_chain_in_chains"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("renewals", BIG, nullable=False),
        sa.Column("length_ms", BIG, nullable=False),
        sa.Column("renewed_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="leases_pk"),
    )
    op.create_table(
        "alarms",
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("raised_at", BIG, nullable=False),
        sa.Column("seen_at", BIG, nullable=False),
        sa.Column("cleared_at", BIG, nullable=True),
        sa.PrimaryKeyConstraint("chain", "name", name="alarms_pk"),
    )
    op.create_table(
        "observations",
        sa.Column("chain", BIG, nullable=False, autoincrement=False),
        sa.Column("observed_at", BIG, nullable=False),
        sa.Column("head", HASH, nullable=False),
        sa.Column("block_number", BIG, nullable=False),
        sa.Column("block_time", BIG, nullable=False),
        sa.Column("block_seen_at", BIG, nullable=False),
        sa.Column("final_number", BIG, nullable=True),
        sa.Column("sender", sa.LargeBinary(20), nullable=False),
        sa.Column("sender_balance", UNITS, nullable=False),
        sa.Column("gas_price", UNITS, nullable=False),
        sa.PrimaryKeyConstraint("chain", name="observations_pk"),
        sa.ForeignKeyConstraint(["chain"], ["chains.id"], name="observations_chain_in_chains"),
    )
