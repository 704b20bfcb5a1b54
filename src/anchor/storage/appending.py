"""Append many rows of one table at once.

By the driver itself: what SQLAlchemy adds to each row costs more than the row.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql


def append_rows(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows, each with a value for each column in their order. Amounts are texts on SQLite.

    Raises sqlalchemy's or psycopg's IntegrityError where a row is there already.
    """
    if not rows:
        return
    names = ", ".join(f'"{column}"' for column in columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({names}) VALUES ({marks})", [tuple(row) for row in rows]
        )
        return
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    types = [table.c[column].type.compile(dialect).split("(")[0].lower() for column in columns]
    driver: Any = connection.connection.driver_connection
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
