"""Where imported rows go: through HTTP to a server, or straight into a data directory of this machine.

Both take the same rows as JSON objects and check them by the same rules: those of the batch route.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from anchor.cli.server import Server

if TYPE_CHECKING:
    from anchor.client.members import Members

BATCH_PATH: Final = "/api/v1/balance/delta/batch"
BATCH_ROWS: Final = 1_000
"""As many as one request may hold."""
LEDGERS_PATH: Final = "/api/v1/ledgers"
MOST_LEDGERS: Final = 50_000
"""With how many ledgers on record an import compares its new ids."""


class Outcome(NamedTuple):
    """What became of one row: recorded now, on record before, or refused."""

    state: str
    """``recorded``, ``idempotent`` or ``refused``."""
    code: str = ""
    detail: str = ""
    field: str = ""
    receipt_id: str = ""
    place: int | None = None
    """Its index in the ledger."""
    cut: bool = False
    """Its time was cut to the millisecond."""


class Sink(Protocol):
    """Something that records rows durably."""

    def record(self, rows: Sequence[bytes]) -> list[Outcome]:
        """Record at most ``BATCH_ROWS`` JSON objects and return what became of each."""
        ...

    def ledgers(self) -> Iterator[tuple[str, str]]:
        """Yield customer id and unit of the ledgers on record, ``MOST_LEDGERS`` at most."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""
        ...


class ServerSink:
    """Records through a server's batch route."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def record(self, rows: Sequence[bytes]) -> list[Outcome]:
        """Record at most ``BATCH_ROWS`` JSON objects. Raises ClientError where the server does not."""
        body = b'{"deltas":[' + b",".join(rows) + b"]}"
        return self._server.post_bytes(BATCH_PATH, lambda answer: _outcomes(answer, len(rows)), body)

    def ledgers(self) -> Iterator[tuple[str, str]]:
        """Yield customer id and unit of the ledgers on record; none where the key may not read them."""
        from anchor.client import readings
        from anchor.client.errors import ClientError

        cursor: str | None = "0"
        for _ in range(0, MOST_LEDGERS, BATCH_ROWS):
            try:
                page = self._server.get(LEDGERS_PATH, readings.page, cursor=cursor, limit=BATCH_ROWS)
            except ClientError:
                # To import is what was asked: to look for look-alikes needs a key that reads.
                return
            yield from ((one["customerId"], one["unit"]) for one in page["items"])
            cursor = page["next"]
            if cursor is None:
                return

    def close(self) -> None:
        """Close the connection."""
        self._server.close()


def _outcomes(answer: "Members", count: int) -> list[Outcome]:
    """Read what became of each row. Raises MemberError."""
    from anchor.client.members import MemberError

    results = answer.parts("results")
    if len(results) != count:
        raise MemberError(f"/results has {len(results)} items for {count} rows")
    return [_outcome(result) for result in results]


def _outcome(result: "Members") -> Outcome:
    if "problem" not in result:
        return Outcome(
            "idempotent" if result.flag("idempotent") else "recorded",
            receipt_id=result.text("receiptId"),
            place=result.whole("index"),
            cut="notes" in result,
        )
    problem = result.part("problem")
    told = problem.text_or_none("detail") or problem.text("title")
    return Outcome("refused", problem.text("code"), told, problem.text_or_none("field") or "")


class LocalSink:
    """Records into a data directory, in groups of ``BATCH_ROWS``, each durable before the next."""

    def __init__(self, directory: Path, environment: Any) -> None:
        from anchor.server.service.assembly import open_directory

        self._opened = open_directory(directory, environment)
        self._recorder = self._opened.recorder()

    def record(self, rows: Sequence[bytes]) -> list[Outcome]:
        """Record at most ``BATCH_ROWS`` JSON objects in one transaction. Raises StorageUnavailable."""
        from anchor.server.api.emissions import Caller, parse_batch
        from anchor.server.api.errors import problem_of
        from anchor.server.ledger.model import Emission, Receipt
        from anchor.wire.problems import Problem

        body = b'{"deltas":[' + b",".join(rows) + b"]}"
        parsed = parse_batch(body, Caller(None, None, None), self._opened.clock.now_ms())
        results = iter(self._recorder.record([one for one in parsed if isinstance(one, Emission)]))
        outcomes = []
        for one in parsed:
            result = one if isinstance(one, Problem) else next(results)
            if isinstance(result, Receipt):
                outcomes.append(
                    Outcome(
                        "idempotent" if result.idempotent else "recorded",
                        receipt_id=result.receipt_id,
                        place=result.index,
                        cut=isinstance(one, Emission) and one.notes != (),
                    )
                )
            else:
                problem = result if isinstance(result, Problem) else problem_of(result)
                document = problem.document()
                outcomes.append(
                    Outcome("refused", document.code, document.detail or document.title, document.field or "")
                )
        return outcomes

    def ledgers(self) -> Iterator[tuple[str, str]]:
        """Yield customer id and unit of the ledgers on record."""
        from anchor.server.ledger.views import ledgers_page

        after = 0
        for _ in range(0, MOST_LEDGERS, BATCH_ROWS):
            page = ledgers_page(self._opened.database, after=after, limit=BATCH_ROWS)
            yield from ((row.customer_id, row.unit) for row in page)
            if len(page) < BATCH_ROWS:
                return
            after = page[-1].id

    def close(self) -> None:
        """Close the database."""
        self._opened.close()
