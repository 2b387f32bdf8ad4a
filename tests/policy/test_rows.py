"""Rows of tables: one value for all classes of what is left, and rows that do not fit."""

import pytest
from medsettle import limits

from tests.policy.documents import changed, faults, good

_ROW = "          primary: {young: [10%, 5%], old: [8%, 2/3]}\n"


def test_one_row_stands_for_all_classes_that_are_left() -> None:
    """A row without classes says the same as one that repeats it for each of them."""
    once = good(changed(_ROW, "          primary: [10%, 5%]\n"))
    each = good(changed(_ROW, "          primary: {young: [10%, 5%], old: [10%, 5%]}\n"))

    assert each == once


def test_a_table_by_something_has_at_least_one_class_in_its_rows() -> None:
    """One value for a whole table by a dimension is refused: it would be by nothing."""
    text = changed("rows: {active: 100%, retired: 150%}", "rows: 100%")

    assert [
        "tables.factor.versions[0].rows: the table is by person; write a row for each of active, "
        "retired"
    ] == faults(text)


def test_a_fault_in_a_row_for_many_is_told_once() -> None:
    """A share above the whole stands once in the document, whatever number of classes has it."""
    assert [
        "tables.own.versions[0].rows.primary[1]: 500% is above 100%, and a share is never more "
        "than the whole; correct it"
    ] == faults(changed(_ROW, "          primary: [10%, 500%]\n"))


def test_rows_for_many_stay_within_the_size_of_a_table() -> None:
    """One short row never stands for more cells than a table may have."""
    classes = ", ".join(f"a{number}: {number}岁" for number in range(70))
    names = [f"d{number}" for number in range(8)]
    dimensions = "".join(f"  {name}: {{ages: {{{classes}}}}}\n" for name in names)
    text = changed("  member: {group: members}\n", f"  member: {{group: members}}\n{dimensions}")
    row = ", ".join(f"a{number}: 1元" for number in range(70))
    text = changed(
        "    by: [admission]\n    versions:\n      - {from: 2024-01-01, source: notice, "
        "rows: {first: 1300元, later: 650元}}",
        f"    by: [{', '.join(names)}]\n    versions:\n      - {{from: 2024-01-01, "
        f"source: notice, rows: {{{row}}}}}",
        text,
    )

    cells = 70**7
    assert cells > limits.TABLE_CELLS_MAX
    assert any(
        f"{cells} cells, more than {limits.TABLE_CELLS_MAX}" in fault for fault in faults(text)
    )


@pytest.mark.parametrize(
    ("limits_written", "expected"),
    [
        pytest.param(
            "[3万元]",
            "tables.own.versions[0].limits: 2 values but 1 band, because `limits` ends at 3万元; "
            "if the last value is for all above, write limits: [3万元, open]",
            id="the-last-one-forgotten",
        ),
        pytest.param(
            "[3万元, 4万元, open]",
            "tables.own.versions[0].limits: 2 values but 3 bands in `limits`; write one value for "
            "each band",
            id="one-too-many",
        ),
    ],
)
def test_limits_that_fit_no_row_are_one_fault(limits_written: str, expected: str) -> None:
    """Where every row has the same number of values, the limits are what is wrong."""
    assert [expected] == faults(changed("limits: [3万元, open]", f"limits: {limits_written}"))


def test_a_row_that_differs_is_named() -> None:
    """Where only one row has another number of values, that row is what is wrong."""
    assert [
        "tables.own.versions[0].rows.primary.young: 1 value but 2 bands in `limits`; write one "
        "value for each band"
    ] == faults(
        changed(
            "primary: {young: [10%, 5%], old: [8%, 2/3]}", "primary: {young: 10%, old: [8%, 2/3]}"
        )
    )
