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
