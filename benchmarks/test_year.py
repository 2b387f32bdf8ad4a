"""A year of claims with carried counters, checked fen by fen; the timing asserts nothing.

`benchmarks/report.py` makes the table.
"""

from typing import Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.anchor.claims import Columns
from benchmarks.anchor.tools import Tool, wrong_claims
from benchmarks.timing import time_case
from benchmarks.year import history
from benchmarks.year.history import History
from benchmarks.year.tools import TOOLS

_CLAIMS: Final = 200_000

_tools = pytest.mark.parametrize("tool", [pytest.param(tool, id=tool.name) for tool in TOOLS])


@pytest.fixture(scope="module")
def year() -> History:
    """Claims of a quarter as many people."""
    return history.random_year(_CLAIMS)


@pytest.fixture(scope="module")
def shares(year: History) -> Columns:
    """What the reference makes of them, one after another."""
    return history.reference(year)


@_tools
def test_tools_agree(tool: Tool) -> None:
    """Every tool settles a small year to the fen as the reference does, claim after claim."""
    small = history.random_year(5_000, seed=1)

    settled = tool.run(tool.prepare(small))

    assert wrong_claims(tool.columns_of(settled), history.reference(small)) == 0


@_tools
def test_year(benchmark: BenchmarkFixture, tool: Tool, year: History, shares: Columns) -> None:
    """Settling a year in order, from the tool's own form of claims and balances to its answer."""
    prepared = tool.prepare(year)
    benchmark.group = "a year"
    benchmark.extra_info["table"] = "year"
    benchmark.extra_info["tool"] = tool.name
    benchmark.extra_info["count"] = _CLAIMS
    benchmark.extra_info["wrong_claims"] = wrong_claims(tool.columns_of(tool.run(prepared)), shares)

    time_case(benchmark, tool.run, prepared)
