"""A client in another language settles, cancels, reverses and reconciles."""

import shutil
import subprocess

import pytest

from tests.cli.commands import ROOT

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
def test_a_client_in_another_language_does_a_day(address: str) -> None:
    """`client.mjs` does a visit, a stay, a sale, a time-out and a statement, and checks all."""
    done = subprocess.run(
        [_node(), ROOT / "tests" / "gateway" / "client.mjs", f"http://{address}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ("ok\n", "", 0) == (done.stdout, done.stderr, done.returncode)
