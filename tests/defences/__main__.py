"""Take out one defence after another, each in a copy of the tree, and see its tests fail.

    python -m tests.defences [--only 7,12] [--seconds 180]

A line for each: `fails`, or `STANDS` with the tests that passed all the same. The exit code is 1
where one stands. First all the tests run with every defence in its place.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.defences.listed import ROOT, Without, listed

# Machine code that was kept beside its sources goes along: compiled anew, servers would start late.
_LEFT_OUT: Final = shutil.ignore_patterns(".git", ".venv", "*_cache", "*.pyc", ".hypothesis")
# Not ERROR: a fixture that fails, such as a server slow to start, says nothing of a defence.
_ENDED: Final = re.compile(r"^FAILED (\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)


def _environment(root: Path) -> dict[str, str]:
    """Return an environment in which the tree that is changed is read, whatever is installed."""
    paths = os.pathsep.join((str(root / "engine"), str(root)))
    return os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}


def _copied(root: Path) -> None:
    """Make a tree of its own with the history of this one: tests take older versions out of it."""
    shutil.copytree(ROOT, root, ignore=_LEFT_OUT, symlinks=True)
    words = ["git", "rev-parse", "--absolute-git-dir"]
    with suppress(OSError, subprocess.CalledProcessError):
        found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        (root / ".git").write_text(f"gitdir: {found.stdout}", encoding="utf-8")


def failing(root: Path, tests: Iterable[str], seconds: int) -> tuple[set[str], str]:
    """Return which tests fail in a tree, and what pytest printed; none where it hangs."""
    named = sorted({*tests})
    words = ["-q", "-n", "0", "-o", f"cache_dir={root.parent / 'cache'}", "--tb=short"]
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", *words, *named],
            cwd=root,
            env=_environment(root),
            timeout=seconds,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return set(), f"no end within {seconds} seconds"
    if ran.returncode not in {0, 1}:
        return set(), ran.stdout + ran.stderr
    return {test for test in _ENDED.findall(ran.stdout) if test in named}, ran.stdout


def _shown(root: Path, without: Without, seconds: int) -> bool:
    before: dict[str, str] = {}
    try:
        for change in without.changes:
            # Of several changes to a file the first knows how it was.
            before.setdefault(change.file, change.made(root))
        found, printed = failing(root, without.tests, seconds)
    finally:
        for file, text in before.items():
            (root / file).write_text(text, encoding="utf-8")
    stands = {*without.tests} - found
    word = "STANDS" if stands else "fails"
    print(f"{without.threat:>4} {word:<6} {without.what}", flush=True)
    if stands:
        print(*("       " + test for test in sorted(stands)), sep="\n")
        print(*("       | " + line for line in printed.splitlines()[-12:]), sep="\n", flush=True)
    return not stands


def main() -> int:
    """Run it; the exit code says whether every test failed that had to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="numbers of threats, with commas")
    parser.add_argument("--seconds", type=int, default=180, help="that the tests of one may take")
    parser.add_argument("--skip-first", action="store_true", help="leave out the run with defences")
    options = parser.parse_args()
    chosen = {int(number) for number in options.only.split(",")} if options.only else None
    wanted = [each for each in listed() if chosen is None or each.threat in chosen]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "tree"
        _copied(root)
        # Else the first servers compile, and may be given up before they have.
        subprocess.run(
            [sys.executable, "-m", "medsettle.settle.machine_code"],
            cwd=root,
            env=_environment(root),
            check=True,
        )
        if not options.skip_first:
            tests = {test for each in wanted for test in each.tests}
            failed, printed = failing(root, tests, 60 * options.seconds)
            if failed or "passed" not in printed or " error" in printed.splitlines()[-1]:
                print(printed)
                return 1
        shown = [_shown(root, each, options.seconds) for each in wanted]
    threats = len({each.threat for each in wanted})
    print(f"{sum(shown)} of {len(shown)} changes are seen by the tests of their {threats} threats")
    return int(not all(shown))


if __name__ == "__main__":
    sys.exit(main())
