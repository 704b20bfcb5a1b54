"""Who asks: API keys from ``X-Api-Key`` or ``Authorization: Bearer``, looked up and remembered briefly."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from anchor.protocol.hashing import Bytes32
from anchor.server.ledger.api_keys import ApiKey, Scope, find_key, hash_of_key, is_key_form
from anchor.server.ledger.clock import Clock
from anchor.server.storage.database import Database
from anchor.wire.problems import Problem

REMEMBERED_SECONDS: Final = 0.8
"""How long a key is taken for good without asking again: a revocation takes effect within a second."""
REMEMBERED_KEYS: Final = 1_024

_BEARER: Final = b"bearer "


class Authenticator:
    """Finds the key of a request. One an app, used on one event loop."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[Bytes32, tuple[float, ApiKey]] = OrderedDict()
        self._asked: dict[Bytes32, asyncio.Task[ApiKey | None]] = {}

    async def key_of(self, headers: Iterable[tuple[bytes, bytes]], scope: Scope) -> ApiKey:
        """Return the key of a request that may do what ``scope`` says. Raises Problem, StorageUnavailable."""
        key_hash = _hash_of(headers)
        known = self._known.get(key_hash)
        if known is not None and known[0] > self._clock.monotonic():
            key = known[1]
        else:
            key = await self._look_up(key_hash)
        if scope not in key.scopes:
            raise Problem("scope_missing", f"This needs the scope {scope.value}.", scope=scope.value)
        return key

    async def _look_up(self, key_hash: Bytes32) -> ApiKey:
        # Requests that come while the answer is awaited wait for the same one.
        asked = self._asked.get(key_hash)
        if asked is None:
            asked = asyncio.create_task(self._ask(key_hash))
            self._asked[key_hash] = asked
            asked.add_done_callback(lambda _: self._asked.pop(key_hash, None))
        key = await asyncio.shield(asked)
        if key is None:
            raise Problem("key_not_accepted")
        return key

    async def _ask(self, key_hash: Bytes32) -> ApiKey | None:
        asked_at = self._clock.monotonic()
        key = await asyncio.to_thread(find_key, self._database, key_hash)
        self._known.pop(key_hash, None)
        if key is not None:
            self._known[key_hash] = (asked_at + REMEMBERED_SECONDS, key)
            if len(self._known) > REMEMBERED_KEYS:
                self._known.popitem(last=False)
        return key


def _hash_of(headers: Iterable[tuple[bytes, bytes]]) -> Bytes32:
    text: bytes | None = None
    for name, value in headers:
        if name == b"x-api-key":
            given = value
        elif name == b"authorization" and value[:7].lower() == _BEARER:
            given = value[7:].strip()
        else:
            continue
        if text is not None and given != text:
            raise Problem("key_not_accepted", "Two different keys are given: send one.")
        text = given
    if not text:
        raise Problem("key_missing")
    key = text.decode("latin-1")
    if not is_key_form(key):
        raise Problem("key_not_accepted")
    return hash_of_key(key)
