"""Commands that start at once: each is forked from a process that has imported all they import.

To start Python and load the packages of a command takes most of a second, and the tests run
commands by the thousand. What is shared is that alone: a command is a process of its own, with its
arguments, environment, folder, output and exit code, and ends as Python ends. Servers, and what the
guides say to type, are started from nothing.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_SOCKET: Final = "commands.sock"
_MESSAGE_BYTES: Final = 65_536


class PreparedCommands:
    """Runs `medsettle` with arguments; close it at the end."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        """Start the process that commands are forked from, in a folder."""
        self._folder = tempfile.TemporaryDirectory()
        self._address = str(Path(self._folder.name) / _SOCKET)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.prepared", self._address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
            env=environment,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "the process of prepared commands did not start"

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], root: Path, seconds: float
    ) -> tuple[int, str, str]:
        """Return the exit code of a command and what it printed.

        Raises:
            subprocess.TimeoutExpired: It took longer; it was killed.
        """
        asked = {"arguments": list(arguments), "environment": dict(environment), "root": str(root)}
        content = json.dumps(asked).encode() + b"\n"
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            socket.socket(socket.AF_UNIX) as connection,
        ):
            connection.connect(self._address)
            sent = socket.send_fds(connection, [content], [out.fileno(), err.fileno()])
            connection.sendall(content[sent:])
            with connection.makefile("rb") as answers:
                pid = int(answers.readline())
                connection.settimeout(seconds)
                try:
                    code = int(answers.readline())
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired([*arguments], seconds) from None
            texts = []
            for file in (out, err):
                file.seek(0)
                # As text from a pipe is read.
                text = file.read().decode("utf-8")
                texts.append(text.replace("\r\n", "\n").replace("\r", "\n"))
        return code, texts[0], texts[1]

    def close(self) -> None:
        """End the process; commands that still run go on."""
        self._process.communicate()
        self._folder.cleanup()


# --- the process --------------------------------------------------------------------------------


def _serve(address: str) -> None:
    """Fork a command for each connection until the input ends; returns in a command as well."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)  # noqa: T201 - the word that the tests wait for
        while True:
            ready, _, _ = select.select([listener.fileno(), 0], [], [])
            if 0 in ready:
                return
            connection, _ = listener.accept()
            if not os.fork():
                break
            connection.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    _attend(connection)


def _attend(connection: socket.socket) -> None:
    """Run what a connection asks for and answer with its process id, then its exit code."""
    content, files, _, _ = socket.recv_fds(connection, _MESSAGE_BYTES, 2)
    while not content.endswith(b"\n"):
        content += connection.recv(_MESSAGE_BYTES)
    if pid := os.fork():
        for file in files:
            os.close(file)
        connection.sendall(f"{pid}\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(OSError):
            connection.sendall(f"{code}\n".encode())
        os._exit(0)
    connection.close()
    asked = json.loads(content)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for file, place in zip(files, (1, 2), strict=True):
        os.dup2(file, place)
        os.close(file)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["root"])
    sys.argv = ["medsettle", *asked["arguments"]]
    runpy.run_module("medsettle.cli", run_name="__main__", alter_sys=True)


def _import_commands() -> None:
    """Import what the commands do, but for DuckDB and what needs it.

    What was imported is kept from the collector, which would go through all of it in each command;
    at the end of a process DuckDB's bindings take that for a leak, and say so.
    """
    from medsettle.cli import app  # noqa: PLC0415 - it is not what the tests import

    sys.modules["duckdb"] = None  # type: ignore[assignment]  # so an import is refused
    for module, _ in {*app._COMMANDS.values()}:
        with contextlib.suppress(ImportError):
            importlib.import_module(f"medsettle.cli.{module}")
    del sys.modules["duckdb"]
    gc.freeze()


if __name__ == "__main__":
    _import_commands()
    _serve(sys.argv[1])
