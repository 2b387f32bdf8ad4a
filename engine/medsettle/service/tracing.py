"""Traces of calls across engines, by OpenTelemetry: call, batch, commit, and calls to peers.

    CreateSettlement            the call, at the place of care
    └─ peer SettleClaims        it asks the next engine, and sends `traceparent` (W3C)
       └─ SettleClaims          the call there, and so on to the place of insurance
          └─ batch              with how many claims it went through the engine
             └─ commit          until the ledger had made it durable

Spans name methods, outcomes, ids of requests and settlements, and peers: nobody in person. They are
exported behind the calls by OTLP over gRPC; where the collector is away, they are lost and nothing
else is.
"""

from time import perf_counter_ns, time_ns
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from medsettle import limits, phases
from medsettle.service.call_watch import TRACEPARENT, Seen
from medsettle.service.measuring import OK

_PROPAGATOR: Final = TraceContextTextMapPropagator()


class Traces:
    """Makes spans of calls and exports them; close it once calls have ended."""

    def __init__(self, endpoint: str, name: str, ratio: float) -> None:
        """Export to a collector.

        Args:
            endpoint: Its OTLP address, such as `http://127.0.0.1:4317`; `https` is encrypted.
            name: What this engine is called among its peers.
            ratio: How many of the traces that begin here are kept, from 0 to 1; those that a caller
                began are kept where the caller keeps them.
        """
        own = {"service.name": "medsettle", "service.instance.id": name}
        sampler = ParentBased(TraceIdRatioBased(ratio))
        self._provider = TracerProvider(sampler=sampler, resource=Resource(own))
        exporter = OTLPSpanExporter(
            endpoint=endpoint,
            insecure=endpoint.startswith("http://"),
            timeout=limits.SPAN_EXPORT_SECONDS_MAX,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=limits.SPANS_WAITING_MAX,
                max_export_batch_size=limits.SPANS_PER_EXPORT_MAX,
                export_timeout_millis=limits.SPAN_EXPORT_SECONDS_MAX * 1_000,
            )
        )
        self._tracer = self._provider.get_tracer("medsettle")

    def close(self) -> None:
        """Export what is left."""
        self._provider.shutdown()

    def begun(self, seen: Seen, traceparent: str | None) -> None:
        """Begin the span of a call, below that of its caller."""
        carried = {} if traceparent is None else {TRACEPARENT: traceparent}
        context = _PROPAGATOR.extract(carried, Context())
        seen.span = self._tracer.start_span(seen.method, context=context, kind=SpanKind.SERVER)

    def ended(self, seen: Seen, outcome: str, settlement: str) -> None:
        """End the span of a call, with those of its batch and commit."""
        span = seen.span
        if not isinstance(span, Span) or not span.is_recording():
            return
        span.update_name(seen.method)
        told = {
            "medsettle.way": seen.way.value,
            "medsettle.outcome": outcome,
            "medsettle.request_id": seen.request_id,
            "medsettle.settlement": settlement,
        }
        span.set_attributes({name: value for name, value in told.items() if value})
        if outcome != OK:
            span.set_status(Status(StatusCode.ERROR, outcome))
        if seen.batch is not None:
            self._tell_batch(span, seen.batch)
        span.end()

    def _tell_batch(self, call: Span, noted: phases.Phases) -> None:
        # Phases are told by a clock that never jumps; spans by the time of day.
        offset = time_ns() - perf_counter_ns()
        batch = self._tracer.start_span(
            "batch",
            context=set_span_in_context(call),
            start_time=noted.begun_ns + offset,
            attributes={"medsettle.claims": noted.claims},
        )
        below = set_span_in_context(batch)
        for name, begun, end in noted.spans():
            if name == phases.COMMIT:
                commit = self._tracer.start_span(name, context=below, start_time=begun + offset)
                commit.end(end + offset)
        batch.end(noted.ended_ns + offset)

    def peer_begun(self, seen: Seen, method: str, peer: str) -> tuple[object, str | None]:
        """Begin the span of a call to a peer, and return it with what the peer is told of it."""
        if not isinstance(seen.span, Span):
            # Of what is not kept the peer is told too: it keeps none of it either.
            carried: dict[str, str] = {}
            if seen.span is not None:
                _PROPAGATOR.inject(carried, set_span_in_context(seen.span))  # type: ignore[arg-type]
            return None, carried.get(TRACEPARENT)
        span = self._tracer.start_span(
            f"peer {method}",
            context=set_span_in_context(seen.span),
            kind=SpanKind.CLIENT,
            attributes={"medsettle.peer": peer},
        )
        carried = {}
        _PROPAGATOR.inject(carried, set_span_in_context(span))
        return span, carried.get(TRACEPARENT)

    def peer_ended(self, token: object, outcome: str) -> None:
        """End the span of a call to a peer."""
        if isinstance(token, Span):
            if outcome != OK:
                token.set_status(Status(StatusCode.ERROR, outcome))
            token.end()
