"""Alembic's entry: run the migrations on the connection that ``migrating`` hands in."""

from alembic import context

from anchor.server.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
context.run_migrations()
