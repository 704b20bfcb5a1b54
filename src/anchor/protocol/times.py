"""Times as people read them."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253_402_300_799_999


# Deltas that were recorded together say one time, most of them twice.
@lru_cache(maxsize=1024)
def moment(milliseconds: int) -> str:
    """Return a time in milliseconds since 1970 as ISO 8601 in UTC; the number itself beyond year 9999."""
    if milliseconds > _LAST:
        return f"{milliseconds} ms after 1970"
    time = _EPOCH + timedelta(milliseconds=milliseconds)
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S")
        + (f".{milliseconds % 1000:03d}" if milliseconds % 1000 else "")
        + "Z"
    )
