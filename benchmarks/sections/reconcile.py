"""Three books compared by medsettle and by a bare full outer join in DuckDB, in turns.

Each tool is a process of its own, and its CPU is all that the process took, imports and reading of
files among it. The join gets the least CPU with one thread. It does less (`benchmarks.books`), and
a second one, which may take no more memory than medsettle is to, spills.

The books are made (`medsettle.clearing.made.books`), one difference for two thousand settlements.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from medsettle.clearing.made.books import make_books

from benchmarks.books.compare import TOOLS
from benchmarks.options import Options
from benchmarks.record import OURS, Measured
from benchmarks.sections import names as of

_ROWS_A_DIFFERENCE: Final = 2_000
_ROUNDS_MAX: Final = 3


def measure(options: Options) -> list[Measured]:
    """Return CPU a settlement and peak memory of each tool, and the bytes of the sketch."""
    folder, scratch = options.scratch / "books", options.scratch / "reconcile"
    for each in (folder, scratch):
        rmtree(each, ignore_errors=True)
        each.mkdir(parents=True)
    count = options.book_rows
    made = make_books(folder, rows=count, differences=count // _ROWS_A_DIFFERENCE)
    spent: dict[str, list[float]] = {tool: [] for tool in TOOLS}
    memory: dict[str, list[float]] = {tool: [] for tool in TOOLS}
    told: dict[str, dict[str, Any]] = {}
    names = list(TOOLS)
    for number in range(min(options.rounds, _ROUNDS_MAX)):
        for at in range(len(names)):
            tool = names[(at + number) % len(names)]
            told[tool], seconds = _run(tool, folder, scratch)
            spent[tool].append(seconds * 1e9 / count)
            memory[tool].append(told[tool].pop("peak_mib"))
    rmtree(folder)
    rmtree(scratch)
    planted = {"planted": sum(made.differences.values())}
    found = [
        Measured(of.RECONCILE, tool, count, unit, tuple(values[tool]), facts=told[tool] | planted)
        for unit, values in ((of.CPU_SETTLEMENT, spent), (of.PEAK_MIB, memory))
        for tool in names
    ]
    cells = told[OURS]["cells"] * of.SKETCH_CELL_BYTES
    return [*found, Measured(of.RECONCILE, of.SKETCH, count, "B", (float(cells),))]


def _run(tool: str, folder: Path, scratch: Path) -> tuple[dict[str, Any], float]:
    """Return what a tool printed, and its seconds of CPU."""
    command = [sys.executable, "-m", "benchmarks.books.compare", tool, str(folder), str(scratch)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{tool} ended with {process.returncode}")
    return json.loads(printed), used.ru_utime + used.ru_stime
