"""Names of the tools of the anchor policy, which need none of them installed."""

from typing import Final

NUMBA: Final = "numba, loop by hand"
BLOCKS: Final = "NumPy, blocks in place"
POLARS: Final = "Polars"
DUCKDB: Final = "DuckDB over Arrow"
OPENFISCA: Final = "OpenFisca-core"
POLICYENGINE: Final = "PolicyEngine-core"
ZEN: Final = "GoRules zen"
PLAIN: Final = "NumPy, plain columns"
PYTHON: Final = "plain Python"
INTEGERS: Final = "medsettle, from integers"
COUNTERS: Final = "medsettle, with counters"

# What somebody would pick instead of writing the loop by hand.
RULE_ENGINES: Final = (POLARS, DUCKDB, POLICYENGINE, OPENFISCA, ZEN)
