"""The tools compared. To add one, give it a module with three functions and a line in `TOOLS`.

The one named as `report.OURS` is what the factors are taken against.

`prepare` turns the claims into the form the tool works on, outside the timing; `run` settles them;
`columns_of` turns its answer into int64 columns, outside the timing too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.anchor import (
    duckdb_sql,
    medsettle_kernel,
    numpy_columns,
    openfisca_model,
    plain_python,
    polars_frame,
)
from benchmarks.anchor.claims import Columns


@dataclass(frozen=True, slots=True)
class Tool:
    """One way to settle the claims, and the distributions whose versions matter."""

    name: str
    prepare: Callable[[Any], Any]
    run: Callable[[Any], Any]
    columns_of: Callable[[Any], Columns]
    distributions: tuple[str, ...] = ()


def wrong_claims(actual: Columns, expected: Columns) -> int:
    """Return in how many claims any amount differs from the reference."""
    differs = [actual[name] != column for name, column in expected.items()]
    return int(np.logical_or.reduce(differs).sum())


TOOLS: Final = (
    Tool(
        "medsettle",
        medsettle_kernel.prepare,
        medsettle_kernel.run,
        medsettle_kernel.columns_of,
        ("medsettle", "numpy"),
    ),
    Tool(
        "medsettle, with counters",
        medsettle_kernel.prepare_batch,
        medsettle_kernel.run_batch,
        medsettle_kernel.columns_of_batch,
        ("medsettle", "numpy"),
    ),
    Tool(
        "NumPy, blocks in place",
        numpy_columns.prepare,
        numpy_columns.run_blocks,
        numpy_columns.columns_of,
        ("numpy",),
    ),
    Tool(
        "NumPy, plain columns",
        numpy_columns.prepare,
        numpy_columns.run_plain,
        numpy_columns.columns_of,
        ("numpy",),
    ),
    Tool("Polars", polars_frame.prepare, polars_frame.run, polars_frame.columns_of, ("polars",)),
    Tool(
        "DuckDB over Arrow",
        duckdb_sql.prepare,
        duckdb_sql.run,
        duckdb_sql.columns_of,
        ("duckdb", "pyarrow"),
    ),
    Tool(
        "OpenFisca-core",
        openfisca_model.prepare,
        openfisca_model.run,
        openfisca_model.columns_of,
        ("openfisca-core", "numpy"),
    ),
    Tool("plain Python", plain_python.prepare, plain_python.run, plain_python.columns_of),
)
