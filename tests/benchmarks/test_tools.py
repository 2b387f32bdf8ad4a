"""Every tool that is compared with settles as the reference does, fen by fen.

Tools whose library only `make bench` installs are left out where it is missing, and so is what
numba would have to compile first; `make bench` holds those to the reference before it times them.
"""

import pytest
from medsettle.policy.catalogue import Catalogue

from benchmarks.anchor import claims
from benchmarks.anchor.tools import TOOLS, Tool, wrong_claims
from benchmarks.lines import bills
from benchmarks.lines.tools import TOOLS as LINE_TOOLS
from benchmarks.year import history
from benchmarks.year.tools import TOOLS as YEAR_TOOLS


def _each(tools: tuple[Tool, ...]) -> list[object]:
    return [pytest.param(tool, id=tool.name) for tool in tools if not tool.name.startswith("numba")]


@pytest.mark.parametrize("tool", _each(TOOLS))
@pytest.mark.parametrize("count", [1, 3_000])
def test_anchor_tools_agree(tool: Tool, count: int) -> None:
    """Every tool settles one claim and thousands to the fen as the reference does."""
    batch = claims.random_claims(count, seed=claims.SEED + 1)

    settled = tool.run(tool.prepare(batch))

    assert wrong_claims(tool.columns_of(settled), claims.reference(batch)) == 0


@pytest.mark.parametrize("tool", _each(YEAR_TOOLS))
def test_year_tools_agree(tool: Tool) -> None:
    """Every tool settles a small year to the fen as the reference does, claim after claim."""
    small = history.random_year(2_000, seed=1)

    settled = tool.run(tool.prepare(small))

    assert wrong_claims(tool.columns_of(settled), history.reference(small)) == 0


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """An invented catalogue of 20,000 items."""
    return bills.write_catalogue(tmp_path_factory.mktemp("lines") / "catalogue.csv")


@pytest.mark.parametrize("tool", _each(LINE_TOOLS))
def test_line_tools_agree(tool: Tool, catalogue: Catalogue) -> None:
    """Every tool splits and sums 6,000 lines to the fen as the reference does."""
    batch = bills.random_bills(catalogue, 100, seed=1)

    sums = tool.columns_of(tool.run(tool.prepare(batch)))

    assert wrong_claims(sums, bills.reference(batch)) == 0


def test_a_wrong_fen_is_seen() -> None:
    """One fen in one column of one claim counts as one wrong claim."""
    batch = claims.random_claims(50)
    expected = claims.reference(batch)
    answer = {name: column.copy() for name, column in expected.items()}
    answer["cash_fen"][7] += 1

    assert 1 == wrong_claims(answer, expected)
