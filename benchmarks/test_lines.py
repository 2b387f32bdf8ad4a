"""Charge lines, 60 a claim, checked fen by fen; the timing asserts nothing.

`benchmarks/report.py` makes the table.
"""

from typing import Final

import pytest
from medsettle.policy.catalogue import Catalogue
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.anchor.tools import Tool, wrong_claims
from benchmarks.lines import bills
from benchmarks.lines.tools import TOOLS
from benchmarks.timing import time_case

# A checkout, a busy second and a day of a city.
_CLAIMS: Final = (1, 100, 20_000)

_tools = pytest.mark.parametrize("tool", [pytest.param(tool, id=tool.name) for tool in TOOLS])


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """An invented catalogue of 20,000 items."""
    return bills.write_catalogue(tmp_path_factory.mktemp("lines") / "catalogue.csv")


@_tools
def test_tools_agree(tool: Tool, catalogue: Catalogue) -> None:
    """Every tool splits and sums 30,000 lines to the fen as the reference does."""
    batch = bills.random_bills(catalogue, 500, seed=1)

    sums = tool.columns_of(tool.run(tool.prepare(batch)))

    assert wrong_claims(sums, bills.reference(batch)) == 0


@_tools
@pytest.mark.parametrize("claims", _CLAIMS)
def test_lines(benchmark: BenchmarkFixture, tool: Tool, claims: int, catalogue: Catalogue) -> None:
    """From lines in the tool's own form to the four pots of each claim."""
    batch = bills.random_bills(catalogue, claims)
    prepared = tool.prepare(batch)
    benchmark.group = f"{len(batch.row):,} lines"
    benchmark.extra_info["table"] = "lines"
    benchmark.extra_info["tool"] = tool.name
    benchmark.extra_info["count"] = len(batch.row)
    benchmark.extra_info["wrong_claims"] = wrong_claims(
        tool.columns_of(tool.run(prepared)), bills.reference(batch)
    )

    time_case(benchmark, tool.run, prepared)
