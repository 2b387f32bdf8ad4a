"""`medsettle config`, and a server that is told what to do by a file."""

import http.client
import json
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from medsettle.cli.exits import Exit
from medsettle.client import Client

from tests.cli.commands import DIRECTORY, ROOT, command, environment, one_area, run
from tests.engine.engines import RULES
from tests.service.claims import claim


def _file(folder: Path, **settings: object) -> Path:
    path = folder / "medsettle.toml"
    stated = {"rules": str(RULES), "data": "data", "listen": "127.0.0.1:0", **settings}
    path.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in stated.items()))
    return path


def test_settings_are_shown_with_where_they_come_from(tmp_path: Path) -> None:
    """The file by line, the default by its name, and no password."""
    file = _file(tmp_path, ledger="postgresql://u:geheim@db/x")
    file.chmod(0o600)
    shown = run("config", "show", "--config", file, "--json")

    assert Exit.OK == shown.code
    assert {"value": "127.0.0.1:0", "from": f"{file}:3"} == shown.json["listen"]
    assert {"value": "127.0.0.1", "from": "default"} == shown.json["proxy"]
    assert "geheim" not in shown.out
    assert "3 settings, no faults" in run("config", "check", _file(tmp_path)).out


def test_faults_of_a_file_end_check_and_serve(tmp_path: Path) -> None:
    """Both say all of them; `check` found something, `serve` was called wrong."""
    file = _file(tmp_path, lisen="a:1", drain_seconds=999, peers="no.toml")
    checked, served = run("config", "check", file), run("serve", "--config", file)

    assert (Exit.FINDING, Exit.USAGE) == (checked.code, served.code)
    gone = f"peers: {tmp_path / 'no.toml'} does not exist; name a file that is there"
    near = f"{file}:4: 'lisen' is no setting; did you mean listen?"
    for said in (near, "outside 0 to 300", gone):
        assert said in checked.err
        assert said in served.err


@pytest.mark.slow
def test_a_file_serves_the_national_interface(tmp_path: Path) -> None:
    """By `serve`; `gateway` reads none, and its help says who does."""
    rules, place = str(one_area(tmp_path)), str(DIRECTORY)
    file = _file(tmp_path, rules=rules, gateway="127.0.0.1:0", directory=place)
    words = command("serve", "--json", "--config", file)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    ) as process:
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["gateway"]
            with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
                connection.request("GET", "/openapi.json")
                told = json.loads(connection.getresponse().read())
        finally:
            process.terminate()
    helped = " ".join(run("gateway", "--help").out.split())

    assert told["paths"]
    assert Exit.USAGE == run("gateway", "--config", file).code
    assert "It reads no file of settings: `serve --config` with the settings gateway" in helped


@pytest.mark.slow
def test_a_server_is_told_by_a_file_and_told_again(tmp_path: Path) -> None:
    """SIGHUP brings into use what can be, tells what waits, and keeps all at a fault."""
    file = _file(tmp_path)
    words = command("serve", "--json", "--config", file)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    ) as process:
        assert process.stdout is not None

        def again() -> list[dict[str, object]]:
            """Return what is said after SIGHUP: of the settings, and of the rules."""
            assert process.stdout is not None
            process.send_signal(signal.SIGHUP)
            return [json.loads(process.stdout.readline()) for _ in "12"]

        try:
            address = json.loads(process.stdout.readline())["serving"]
            with Client(address) as client:
                client.settle(claim(1))
            assert (tmp_path / "data" / "ledger.db").is_file()
            _file(tmp_path, drain_seconds=1, metrics="127.0.0.1:1")
            assert {"settings": ["drain_seconds"], "restart": ["metrics"]} == again()[0]
            _file(tmp_path, drain_seconds=1, metrics="nowhere")
            assert "metrics: asks for a host and port" in str(again()[0]["refused"])
            with Client(address) as client:
                client.settle(claim(2))
            # Of what was in use before the fault nothing changed, so nothing is brought into use.
            _file(tmp_path, drain_seconds=1, metrics="127.0.0.1:1")
            assert {"settings": [], "restart": ["metrics"]} == again()[0]
        finally:
            process.terminate()
            assert Exit.OK == process.wait(60)
