"""The anchor policy on PolicyEngine-core: `openfisca_model` in a process of its own."""

import os
import subprocess
import tempfile
from functools import cache
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.anchor.claims import Columns

_ROOT: Final = Path(__file__).parents[2]
_PYTHON: Final = _ROOT / ".venv" / "policyengine" / "bin" / "python"
_NUMBERS: Final = count()

if not _PYTHON.exists():
    raise ModuleNotFoundError("run `make bench`, which installs it", name="policyengine_core")


class _Worker:
    """The process, which ends when this one does: its commands end then."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [_PYTHON, "-W", "ignore", "-m", "benchmarks.anchor.policyengine_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env=os.environ | {"PYTHONPATH": str(_ROOT)},
        )

    def ask(self, *words: object) -> str:
        """Return the answer to a command.

        Raises:
            RuntimeError: The process ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer:
            raise RuntimeError("the process of PolicyEngine-core ended; see what it wrote above")
        return answer


@cache
def _worker() -> _Worker:
    return _Worker()


def prepare(columns: Columns) -> int:
    """Hand the claims over, and return the number they are kept under."""
    number = next(_NUMBERS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "claims.npz"
        np.savez(path, **columns)  # type: ignore[arg-type]
        _worker().ask("load", path, number)
    return number


def seconds(number: int) -> float:
    """Settle the claims, and return the seconds of CPU that took in the process."""
    return float(_worker().ask("run", number))


def run(number: int) -> int:
    """Return the number under which the claims are settled once more and read."""
    return number


def columns_of(number: int) -> Columns:
    """Return the shares as int64 columns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shares.npz"
        _worker().ask("save", number, path)
        with np.load(path) as stored:
            return {name: stored[name] for name in stored.files}
