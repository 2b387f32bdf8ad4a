"""`medsettle serve --console` and `--metrics` as processes: begun, killed, and gone together."""

import contextlib
import http.client
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.cli.exits import Exit
from medsettle.client import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.claim_files import stay
from tests.cli.commands import one_area, run
from tests.cli.server_beside import serving_beside

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def _gone(pid: int) -> Iterator[None]:
    """Wait at the end of the block until a process, whoever's child it is, has ended."""
    watched = os.pidfd_open(pid)
    try:
        yield
        ready, _, _ = select.select([watched], [], [], 60)
        assert ready, "the process goes on"
    finally:
        os.close(watched)


def _status(address: str, path: str) -> int:
    with contextlib.closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


def _measured(address: str) -> dict[str, float]:
    """Return what is measured without labels, and the calls that were settled."""
    with contextlib.closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not sample.labels:
                found[sample.name] = sample.value
            elif sample.labels.get("method") == "CreateSettlement" and "outcome" in sample.labels:
                found[sample.labels["outcome"]] = sample.value
    return found


def test_a_console_that_dies_comes_back_and_takes_nothing_with_it(tmp_path: Path) -> None:
    """It is told and begun again at the same address; meanwhile the server settles."""
    with serving_beside(tmp_path, "--console", "127.0.0.1:0") as server:
        addresses = server.said()
        begun = server.said()
        assert {"console", "name", "password"} == begun.keys()
        assert 200 == _status(begun["console"], "/sign-in")
        os.kill(server.child(), signal.SIGKILL)
        with Client(addresses["serving"]) as client:
            client.settle(stay(1))
        assert {
            "console_ended": "ended with exit code -9",
            "again_in_seconds": 1.0,
        } == server.said()
        # Somebody may sign in already, so no password is told again.
        assert {"console": begun["console"]} == server.said()
        assert 200 == _status(begun["console"], "/sign-in")
        # Without --metrics the console has a port of its own on this machine.
        assert 1 == _measured(addresses["metrics"])["OK"]
        with _gone(server.child()):
            server.process.terminate()
            assert Exit.OK == server.process.wait(limits.SHUTDOWN_SECONDS_MAX + 10)


def _status_by_name(address: str, name: str) -> int:
    with contextlib.closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.request("GET", "/sign-in", headers={"Host": name})
        return connection.getresponse().status


def test_a_console_beside_a_server_is_asked_by_other_names(tmp_path: Path) -> None:
    """By those that are given, also of a proxy, and by no other."""
    names = ("--host", "ledger.test", "--host", "b.test", "--behind", "proxied.test:8443")
    with serving_beside(tmp_path, "--console", "127.0.0.1:0", *names) as server:
        server.said()
        address = server.said()["console"]
        asked = ("ledger.test", "b.test", "proxied.test", "proxied.test:8443", "other.test")
        answers = [_status_by_name(address, name) for name in asked]

    assert [200, 200, 200, 200, 400] == answers


def test_a_console_checks_what_its_server_signs(tmp_path: Path) -> None:
    """It is told the public half of the key, and begins by it."""
    made = run("audit", "key", "log", "--out", tmp_path, "--json")
    key = ("--seal-key", made.json["private"], "--seal-origin", "example.cn/audit")
    with serving_beside(tmp_path, "--console", "127.0.0.1:0", *key) as server:
        assert "serving" in server.said()
        assert "console" in server.said()
        words = Path(f"/proc/{server.child()}/cmdline").read_bytes().split(b"\0")
    told = Path(words[words.index(b"--seal-public-key") + 1].decode())

    assert Path(made.json["public"]).read_bytes() == told.read_bytes()


def test_a_console_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    """Nobody tells it; its standard input ends."""
    with serving_beside(tmp_path, "--console", "127.0.0.1:0") as server:
        server.said()
        server.said()
        with _gone(server.child()):
            server.process.kill()


def test_a_console_that_cannot_begin_is_told_and_tried_again(tmp_path: Path) -> None:
    """Its port is another's: why is said, pauses grow, and the server settles."""
    with serving_beside(tmp_path, "--metrics", "127.0.0.1:0") as other:
        taken = other.said()["metrics"]
        with serving_beside(tmp_path / "second", "--console", taken) as server:
            addresses = server.said()
            first, second = server.said(), server.said()
            with Client(addresses["serving"]) as client:
                client.settle(stay(1))

    assert [1.0, 2.0] == [each["again_in_seconds"] for each in (first, second)]
    assert first["console_ended"].startswith("ended with exit code 2 (")
    assert "Address already in use" in first["console_ended"]


def test_measurements_have_a_port_of_their_own(tmp_path: Path) -> None:
    """One claim settled, sent again and answered from the record: two calls, one entry."""
    with serving_beside(tmp_path, "--metrics", "127.0.0.1:0") as server:
        addresses = server.said()
        with Client(addresses["serving"]) as client:
            client.settle(stay(1))
            client.settle(stay(1))
        measured = _measured(addresses["metrics"])
        assert 404 == _status(addresses["metrics"], "/")

    assert (2, 1) == (measured["OK"], measured["medsettle_ledger_last_seq"])
    assert (1, 1) == (measured["medsettle_writes_well"], measured["medsettle_projection_well"])
    assert measured["medsettle_projection_behind_entries"] in {0, 1}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(("--console", "nowhere"), "--console: asks for a host and port", id="no-port"),
        pytest.param(("--console", ":8090"), "--console: asks for a host and port", id="no-host"),
        pytest.param(
            ("--console", "h:65536"), "--console: asks for a host and port", id="too-high"
        ),
        pytest.param(
            ("--host", "a.test"), "--host: host does nothing without console", id="no-console"
        ),
        pytest.param(
            ("--metrics", "nowhere"), "--metrics: asks for a host and port", id="metrics-no-port"
        ),
        pytest.param(
            ("--metrics", "127.0.0.1:65536"),
            "--metrics: asks for a host and port",
            id="metrics-high",
        ),
    ],
)
def test_an_address_that_is_none_is_refused(
    tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    """Before anything is served, with what is wrong."""
    place = ("--rules", one_area(tmp_path), "--data", tmp_path / "data", "--listen", "127.0.0.1:0")
    ran = run("serve", *place, *options)
    assert (Exit.USAGE, True) == (ran.code, told in " ".join((ran.out + ran.err).split()))
