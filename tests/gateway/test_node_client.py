"""A client in another language settles, cancels, reverses and reconciles."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.commands import ROOT, gateway

_VERSION_MIN = 18


def _node() -> str:
    """Return the program; skip where there is none that has `fetch`."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: install Node.js 18 or newer to run a client in another language")
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    if int(told.stdout.removeprefix("v").partition(".")[0]) < _VERSION_MIN:
        pytest.skip(f"node is {told.stdout.strip()}: install Node.js 18 or newer to run the client")
    return node


@pytest.mark.slow
def test_a_client_in_another_language_does_a_day(tmp_path: Path) -> None:
    """`client.mjs` does a visit, a stay, a sale, a time-out and a statement, and checks all."""
    node = _node()
    with gateway(tmp_path / "data") as server:
        done = subprocess.run(
            [node, ROOT / "tests" / "gateway" / "client.mjs", f"http://{server.address}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert server.stop() == 0

    assert ("ok\n", "", 0) == (done.stdout, done.stderr, done.returncode)
