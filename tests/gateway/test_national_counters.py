"""Counters that are told by the codes of the interface, and those that only look alike."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from medsettle.core.dates import Period
from medsettle.core.settlement import Opening
from medsettle.gateway.national_counters import national_codes
from medsettle.policy.model import Counter, Policy
from medsettle.rule_cache import rule_book

from tests.gateway.till import AREA, EMPLOYEE, HOSPITAL, RULES, Till


def _policies() -> list[Policy]:
    """Return the policies of employees in an area: two count what the pooled fund pays."""
    every = (each.policy for each in rule_book(RULES).policies)
    return [each for each in every if (each.pooling_area, each.insurance_type) == (AREA, "310")]


def _changed(change: Callable[[Counter], Counter]) -> list[Policy]:
    """Return the policies with that counter of one of them changed."""
    first, *others = sorted(_policies(), key=lambda each: "pooled_paid" not in each.counters)
    counters = {**first.counters, "pooled_paid": change(first.counters["pooled_paid"])}
    return [replace(first, counters=counters), *others]


def test_a_counter_of_all_that_a_fund_pays_has_its_code() -> None:
    """Another of two funds together, and those of deductibles, have none."""
    assert {"pooled_paid": "D310100"} == national_codes(_policies())
    assert {"pooled_paid": "D310100"} == national_codes(_changed(lambda each: each))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda each: replace(each, period=Period.MONTH), id="another-period"),
        pytest.param(lambda each: replace(each, split_by=("disease",)), id="split"),
        pytest.param(lambda each: replace(each, dated_by="admission_date"), id="another-day"),
        pytest.param(lambda each: replace(each, when=(("person", ("active",)),)), id="some-only"),
        pytest.param(lambda each: replace(each, sums=("pooled_fund.deductible",)), id="no-payment"),
        pytest.param(lambda each: replace(each, sums=()), id="times"),
    ],
)
def test_what_counts_otherwise_has_none(change: Callable[[Counter], Counter]) -> None:
    """The fact is another as soon as one policy counts less, or by another time."""
    assert {} == national_codes(_changed(change))


def test_a_fund_that_one_policy_does_not_count_has_none() -> None:
    """Then the counter is a part of what the fund pays."""
    first, *others = _changed(lambda each: each)
    counters = {name: each for name, each in first.counters.items() if name != "pooled_paid"}
    assert {} == national_codes([replace(first, counters=counters), *others])


def test_counters_are_told_by_their_codes(till: Till) -> None:
    """5206: what the pooled fund paid by the interface's code, the two funds by our name."""
    brought = (("310.pooled_paid", 2024, 120_050), ("310.funds_paid", 2024, 200_000))
    opening = Opening(HOSPITAL, "OPEN-1", AREA, EMPLOYEE, 0, brought)
    till.dispatch._office.desk.engine.open_person(opening)
    rows = till.done("5206", {"data": {"psn_no": EMPLOYEE}})["cuminfo"]

    assert {("D310100", Decimal("1200.50")), ("funds_paid", Decimal("2000.00"))} == {
        (row["cum_type_code"], row["cum"]) for row in rows
    }
