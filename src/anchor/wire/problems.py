"""Problem documents (RFC 9457): what every refusal answers, from one table of codes.

``code`` is stable and for programs; ``title`` and ``remedy`` are for people. ``field`` names the place:
a JSON pointer into the body, the name of a query parameter or header, or is absent. docs/http-api.md lists
the same table.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:anchor:problem:"


_SHOWN: Final = 60


def shown(text: str) -> str:
    """Return a text of the caller's as a problem repeats it: quoted, and cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One row of the table."""

    code: str
    status: int
    title: str
    remedy: str


_KINDS: Final = (
    # The request as a whole.
    ProblemKind(
        "not_http",
        400,
        "This is not a request of HTTP.",
        "Check the request line, the headers, and that Content-Length is a number.",
    ),
    ProblemKind("not_json", 400, "The body is not JSON.", "Send one JSON value in UTF-8."),
    ProblemKind(
        "duplicate_key", 400, "A key stands twice in one JSON object.", "Send each key once in an object."
    ),
    ProblemKind(
        "body_too_large", 413, "The body is too large.", "Send at most 1 MiB, or 10 MiB to the batch route."
    ),
    ProblemKind(
        "body_too_slow", 408, "The body did not arrive in time.", "Send it faster, or in smaller requests."
    ),
    ProblemKind("wrong_type", 422, "A value has the wrong type.", "Send the type that the field has."),
    ProblemKind("missing_field", 422, "A field is missing.", "Send the field."),
    ProblemKind(
        "unknown_field", 422, "A field is not known here.", "Leave it out, or check how it is written."
    ),
    ProblemKind("invalid_value", 422, "A value is not allowed here.", "Send a value that is allowed."),
    ProblemKind("too_many_items", 422, "There are too many items.", "Send at most 1,000 deltas in a batch."),
    # Amounts, texts, times, metadata.
    ProblemKind(
        "amount_not_a_number",
        422,
        "An amount is not a decimal number.",
        'Send a JSON number, or its digits as a text: -182 or "-182".',
    ),
    ProblemKind(
        "amount_too_precise",
        422,
        "An amount has more than 18 fractional digits.",
        "Round it before sending: nothing is rounded here.",
    ),
    ProblemKind(
        "amount_out_of_range", 422, "An amount is out of range.", "Send less than 2^127 units of 10^-18."
    ),
    ProblemKind(
        "invalid_id",
        422,
        "An id cannot be used.",
        "Use 1 to 256 characters that can be seen and told apart, and no blank at an end.",
    ),
    ProblemKind(
        "invalid_text", 422, "A text cannot be used.", "Send at most 1,024 characters, without U+0000."
    ),
    ProblemKind(
        "invalid_time",
        422,
        "A time cannot be read.",
        "Send milliseconds since 1970, or an instant with its offset: 2026-04-17T08:30:00Z.",
    ),
    ProblemKind(
        "time_unit_suspected",
        422,
        "A number of a time looks like another unit than milliseconds.",
        "Send milliseconds since 1970; if that instant was meant, send it as text: 1970-01-21T15:08:20Z.",
    ),
    ProblemKind(
        "time_in_future",
        422,
        "A time is too far in the future.",
        "Send a time at most 24 hours ahead of now.",
    ),
    ProblemKind(
        "invalid_metadata",
        422,
        "The metadata cannot be kept as it is.",
        "Send a JSON object of at most 16 KiB and 16 levels, with numbers that a double carries exactly, or"
        ' metadataNumbers: "text" beside it, which carries the others as texts of their digits.',
    ),
    ProblemKind(
        "invalid_period", 422, "A period cannot be read.", "Write 2026, 2026-Q2, 2026-04 or 2026-04-17."
    ),
    # Who asks.
    ProblemKind(
        "key_missing", 401, "There is no API key.", "Send one in X-Api-Key or Authorization: Bearer."
    ),
    ProblemKind(
        "key_not_accepted", 401, "The API key is not accepted.", "Check the key: it is unknown, or revoked."
    ),
    ProblemKind(
        "scope_missing", 403, "The API key may not do this.", "Use a key with the scope that is named."
    ),
    ProblemKind(
        "customer_not_allowed",
        403,
        "The API key is for one customer only.",
        "Use this customer's id, or a key for all customers.",
    ),
    # What is not there.
    ProblemKind("no_such_route", 404, "There is nothing here.", "See /docs for what there is."),
    ProblemKind(
        "method_not_allowed", 405, "The method is not for this path.", "See /docs for what there is."
    ),
    ProblemKind(
        "unknown_customer",
        404,
        "Nothing is on record for this customer and unit.",
        "Check the id and the unit.",
    ),
    ProblemKind("unknown_ledger", 404, "There is no such ledger.", "Check the ledger id."),
    ProblemKind("unknown_receipt", 404, "There is no such receipt.", "Check the receipt id."),
    ProblemKind("unknown_checkpoint", 404, "There is no such checkpoint.", "Check the token or hash."),
    ProblemKind("unknown_batch", 404, "There is no such batch.", "See /api/v1/batches for what there is."),
    ProblemKind("unknown_key", 404, "There is no such API key.", "See /api/v1/keys for what there is."),
    ProblemKind(
        "unknown_proof",
        404,
        "Nothing here has this id.",
        "Give the receipt id (rcpt_...), proof token (ckpt_...) or proof hash (0x...) that you were given; "
        "a fingerprint or a ledger's id is none of these.",
    ),
    # What the record refuses.
    ProblemKind(
        "reference_conflict",
        409,
        "This reference is on record with other content.",
        "Use a new reference; to correct what is on record, send a delta with adjusts.",
    ),
    ProblemKind(
        "idempotency_key_conflict",
        409,
        "This idempotency key was used for another request.",
        "Use a new key for a new request.",
    ),
    ProblemKind(
        "adjusted_delta_missing",
        422,
        "The delta to be corrected is not on record.",
        "Name the referenceId of an earlier delta of the same customer and unit.",
    ),
    ProblemKind("balance_overflow", 422, "The balance would leave its range.", "Check the amount."),
    ProblemKind(
        "index_out_of_range",
        422,
        "The ledger has no such index.",
        "Indices count from 0 to one below deltaCount.",
    ),
    ProblemKind(
        "range_reversed", 422, "The range ends before it begins.", "Send fromIndex at or below toIndex."
    ),
    ProblemKind(
        "range_too_long",
        422,
        "The record has more deltas there than lists are compared with.",
        "Name a period, or fromIndex and toIndex; anchor compare-books compares books of any length.",
    ),
    ProblemKind(
        "span_empty",
        422,
        "No delta was recorded in this time.",
        "There is nothing to seal: the neighbours that show it are named.",
    ),
    ProblemKind("span_not_over", 422, "This time is not over yet.", "Ask again when it has ended."),
    ProblemKind(
        "not_erasable",
        400,
        "This field cannot be erased.",
        "Name reason, referenceId or metadata: amounts, indices and times stay.",
    ),
    ProblemKind(
        "eraser_missing",
        422,
        "An erasure has to say who erased.",
        "Send by: 1 to 200 characters, none of them control.",
    ),
    ProblemKind(
        "exchange_refused",
        422,
        "This step of a comparison cannot be answered.",
        "See what is said in detail.",
    ),
    ProblemKind(
        "not_sealed_yet",
        409,
        "The delta is in no batch yet, so there is no proof.",
        "Ask again after the next batch was sealed.",
    ),
    ProblemKind(
        "span_not_closed",
        409,
        "No final block bounds this time yet, so nothing shows that none of it is missing.",
        "Ask again when the batch that detail names is final: one is sealed and anchored after each day.",
    ),
    ProblemKind(
        "not_anchored",
        409,
        "No block of the chain holds the period yet.",
        "Ask again after the next anchor.",
    ),
    ProblemKind(
        "period_too_large",
        422,
        "The period has more deltas than a proof file holds.",
        "Leave deltas out, or have an audit pack made: anchor pack.",
    ),
    ProblemKind(
        "customer_has_ledger",
        409,
        "The customer has a ledger in this unit.",
        "Ask for its balance, or for the newest head of the ledger.",
    ),
    ProblemKind(
        "wrong_kind_of_id",
        422,
        "This id is of another kind.",
        "Give a receipt id (rcpt_...), a proof token (ckpt_...) or a proof hash (0x and 64 hex digits).",
    ),
    # What is the service's own.
    ProblemKind("internal_error", 500, "Something went wrong here.", "Try again; the log says more."),
    ProblemKind(
        "sample_unsound",
        500,
        "No verifier would accept this sample.",
        "Ask whoever runs this server to see what is wrong with the record: anchor audit.",
    ),
    ProblemKind("overloaded", 503, "Too much is waiting.", "Try again after the seconds in Retry-After."),
    ProblemKind(
        "storage_unavailable",
        503,
        "The database cannot be used now.",
        "Try again: nothing of this request was kept.",
    ),
)

KINDS: Final = MappingProxyType({kind.code: kind for kind in _KINDS})


class ProblemDocument(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A problem as it is answered."""

    type: str
    title: str
    status: int
    code: str
    remedy: str
    detail: str | None = None
    field: str | None = None
    existing: Any = None
    """What is on record, in a conflict."""
    offered: Any = None
    """What the request said, in a conflict."""
    scope: str | None = None
    """The scope that is missing."""
    previous_index: int | None = None
    """Of an empty time span: the last delta before it."""
    next_index: int | None = None
    """Of an empty time span: the first delta after it."""


class Problem(Exception):
    """A refusal on its way to its caller: a code of the table, and what is known beyond it."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        field: str | None = None,
        retry_after: int | None = None,
        **more: Any,
    ) -> None:
        super().__init__(code)
        self.kind: Final = KINDS[code]
        self.detail: Final = detail
        self.field: Final = field
        self.retry_after: Final = retry_after
        self.more: Final = more

    def document(self) -> ProblemDocument:
        """Return what is answered."""
        kind = self.kind
        return ProblemDocument(
            TYPE_PREFIX + kind.code,
            kind.title,
            kind.status,
            kind.code,
            kind.remedy,
            self.detail,
            self.field,
            **self.more,
        )

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that go with it, the media type among them."""
        headers = [(b"content-type", MEDIA_TYPE.encode())]
        if self.kind.status == 401:
            headers.append((b"www-authenticate", b'Bearer realm="anchor"'))
        if self.retry_after is not None:
            headers.append((b"retry-after", b"%d" % self.retry_after))
        return headers
