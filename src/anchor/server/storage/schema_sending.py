"""The tables of the chains: what we sent, every attempt at it, and what the chains hold of it.

Amounts of wei are ``Units`` columns (they may exceed 64 bits); times are milliseconds since 1970,
the times of blocks too. ``anchors`` says what a chain holds, ``sends`` what we did about it.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from anchor.server.storage.schema import BigInt, Hash, Units, metadata

chains = Table(
    "chains",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("name", Text, nullable=False),
    Column("chain_id", BigInt, nullable=False),
    Column("contract", LargeBinary(20), nullable=False),
    Column("genesis_hash", Hash, nullable=False),
    # Where the search for events begins: no event of the contract is older.
    Column("first_block", BigInt, nullable=False),
    # The chain whose finality makes a delta VERIFIED.
    Column("is_primary", Boolean, nullable=False),
    Column("created_at", BigInt, nullable=False),
    # Set where a development chain was reset and another took its place under the same name.
    Column("retired_at", BigInt),
)
Index(
    "chains_in_use",
    chains.c.name,
    unique=True,
    sqlite_where=chains.c.retired_at.is_(None),
    postgresql_where=chains.c.retired_at.is_(None),
)

sends = Table(
    "sends",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("chain", BigInt, ForeignKey("chains.id"), nullable=False),
    Column("batch", BigInt, ForeignKey("batches.number"), nullable=False),
    Column("previous_head", Hash, nullable=False),
    Column("new_head", Hash, nullable=False),
    # anchoring.states.SendState
    Column("state", String(12), nullable=False),
    Column("planned_at", BigInt, nullable=False),
    Column("changed_at", BigInt, nullable=False),
    # Set when the first attempt is signed.
    Column("sender", LargeBinary(20)),
    Column("nonce", BigInt),
    Column("cancel_requested_at", BigInt),
    # Why it ended as it did, for a person.
    Column("reason", Text),
    CheckConstraint(
        "state IN ('planned', 'signed', 'sent', 'mined', 'final', 'failed', 'superseded', 'cancelled')",
        name="known_state",
    ),
)
Index("sends_by_chain_state", sends.c.chain, sends.c.state)
# One in flight per chain: the database refuses a second plan.
Index(
    "sends_one_planned",
    sends.c.chain,
    unique=True,
    sqlite_where=text("state = 'planned'"),
    postgresql_where=text("state = 'planned'"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("send", BigInt, ForeignKey("sends.id"), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("transaction_hash", Hash, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    # EIP-1559: the two fields; legacy: the gas price in both.
    Column("max_fee", Units, nullable=False),
    Column("max_tip", Units, nullable=False),
    Column("gas_limit", BigInt, nullable=False),
    Column("signed_at", BigInt, nullable=False),
    # When a node first took it, and when it was last given to one.
    Column("accepted_at", BigInt),
    Column("broadcast_at", BigInt),
    Column("refusal", Text),
    # What the chain did with it.
    Column("block_number", BigInt),
    Column("block_hash", Hash),
    Column("succeeded", Boolean),
    Column("gas_used", BigInt),
    Column("fee_paid", Units),
    Column("mined_at", BigInt),
    UniqueConstraint("send", "transaction_hash"),
    CheckConstraint("kind IN ('anchor', 'cancel')", name="known_kind"),
)
Index("attempts_by_transaction_hash", attempts.c.transaction_hash)

anchors = Table(
    "anchors",
    metadata,
    Column("chain", BigInt, ForeignKey("chains.id"), nullable=False),
    Column("batch", BigInt, ForeignKey("batches.number"), nullable=False),
    Column("previous_head", Hash, nullable=False),
    Column("transaction_hash", Hash, nullable=False),
    Column("block_number", BigInt, nullable=False),
    Column("block_hash", Hash, nullable=False),
    Column("block_time", BigInt, nullable=False),
    Column("state", String(8), nullable=False),
    # False while the block hash is still compared with the chain's.
    Column("settled", Boolean, nullable=False, server_default=text("false")),
    Column("recorded_at", BigInt, nullable=False),
    PrimaryKeyConstraint("chain", "batch"),
    CheckConstraint("state IN ('mined', 'final')", name="known_state"),
)
Index(
    "anchors_unsettled",
    anchors.c.chain,
    anchors.c.batch,
    sqlite_where=text("settled = false"),
    postgresql_where=text("settled = false"),
)

accepted_heads = Table(
    "accepted_heads",
    metadata,
    # Heads that are not ours, and upon which the operator said to go on (after a leaked key).
    Column("chain", BigInt, ForeignKey("chains.id"), nullable=False),
    Column("head", Hash, nullable=False),
    Column("accepted_at", BigInt, nullable=False),
    PrimaryKeyConstraint("chain", "head"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", Text, nullable=False),
    # Rises with every renewal. Others take over once they saw it stand still for the lease's length
    # by their own monotonic clock, so no two clocks are ever compared.
    Column("renewals", BigInt, nullable=False),
    Column("length_ms", BigInt, nullable=False),
    Column("renewed_at", BigInt, nullable=False),
)

alarms = Table(
    "alarms",
    metadata,
    # A chain's name, since it may be about one that could not be opened; '' where it is about none.
    Column("chain", Text, nullable=False),
    Column("name", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    Column("raised_at", BigInt, nullable=False),
    Column("seen_at", BigInt, nullable=False),
    # Null while it lasts.
    Column("cleared_at", BigInt),
    PrimaryKeyConstraint("chain", "name"),
)

observations = Table(
    "observations",
    metadata,
    # The chain as the sender last saw it: what status and metrics show without asking a node.
    Column("chain", BigInt, ForeignKey("chains.id"), primary_key=True, autoincrement=False),
    Column("observed_at", BigInt, nullable=False),
    Column("head", Hash, nullable=False),
    Column("block_number", BigInt, nullable=False),
    Column("block_time", BigInt, nullable=False),
    # When block_number last rose, by our clock.
    Column("block_seen_at", BigInt, nullable=False),
    Column("final_number", BigInt),
    Column("sender", LargeBinary(20), nullable=False),
    Column("sender_balance", Units, nullable=False),
    Column("gas_price", Units, nullable=False),
    # Finality tags that the chain was ever seen to know, with spaces between.
    Column("known_tags", Text, nullable=False, server_default=text("''")),
)
