"""From the values of a row to the fields of an emit call: amounts, names, times, metadata."""

import hashlib
import json
from typing import Any

from anchor.cli.output import exact_json
from anchor.cli.usage.amounts import UncertainAmount, is_plain, read_cell, rounded, turned
from anchor.cli.usage.json_rows import read_json
from anchor.cli.usage.mapping import MAX_REFERENCE, REQUIRED, Mapped
from anchor.cli.usage.source import Reading
from anchor.protocol.strict_json import NumberText


class Finishing:
    """Reads the values of one file's rows."""

    def __init__(self, mapped: Mapped, reading: Reading, name: str) -> None:
        self._mapped = mapped
        self._reading = reading
        self._name = name

    def fields_of(self, line: int, values: dict[str, Any]) -> dict[str, Any] | str:
        """Return the fields of a row, or why there are none."""
        mapped = self._mapped
        fields = {**mapped.constants, **values}
        if mapped.reference_line:
            fields["referenceId"] = f"{self._name}:{line}"
        elif isinstance(named := fields.get("referenceId"), list):
            fields["referenceId"] = joined(named)
        for field in REQUIRED:
            # Without a reference the caller says what that would mean.
            if field not in fields and field != "referenceId":
                return f"there is no {mapped.column_of(field)}"
        try:
            fields["delta"] = self._amount(fields["delta"])
            if isinstance(occurred_at := fields.get("occurredAt"), NumberText):
                fields["occurredAt"] = str(occurred_at)
            if mapped.times and "occurredAt" in fields:
                fields["occurredAt"], cut = mapped.times.instant(fields["occurredAt"])
                self._reading.cut += cut
        except ValueError as error:
            return str(error)
        if isinstance(adjusts := fields.get("adjusts"), str):
            fields["adjusts"] = {"referenceId": adjusts}
        if isinstance(metadata := fields.get("metadata"), str):
            # A column of JSON.
            try:
                fields["metadata"] = read_json(metadata)
            except ValueError as error:
                return f"metadata is not a JSON object: {error}"
        if mapped.numbers_as_text and "metadata" in fields:
            fields["metadataNumbers"] = "text"
        return fields

    def _amount(self, amount: Any) -> Any:
        """Return an amount in plain digits; what is none stays as it is, to be refused as that.

        Raises UncertainAmount.
        """
        if isinstance(amount, bool) or not isinstance(amount, int | str):
            return amount
        if isinstance(amount, int | NumberText):
            text = str(amount)
        else:
            text, currency = read_cell(amount, self._mapped.decimal)
            if currency:
                if currency != (self._reading.currency or currency):
                    raise UncertainAmount(
                        f"this amount is in {currency}, others of the file in {self._reading.currency}:"
                        " their sum would mean nothing"
                    )
                self._reading.currency = currency
        if not is_plain(text):
            return text
        if self._mapped.round_to is not None:
            near = rounded(text, self._mapped.round_to)
            self._reading.rounded += near != text
            text = near
        return turned(text) if self._mapped.negate else text


def joined(values: list[Any]) -> Any:
    """Return one name of several values, another one for other values; None where all are empty.

    They are joined by ``|``, with a backslash before one of their own. What is longer than a reference may
    be is named by its SHA-256.
    """
    texts = ["" if value is None else value if isinstance(value, str) else _shown(value) for value in values]
    if not any(texts):
        return None
    name = "|".join(text.replace("\\", "\\\\").replace("|", "\\|") for text in texts)
    if len(name) > MAX_REFERENCE:
        return "sha256:" + hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return name


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return exact_json(value)
    return json.dumps(value)
