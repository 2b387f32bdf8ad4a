"""Rows become a table of claims without being checked; the check of a batch names the faults."""

from typing import Any

import pytest
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
    "row",
    [
        pytest.param(claim(1, person=7), id="number-for-text"),
        pytest.param(claim(1, lines=[3]), id="line-is-no-line"),
        pytest.param(3, id="no-claim"),
    ],
)
def test_what_no_column_can_hold_is_refused(row: Any) -> None:  # noqa: ANN401
    """A value of another type stops the table, since Arrow could only drop or guess it."""
    with pytest.raises(InvalidRequest):
        claims_table([row])


def test_a_field_without_a_column_is_refused() -> None:
    """Each unknown field of claims and lines is named once, since Arrow would drop it unseen."""
    rows = [
        claim(1, benefit_group=["veteran"]),
        claim(2, benefit_group=[], lines=[line(1) | {"aproval": "2"}]),
    ]

    with pytest.raises(InvalidRequest) as refused:
        claims_table(rows)
    assert ["benefit_group", "lines.aproval"] == [fault.path for fault in refused.value.faults]
