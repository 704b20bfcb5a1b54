"""What one process has taken in since it started: for /metrics."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class IngestFigures:
    """Counts deltas by what became of them, and times the requests that brought them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        deltas = Counter(
            "anchor_deltas", "Deltas received, by what became of them.", ["outcome"], registry=registry
        )
        self._recorded = deltas.labels("recorded")
        self._idempotent = deltas.labels("idempotent")
        self._refused = deltas.labels("refused")
        seconds = Histogram(
            "anchor_emit_seconds",
            "Time from a whole request to its answer, by route.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.single_seconds = seconds.labels("delta")
        self.batch_seconds = seconds.labels("batch")
        turned_away = Counter(
            "anchor_emits_turned_away",
            "Requests answered 503, since too much was waiting or the database could not be used.",
            ["code"],
            registry=registry,
        )
        self._turned_away = turned_away

    def count(self, recorded: int, idempotent: int, refused: int) -> None:
        """Count deltas that were answered."""
        if recorded:
            self._recorded.inc(recorded)
        if idempotent:
            self._idempotent.inc(idempotent)
        if refused:
            self._refused.inc(refused)

    def turned_away(self, code: str) -> None:
        """Count a request that was answered 503."""
        self._turned_away.labels(code).inc()
