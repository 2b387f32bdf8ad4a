"""A server that goes says so while it answers, and the next one waits for its ledger."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from medsettle.cli.exits import Exit
from medsettle.client import Client

from tests.cli.commands import ROOT, command, environment, run
from tests.engine.engines import RULES
from tests.service.claims import claim

pytestmark = pytest.mark.slow

_SERVING = health_pb2.HealthCheckResponse.SERVING


@contextmanager
def _server(data: Path, *options: object) -> Iterator[subprocess.Popen[str]]:
    place = ("--rules", RULES, "--data", data, "--listen", "127.0.0.1:0")
    words = command("serve", "--json", *place, *options)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _said(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    found: dict[str, str] = json.loads(process.stdout.readline())
    return found


def test_a_server_answers_on_while_it_drains(tmp_path: Path) -> None:
    """Health and log say that it goes, calls are answered; a second signal ends it, in order."""
    log = tmp_path / "log"
    with _server(tmp_path / "data", "--drain-seconds", "300", "--log", log) as process:
        address = _said(process)["serving"]
        request = health_pb2.HealthCheckRequest()
        with Client(address) as client, grpc.insecure_channel(address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            watched = health.Watch(request, timeout=60)  # type: ignore[attr-defined]
            assert _SERVING == next(watched).status
            process.send_signal(signal.SIGTERM)
            # The next word comes when it changes, and no sooner.
            assert health_pb2.HealthCheckResponse.NOT_SERVING == next(watched).status
            assert "server_draining" in log.read_text(encoding="utf-8")
            assert "settle" == client.settle(claim(1)).columns["kind"]
            assert process.poll() is None
            watched.cancel()
        asked = run("health", "--server", address)
        assert (Exit.UNAVAILABLE, True) == (asked.code, "NOT_SERVING" in asked.out)
        process.send_signal(signal.SIGTERM)
        assert Exit.OK == process.wait(60)


def test_the_next_server_waits_for_the_ledger(tmp_path: Path) -> None:
    """It says so, serves once the one before has ended, and has all that was recorded."""
    data = tmp_path / "data"
    with _server(data) as first:
        with Client(_said(first)["serving"]) as client:
            client.settle(claim(1))
        with _server(data, "--takeover-seconds", "120") as second:
            assert {"waiting": str(data / "ledger.db")} == _said(second)
            first.terminate()
            assert Exit.OK == first.wait(60)
            with Client(_said(second)["serving"]) as client:
                assert client.settle(claim(1)).duplicate
            second.terminate()
            assert Exit.OK == second.wait(60)


def test_who_waits_in_vain_says_who_has_the_ledger(tmp_path: Path) -> None:
    """After the seconds that were asked for it ends as a server that does not wait, code 3."""
    with _server(tmp_path / "data") as first:
        _said(first)
        place = ("--rules", RULES, "--data", tmp_path / "data", "--listen", "127.0.0.1:0")
        late = run("serve", *place, "--takeover-seconds", "1")
        first.terminate()
        first.wait(60)

    assert Exit.UNAVAILABLE == late.code
    assert "waiting for the server that has" in late.out
    assert "another writer has" in late.err
