"""What is logged of a bug at a real server, and what options of the log and of traces refuse."""

import asyncio
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import typer
from medsettle import errors, limits, phases
from medsettle.cli.exits import Exit
from medsettle.cli.observing import Observing
from medsettle.client import Client
from medsettle.core.claims import ClaimBatch
from medsettle.engine import Engine
from medsettle.logs.lines import logging_to
from medsettle.service.call_watch import CallWatch
from medsettle.service.slow_log import SlowLog

from tests.cli.commands import run
from tests.service.claims import claim
from tests.service.serving import altered, serving

Loop = asyncio.AbstractEventLoop


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_bug_is_logged_without_what_it_says(engine: Engine, loop: Loop, tmp_path: Path) -> None:
    """A write that fails with a person in its words: the lines of code are told, the words not."""

    def settle(claims: ClaimBatch) -> list[Any]:
        raise KeyError("CANARY" + str(claims.rows[0]["person"]))

    with (
        logging_to(str(tmp_path / "log"), "info"),
        serving(altered(engine, settle=settle), loop) as served,
        Client(served.address) as client,
        pytest.raises(errors.InternalError) as raised,
    ):
        client.settle(claim(1, person="CANARY1"))

    text = (tmp_path / "log").read_text("utf-8")
    assert "CANARY" not in text
    assert "CANARY" not in str(raised.value)
    (line,) = [each for each in _lines(tmp_path / "log") if "write_failed" in each["event"]]
    assert "critical" == line["level"]
    assert "settle service/test_faults_logged.py" in line["raised"][0]


def test_a_thread_that_ends_is_logged_so_too(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is printed beside the log."""
    with logging_to(str(tmp_path / "log"), "info"):
        thread = threading.Thread(target=lambda: int("CANARY"))
        thread.start()
        thread.join()

    (line,) = _lines(tmp_path / "log")
    assert "thread_failed_unforeseen" == line["event"]
    assert "CANARY" not in (tmp_path / "log").read_text("utf-8") + "".join(capfd.readouterr())


def test_only_slow_calls_are_logged(engine: Engine, loop: Loop, tmp_path: Path) -> None:
    """With a second as the bound none of these is, with nothing as the bound all are, by phase."""
    with logging_to(str(tmp_path / "log"), "info"), serving(engine, loop) as served:
        desk = served.server.desk
        with Client(served.address) as client:
            desk.watch = CallWatch([SlowLog(limits.SLOW_MS_MAX)])
            client.settle(claim(1))
            desk.watch = CallWatch([SlowLog(0)])
            settled = client.settle(claim(2))
            client.cancel(
                str(settled.columns["settlement"]),
                institution=str(settled.columns["institution"]),
                request_id="X2",
            )
            client.preview(claim(3))

    lines = _lines(tmp_path / "log")
    assert ["CreateSettlement", "CancelSettlement", "PreviewSettlement"] == [
        each["method"] for each in lines
    ]
    settle, cancel, preview = lines
    assert (settled.columns["settlement"], 1) == (settle["settlement"], settle["claims"])
    assert {"waiting", *phases.IN_BATCH} == settle["phases"].keys()
    assert sum(settle["phases"].values()) == pytest.approx(settle["ms"], abs=0.05)
    assert cancel["phases"]["commit"] > 0
    assert "commit" not in preview["phases"]
    assert all(each["slowest"] in each["phases"] for each in lines)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--slow", limits.SLOW_MS_MAX + 1), "--slow"),
        (("--slow", -1), "--slow"),
        (("--traces-percent", limits.TRACES_PERCENT_MAX + 1), "--traces-percent"),
        (("--traces-percent", -1), "--traces-percent"),
        (("--log-level", "loud"), "--log-level"),
        (("--traces", "collector:4317"), "--traces"),
    ],
)
def test_options_out_of_bounds_are_refused(
    tmp_path: Path, options: tuple[object, ...], said: str
) -> None:
    """One step beyond each, with the name of the option and what is asked."""
    ran = run("serve", "--data", tmp_path / "data", "--rules", tmp_path, *options)

    assert Exit.USAGE == ran.code
    assert said in ran.err
    assert not (tmp_path / "data").exists()


def test_the_bounds_themselves_are_taken(tmp_path: Path) -> None:
    """The longest time, the file, and nobody looks where nobody asked."""
    with Observing(slow_ms=limits.SLOW_MS_MAX, log=str(tmp_path / "log")).begun("x") as watch:
        assert watch is not None
    with Observing(log=str(tmp_path / "log")).begun("x") as watch:
        assert watch is None
    with (
        pytest.raises(typer.BadParameter),
        Observing(level="loud", log=str(tmp_path / "log")).begun("x"),
    ):
        pass


def test_traces_without_their_extra_say_what_to_install() -> None:
    """Where opentelemetry is not installed they are refused before anything is opened."""
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from medsettle.cli.observing import Observing\n"
        "from medsettle.errors import Precondition\n"
        "try:\n"
        "    with Observing(traces='http://127.0.0.1:4317').begun('x'): print('begun')\n"
        "except Precondition as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert "pip install 'medsettle[traces]'" in done.stdout
