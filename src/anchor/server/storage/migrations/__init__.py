"""Alembic migrations, one file a step; what a released one says is never edited."""
