"""The finality tags that a chain was seen to know, so that a process that is started anew knows it too."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("observations", sa.Column("known_tags", sa.Text, nullable=False, server_default=""))
