"""The catalogue of the place of care with the benefits of home (shape X8)."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import DIGEST_CHARS
from medsettle.settle.run import Settled, Settler

from tests.service.claims import claim, line

_ROOT = Path(__file__).parents[2]
_RULES = _ROOT / "rules"
_SHAPES = _ROOT / "fixtures" / "policies" / "shapes"
_CONSULTATION = "009902000001000990200000100"
_ONLY_THERE = "009999000001000999900000100"
_DOMESTIC_IMPLANT = "C9901000000000000001"


@cache
def _settler(folder: Path) -> Settler:
    return Settler(load_rule_book(folder))


def _outcomes(folder: Path, *claims: dict[str, Any]) -> list[Settled | Rejection]:
    batch = ClaimBatch.from_rows(list(claims))
    assert {} == batch.rejections
    rows = range(len(batch))
    results = _settler(folder).run(batch, rows, lambda _: {}, refuse_gaps=True)
    return [results[row] for row in rows]


def _only(folder: Path, row: dict[str, Any]) -> Settled:
    (result,) = _outcomes(folder, row)
    assert isinstance(result, Settled), result
    return result


def _stay(number: int, item: str = _CONSULTATION, **changes: object) -> dict[str, Any]:
    facts: dict[str, Any] = {"pooling_area": "999902", "insurance_type": "390", "visit_type": "25"}
    return claim(number, lines=[line(1_000_000, item_code=item)], **(facts | changes))


def test_the_catalogue_that_split_the_lines_is_recorded() -> None:
    """An auditor sees by the digest whose catalogue it was; the policy stays that of home."""
    book = _settler(_SHAPES).book
    for care_area, catalogue in ((None, "999902"), ("999902", "999902"), ("999909", "999909")):
        columns = _only(_SHAPES, _stay(1, care_area=care_area)).settlement.columns

        assert book.catalogues[catalogue].digest[:DIGEST_CHARS] == columns["catalogue_digest"]
        assert ("999902", "shapes-filed-elsewhere") == (
            columns["pooling_area"],
            columns["policy"],
        )


def test_what_only_the_place_of_care_lists_is_covered_there() -> None:
    """Home refuses the item; the place of care lists it with 15 % first, and home pays the rest."""
    at_home, elsewhere = _outcomes(
        _SHAPES, _stay(1, _ONLY_THERE), _stay(2, _ONLY_THERE, care_area="999909")
    )

    assert isinstance(at_home, Rejection)
    assert (Outcome.INVALID_REQUEST, "lines[0].item_code") == (
        at_home.outcome,
        at_home.faults[0].path,
    )
    assert isinstance(elsewhere, Settled)
    (split,) = elsewhere.settlement.lines
    assert (150_000, 850_000) == (split["pre_self_pay_fen"], split["in_scope_fen"])


def test_one_batch_may_come_from_several_places() -> None:
    """Claims of one area with three catalogues side by side are split as each one alone."""
    rows = [_stay(number, care_area=("999909", None)[number % 2]) for number in range(6)]

    together = _outcomes(_SHAPES, *rows)

    alone = [_only(_SHAPES, row) for row in rows]
    assert [each.settlement for each in alone] == [
        each.settlement for each in together if isinstance(each, Settled)
    ]


@pytest.mark.parametrize(
    ("home", "pot"),
    [
        pytest.param("420100", "implant_domestic", id="home-has-a-pot-for-it"),
        pytest.param("330100", "in_scope", id="home-has-none"),
    ],
)
def test_a_pot_is_that_of_home(home: str, pot: str) -> None:
    """A pot has a rate of its own, which is a benefit: the place of care calls it otherwise."""
    row = claim(
        1,
        pooling_area=home,
        visit_type="21",
        care_area="440300",
        lines=[line(100_000, item_code=_DOMESTIC_IMPLANT)],
    )

    settlement = _only(_RULES, row).settlement

    assert [pot] == [each["pot"] for each in settlement.lines]
    assert 100_000 == settlement.columns["total_fen"]


def test_a_place_of_care_that_is_not_loaded_is_refused() -> None:
    """Settling by the catalogue of home instead would be settling by another scope in silence."""
    (rejection,) = _outcomes(_SHAPES, _stay(1, care_area="888888"))

    assert isinstance(rejection, Rejection)
    assert (Outcome.CLASS_NOT_COVERED, {"column": "care_area", "code": "888888"}) == (
        rejection.outcome,
        rejection.metadata,
    )
    assert rejection.message == (
        "no area '888888' is loaded, whose catalogue would split the lines; load its folder with "
        "area.yaml and catalogue, or correct care_area"
    )
