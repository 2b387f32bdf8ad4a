"""How the benchmarks run: one thread each, and the versions kept beside the figures."""

import os
from importlib import metadata
from typing import Any, Final

# Read by the libraries when they are first imported, so it has to happen before any of them is.
_ONE_THREAD: Final = (
    "POLARS_MAX_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "ARROW_NUM_THREADS",
)
for _name in _ONE_THREAD:
    os.environ[_name] = "1"

_DISTRIBUTIONS: Final = ("medsettle", "numpy", "pyarrow", "polars", "duckdb", "openfisca-core")


def pytest_benchmark_update_machine_info(config: Any, machine_info: dict[str, Any]) -> None:
    """Write the versions of the libraries compared into the record of the run."""
    del config
    machine_info["versions"] = {name: metadata.version(name) for name in _DISTRIBUTIONS}
    machine_info["cores"] = os.cpu_count()
