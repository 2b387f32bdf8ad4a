"""Every guide does what it says: its commands run in order, in processes of their own."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.cli.commands import ROOT, environment
from tests.guides.reading import GUIDES, Run, Save, Says, steps

pytestmark = pytest.mark.slow

_SECONDS_MAX: Final = 900
_PORT: Final = re.compile(r"\b127\.0\.0\.1:(\d{4,5})\b")
# What a checkout has that guides name, apart from what `make` makes there.
_CHECKOUT: Final = ("rules", "fixtures", "protos", "engine", "Makefile", "pyproject.toml")


def _guides() -> list[Path]:
    return sorted(GUIDES.glob("*.md"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder like a checkout in which `make` made `.venv`, and nothing was run yet."""
    for name in (*_CHECKOUT, "requirements"):
        (tmp_path / name).symlink_to(ROOT / name)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, words in (("medsettle", "-m medsettle.cli"), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    # `make` looks at the time of this file alone, and so makes nothing anew.
    (tmp_path / ".venv" / "dev.stamp").touch()
    return tmp_path


class _Ports:
    """Free ports of this machine for those that a guide names, the same for the same."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def put_into(self, text: str) -> str:
        """Return a text with free ports."""
        return _PORT.sub(lambda named: f"127.0.0.1:{self._free(named[1])}", text)

    def _free(self, named: str) -> str:
        if named not in self._found:
            with closing(socket.socket()) as taken:
                taken.bind(("127.0.0.1", 0))
                self._found[named] = str(taken.getsockname()[1])
        return self._found[named]


def _ran(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder / ".venv" / "bin"), os.environ["PATH"]])
    # Into a file: a server that a block leaves behind, where it fails, would keep a pipe open.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        subprocess.Popen(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env=environment() | {"PATH": path, "PYTHONPATH": f"{ROOT / 'engine'}:{ROOT}"},
            start_new_session=True,
        ) as process,
    ):
        try:
            process.wait(_SECONDS_MAX)
        finally:
            if process.returncode != 0:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        out.seek(0)
        said = out.read()
    return subprocess.CompletedProcess(script, process.returncode, said)


@pytest.mark.parametrize("guide", _guides(), ids=lambda path: path.stem)
def test_a_guide_does_what_it_says(guide: Path, checkout: Path) -> None:
    """Its files are saved, its blocks end as they should, and what it quotes is printed."""
    if shutil.which("bash") is None or shutil.which("curl") is None:
        pytest.skip("no bash, or no curl: `apt-get install bash curl` has guides run")
    ports, said = _Ports(), ""
    for step in steps(guide.read_text(encoding="utf-8")):
        match step:
            case Save(name, text):
                file = checkout / name
                assert checkout in file.resolve().parents, name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(ports.put_into(text), encoding="utf-8")
            case Run(script, code):
                done = _ran(ports.put_into(script), checkout)
                said = done.stdout
                assert code == done.returncode, f"{script}\n{said}"
            case Says() as lines:
                assert [] == lines.missing(said), said


def test_no_command_stands_outside_what_is_run() -> None:
    """A line that begins with one of our commands is in a block that the test runs."""
    for guide in _guides():
        page = guide.read_text(encoding="utf-8")
        run = "".join(step.script for step in steps(page) if isinstance(step, Run))
        for line in re.findall(r"^(?:\$ )?(?:medsettle|make) .*$", page, re.MULTILINE):
            assert line in run, f"{guide.name}: {line}"


def test_no_guide_waits_for_a_server_that_did_not_start() -> None:
    """Each loop that waits for words of a server ends with the server, too."""
    waits = [
        line
        for guide in _guides()
        for line in guide.read_text(encoding="utf-8").splitlines()
        if line.startswith("until ")
    ]

    assert waits
    assert [] == [line for line in waits if "|| ! kill -0 %1;" not in line]


def test_the_page_of_sealed_tables_makes_the_key_of_the_witness() -> None:
    """Under the name by which it countersigns, and in the folder where it is looked for."""
    page = (ROOT / "engine" / "sealed-audit.md").read_text(encoding="utf-8")
    key, name = re.search(r"countersign \S+ --key (\S+)\.key\.pem --name (\S+)", page).groups()  # type: ignore[union-attr]

    assert f"medsettle audit key {key} --origin {name} --out .\n" in page


def test_pages_tell_the_figures_that_were_measured() -> None:
    """Of three books and of calls in flight, as `make bench` wrote them, with the day."""
    results, readme, sizing = (
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("benchmarks/RESULTS.md", "README.md", "engine/sizing.md")
    )

    def measured(pattern: str) -> float:
        found = re.search(pattern, results)
        assert found is not None, pattern
        return float(found[1])

    mebibytes = measured(r"three books of 10,000,000: memory [|] \S+ [|] ([0-9.]+)")
    share = measured(r"over a bare full join [|] \S+ [|] ([0-9.]+)")
    thousands = measured(r"[|] medsettle [|] 64 [|] ([0-9.]+) k ")
    memory, cpu = f"{mebibytes:.0f} MiB", f"{share:.2f} of the CPU"
    calls = f"{1_000 * thousands:,.0f}"
    day = re.search(r"Run of (\S+)", results)
    assert day is not None
    for page, figures in ((readme, (memory, cpu, calls)), (sizing, (memory, calls))):
        assert [] == [each for each in (*figures, day[1]) if each not in page]
