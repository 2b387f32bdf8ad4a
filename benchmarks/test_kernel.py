"""The anchor policy on every tool, at 1 to 1,000,000 claims, checked fen by fen and timed.

Timing asserts nothing: a slow run is a figure, not a failure. `benchmarks/report.py` makes the
table.
"""

from time import perf_counter
from typing import Any, Final

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.anchor import claims
from benchmarks.anchor.claims import Columns
from benchmarks.anchor.policy import Shares
from benchmarks.anchor.tools import TOOLS, Tool

SIZES: Final = (1, 100, 10_000, 1_000_000)

# Seconds each case may take, which keeps the whole run to a few minutes on two slow cores.
_SECONDS_PER_CASE: Final = 1.5
_ROUNDS_MIN: Final = 3
_ROUNDS_MAX: Final = 500
# A round shorter than this measures the clock.
_SECONDS_PER_ROUND_MIN: Final = 200e-6

_tools = pytest.mark.parametrize("tool", [pytest.param(tool, id=tool.name) for tool in TOOLS])


@pytest.fixture(scope="module")
def all_claims() -> Columns:
    """The largest batch; every smaller one is its beginning."""
    return claims.random_claims(max(SIZES))


@pytest.fixture(scope="module")
def all_shares(all_claims: Columns) -> Columns:
    """What the reference makes of them."""
    return claims.reference(all_claims)


def _wrong_claims(tool: Tool, settled: Any, expected: Columns) -> int:
    """Return in how many claims any amount differs from the reference."""
    actual = tool.columns_of(settled)
    differs = [actual[name] != expected[name] for name in Shares._fields]
    return int(np.logical_or.reduce(differs).sum())


def _rounds(seconds: float) -> tuple[int, int]:
    """Return how many rounds of how many calls fit the time of a case, a call taking `seconds`."""
    calls = max(1, int(_SECONDS_PER_ROUND_MIN / seconds))
    rounds = int(_SECONDS_PER_CASE / (seconds * calls))
    return min(max(rounds, _ROUNDS_MIN), _ROUNDS_MAX), calls


@_tools
def test_tools_agree(tool: Tool) -> None:
    """Every tool settles 20,000 claims to the fen as the reference does."""
    batch = claims.random_claims(20_000, seed=claims.SEED + 1)

    settled = tool.run(tool.prepare(batch))

    assert _wrong_claims(tool, settled, claims.reference(batch)) == 0


# The tools vary fastest, so that those compared at one size run one after another.
@_tools
@pytest.mark.parametrize("size", SIZES)
def test_kernel(
    benchmark: BenchmarkFixture, tool: Tool, size: int, all_claims: Columns, all_shares: Columns
) -> None:
    """Settling a batch that is already in the tool's own form, columns or rows in and out."""
    prepared = tool.prepare(claims.first(all_claims, size))
    benchmark.group = f"{size:,} claims"
    benchmark.extra_info["tool"] = tool.name
    benchmark.extra_info["claims"] = size
    benchmark.extra_info["wrong_claims"] = _wrong_claims(
        tool, tool.run(prepared), claims.first(all_shares, size)
    )
    start = perf_counter()
    tool.run(prepared)
    rounds, calls = _rounds(perf_counter() - start)

    benchmark.pedantic(  # type: ignore[no-untyped-call]
        tool.run, (prepared,), rounds=rounds, iterations=calls, warmup_rounds=1
    )
