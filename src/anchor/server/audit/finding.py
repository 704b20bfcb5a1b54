"""What an audit reports: one place of the record where what is stated is not what is recomputed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """``table``, the row's primary key, the column, and both values as text (hashes in hex)."""

    table: str
    key: tuple[object, ...]
    column: str
    stated: str
    recomputed: str

    @classmethod
    def of(
        cls, table: str, key: tuple[object, ...], column: str, stated: object, recomputed: object
    ) -> "Finding":
        """Make a finding of two values."""
        return cls(table, key, column, _text(stated), _text(recomputed))

    def __str__(self) -> str:
        place = ", ".join(_text(part) for part in self.key)
        return f"{self.table}({place}).{self.column}: stated {self.stated}, recomputed {self.recomputed}"


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    return "0x" + bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)
