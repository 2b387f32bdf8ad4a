"""One trace over three engines: real servers, real spans, and a collector that takes them."""

import json
import threading
from collections.abc import Mapping
from concurrent import futures
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import pytest
from medsettle.cli.three_servers import three_servers
from medsettle.client import Client
from medsettle.core.settlement import Settlement
from medsettle.demo.provinces_day import ProvincesDay, Request, Scripts
from medsettle.errors import SettlementError
from medsettle.torture.provinces_servers import HUB
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as traces_grpc

from tests.cli.commands import ROOT

pytestmark = pytest.mark.slow

_PERSON, _FORGED = "CANARYPERSON1", "CANARYPERSON2"


class _Collector(traces_grpc.TraceServiceServicer):
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        self._lock = threading.Lock()

    def Export(self, request: Any, context: Any) -> Any:  # noqa: ANN401 - generated without types
        """Keep the spans with the name of the engine that sent them."""
        with self._lock:
            for resource in request.resource_spans:
                told = {each.key: each.value.string_value for each in resource.resource.attributes}
                for scope in resource.scope_spans:
                    engine = told["service.instance.id"]
                    self.spans += [(engine, span) for span in scope.spans]
        return traces.ExportTraceServiceResponse()


@dataclass
class _Told:
    """What three engines told of one stay across areas, a cancel and a refusal."""

    request: Request
    settlement: Settlement
    spans: list[tuple[str, Any]]
    logs: Mapping[str, str]
    folder: Path

    def span(self, engine: str, name: str, parent: bytes) -> Any:  # noqa: ANN401 - as above
        """Return the only span of an engine with a name below another."""
        (found,) = [
            span
            for at, span in self.spans
            if (at, span.name, span.parent_span_id) == (engine, name, parent)
        ]
        return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> _Told:
    """Return what was told of a stay across areas at three real servers."""
    folder = tmp_path_factory.mktemp("traces")
    collector = _Collector()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    traces_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    patch = pytest.MonkeyPatch()
    patch.setenv("MEDSETTLE_TRACES", f"http://127.0.0.1:{port}")
    patch.setenv("MEDSETTLE_SLOW", "1")
    scripts = Scripts.beside(ROOT / "fixtures")
    try:
        with three_servers(scripts.folder, folder) as servers:
            first, second = (name for name in servers if name != HUB)
            request = next(
                each
                for each in ProvincesDay(scripts, (first, second)).morning()
                if (each.care, each.home) == (first, second) and "stay" in each.what
            )
            claim = {**request.claim, "person": _PERSON}
            with Client(servers[first].address) as client:
                settlement = client.settle(claim)
                with pytest.raises(SettlementError):
                    client.settle({**claim, "person": _FORGED})
                client.cancel(
                    str(settlement.columns["settlement"]),
                    institution=request.institution,
                    request_id="cancel-1",
                )
            codes = [each.stop() for each in servers.values()]
    finally:
        patch.undo()
        server.stop(None)
    assert [0, 0, 0] == codes
    logs = {name: (folder / name / "log.txt").read_text("utf-8") for name in servers}
    return _Told(request, settlement, collector.spans, logs, folder)


def test_one_trace_goes_through_all_three_engines(told: _Told) -> None:
    """Call, hub, place of insurance, batch and commit: each below what called it, in one trace."""
    care, home = told.request.care, told.request.home
    asked = [
        span
        for engine, span in told.spans
        if (engine, span.name, span.parent_span_id) == (care, "CreateSettlement", b"")
    ]
    # The first settled, the second came under the same id with another person.
    call, refused = sorted(asked, key=lambda span: span.start_time_unix_nano)

    to_hub = _peer_span(told, care, call)
    at_hub = told.span(HUB, to_hub.name.removeprefix("peer "), to_hub.span_id)
    to_home = _peer_span(told, HUB, at_hub)
    at_home = told.span(home, to_home.name.removeprefix("peer "), to_home.span_id)
    batch = told.span(home, "batch", at_home.span_id)
    commit = told.span(home, "commit", batch.span_id)

    spans = (call, to_hub, at_hub, to_home, at_home, batch, commit)
    assert {call.trace_id} == {span.trace_id for span in spans}
    assert refused.trace_id != call.trace_id
    for outer, inner in pairwise(spans):
        assert outer.start_time_unix_nano <= inner.start_time_unix_nano
        assert inner.end_time_unix_nano <= outer.end_time_unix_nano
    attributes = {each.key: each.value.string_value for each in call.attributes}
    assert attributes["medsettle.request_id"] == told.request.request_id
    assert attributes["medsettle.settlement"] == told.settlement.columns["settlement"]
    assert attributes["medsettle.outcome"] == "OK"


def _peer_span(told: _Told, engine: str, below: Any) -> Any:  # noqa: ANN401 - as above
    """Return the span of the call by which an engine asked the next one to decide."""
    found = [
        span
        for at, span in told.spans
        if at == engine and span.name.startswith("peer ") and span.parent_span_id == below.span_id
    ]
    (decided,) = [span for span in found if "Settle" in span.name or "Decide" in span.name]
    return decided


def test_slow_requests_tell_the_wait_for_the_peer(told: _Told) -> None:
    """The line of the call at the place of care has the phase `peer`; that of its home a commit."""
    lines = [json.loads(line) for line in told.logs[told.request.care].splitlines()]
    slow = [line for line in lines if line["event"] == "slow_request"]
    call = next(line for line in slow if line["request_id"] == told.request.request_id)

    assert told.settlement.columns["settlement"] == call["settlement"]
    assert call["phases"]["peer"] > 0
    assert sum(call["phases"].values()) == pytest.approx(call["ms"], abs=1.0)
    at_home = [json.loads(line) for line in told.logs[told.request.home].splitlines()]
    assert any(line.get("phases", {}).get("commit", 0) > 0 for line in at_home)


def test_no_engine_tells_who_it_was(told: _Told) -> None:
    """Neither traces nor logs nor audit tables of any of the three have the person."""
    told_bytes = [span.SerializeToString() for _, span in told.spans]
    told_bytes += [log.encode() for log in told.logs.values()]
    told_bytes += [
        path.read_bytes() for path in told.folder.glob("*/data/audit/**/*") if path.is_file()
    ]
    assert len(told.spans) > 6
    assert any(path.is_file() for path in told.folder.glob("*/data/audit/**/*.parquet"))
    assert [] == [each for each in told_bytes if b"CANARY" in each]
    # The ledgers know, so the canary was there to be found.
    assert any(b"CANARY" in path.read_bytes() for path in told.folder.glob("*/data/ledger.db"))
