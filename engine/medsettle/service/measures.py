"""The measurements of a server, kept in memory and told in the text form of Prometheus."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from medsettle.service import measuring
from medsettle.service.measuring import Batch, Measurement, Way

__all__ = ["CONTENT_TYPE_LATEST", "Measures", "Watched"]


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked at when somebody reads the measurements.

    `projected_seq` returns None where another process writes the audit tables.
    """

    started: float
    under_way: Callable[[], int]
    waiting: Callable[[Batch], int]
    writes_well: Callable[[], bool]
    projection_well: Callable[[], bool]
    ledger_seq: Callable[[], int]
    projected_seq: Callable[[], int | None]
    sealed_seq: Callable[[], int]
    ready: Callable[[], bool] = lambda: True
    peers: Callable[[], Mapping[str, int]] = dict
    open_cases: Callable[[], Mapping[str, int]] = dict


class Measures:
    """Takes the measurements of one server on the thread of its event loop; `page` is for any."""

    def __init__(self) -> None:
        # When each series began is a series of its own, which nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        calls, seconds = measuring.CALLS, measuring.CALL_SECONDS
        self._calls = Counter(calls.name, calls.doc, calls.labels, registry=self.registry)
        self._seconds = _histogram(seconds, self.registry)
        self._commits = _histogram(measuring.COMMIT_SECONDS, self.registry)
        self._claims = _histogram(measuring.BATCH_CLAIMS, self.registry)
        # Looking up a series by its labels costs more than adding to it.
        self._of_call: dict[tuple[Way, str, str], tuple[Counter, Histogram]] = {}
        self._of_batch = {kind: self._claims.labels(kind) for kind in Batch}

    def call(self, way: Way, method: str, outcome: str, seconds: float) -> None:
        """Count a call that has ended, and how long it took."""
        key = way, method, outcome
        series = self._of_call.get(key)
        if series is None:
            series = self._calls.labels(*key), self._seconds.labels(way, method)
            self._of_call[key] = series
        series[0].inc()
        series[1].observe(seconds)

    def batch(self, kind: Batch, claims: int) -> None:
        """Count a batch of claims that goes through the engine at once."""
        self._of_batch[kind].observe(claims)

    def commit(self, seconds: float) -> None:
        """Count a commit, and how long it took."""
        self._commits.observe(seconds)

    def watch(self, watched: Watched) -> None:
        """Tell from now on what is looked at, beside what was counted."""
        self.registry.register(_Watch(watched))

    def page(self) -> bytes:
        """Return everything as text, of the type `CONTENT_TYPE_LATEST`."""
        return generate_latest(self.registry)


class _Watch(Collector):
    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what is looked at, as it is now."""
        now = self._watched
        yield _gauge(measuring.UNDER_WAY, now.under_way())
        waiting = _gauge(measuring.WAITING)
        for kind in Batch:
            waiting.add_metric([kind], now.waiting(kind))
        yield waiting
        yield _gauge(measuring.WRITES_WELL, int(now.writes_well()))
        yield _gauge(measuring.PROJECTION_WELL, int(now.projection_well()))
        yield _gauge(measuring.READY, int(now.ready()))
        for stated, found in (
            (measuring.PEER_STATE, now.peers()),
            (measuring.OPEN_CASES, now.open_cases()),
        ):
            family = _gauge(stated)
            for label, value in found.items():
                family.add_metric([label], value)
            yield family
        # In this order, so that nothing recorded meanwhile makes one look ahead of the next.
        sealed, projected, last = now.sealed_seq(), now.projected_seq(), now.ledger_seq()
        yield _gauge(measuring.LEDGER_SEQ, last)
        if projected is not None:
            yield _gauge(measuring.BEHIND, max(last - projected, 0))
            yield _gauge(measuring.SEAL_BEHIND, max(projected - sealed, 0))
        yield _gauge(measuring.STARTED, now.started)


def _gauge(stated: Measurement, value: float | None = None) -> GaugeMetricFamily:
    if stated.labels:
        return GaugeMetricFamily(stated.name, stated.doc, labels=stated.labels)
    return GaugeMetricFamily(stated.name, stated.doc, value=value)


def _histogram(stated: Measurement, registry: CollectorRegistry) -> Histogram:
    return Histogram(
        stated.name, stated.doc, stated.labels, buckets=stated.steps, registry=registry
    )
