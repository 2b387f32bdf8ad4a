"""A visit of an example that takes one back: as the engine cancels, so is it proved and walked."""

from pathlib import Path

import pytest
from medsettle.errors import AccountSpent
from medsettle.policy.book import load_rule_book
from medsettle.policy.examples import Example, read_examples
from medsettle.settle.prove import prove
from medsettle.settle.run import Settler
from medsettle.settle.walk import walk

_SHAPES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"
_VISITS = """format: 1
policy: shapes-account-credits
pooling_area: 999913
examples:
  - example: credited-and-spent
    kind: derived
    source: invented
    confidence: invented
    visits:
      - service_date: 2024-01-05
        visit_type: 99
        insurance_type: 310
        person_type: 1101
        institution_level: "02"
        birth_date: 1992-05-01
        wage_base: 5000元
        expect: {own.paid: 100元, account_balance: 100元}
"""
_SPEND = """      - service_date: 2024-01-06
        visit_type: 99
        insurance_type: 310
        person_type: 1101
        institution_level: "02"
        birth_date: 1992-05-01
        wage_base: 0元
        lines: [{item: 009902000001000990200000100, amount: %s}]
        expect: {account: %s}
"""
_LAST = """      - service_date: 2024-01-07
        visit_type: 99
        insurance_type: 310
        person_type: 1101
        institution_level: "02"
        birth_date: 1992-05-01
        wage_base: 5000元
        expect: {account_balance: %s}
"""


def _read(folder: Path, *visits: str) -> Example:
    path = folder / "any.examples.yaml"
    path.write_text(_VISITS + "".join(visits), "utf-8")
    (example,), faults = read_examples(path)
    assert [] == faults
    return example


def test_an_example_cannot_take_back_a_credit_that_is_spent(tmp_path: Path) -> None:
    """Of 100 credited and 0.20 of interest 60 are spent: 40.20 are held."""
    settler = Settler(load_rule_book(_SHAPES))
    spend = _SPEND % ("60元", "60元")
    example = _read(tmp_path, spend, "      - {cancels: 1, expect: {payouts: -100元}}\n")

    with pytest.raises(AccountSpent, match=r"put 100\.00 yuan .* which holds 40\.20") as refused:
        prove(settler, example)

    assert ["any.examples.yaml:27 credited-and-spent, visit 3"] == [
        note.replace(str(tmp_path), "").lstrip("/") for note in refused.value.__notes__
    ]


def test_a_credit_is_taken_back_after_what_spent_it(tmp_path: Path) -> None:
    """The bound is what the account holds: nothing is left, and nothing is owed."""
    settler = Settler(load_rule_book(_SHAPES))
    example = _read(
        tmp_path,
        _SPEND % ("60元", "60元"),
        "      - {cancels: 2, expect: {account_balance: 100元}}\n",
        "      - {cancels: 1, expect: {payouts: -100元, account_balance: 0元}}\n",
    )

    assert [] == prove(settler, example)


def test_a_walk_says_which_cancel_before_it_is_refused(tmp_path: Path) -> None:
    """What was credited stays: 40.20 with 0.08 of interest and 100 more."""
    settler = Settler(load_rule_book(_SHAPES))
    example = _read(
        tmp_path,
        _SPEND % ("60元", "60元"),
        "      - {cancels: 1, expect: {payouts: -100元}}\n",
        _LAST % "140.28元",
    )

    found = walk(settler, example.name, example.visits, 4, example.policy)

    assert [] == list(found.differences)
    (refused,) = found.unsettled
    assert refused.startswith("visit 3 is refused: the settlement put 100.00 yuan")
