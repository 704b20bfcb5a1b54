"""Where each field of a row comes from: as the options say, or as a known format of events has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from anchor.cli.failures import CommandFailed
from anchor.cli.usage.amounts import DecimalSign
from anchor.protocol.times import moment
from anchor.wire.problems import Problem
from anchor.wire.times import TimeUnit, is_number, time_of

FIELDS: Final = (
    "customerId",
    "delta",
    "reason",
    "referenceId",
    "unit",
    "occurredAt",
    "metadata",
    "adjusts",
)
REQUIRED: Final = ("customerId", "delta", "referenceId")
MAX_REFERENCE: Final = 256


@dataclass(frozen=True)
class TimeReading:
    """How the times of a file are written, beyond what is read anyway."""

    unit: TimeUnit | None = None
    """What a number counts; unknown, it is milliseconds unless it looks otherwise."""
    zone: tzinfo | None = None
    """Where a time without an offset is local."""
    form: str | None = None
    """A form of strptime."""

    def __bool__(self) -> bool:
        return self.unit is not None or self.zone is not None or self.form is not None

    def instant(self, value: Any) -> tuple[Any, bool]:
        """Return a time as the emit call takes it, an instant as text, and whether it was cut to that.

        Raises ValueError with the reason.
        """
        if isinstance(value, bool) or not isinstance(value, int | str):
            return value, False
        if self.form is not None and isinstance(value, str):
            value = datetime.strptime(value.strip(), self.form).isoformat()  # noqa: DTZ007 - the zone follows
        try:
            instant = time_of(value, "/occurredAt", unit=self.unit, zone=self.zone)
        except Problem as problem:
            raise ValueError(problem.detail) from None
        # A number of no stated unit is for the server to suspect.
        if self.unit is None and is_number(value):
            return value, False
        return moment(instant.milliseconds), instant.cut


@dataclass(frozen=True)
class Mapped:
    """Where each field of a row comes from, and how its values are read."""

    columns: Mapping[str, str]
    """Field to column, for those whose names differ."""
    constants: Mapping[str, str]
    """Field to one value for all rows."""
    negate: bool = False
    """Charge what the file counts: a usage of 3 becomes a delta of -3."""
    reference_from: tuple[str, ...] = ()
    """Columns that together name a row."""
    reference_line: bool = False
    """Name a row by its file and line."""
    times: TimeReading = field(default_factory=TimeReading)
    decimal: DecimalSign | None = None
    round_to: int | None = None
    """Fractional digits that are kept, where doubles left noise."""
    wrapper: str = ""
    """The member that holds the event, where one is wrapped."""
    numbers_as_text: bool = False
    """Carry numbers of the metadata that a double does not as their digits."""

    def column_of(self, field: str) -> str:
        """Return the column that holds a field."""
        return self.columns.get(field, field)

    @property
    def names_rows(self) -> bool:
        """Return whether a row is named by something else than a column of its own."""
        return self.reference_line or bool(self.reference_from)


@dataclass(frozen=True)
class EventFormat:
    """How a known system writes its events."""

    columns: Mapping[str, str]
    reference_from: tuple[str, ...] = ()
    unit: TimeUnit | None = None
    wrapper: str = ""


# customerId and what is counted come from where each format names them; only OpenMeter and Stripe have one
# place for the amount.
EVENT_FORMATS: Final = MappingProxyType(
    {
        # CloudEvents 1.0 §3.1: source and id together name an event.
        "cloudevents": EventFormat(
            {"customerId": "subject", "unit": "type", "occurredAt": "time"}, ("source", "id")
        ),
        "openmeter": EventFormat(
            {"customerId": "subject", "unit": "type", "occurredAt": "time", "delta": "data.value"},
            ("source", "id"),
            wrapper="event",
        ),
        "lago": EventFormat(
            {
                "customerId": "external_subscription_id",
                "referenceId": "transaction_id",
                "unit": "code",
                "occurredAt": "timestamp",
            },
            unit=TimeUnit.SECONDS,
            wrapper="event",
        ),
        "stripe": EventFormat(
            {
                "customerId": "payload.stripe_customer_id",
                "delta": "payload.value",
                "referenceId": "identifier",
                "unit": "event_name",
                "occurredAt": "timestamp",
            },
            unit=TimeUnit.SECONDS,
        ),
    }
)


def parse_mapping(columns: list[str], constants: list[str], negate: bool) -> Mapped:
    """Parse ``--map FIELD=COLUMN`` and ``--set FIELD=VALUE``. Raises CommandFailed."""
    pairs: dict[str, dict[str, str]] = {"--map": {}, "--set": {}}
    for option, texts in (("--map", columns), ("--set", constants)):
        for text in texts:
            field, equals, value = text.partition("=")
            if not equals or field not in FIELDS:
                raise CommandFailed(
                    f"{option} {text} names no field",
                    f"write {option} FIELD=..., with a field of {', '.join(FIELDS)}",
                    code="unknown_field",
                )
            pairs[option][field] = value
    both = pairs["--map"].keys() & pairs["--set"].keys()
    if both:
        raise CommandFailed(
            f"{min(both)} is both mapped and set", "leave one of the two out", code="unknown_field"
        )
    return Mapped(pairs["--map"], pairs["--set"], negate)


def of_format(mapped: Mapped, stated: str | None) -> Mapped:
    """Return a mapping with what a format of events says of the fields that the options leave open."""
    events = EVENT_FORMATS.get((stated or "").lower())
    if events is None:
        return mapped
    columns = {
        name: column for name, column in events.columns.items() if name not in mapped.constants
    } | dict(mapped.columns)
    named = "referenceId" in mapped.columns or "referenceId" in mapped.constants or mapped.names_rows
    times = mapped.times if mapped.times.unit else replace(mapped.times, unit=events.unit)
    return replace(
        mapped,
        columns=columns,
        times=times,
        wrapper=events.wrapper,
        reference_from=mapped.reference_from if named else events.reference_from,
    )


def zone_of(name: str) -> tzinfo:
    """Return the time zone of a name of the IANA database. Raises CommandFailed."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise CommandFailed(
            f"there is no time zone {name!a}", "write it as Europe/Berlin, or UTC", code="usage"
        ) from None
