"""The tools compared. To add one, give it a module with three functions and a line in `_known`.

The one named as `record.OURS` is what the factors are taken against.

`prepare` turns the claims into the form the tool works on, outside the timing; `run` settles them;
`columns_of` turns its answer into int64 columns, outside the timing too. A tool whose library is
not installed is left out of `TOOLS` and named in `LACKING`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np

from benchmarks.anchor import medsettle_kernel, names
from benchmarks.anchor.claims import Columns
from benchmarks.record import OURS

# What only `make bench` installs, by the name it is imported under.
OPTIONAL: Final = frozenset({"numba", "openfisca_core", "polars", "policyengine_core", "zen"})


@dataclass(frozen=True, slots=True)
class Tool:
    """One way to settle the claims, and the distributions whose versions matter.

    `seconds` runs once and returns the seconds of CPU that took, for a tool in a process of its
    own, where the way there would be timed too. `most` is the largest batch it is given; of a
    larger one it settles so many, which says the same of a tool that takes one claim after another.
    """

    name: str
    prepare: Callable[[Any], Any]
    run: Callable[[Any], Any]
    columns_of: Callable[[Any], Columns]
    distributions: tuple[str, ...] = ()
    seconds: Callable[[Any], float] | None = None
    most: int | None = None


def wrong_claims(actual: Columns, expected: Columns) -> int:
    """Return in how many claims any amount differs from the reference."""
    differs = [actual[name] != column for name, column in expected.items()]
    return int(np.logical_or.reduce(differs).sum())


def optional(module: str) -> Any | None:
    """Return a module of ours, or None where the library it compares with is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        if str(missing.name).partition(".")[0] not in OPTIONAL:
            raise
        return None


def _anchor_tool(
    name: str, place: str, distributions: tuple[str, ...], run: str = "run", most: int | None = None
) -> tuple[str, Tool | None]:
    module = optional(f"benchmarks.anchor.{place}")
    if module is None:
        return name, None
    seconds = getattr(module, "seconds", None)
    parts = (module.prepare, getattr(module, run), module.columns_of)
    return name, Tool(name, *parts, distributions, seconds, most)


def _known() -> dict[str, Tool | None]:
    ours = ("medsettle", "numpy")
    integers = Tool(
        names.INTEGERS,
        medsettle_kernel.prepare_integers,
        medsettle_kernel.run_integers,
        medsettle_kernel.columns_of_integers,
        ours,
        most=1_000,
    )
    # The whole of what the engine asks of the kernel; see `medsettle_kernel`.
    with_counters = Tool(
        names.COUNTERS,
        medsettle_kernel.prepare_batch,
        medsettle_kernel.run_batch,
        medsettle_kernel.columns_of_batch,
        ours,
    )
    found = (
        _anchor_tool(OURS, "medsettle_kernel", ours),
        _anchor_tool(names.NUMBA, "numba_loop", ("numba", "numpy")),
        _anchor_tool(names.BLOCKS, "numpy_columns", ("numpy",), "run_blocks"),
        _anchor_tool(names.PLAIN, "numpy_columns", ("numpy",), "run_plain"),
        _anchor_tool(names.POLARS, "polars_frame", ("polars",)),
        _anchor_tool(names.DUCKDB, "duckdb_sql", ("duckdb", "pyarrow")),
        _anchor_tool(names.OPENFISCA, "openfisca_model", ("openfisca-core",)),
        _anchor_tool(names.POLICYENGINE, "policyengine", ()),
        _anchor_tool(names.PYTHON, "plain_python", ()),
        _anchor_tool(names.ZEN, "zen_graph", ("zen-engine",), most=20_000),
    )
    known = dict(found)
    return {OURS: known.pop(OURS), names.INTEGERS: integers, names.COUNTERS: with_counters} | known


_KNOWN: Final = _known()
TOOLS: Final = tuple(tool for tool in _KNOWN.values() if tool is not None)
LACKING: Final = tuple(name for name, tool in _KNOWN.items() if tool is None)
