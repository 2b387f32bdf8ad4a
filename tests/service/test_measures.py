"""What a server measures, and how it tells it."""

import asyncio
import contextlib
import http.client
from dataclasses import replace
from pathlib import Path
from typing import Final

import generate_metrics
import grpc
import pytest
from medsettle.client import Client
from medsettle.engine import Engine
from medsettle.errors import NotFound
from medsettle.service import measuring
from medsettle.service.http_server import HttpServer
from medsettle.service.measures import Measures, Watched
from medsettle.service.measures_page import MeasuresPage
from medsettle.service.measuring import Batch, Way
from prometheus_client.parser import text_string_to_metric_families

from tests.service.claims import claim
from tests.service.serving import serving

_PAGE = Path(__file__).parents[2] / "engine" / "metrics.md"
_WATCHED: Final = Watched(
    started=1_700_000_000.0,
    under_way=lambda: 3,
    waiting=lambda kind: 2 if kind is Batch.SETTLE else 0,
    writes_well=lambda: True,
    projection_well=lambda: False,
    ledger_seq=lambda: 50,
    projected_seq=lambda: 43,
    sealed_seq=lambda: 40,
    ready=lambda: False,
    peers=lambda: {"hub": 2},
    open_cases=lambda: {"999941": 5},
)


def _told(measures: Measures) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every value of the page by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(measures.page().decode())
        for sample in family.samples
    }


def _value(measures: Measures, name: str, **labels: str) -> float | None:
    return _told(measures).get((name, frozenset(labels.items())))


def test_page_is_that_of_today_s_measurements() -> None:
    """`engine/metrics.md` is what `make schema` writes now."""
    assert generate_metrics.page() == _PAGE.read_text(encoding="utf-8")


def test_the_page_names_what_is_told_and_nothing_else() -> None:
    """Name, kind and labels of each measurement are those that the list of them states."""
    measures = Measures()
    measures.watch(_WATCHED)
    measures.call(Way.GRPC, "GetPerson", measuring.OK, 0.001)
    families = {
        family.name: family for family in text_string_to_metric_families(measures.page().decode())
    }
    told = {
        (
            f"{family.name}_total" if family.type == "counter" else family.name,
            family.type,
            frozenset(label for s in family.samples for label in s.labels if label != "le"),
        )
        for family in families.values()
    }
    assert {
        (each.name, each.kind, frozenset(each.labels)) for each in measuring.MEASUREMENTS
    } == told


def test_what_is_looked_at_is_told_as_it_is() -> None:
    """Seven of fifty entries are not projected, three of those are not sealed; writes are well."""
    measures = Measures()
    measures.watch(_WATCHED)
    assert 7 == _value(measures, "medsettle_projection_behind_entries")
    assert 3 == _value(measures, "medsettle_seal_behind_entries")
    assert 50 == _value(measures, "medsettle_ledger_last_seq")
    assert 0 == _value(measures, "medsettle_projection_well")
    assert 1 == _value(measures, "medsettle_writes_well")
    assert 3 == _value(measures, "medsettle_calls_under_way")
    assert 2 == _value(measures, "medsettle_claims_waiting", kind="settle")
    assert 1_700_000_000 == _value(measures, "medsettle_started_time_seconds")


def test_who_does_not_write_the_tables_tells_nothing_of_them() -> None:
    """Another server of the same ledger does, and two would tell one lag twice."""
    measures = Measures()
    measures.watch(replace(_WATCHED, projected_seq=lambda: None))
    names = {name for name, _ in _told(measures)}

    assert "medsettle_ledger_last_seq" in names
    assert not {"medsettle_projection_behind_entries", "medsettle_seal_behind_entries"} & names


@pytest.mark.parametrize(
    ("seconds", "step", "within"),
    [
        pytest.param(0.0005, "0.0005", 1, id="at-the-first-step"),
        pytest.param(0.000501, "0.0005", 0, id="above-the-first-step"),
        pytest.param(10.0, "10.0", 1, id="at-the-last-step"),
        pytest.param(10.001, "10.0", 0, id="above-the-last-step"),
    ],
)
def test_a_call_falls_into_the_step_that_it_does_not_exceed(
    seconds: float, step: str, within: int
) -> None:
    """Steps include their end."""
    measures = Measures()
    measures.call(Way.GRPC, "GetPerson", measuring.OK, seconds)
    labels = {"way": "grpc", "method": "GetPerson"}
    assert within == _value(measures, "medsettle_call_seconds_bucket", le=step, **labels)
    assert 1 == _value(measures, "medsettle_call_seconds_bucket", le="+Inf", **labels)


def test_calls_of_a_server_are_counted_by_method_and_outcome(
    engine: Engine, loop: asyncio.AbstractEventLoop
) -> None:
    """What is settled, what is refused and what comes too late each has an outcome of its own."""
    measures = Measures()
    with serving(engine, loop, measuring=measures) as served, Client(served.address) as client:
        client.settle(claim(1))
        client.settle(claim(2))
        client.preview(claim(3))
        with pytest.raises(NotFound):
            client.get("110000ffffffffffffffffffff")
        with grpc.insecure_channel(served.address) as channel, pytest.raises(grpc.RpcError):
            channel.unary_unary(
                "/medsettle.v1.SettlementService/NoSuchMethod",
                request_serializer=bytes,
                response_deserializer=bytes,
            )(b"")

    def count(method: str, outcome: str) -> float | None:
        of = {"way": "grpc", "method": method, "outcome": outcome}
        return _value(measures, "medsettle_calls_total", **of)

    assert 2 == count("CreateSettlement", "OK")
    assert 1 == count("PreviewSettlement", "OK")
    assert 1 == count("GetSettlement", "NOT_FOUND")
    assert 2 == _value(measures, "medsettle_batch_claims_count", kind="settle")
    assert 2 == _value(measures, "medsettle_batch_claims_sum", kind="settle")
    assert 1 == _value(measures, "medsettle_batch_claims_sum", kind="preview")
    labels = {"way": "grpc", "method": "CreateSettlement"}
    assert 2 == _value(measures, "medsettle_call_seconds_count", **labels)
    # A method that is none of ours never makes a series.
    assert "NoSuchMethod" not in measures.page().decode()


def _asked(address: str, method: str, path: str) -> tuple[int, str, bytes]:
    """Return status, type and body of an answer."""
    with contextlib.closing(http.client.HTTPConnection(address, timeout=10)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers["content-type"], answer.read()


def test_the_port_tells_measurements_and_nothing_else(loop: asyncio.AbstractEventLoop) -> None:
    """GET of /metrics is answered; other paths and methods are refused with what to do."""
    measures = Measures()

    async def begun() -> HttpServer:
        server = HttpServer(MeasuresPage(measures), "127.0.0.1:0")
        server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(begun(), loop).result(10)
    try:
        status, media, body = _asked(server.address, "GET", "/metrics")
        assert (200, measures.page()) == (status, body)
        assert media.startswith("text/plain; version=")
        missing = _asked(server.address, "GET", "/")
        assert (404, b"nothing is at this path; get /metrics, /livez or /readyz\n") == (
            missing[0],
            missing[2],
        )
        assert 405 == _asked(server.address, "POST", "/metrics")[0]
        assert (200, b"") == _asked(server.address, "HEAD", "/metrics")[::2]
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)


def test_an_address_that_is_taken_is_told(loop: asyncio.AbstractEventLoop) -> None:
    """Who names a port that another has is told which, and what to do."""
    first = HttpServer(MeasuresPage(Measures()), "127.0.0.1:0")
    with pytest.raises(OSError, match=f"cannot listen at {first.address}: .*choose another"):
        HttpServer(MeasuresPage(Measures()), first.address)
    asyncio.run_coroutine_threadsafe(first.stop(), loop).result(10)
