"""The anchor policy on every tool, at 1 to 1,000,000 claims, checked fen by fen and timed.

Timing asserts nothing: a slow run is a figure, not a failure. `benchmarks/report.py` makes the
table.
"""

from typing import Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.anchor import claims
from benchmarks.anchor.claims import Columns
from benchmarks.anchor.tools import TOOLS, Tool, wrong_claims
from benchmarks.timing import time_case

SIZES: Final = (1, 100, 10_000, 1_000_000)

_tools = pytest.mark.parametrize("tool", [pytest.param(tool, id=tool.name) for tool in TOOLS])


@pytest.fixture(scope="module")
def all_claims() -> Columns:
    """The largest batch; every smaller one is its beginning."""
    return claims.random_claims(max(SIZES))


@pytest.fixture(scope="module")
def all_shares(all_claims: Columns) -> Columns:
    """What the reference makes of them."""
    return claims.reference(all_claims)


@_tools
def test_tools_agree(tool: Tool) -> None:
    """Every tool settles 20,000 claims to the fen as the reference does."""
    batch = claims.random_claims(20_000, seed=claims.SEED + 1)

    settled = tool.run(tool.prepare(batch))

    assert wrong_claims(tool.columns_of(settled), claims.reference(batch)) == 0


# The tools vary fastest, so that those compared at one size run one after another.
@_tools
@pytest.mark.parametrize("size", SIZES)
def test_kernel(
    benchmark: BenchmarkFixture, tool: Tool, size: int, all_claims: Columns, all_shares: Columns
) -> None:
    """Settling a batch that is already in the tool's own form, columns or rows in and out."""
    prepared = tool.prepare(claims.first(all_claims, size))
    benchmark.group = f"{size:,} claims"
    benchmark.extra_info["table"] = "kernel"
    benchmark.extra_info["tool"] = tool.name
    benchmark.extra_info["count"] = size
    benchmark.extra_info["wrong_claims"] = wrong_claims(
        tool.columns_of(tool.run(prepared)), claims.first(all_shares, size)
    )

    time_case(benchmark, tool.run, prepared)
