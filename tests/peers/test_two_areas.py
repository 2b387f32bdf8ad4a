"""The invented areas are whole, and every case comes out where one engine has both areas."""

import json
from pathlib import Path

import pytest
from medsettle.core.claims import ClaimBatch
from medsettle.core.money import fen_from_yuan
from medsettle.core.settlement import Settlement
from medsettle.policy.book import load_rule_book
from medsettle.policy.examples import read_examples
from medsettle.policy.remarks import remarks
from medsettle.settle.prove import prove
from medsettle.settle.run import Settler

from tests.engine.engines import engine_on
from tests.peers.provinces import (
    AREA_A,
    AREA_B,
    FOLDERS,
    PROVINCES,
    ROOT,
    Case,
    VisitCase,
    cases,
    rules_of,
    visit_cases,
)

_RULES = {AREA_A: PROVINCES / "rules-a", AREA_B: PROVINCES / "rules-b"}


def _assert_proved(settler: Settler, files: list[Path]) -> None:
    assert files
    for file in files:
        examples, violations = read_examples(file)
        assert [] == violations
        for example in examples:
            assert [] == [str(each) for each in prove(settler, example)], example.name


@pytest.mark.parametrize("area", [AREA_A, AREA_B])
def test_each_area_is_proved_alone(area: str) -> None:
    """The rules of one area need nothing of the other: its examples at home come out."""
    book = load_rule_book(_RULES[area])

    assert [] == remarks(book.policies)
    assert {"310", "390", "410", "510"} == {each.policy.insurance_type for each in book.policies}
    _assert_proved(Settler(book), sorted(FOLDERS[area].glob("*.examples.yaml")))


def test_care_at_the_other_area_is_proved_with_both(tmp_path: Path) -> None:
    """Care elsewhere comes out by the catalogue of one area and the policy of the other."""
    settler = Settler(load_rule_book(rules_of(tmp_path, *FOLDERS.values())))

    _assert_proved(settler, sorted((PROVINCES / "elsewhere").glob("*.examples.yaml")))


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_case_between_areas_at_one_engine(case: Case, tmp_path: Path) -> None:
    """One engine with both areas gives the expected amounts, those of the collection of cases."""
    rules = rules_of(tmp_path / "rules", FOLDERS[AREA_A], case.insured_folder)
    with engine_on(tmp_path, rules) as engine:
        case.brought_along(engine)
        claims = ClaimBatch.from_rows([case.row])
        (answer,) = engine.preview(claims) if case.preview else engine.settle(claims)

    assert isinstance(answer, Settlement), answer
    assert case.expect == {name: answer.fen(name) for name in case.expect}


@pytest.mark.parametrize("case", visit_cases(), ids=str)
def test_a_visit_over_several_schemes_at_one_engine(case: VisitCase, tmp_path: Path) -> None:
    """Each line goes to the scheme that owes it, split by the one catalogue, paid by the other."""
    rules = rules_of(tmp_path / "rules", FOLDERS[AREA_A], case.insured_folder)
    with engine_on(tmp_path, rules) as engine:
        case.registered(engine)
        visit = engine.visits.settle(ClaimBatch.from_rows([case.row]))

    parts = {str(each.columns["insurance_type"]): each for each in visit.settlements}
    assert case.expect == {
        scheme: {name: part.fen(name) for name in case.expect[scheme]}
        for scheme, part in parts.items()
    }


def test_expectations_are_those_of_the_collection() -> None:
    """Each figure of DC-005 to DC-008 that a claim has is the one of `fixtures/cases.json`."""
    collection = json.loads((ROOT / "fixtures" / "cases.json").read_text("utf-8"))
    stated = {
        (case.case, figure): case.expect[column]
        for case in cases()
        for figure, column in case.figures.items()
    }

    assert {f"DC-00{number}" for number in range(5, 9)} == {case for case, _ in stated}
    for (case_id, figure), fen in stated.items():
        assert fen_from_yuan(collection[case_id]["figures"][figure]) == fen
