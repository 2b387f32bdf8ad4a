"""A walk tells what decided a claim, and every place it cites holds what it says stands there."""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.core.settlement import Row
from medsettle.errors import ClassNotCovered, InvalidRequest
from medsettle.policy import values
from medsettle.policy.book import load_rule_book
from medsettle.policy.examples import Example, Visit, read_examples
from medsettle.policy.model import Unit
from medsettle.policy.tree import Place
from medsettle.policy.values import cell_text
from medsettle.settle.run import Settler
from medsettle.settle.walk import Counts, Walk, walk
from medsettle.settle.walk_stages import Cell

_ROOT = Path(__file__).parents[2]
_RULES = _ROOT / "rules"
_SHAPES = _ROOT / "fixtures" / "policies" / "shapes"
_VALUE = re.compile(
    r"[+-]?[\d,.]*\d(?:%| ?(?:万元|元|yuan|个百分点|百分点|分点|points))|[\d]+/[\d]+"
)


@cache
def _settler(rules: Path) -> Settler:
    return Settler(load_rule_book(rules))


def _examples(rules: Path) -> Iterator[Example]:
    for path in sorted(rules.rglob("*.examples.yaml")):
        yield from (each for each in read_examples(path)[0] if each.known_on is None)


def _example(name: str, rules: Path = _RULES) -> Example:
    return next(each for each in _examples(rules) if each.name == name)


def _walked(name: str, number: int = 1, rules: Path = _RULES) -> Walk:
    example = _example(name, rules)
    return walk(_settler(rules), name, example.visits, number, example.policy)


def _last(example: Example) -> int:
    """Return the number of the last visit that takes nothing back."""
    return max(number for number, each in enumerate(example.visits, 1) if each.cancels is None)


# --- laws of every walk -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("rules", [_RULES, _SHAPES], ids=["rules", "shapes"])
def test_every_example_is_walked_from_the_bill_to_the_cash(rules: Path) -> None:
    """Lines add up to the bill, the first stage finds all of it left, the last one leaves cash."""
    for example in _examples(rules):
        found = walk(_settler(rules), example.name, example.visits, _last(example))
        settlement, total = found.settlement, found.settlement.fen("total_fen")

        assert [] == list(found.differences), example.name
        assert total == sum(line.amount_fen for line in found.lines)
        for line in found.lines:
            assert line.amount_fen == sum(line.parts_fen.values())
            assert line.reasons
        left = total
        for story in found.stages:
            left -= story.sentence.amount_fen
            assert left == story.remaining_fen
            signed = sum(value if sign == "+" else -value for sign, _, value in story.terms)
            base = 0 if story.skipped else max(signed, 0)
            assert base == story.left["base"], (example.name, story.stage.name)
        assert settlement.fen("cash_fen") == left
        assert [True] == [each.chosen for each in found.candidates if each.chosen]


@pytest.mark.slow
@pytest.mark.parametrize("rules", [_RULES, _SHAPES], ids=["rules", "shapes"])
def test_every_cell_stands_where_it_is_cited(rules: Path) -> None:
    """The line of the file that a walk cites holds the value that decided."""
    checked = set()
    for example in _examples(rules):
        found = walk(_settler(rules), example.name, example.visits, _last(example))
        for story in found.stages:
            for question in story.questions:
                for cell in question.cells:
                    checked.add(cell.place)
                    assert _stands(rules, cell), (example.name, cell)

    assert 100 < len(checked)


def _stands(rules: Path, cell: Cell) -> bool:
    """Return whether the value of a cell, its first band, is written on the line it cites."""
    file, _, line = cell.place.rpartition(":")
    text = (rules / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    return cell.values[0] in {_read(token) for token in _VALUE.findall(text)}


def _read(token: str) -> str:
    """Return a value of a document as walks print it."""
    if token.endswith(("元", "yuan")):
        return cell_text(Unit.AMOUNT, Fraction(values.amount_fen(token)))
    if token.endswith("%") or "/" in token:
        return cell_text(Unit.RATE, values.rate(token))
    return cell_text(Unit.POINTS, values.points(token))


# --- what single walks say ----------------------------------------------------------------------


def test_an_overlay_is_cited_as_the_file_it_is() -> None:
    """A value that a reform changes stands in the document of the reform."""
    overlay = _ROOT / "fixtures" / "policies" / "overlays" / "outpatient-2027.yaml"
    settler = Settler(load_rule_book(_RULES, overlays=[overlay]))
    claim = _example("WC-004").visits[0].claim | {
        "service_date": "2027-03-01",
        "admission_date": "2027-03-01",
    }
    claim["lines"] = [line | {"fee_date": "2027-03-01"} for line in claim["lines"]]  # type: ignore[attr-defined]

    found = walk(settler, "claim", [_visit(claim)], 1)

    cells = [cell for story in found.stages for each in story.questions for cell in each.cells]
    reformed = [cell for cell in cells if cell.place.startswith("overlays/outpatient-2027.yaml:")]
    assert reformed
    for cell in reformed:
        assert _stands(overlay.parents[1], cell)


def _visit(claim: Row, **before: int) -> Visit:
    return Visit(claim, before, {}, preview=False, place=Place("claim.json", 1, 1, ""))


def test_only_the_same_person_s_visits_are_counted() -> None:
    """What another person was paid before is nothing to this one; a refused visit counts nothing.

    650 is the deductible of a later stay; the first one that settles pays 1,300.
    """
    claim = _example("WC-001").visits[0].claim
    other = claim | {"person": "SOMEBODY-ELSE"}
    refused = claim | {"institution_level": "99", "person_type": "9901"}
    no_claim: Row = []  # type: ignore[assignment]
    visits = [_visit(each) for each in (no_claim, other, refused, claim, claim)]

    first, second = (walk(_settler(_RULES), "file", visits, number) for number in (4, 5))

    assert [130_000, 65_000] == [each.settlement.fen("deductible_fen") for each in (first, second)]
    assert first.unsettled == second.unsettled
    (told,) = first.unsettled
    assert told.startswith("visit 3 is refused: ")
    assert "institution_level '99'" in told
    assert "person_type '9901'" in told


def test_every_class_that_is_missing_is_told_at_once() -> None:
    """A claim with two codes that its policy has no class for is refused with both."""
    claim = _example("WC-001").visits[0].claim | {"institution_level": "99", "person_type": "9901"}

    with pytest.raises(ClassNotCovered) as caught:
        walk(_settler(_RULES), "file", [_visit(claim)], 1)

    (line,) = caught.value.message_lines
    assert ["institution_level '99'", "person_type '9901'"] == re.findall(r"\w+ '99\w*'", line)


@pytest.mark.parametrize(
    ("example", "number", "line", "english", "chinese"),
    [
        pytest.param(
            *("a-bed-above-its-ceiling", 1, 0),
            *("80 of 100 a unit are covered, the ceiling of level_3", "限价 80 元（level_3）"),
            id="ceiling",
        ),
        pytest.param(
            *("restricted", 1, 1),
            *(
                "of restricted use, which was refused, so own expense",
                "限定支付，审批未通过，全额自费",
            ),
            id="refused-use",
        ),
        pytest.param(
            *("a-part-taken-back", 1, 1, "takes back a part of line 1", "冲减第 1 行"),
            id="taken-back",
        ),
        pytest.param(
            *("a-line-of-the-injury", 1, 0),
            *(
                "in scope in the pot injury, for it bears the mark injury",
                "归入专项 injury（标记 injury）",
            ),
            id="earmark",
        ),
        pytest.param(
            *("days-of-the-employer", 1, 0),
            *("bears the mark employer, so own expense", "标记 employer，全额自费"),
            id="earmark-of-nobody",
        ),
    ],
)
def test_a_line_says_why_it_fell_where_it_did(
    example: str, number: int, line: int, english: str, chinese: str
) -> None:
    """Ceilings, restricted use, lines taken back and marks are told in both languages."""
    reasons = _walked(example, number, _SHAPES).lines[line].reasons

    assert english in [reason.english for reason in reasons]
    assert any(chinese in reason.chinese for reason in reasons)


def test_counters_are_told_in_their_units() -> None:
    """Admissions are a number, payments fen; an item whose use is limited is counted in units."""
    stay = {each.name: each for each in _walked("WC-001").counters}
    assert (Counts.SETTLEMENTS, "2024", 1, 1) == (
        stay["admissions"].unit,
        stay["admissions"].period,
        stay["admissions"].before,
        stay["admissions"].moved,
    )
    assert (Counts.FEN, 9_175_951) == (stay["pooled_paid"].unit, stay["pooled_paid"].moved)

    (item,) = [
        each
        for each in _walked("units-of-a-year", 2, _SHAPES).counters
        if each.unit is Counts.UNITS_E4
    ]
    assert (8 * 10_000, 2 * 10_000) == (item.before, item.moved)
    assert item.name.endswith(".benefit_year")


def test_relatives_limits_are_told_as_one_balance() -> None:
    """What they hold together before the bill and what it takes, in fen: 350 of 350."""
    told = _walked("a-bill-taken-back", 2, _SHAPES).counters

    assert [("mutual_aid", Counts.FEN, 35_000, -35_000), ("account", Counts.FEN, 0, 0)] == [
        (each.name, each.unit, each.before, each.moved)
        for each in sorted(told, key=lambda each: each.name, reverse=True)
    ]


def test_amounts_back_solved_keep_their_decimals() -> None:
    """What lies above the cap of WC-001 is 67,039.634743, and the next payer finds just that."""
    pool, large, *_ = _walked("WC-001").stages

    assert 67_039_634_743 == pool.left["over_cap"]
    assert (("+", "pooled_fund.over_cap", 67_039_634_743),) == large.terms
    assert limits.SUBFEN * 16_441_181 == pool.left["base"]


def test_a_payout_is_walked_beside_the_bill() -> None:
    """Interest of 0.2 % of the 10,020 held before is 20.04, and leaves the bill as it is."""
    found = _walked("frozen-with-interest", 2, _SHAPES)
    own, *_, interest = found.payouts

    assert (16_000, 2_004) == (own.sentence.amount_fen, interest.sentence.amount_fen)
    assert "account" == interest.sentence.payee
    (base,) = [question for question in interest.questions if question.name == "base"]
    assert [("monthly_interest", ("0.2%",))] == [(cell.table, cell.values) for cell in base.cells]
    assert 0 == interest.remaining_fen == found.settlement.fen("cash_fen")
    assert "cash" == found.cash.payer


def test_a_cancelled_visit_is_not_counted() -> None:
    """The fourth stay finds two stays before it, 15,000 paid and 6,500 of 12,000 met."""
    found = _walked("the-second-of-three", 5, _SHAPES)
    before = {each.name: each.before for each in found.counters}

    assert [] == list(found.differences)
    assert (2, 1_500_000, 650_000) == tuple(
        before[name] for name in ("admissions", "year_paid", "critical_deductible")
    )


def test_a_cancel_is_not_walked() -> None:
    """It has no claim of its own; the visit it takes back is named."""
    with pytest.raises(InvalidRequest, match="visit 4 takes back visit 2"):
        _walked("the-second-of-three", 4, _SHAPES)
