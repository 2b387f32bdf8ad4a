"""What is told of a line beside its parts is what the parts come from."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import LineTerm, Row, Settlement
from medsettle.engine import Engine
from medsettle.policy.examples import read_examples

from tests.engine.engines import REAL_RULES, engine_on
from tests.service.claims import claim, line

_SHAPES = REAL_RULES.parent / "fixtures" / "policies" / "shapes"
_BED = "009901000001000990100000100"
_DRUG = "XY01AAA001A001010100001"
_RESTRICTED = "XY01AAA003A001010100001"
_OWN_EXPENSE = "009914000001000991400000100"
_ONE = 1_000_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine by the invented areas that show each shape."""
    with engine_on(tmp_path, _SHAPES) as engine:
        yield engine


def _line(item: str, yuan: int, **changes: object) -> dict[str, object]:
    return line(yuan * 100, item_code=item) | {"fee_date": date(2024, 1, 10)} | changes


def _claim(*lines: dict[str, object], **changes: object) -> dict[str, Any]:
    numbered = [each | {"line_id": str(at)} for at, each in enumerate(lines, 1)]
    day = date(2024, 1, 10)
    own = {"pooling_area": "999902", "visit_type": "24", "lines": numbered}
    return claim(1) | own | {"service_date": day, "admission_date": day} | changes


def _terms(engine: Engine, row: Row) -> tuple[LineTerm, ...]:
    (terms,) = engine.line_terms(ClaimBatch.from_rows([row]))
    assert not isinstance(terms, Rejection), terms
    return terms


def test_a_bed_above_its_ceiling(engine: Engine) -> None:
    """At level 3 a bed of 100 is covered up to 80 until 2025, 90 from then on, by its own day."""
    before = _line(_BED, 100)
    after = before | {"fee_date": date(2025, 1, 1)}
    terms = _terms(engine, _claim(before, after, service_date=date(2025, 1, 1)))

    assert [80_000_000, 90_000_000] == [each.ceiling_e6 for each in terms]
    assert (
        LineTerm(
            parts_fen={"own_expense": 0, "over_limit": 2_000, "pre_self_pay": 0, "in_scope": 8_000},
            ceiling_e6=80_000_000,
            pre_self_pay_ppm=0,
            item_class="01",
            charge_type="01",
            list_type="201",
            name="示例普通床位费",
            restricted=False,
            cut_en="80 of 100 a unit are covered, the ceiling of level_3",
            cut_zh="单价 100 元，限价 80 元（level_3），超出部分自费",
        )
        == terms[0]
    )


def test_nothing_is_cut_of_a_class_b_drug(engine: Engine) -> None:
    """Ten per cent first-self-pay is a ratio, no cut; a blank ceiling is none."""
    (term,) = _terms(engine, _claim(_line(_DRUG, 45)))

    assert (None, 100_000, "02", "09", "101", "", "") == (
        *(term.ceiling_e6, term.pre_self_pay_ppm, term.item_class, term.charge_type),
        *(term.list_type, term.cut_en, term.cut_zh),
    )


def test_a_restricted_drug_that_was_refused_is_own_expense(engine: Engine) -> None:
    """Approved it has its ratio; refused the ratio is one, and the memo says why."""
    approved, refused = _terms(
        engine, _claim(_line(_RESTRICTED, 100, approval="1"), _line(_RESTRICTED, 100, approval="2"))
    )

    assert (True, 100_000, "") == (
        approved.restricted,
        approved.pre_self_pay_ppm,
        approved.cut_zh,
    )
    assert (True, _ONE, "限定支付，审批未通过，全额自费") == (
        refused.restricted,
        refused.pre_self_pay_ppm,
        refused.cut_zh,
    )


def test_class_c_has_a_ratio_of_one(engine: Engine) -> None:
    """What is own expense as a whole says so once."""
    (term,) = _terms(engine, _claim(_line(_OWN_EXPENSE, 7)))

    assert ("03", _ONE, "丙类，全额自费") == (term.item_class, term.pre_self_pay_ppm, term.cut_zh)


def test_a_line_that_takes_back_has_the_terms_of_its_original(engine: Engine) -> None:
    """The second claim's refund names the line of its own claim, wherever it is in the batch."""
    back = _line(_BED, -100, quantity_e4=-10_000, unit_price_e6=100_000_000, original_line="2")
    rows = [_claim(_line(_DRUG, 1)), _claim(_line(_DRUG, 1), _line(_BED, 100), back)]
    rows[1]["request_id"] = "R2"
    _, terms = engine.line_terms(ClaimBatch.from_rows(rows))

    assert not isinstance(terms, Rejection)
    assert terms[1].ceiling_e6 == terms[2].ceiling_e6 == 80_000_000
    assert "takes back a part of line 2" in terms[2].cut_en


def test_refusals_stand_in_their_places(engine: Engine) -> None:
    """A faulty claim, one of no policy and one of an unknown item are refused, a good one told."""
    rows = [
        _claim(_line(_DRUG, 1), person=""),
        _claim(_line(_DRUG, 1), insurance_type="380"),
        _claim(_line("NOWHERE", 1)),
        _claim(_line(_DRUG, 1)),
    ]
    terms = engine.line_terms(ClaimBatch.from_rows(rows))

    assert [Outcome.INVALID_REQUEST, Outcome.POLICY_NOT_FOUND, Outcome.INVALID_REQUEST] == [
        each.outcome for each in terms[:3] if isinstance(each, Rejection)
    ]
    assert isinstance(terms[3], tuple)


def test_the_parts_of_every_example_follow_from_the_terms(engine: Engine) -> None:
    """Where nothing is cut, first-self-pay is ratio times amount, half up, and the rest in scope.

    A ratio of one and own expense of the whole line are the same thing.
    """
    checked = 0
    for row in _examples():
        batch = ClaimBatch.from_rows([row])
        (terms,), (settlement,) = engine.line_terms(batch), engine.preview(batch)
        if isinstance(settlement, Rejection):
            continue
        assert not isinstance(terms, Rejection)
        area = engine.rulebook.areas[str(row.get("care_area") or row["pooling_area"])]
        for term, parts in zip(terms, _parts(settlement), strict=True):
            amount, own, over, pre, inside, item_class = parts
            whole = term.pre_self_pay_ppm == _ONE
            assert item_class == term.item_class
            assert not whole or own == amount
            assert whole or term.cut_en or own < amount or not amount
            if not term.cut_en and not whole and not area.lines.per_settlement:
                half_up = (2 * amount * term.pre_self_pay_ppm + _ONE) // (2 * _ONE)
                assert (0, 0, half_up, amount - half_up) == (own, over, pre, inside)
                checked += 1

    assert 100 < checked


def _examples() -> Iterator[Row]:
    for path in sorted(_SHAPES.rglob("*.examples.yaml")):
        for example in read_examples(path)[0]:
            visits = (visit for visit in example.visits if visit.cancels is None)
            yield from (visit.claim for visit in visits if isinstance(visit.claim, dict))


def _parts(settlement: Settlement) -> Iterator[tuple[Any, ...]]:
    names = ("amount", "own_expense", "over_limit", "pre_self_pay", "in_scope")
    for row in settlement.lines:
        yield (*(row[f"{name}_fen"] for name in names), row["item_class"])
