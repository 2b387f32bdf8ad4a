"""The server that a console watches: whether it is well, and what it measures.

It is asked once for everybody who looks, and never twice at a time: while it does not answer, a
page shows what was last known.
"""

import contextlib
import http.client
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from prometheus_client.parser import text_string_to_metric_families

from medsettle.console.quantiles import Values
from medsettle.service import measuring

if TYPE_CHECKING:
    import grpc

_ANSWER_SECONDS: Final = 1.0
_KNOWN_SECONDS: Final = 2.0
_BYTES_MAX: Final = 8 * 1024 * 1024
# Over how long latencies are told, and from when on there is enough of it.
_WINDOW_SECONDS: Final = 300.0
_WINDOW_LEAST_SECONDS: Final = 60.0
_PROJECTION: Final = "medsettle.projection"
_METRICS_PATH: Final = "/metrics"


class Well(StrEnum):
    """How a part of the server is."""

    YES = "yes"
    NO = "no"
    SILENT = "silent"
    """It does not answer."""
    UNWATCHED = "unwatched"
    """Nobody said where it is."""
    ABSENT = "absent"
    """It answers, and has no such part."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a server at a moment.

    Attributes:
        moment: When it was asked.
        server: Whether it settles.
        projection: Whether it writes the audit tables.
        metrics: Whether it tells what it measures; then `values` has what it did in the last
            `minutes`, None for all since `started`.
        values: Its measurements, counters as they grew; empty where it tells none.
        now: Its measurements as they stand.
        minutes: Whole minutes that `values` are about.
        started: When the server began.
    """

    moment: datetime
    server: Well
    projection: Well
    metrics: Well
    values: Values = field(default_factory=dict)
    now: Values = field(default_factory=dict)
    minutes: int | None = None
    started: datetime | None = None


class Watched:
    """Asks one server. Safe to share between threads."""

    def __init__(
        self, server: str | None, metrics: str | None, clock: Callable[[], datetime]
    ) -> None:
        """Ask nobody yet.

        Args:
            server: Host and port of the engine; None where it is not watched.
            metrics: Host and port of its measurements; None likewise.
            clock: Returns the present moment with a time zone.
        """
        self._server, self._metrics, self._clock = server, metrics, clock
        self._lock = threading.Lock()
        self._known: Seen | None = None
        self._past: deque[tuple[datetime, Values]] = deque()
        self._channel: grpc.Channel | None = None

    @property
    def known(self) -> Seen | None:
        """What was last known, however old; None before the server was asked."""
        return self._known

    def seen(self) -> Seen:
        """Return what is known; the server is asked where that is older than a moment."""
        known = self._known
        if known is not None and self._age(known.moment) < _KNOWN_SECONDS:
            return known
        # The first waits for an answer; whoever comes while another asks takes what there is.
        if self._lock.acquire(blocking=known is None):
            try:
                if self._known is known:
                    self._known = self._ask()
            finally:
                self._lock.release()
        assert self._known is not None
        return self._known

    def _age(self, moment: datetime) -> float:
        return abs((self._clock() - moment).total_seconds())

    def _ask(self) -> Seen:
        server, projection = self._health()
        moment = self._clock()
        if self._metrics is None:
            return Seen(moment, server, projection, Well.UNWATCHED)
        try:
            values = _values_at(self._metrics)
        except (OSError, http.client.HTTPException, ValueError):
            return Seen(moment, server, projection, Well.SILENT)
        since = values.get((measuring.STARTED.name, frozenset()), 0.0)
        told = server, projection, Well.YES
        grown, minutes = self._grown(moment, values)
        return Seen(moment, *told, grown, values, minutes, datetime.fromtimestamp(since, UTC))

    def _grown(self, moment: datetime, values: Values) -> tuple[Values, int | None]:
        """Return how far counters grew within the window, and its minutes; None for no window."""
        started = measuring.STARTED.name, frozenset[tuple[str, str]]()
        if self._past and self._past[-1][1].get(started) != values.get(started):
            # Another process: its counters begin anew.
            self._past.clear()
        while self._past and self._age(self._past[0][0]) > _WINDOW_SECONDS:
            self._past.popleft()
        self._past.append((moment, values))
        first, before = self._past[0]
        seconds = (moment - first).total_seconds()
        if seconds < _WINDOW_LEAST_SECONDS:
            return values, None
        grown = {key: value - before.get(key, 0.0) for key, value in values.items()}
        return grown, round(seconds / 60)

    def _health(self) -> tuple[Well, Well]:
        if self._server is None:
            return Well.UNWATCHED, Well.UNWATCHED
        import grpc  # noqa: PLC0415 - loads slowly, and after the first paint
        from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415

        if self._channel is None:
            self._channel = grpc.insecure_channel(self._server)
        health = health_pb2_grpc.HealthStub(self._channel)
        serving = health_pb2.HealthCheckResponse.SERVING

        def part(name: str) -> Well:
            asked = health_pb2.HealthCheckRequest(service=name)
            try:
                answer = health.Check(  # type: ignore[attr-defined]
                    asked, timeout=_ANSWER_SECONDS
                )
            except grpc.RpcError as error:
                absent = error.code() is grpc.StatusCode.NOT_FOUND
                return Well.ABSENT if absent else Well.SILENT
            return Well.YES if answer.status == serving else Well.NO

        server = part("")
        return server, Well.SILENT if server is Well.SILENT else part(_PROJECTION)


def _values_at(address: str) -> Values:
    """Return every value that a server tells, by its name and labels.

    Raises:
        OSError: It cannot be reached, or does not answer in time.
        HTTPException: It answers something else than HTTP.
        ValueError: It tells no measurements.
    """
    with contextlib.closing(
        http.client.HTTPConnection(address, timeout=_ANSWER_SECONDS)
    ) as connection:
        connection.request("GET", _METRICS_PATH)
        answer = connection.getresponse()
        text = answer.read(_BYTES_MAX).decode()
        if answer.status != http.client.OK:
            raise ValueError(f"{address} answered {answer.status}")
    values = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    if (measuring.STARTED.name, frozenset()) not in values:
        raise ValueError(f"{address} is not the port of measurements of an engine")
    return values
