"""Migrations: Alembic's, run from the package, with no file of settings."""

import importlib.resources
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

_MIGRATION_LOCK: Final = 0x616E63686F720001


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to ``revision`` in the transaction that is open, one process at a time."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    command.upgrade(_configuration(connection), revision)


def schema_revisions(connection: Connection) -> tuple[str | None, str | None]:
    """Return the revision that the database is at, and the newest that this version of Anchor knows."""
    script = ScriptDirectory.from_config(_configuration(connection))
    return MigrationContext.configure(connection).get_current_revision(), script.get_current_head()


def _configuration(connection: Connection) -> Config:
    config = Config()
    config.set_main_option(
        "script_location", str(importlib.resources.files("anchor.server.storage").joinpath("migrations"))
    )
    config.attributes["connection"] = connection
    return config
