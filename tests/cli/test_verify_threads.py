"""A command that verified ends with its exit code: no thread of a library is left beside it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.clearing.stating import signed_in
from tests.cli.commands import ROOT, environment

_TASKS = Path("/proc/self/task")
# jemalloc, which Arrow brings along, starts threads that know nothing of Python whenever it likes.
_COUNTED = """
import sys
from pathlib import Path
from medsettle.cli.verify_command import verify_statement

def threads():
    names = [(task / "comm").read_text().strip() for task in Path(sys.argv[1]).iterdir()]
    return sum(not name.startswith("jemalloc") for name in names)

before = threads()
assert not verify_statement(Path(sys.argv[2])).findings
print(before, threads())
"""


@pytest.mark.slow
@pytest.mark.skipif(not _TASKS.is_dir(), reason="threads are counted where Linux shows them")
def test_verifying_starts_no_thread(tmp_path: Path) -> None:
    """A thread that still held bytes of Python at its end aborted one verification of ten."""
    signed_in(tmp_path / "s")
    done = subprocess.run(
        [sys.executable, "-c", _COUNTED, str(_TASKS), str(tmp_path / "s")],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
        cwd=ROOT,
    )
    before, after = done.stdout.split()

    assert before == after
