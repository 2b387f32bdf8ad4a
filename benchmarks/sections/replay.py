"""A history replayed, beside reading and writing the same columns by pyarrow, in turns.

Each run is a process of its own, and what is told is its CPU without imports. The population is
invented (`benchmarks.replays.made`); its claims have some thirty lines, and the split of each line
is written too.
"""

import json
import subprocess
import sys
from shutil import rmtree
from typing import Any, Final

from benchmarks.options import Options
from benchmarks.record import OURS, Measured
from benchmarks.replays.made import make_history
from benchmarks.replays.run import RULES
from benchmarks.sections import names as of

_TOOLS: Final = (OURS, of.SAME_COLUMNS, of.ONE_REFORM, of.TWO_REFORMS, of.CHECKED)
_ROUNDS_MAX: Final = 5


def measure(options: Options) -> list[Measured]:
    """Return CPU a claim and peak memory of each tool."""
    history, out = options.scratch / "history", options.scratch / "replayed"
    for each in (history, out):
        rmtree(each, ignore_errors=True)
    made = make_history(history, RULES, claims=options.replay_claims)
    claims, lines = made.rows("claims"), made.rows("lines")
    spent: dict[str, list[float]] = {tool: [] for tool in _TOOLS}
    memory: dict[str, list[float]] = {tool: [] for tool in _TOOLS}
    for _ in range(min(options.rounds, _ROUNDS_MAX)):
        # The copy is of what medsettle wrote, so medsettle comes before it.
        for tool in _TOOLS:
            told = _run(tool, str(history), str(out))
            spent[tool].append(told["seconds"] * 1e9 / claims)
            memory[tool].append(told["peak_mib"])
    for each in (history, *(out.with_name(name) for name in ("replayed", "reformed", "checked"))):
        rmtree(each, ignore_errors=True)
    for path in options.scratch.glob("reform-*.yaml"):
        path.unlink()
    facts = {"lines": lines, "parts": len(made.parts)}
    return [
        Measured(of.REPLAY, tool, options.replay_claims, unit, tuple(values[tool]), facts=facts)
        for unit, values in ((of.CPU_REPLAYED, spent), (of.PEAK_MIB, memory))
        for tool in _TOOLS
    ]


def _run(tool: str, history: str, out: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.replays.run", tool, history, out]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told
