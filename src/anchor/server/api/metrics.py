"""The log's and the chains' standing as Prometheus figures, read from the database at each scrape."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from anchor.server.storage.database import StorageUnavailable
from anchor.wire.status import ChainStatus, StatusResponse

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


_WEI_PER_ETHER = 10**18

_CHAIN_FIGURES: tuple[tuple[str, str, Callable[[ChainStatus], float | None]], ...] = (
    (
        "lag_seconds",
        "Age of the oldest delta that the chain does not hold.",
        lambda chain: chain.lag_ms / 1000,
    ),
    ("anchored_batch", "The newest batch that the chain holds.", lambda chain: chain.anchored_batch),
    ("final_batch", "The newest batch that is final.", lambda chain: chain.final_batch),
    ("head_batch", "The batch whose root is the contract's head.", lambda chain: chain.head_batch),
    ("block_number", "The newest block that was seen.", lambda chain: chain.block_number),
    (
        "sends_in_flight",
        "Anchor transactions in flight.",
        lambda chain: 0 if chain.in_flight is None else 1,
    ),
    (
        "attempts_in_flight",
        "Signed versions of the transaction in flight.",
        lambda chain: 0 if chain.in_flight is None else len(chain.in_flight.attempts),
    ),
    ("balance_ether", "The sender's funds.", lambda chain: _ether(chain.balance)),
    (
        "days_left",
        "Days that the funds last at the rate of the last 24 hours.",
        lambda chain: None if chain.days_left is None else float(chain.days_left),
    ),
    ("spent_last_day_ether", "Fees of the last 24 hours.", lambda chain: _ether(chain.spent_last_day)),
    ("anchors_last_day", "Anchors of the last 24 hours.", lambda chain: chain.anchors_last_day),
    (
        "anchors_of_unknown_cost",
        "Anchors of the last week whose receipts no endpoint showed: no cost counts them.",
        lambda chain: chain.anchors_of_unknown_cost,
    ),
    (
        "cost_per_anchor_ether",
        "Fee of an anchor, last week's mean.",
        lambda chain: _ether(chain.cost_per_anchor),
    ),
    (
        "cost_per_delta_ether",
        "Fees by the deltas that they anchored, last week's mean.",
        lambda chain: None if chain.cost_per_delta is None else float(chain.cost_per_delta) / _WEI_PER_ETHER,
    ),
    (
        "gas_price_gwei",
        "What a unit of gas cost in the newest block that was seen, without a tip.",
        lambda chain: None if chain.gas_price is None else chain.gas_price / 10**9,
    ),
)


class StatusCollector(Collector):
    """Reads the status at every scrape. While the database cannot be used, ``anchor_database_up`` is 0."""

    def __init__(self, read_status: Callable[[], StatusResponse]) -> None:
        self._read_status = read_status

    def collect(self) -> Iterable[Metric]:
        """Return the figures of now."""
        try:
            status = self._read_status()
        except StorageUnavailable:
            yield _gauge("anchor_database_up", "Whether the database can be used.", 0)
            return
        yield _gauge("anchor_database_up", "Whether the database can be used.", 1)
        yield _gauge("anchor_log_deltas", "Deltas on record.", status.delta_count)
        yield _gauge("anchor_log_ledgers", "Ledgers on record.", status.ledger_count)
        yield _gauge("anchor_newest_batch", "The newest sealed batch.", status.newest_batch)
        unsealed = 0 if status.unsealed_since is None else status.at - status.unsealed_since
        yield _gauge("anchor_unsealed_seconds", "Age of the oldest delta in no batch.", unsealed / 1000)
        yield _gauge(
            "anchor_lag_seconds",
            "Age of the oldest delta that the primary chain does not hold.",
            status.lag_ms / 1000,
        )
        yield from _of_chains(status.chains)
        alarms = GaugeMetricFamily("anchor_alarm", "Alarms that last, by name.", labels=["name", "chain"])
        for alarm in status.alarms:
            alarms.add_metric([alarm.name, alarm.chain], 1)
        yield alarms

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not read the database."""
        return ()


def _of_chains(chains: list[ChainStatus]) -> Iterator[Metric]:
    for name, meaning, figure in _CHAIN_FIGURES:
        family = GaugeMetricFamily(f"anchor_chain_{name}", meaning, labels=["chain"])
        for chain in chains:
            value = figure(chain)
            if value is not None:
                family.add_metric([chain.name], value)
        yield family


def _ether(wei: int | None) -> float | None:
    return None if wei is None else wei / _WEI_PER_ETHER


def _gauge(name: str, meaning: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, meaning)
    family.add_metric([], value)
    return family


def metrics_registry(read_status: Callable[[], StatusResponse]) -> CollectorRegistry:
    """Return one app's registry, with the status in it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(read_status))
    return registry
