"""Compiled functions where their cache can be written, and where it cannot."""

import subprocess
import sys
from pathlib import Path

import pytest

_MODULE = """
import numpy as np
from medsettle.native import compiled, inlined

@inlined
def twice(number):
    return 2 * number

@compiled("int64(int64[::1])")
def total(numbers):
    found = 0
    for number in numbers:
        found += twice(number)
    return found

print(total(np.arange(5)), sum(total.stats.cache_hits.values()))
"""


def _run(folder: Path, cache: Path) -> str:
    path = folder / "doubled.py"
    path.write_text(_MODULE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path)],
        env={"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": ":".join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.mark.slow
def test_code_is_kept_from_run_to_run(tmp_path: Path) -> None:
    """The second process takes the code that the first one wrote, from the folder it is told."""
    found = [_run(tmp_path, tmp_path / "cache") for _ in range(2)]

    assert found == ["20 0\n", "20 1\n"]


@pytest.mark.slow
def test_without_a_cache_functions_run_all_the_same(tmp_path: Path) -> None:
    """Where no code can be written (a file stands where the folder would be) it is made anew."""
    (tmp_path / "cache").write_text("not a folder", encoding="utf-8")

    assert _run(tmp_path, tmp_path / "cache") == "20 0\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_code_that_a_crash_cut_short_is_made_anew(tmp_path: Path, kind: str) -> None:
    """An index or a code file without its end is no reason not to start."""
    assert _run(tmp_path, tmp_path / "cache") == "20 0\n"
    for path in (tmp_path / "cache").rglob(f"*.{kind}"):
        path.write_bytes(path.read_bytes()[:20])

    assert _run(tmp_path, tmp_path / "cache").startswith("20 ")


@pytest.mark.slow
def test_settling_a_claim_loads_no_compiler() -> None:
    """What a command imports to settle leaves numba alone; a large batch or a server loads it."""
    code = "import sys, medsettle.cli.app, medsettle.engine; print('numba' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    )

    assert "False\n" == done.stdout
