"""Rows become a table of claims without being checked; the check of a batch names the faults."""

from typing import Any

import pytest
from medsettle import limits
from medsettle.core.arrow import claims_table
from medsettle.core.claims import ClaimBatch
from medsettle.errors import InvalidRequest

from tests.service.claims import claim, line


def test_a_table_holds_what_the_rows_say() -> None:
    """The batch of a table equals the batch of its rows, whether dates are dates or text."""
    rows = [claim(1), claim(2, service_date="2024-05-01", lines=[line(1), line(2, line_id="2")])]

    assert ClaimBatch.from_rows(rows).rows == ClaimBatch.from_arrow(claims_table(rows)).rows


def test_a_table_carries_faulty_values_to_the_check() -> None:
    """Missing fields, wrong codes and days that do not exist become faults of their row."""
    faulty: dict[str, Any] = claim(2, visit_type="0", service_date="2024-02-30")
    del faulty["person"]
    batch = ClaimBatch.from_arrow(claims_table([claim(1), faulty]))

    assert {1: ["person", "visit_type", "service_date"]} == {
        row: [fault.path for fault in rejection.faults]
        for row, rejection in batch.rejections.items()
    }


def test_no_rows_are_a_table_of_no_claims() -> None:
    """An empty table has all columns and becomes an empty batch."""
    assert 0 == len(ClaimBatch.from_arrow(claims_table([])))


@pytest.mark.parametrize(
    ("row", "paths"),
    [
        pytest.param(claim(1, person=7), [".person"], id="number-for-text"),
        pytest.param(claim(1, person="\ud800"), [".person"], id="no-text"),
        pytest.param(claim(1, account_used=1), [".account_used"], id="number-for-boolean"),
        pytest.param(claim(1, benefit_groups="A"), [".benefit_groups"], id="text-for-list"),
        pytest.param(claim(1, lines=[3]), [".lines[0]"], id="line-is-no-line"),
        pytest.param(claim(1, lines="A"), [".lines"], id="lines-are-no-list"),
        pytest.param(3, [""], id="no-claim"),
    ],
)
def test_what_no_column_can_hold_is_refused(row: Any, paths: list[str]) -> None:  # noqa: ANN401
    """A value of another type stops the table, since Arrow could only drop or guess it."""
    with pytest.raises(InvalidRequest) as refused:
        claims_table([claim(1), row])
    assert [f"claims[1]{path}" for path in paths] == [each.path for each in refused.value.faults]


@pytest.mark.parametrize(
    "amount", [1.5, 100.0, True, 2**63, 10**5_000], ids=["half", "float", "true", "wide", "huge"]
)
def test_an_amount_that_is_no_whole_number_is_refused(amount: object) -> None:
    """Arrow would cut 1.5 fen to 1; the table is refused, as the row alone would be."""
    row = claim(1, lines=[line(100) | {"amount_fen": amount}])

    with pytest.raises(InvalidRequest) as refused:
        claims_table([row])
    assert ["claims[0].lines[0].amount_fen"] == [fault.path for fault in refused.value.faults]


def test_all_faults_of_all_claims_come_together() -> None:
    """Unknown fields, wrong types and whatever else is wrong is told claim by claim."""
    rows = [
        claim(1, benefit_group=["veteran"], visit_type="0"),
        claim(2),
        claim(3, benefit_group=[], lines=[line(100) | {"aproval": "2", "fee_date": "May 1"}]),
    ]

    with pytest.raises(InvalidRequest) as refused:
        claims_table(rows)
    assert [
        "claims[0].visit_type",
        "claims[0].benefit_group",
        "claims[2].benefit_group",
        "claims[2].lines[0].fee_date",
        "claims[2].lines[0].aproval",
    ] == [fault.path for fault in refused.value.faults]


def test_faults_of_a_table_have_a_bound() -> None:
    """Of thousands of faulty claims the first hundred faults are told."""
    with pytest.raises(InvalidRequest) as refused:
        claims_table([claim(number, person=7) for number in range(1_000)])
    assert limits.FAULTS_PER_CLAIM_MAX == len(refused.value.faults)
