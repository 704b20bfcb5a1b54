"""What the operator sees of the sender: one JSON line for each change, and the alarms that last.

No line holds a secret: URLs are redacted by the endpoints, keys are never given to the journal.
"""

import json
import logging
from typing import Final

from sqlalchemy import Connection

from anchor.server.anchoring.alarms import MEANINGS, AlarmName
from anchor.server.ledger.clock import Clock
from anchor.server.storage.observations import clear_alarm, raise_alarm

LOGGER: Final = logging.getLogger("anchor.anchoring")

Field = str | int | bool | None | bytes


class Journal:
    """Writes log lines and alarms of one chain, by its name ('': of none)."""

    def __init__(self, clock: Clock, name: str = "") -> None:
        self._clock = clock
        self.name: Final = name

    def say(self, event: str, **fields: Field) -> None:
        """Log one line: ``event`` is its stable name."""
        self._line(logging.INFO, event, fields)

    def raise_alarm(self, connection: Connection, alarm: AlarmName, detail: str) -> None:
        """Raise an alarm, or say that it lasts; a line is logged where it is new."""
        if raise_alarm(connection, self.name, alarm.value, detail, self._clock.now_ms()):
            fields: dict[str, Field] = {"alarm": alarm.value, "detail": detail}
            self._line(logging.WARNING, "alarm_raised", fields | {"remedy": MEANINGS[alarm].remedy})

    def clear_alarm(self, connection: Connection, alarm: AlarmName) -> None:
        """Say that an alarm's cause is gone; a line is logged where it lasted until now."""
        if clear_alarm(connection, self.name, alarm.value, self._clock.now_ms()):
            self._line(logging.INFO, "alarm_cleared", {"alarm": alarm.value})

    def _line(self, level: int, event: str, fields: dict[str, Field]) -> None:
        content: dict[str, Field] = {"at": self._clock.now_ms(), "event": event}
        if self.name:
            content["chain"] = self.name
        for key, value in fields.items():
            content[key] = "0x" + value.hex() if isinstance(value, bytes) else value
        LOGGER.log(level, json.dumps(content, ensure_ascii=False))
