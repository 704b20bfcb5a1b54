"""Append many rows of one table at once.

By the driver itself: what SQLAlchemy adds to each row costs more than the row.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql


class Appending:
    """How rows are appended to one table, each with a value for each of ``columns`` in their order.

    Built once a table: what it says to the database is always the same.
    """

    def __init__(self, table: Table, *columns: str) -> None:
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        names = ", ".join(f'"{column}"' for column in columns)
        self._insert: Final = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(columns))})"
        self._copy: Final = f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)"
        self._types: Final = [
            table.c[column].type.compile(dialect).partition("(")[0].lower() for column in columns
        ]

    def append(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert these rows; amounts are decimal texts on SQLite, integers on PostgreSQL.

        Raises sqlalchemy's or psycopg's IntegrityError where a row is there already.
        """
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(self._insert, list(rows))
            return
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(self._copy) as copy:
            copy.set_types(self._types)
            write = copy.write_row
            for row in rows:
                write(row)
