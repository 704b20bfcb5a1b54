"""From the bodies of the two hot routes to emissions: exact, strict, and quick.

A key that stands twice cannot be seen in what was decoded, but in a text without a backslash every
key and every text brings two quotation marks of its own. So they are counted: where there are just as
many as the decoded values account for, no key was given twice. Otherwise the text is searched.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET

from anchor.protocol.times import Instant, moment
from anchor.server.api.strict_json import decode, decode_once, json_text, refuse_duplicate_keys
from anchor.server.api.values import amount_units, is_given, metadata_bytes, require_id, require_reason
from anchor.server.ledger.model import Emission
from anchor.wire.problems import Problem
from anchor.wire.requests import MAX_BATCH_ITEMS, EmitBatchRequest, EmitRequest
from anchor.wire.responses import EmitNote
from anchor.wire.times import read_time

MAX_IDEMPOTENCY_KEY: Final = 200


class _LooseBatch(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A batch whose items are read one by one, where they cannot be read all at once."""

    deltas: list[msgspec.Raw]


_DELTA: Final = msgspec.json.Decoder(EmitRequest)
_BATCH: Final = msgspec.json.Decoder(EmitBatchRequest)
_LOOSE_BATCH: Final = msgspec.json.Decoder(_LooseBatch)
# The quotation marks of {"customerId": "", "delta": ...}, and those of the batch around its items.
_LEAST_QUOTES: Final = 6
_BATCH_QUOTES: Final = 2


class Caller(NamedTuple):
    """What an emission takes from its request's headers."""

    api_key_id: int | None
    customer_id: str | None
    """The only customer that the key may write for; None: any."""
    idempotency_key: str | None


def parse_emission(body: bytes, caller: Caller, now_ms: int) -> Emission:
    """Return the emission of a body. Raises Problem."""
    body = json_text(body)
    request = decode_once(_DELTA, body)
    if b"\\" in body or body.count(b'"') != quotes_of(request):
        refuse_duplicate_keys(body)
    return emission_of(request, caller, caller.idempotency_key, now_ms)


def parse_batch(body: bytes, caller: Caller, now_ms: int) -> list[Emission | Problem]:
    """Return a batch's emissions, with a Problem in the place of each that is refused.

    Raises Problem where the body as a whole is at fault.
    """
    body = json_text(body)
    try:
        requests = decode_once(_BATCH, body).deltas
    except Problem as problem:
        if problem.kind.code == "not_json":
            raise
        return _parse_loosely(body, caller, now_ms)
    _require_batch_size(requests)
    if b"\\" in body or body.count(b'"') != _BATCH_QUOTES + sum(map(quotes_of, requests)):
        try:
            refuse_duplicate_keys(body)
        except Problem:
            return _parse_loosely(body, caller, now_ms)
    key = caller.idempotency_key
    parsed: list[Emission | Problem] = []
    for place, request in enumerate(requests):
        try:
            parsed.append(emission_of(request, caller, _key_of_item(key, place), now_ms))
        except Problem as problem:
            parsed.append(problem)
    return parsed


def _parse_loosely(body: bytes, caller: Caller, now_ms: int) -> list[Emission | Problem]:
    """Return a batch's emissions, decoding each item by itself, so that a bad one fails alone."""
    items = decode_once(_LOOSE_BATCH, body).deltas
    _require_batch_size(items)
    _require_one_list(body)
    key = caller.idempotency_key
    parsed: list[Emission | Problem] = []
    for place, item in enumerate(items):
        try:
            parsed.append(emission_of(decode(_DELTA, bytes(item)), caller, _key_of_item(key, place), now_ms))
        except Problem as problem:
            parsed.append(problem)
    return parsed


def _key_of_item(key: str | None, place: int) -> str | None:
    """Return the idempotency key of a batch's item, which is none that a header can bring."""
    return None if key is None else f"{key}\x1f{place}"


def _require_batch_size(items: Sequence[object]) -> None:
    if len(items) > MAX_BATCH_ITEMS:
        raise Problem("too_many_items", f"There are {len(items)}.", field="/deltas")
    if not items:
        raise Problem("invalid_value", "There is no delta in it.", field="/deltas")


class _OneRaw(msgspec.Struct):
    deltas: msgspec.Raw


_ONE_RAW: Final = msgspec.json.Decoder(_OneRaw)


def _require_one_list(body: bytes) -> None:
    """Raise Problem where the batch has ``deltas`` twice: beside the list there is only its key."""
    held = bytes(_ONE_RAW.decode(body).deltas)
    if body.count(b'"') - held.count(b'"') != _BATCH_QUOTES:
        raise Problem("duplicate_key", "'deltas' stands twice.", field="/deltas")


def quotes_of(request: EmitRequest) -> int:
    """Return how many quotation marks an item has in a text without escapes, each key given once."""
    quotes = _LEAST_QUOTES
    if bytes(request.delta)[:1] == b'"':
        quotes += 2
    if request.reference_id is not UNSET:
        quotes += 2 if request.reference_id is None else 4
    if request.reason is not UNSET:
        quotes += 2 if request.reason is None else 4
    if request.unit is not UNSET:
        quotes += 2 if request.unit is None else 4
    if request.occurred_at is not UNSET:
        quotes += 4 if isinstance(request.occurred_at, str) else 2
    if request.metadata is not UNSET:
        quotes += 2 + bytes(request.metadata).count(b'"')
    if request.adjusts is not UNSET:
        quotes += 2 if request.adjusts is None else 6
    if request.metadata_numbers is not UNSET:
        quotes += 2 if request.metadata_numbers is None else 4
    return quotes


def emission_of(request: EmitRequest, caller: Caller, idempotency_key: str | None, now_ms: int) -> Emission:
    """Return the emission that a decoded item asks for. Raises Problem."""
    customer_id = require_id(request.customer_id, "/customerId")
    if caller.customer_id is not None and caller.customer_id != customer_id:
        raise Problem("customer_not_allowed", field="/customerId")
    reference_id = request.reference_id
    reason, unit, metadata = request.reason, request.unit, request.metadata
    occurred_at, adjusts = request.occurred_at, request.adjusts
    instant = None
    if occurred_at is not UNSET and occurred_at is not None:
        instant = read_time(occurred_at, now_ms, "/occurredAt")
    return Emission(
        customer_id,
        amount_units(request.delta, "/delta"),
        require_reason(reason, "/reason") if reason else "",
        require_id(reference_id, "/referenceId")
        if reference_id is not UNSET and reference_id is not None
        else None,
        require_id(unit, "/unit") if unit else "",
        metadata_bytes(metadata, "/metadata", numbers_as_text=request.metadata_numbers == "text")
        if is_given(metadata)
        else None,
        None if instant is None else instant.milliseconds,
        None
        if adjusts is UNSET or adjusts is None
        else require_id(adjusts.reference_id, "/adjusts/referenceId"),
        idempotency_key,
        caller.api_key_id,
        _notes_on(instant) if instant is not None and (instant.cut or instant.leap) else (),
    )


def _notes_on(instant: Instant) -> tuple[EmitNote, ...]:
    """Return what the answer says of a time that is not kept just as it was sent."""
    kept = moment(instant.milliseconds)
    notes = []
    if instant.leap:
        notes.append(EmitNote("/occurredAt", "leap_second", f"The second after it is kept: {kept}."))
    if instant.cut:
        notes.append(EmitNote("/occurredAt", "cut_to_millisecond", f"Kept to the millisecond: {kept}."))
    return tuple(notes)
