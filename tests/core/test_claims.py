"""A claim is checked at every bound, and all of its faults come back with their paths."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest
from medsettle import limits
from medsettle.core import schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.columns import Column, Kind
from medsettle.core.outcome import Outcome
from medsettle.errors import BatchTooLarge, Fault

from tests.service.claims import claim, line


def _faults(row: Any) -> tuple[Fault, ...]:  # noqa: ANN401 - what is no claim is sent as well
    batch = ClaimBatch.from_rows([row])
    rejection = batch.rejections.get(0)
    if rejection is None:
        return ()
    assert Outcome.INVALID_REQUEST == rejection.outcome
    return rejection.faults


def _paths(row: Any) -> list[str]:  # noqa: ANN401
    return [fault.path for fault in _faults(row)]


def _with_line(**changes: object) -> dict[str, Any]:
    return claim(1, lines=[line(10_000) | changes])


def test_a_claim_within_all_bounds_has_no_faults() -> None:
    """The claim that the tests below spoil is accepted as it is."""
    assert () == _faults(claim(1))


# --- one step either side of every bound -------------------------------------------------------


def _open_codes(columns: tuple[Column, ...]) -> list[Column]:
    return [column for column in columns if column.kind is Kind.CODE and not column.values]


@pytest.mark.parametrize("column", _open_codes(schema.CLAIM), ids=lambda column: column.name)
def test_a_code_is_as_long_as_its_bound(column: Column) -> None:
    """Every open code of a claim is accepted at its longest and refused a character longer."""
    row = claim(1, credential_type="03")

    assert [] == _paths(row | {column.name: "1" * column.most})
    assert [column.name] == _paths(row | {column.name: "1" * (column.most + 1)})


_LINE_CODES = [code for code in _open_codes(schema.LINE) if code.name != "original_line"]


@pytest.mark.parametrize("column", _LINE_CODES, ids=lambda column: column.name)
def test_a_code_of_a_line_is_as_long_as_its_bound(column: Column) -> None:
    """Every open code of a line is accepted at its longest and refused a character longer."""
    assert [] == _paths(_with_line(**{column.name: "1" * column.most}))
    path = f"lines[0].{column.name}"
    assert [path] == _paths(_with_line(**{column.name: "1" * (column.most + 1)}))


def test_the_bounds_of_codes_are_those_of_the_limits() -> None:
    """A request id has 36 characters, the token of a person or card 64, every other code 50."""
    bounds = {column.name: column.most for column in _open_codes(schema.CLAIM)}

    assert limits.REQUEST_ID_CHARS_MAX == bounds.pop("request_id")
    assert limits.PERSON_CHARS_MAX == bounds.pop("person") == bounds.pop("card")
    assert {limits.CODE_CHARS_MAX} == set(bounds.values())


def _lines(count: int) -> dict[str, Any]:
    return claim(1, lines=[line(100, line_id=str(number)) for number in range(count)])


def _groups(count: int) -> dict[str, Any]:
    return claim(1, benefit_groups=[f"group_{number}" for number in range(count)])


def _amount(fen: int) -> dict[str, Any]:
    """Return a claim of a hundred units that cost this many fen, to the nearest price."""
    return _with_line(amount_fen=fen, unit_price_e6=fen * 100, quantity_e4=1_000_000)


def _total(fen: int) -> dict[str, Any]:
    parts = (fen // 2, fen - fen // 2)
    lines = [_amount(part)["lines"][0] | {"line_id": str(part)} for part in parts]
    return claim(1, lines=[lines[0], lines[1] | {"line_id": "other"}])


def _quantity(e4: int) -> dict[str, Any]:
    return _with_line(quantity_e4=e4, unit_price_e6=0, amount_fen=0)


def _price(e6: int) -> dict[str, Any]:
    return _with_line(quantity_e4=1, unit_price_e6=e6, amount_fen=min(e6 // 10**8, 100_000))


def _age(years: int) -> dict[str, Any]:
    return claim(1, birth_date=date(2024 - years, 5, 2))


def _service(year: int) -> dict[str, Any]:
    day = date(year, 6, 1)
    dates = {"birth_date": date(1990, 1, 1), "admission_date": day, "service_date": day}
    return claim(1, lines=[line(100) | {"fee_date": day}]) | dates


@pytest.mark.parametrize(
    ("make", "bound", "step", "path"),
    [
        pytest.param(_lines, limits.LINES_PER_CLAIM_MAX, 1, "lines", id="lines"),
        pytest.param(_groups, limits.BENEFIT_GROUPS_MAX, 1, "benefit_groups", id="groups"),
        pytest.param(_total, limits.CLAIM_TOTAL_FEN_MAX, 1, "lines", id="total"),
        pytest.param(_quantity, limits.QUANTITY_E4_MAX, 1, "lines[0].quantity_e4", id="quantity"),
        pytest.param(_quantity, 1, -1, "lines[0].quantity_e4", id="no-quantity"),
        pytest.param(_price, limits.UNIT_PRICE_E6_MAX, 1, "lines[0].unit_price_e6", id="price"),
        pytest.param(_price, 0, -1, "lines[0].unit_price_e6", id="price-below"),
        pytest.param(_age, limits.AGE_YEARS_MAX, 1, "birth_date", id="age"),
        pytest.param(_service, limits.SERVICE_YEAR_MAX, 1, "service_date", id="last-year"),
        pytest.param(_service, limits.SERVICE_YEAR_MIN, -1, "service_date", id="first-year"),
    ],
)
def test_a_bound_holds_and_one_step_past_it_is_a_fault(
    make: Callable[[int], dict[str, Any]], bound: int, step: int, path: str
) -> None:
    """At the bound a claim is accepted, one step past it the fault names the field."""
    assert [] == _paths(make(bound))
    assert path in _paths(make(bound + step))


def test_the_largest_line_is_a_claim_of_its_own() -> None:
    """A line may be as large as its bound; a fen more is a fault of the line and of the total."""
    assert [] == _paths(_amount(limits.LINE_AMOUNT_FEN_MAX))
    beyond = _with_line(
        amount_fen=limits.LINE_AMOUNT_FEN_MAX + 1,
        unit_price_e6=limits.UNIT_PRICE_E6_MAX,
        quantity_e4=1_000_000,
    )
    assert ["lines[0].amount_fen"] == _paths(beyond)


@pytest.mark.parametrize(
    ("unit_price_e6", "quantity_e4", "stated_fen", "tolerance_fen"),
    [
        # 200 units times half a unit of the fourth decimal are one fen more.
        pytest.param(100_000_100, 2_000_000, 2_000_002, 2, id="four-decimals"),
        pytest.param(100_000_100, 1_999_999, 2_000_000, 1, id="a-little-less"),
        pytest.param(100_000_001, 2_000_000, 2_000_000, 2, id="six-decimals"),
        # Of the third: ten fen more; of the second: a hundred, also where it is a zero.
        pytest.param(100_001_000, 2_000_000, 2_000_020, 11, id="three-decimals"),
        pytest.param(100_010_000, 2_000_000, 2_000_200, 101, id="two-decimals"),
        pytest.param(100_000_000, 2_000_000, 2_000_000, 101, id="whole-yuan"),
        pytest.param(100_000_000, 20_000, 20_000, 2, id="two-units"),
        pytest.param(100_000_000, 19_999, 19_999, 1, id="less-than-two-units"),
        pytest.param(100_000_000, 1, 1, 1, id="the-smallest-quantity"),
    ],
)
def test_an_amount_may_differ_from_price_times_quantity_by_the_rounding_of_prices(
    unit_price_e6: int, quantity_e4: int, stated_fen: int, tolerance_fen: int
) -> None:
    """Up to the tolerance on either side an amount is accepted, and a fen more is a fault."""
    for difference, expected in (
        (tolerance_fen, []),
        (-tolerance_fen, []),
        (tolerance_fen + 1, ["lines[0].amount_fen"]),
        (-tolerance_fen - 1, ["lines[0].amount_fen"]),
    ):
        fen = stated_fen + difference
        row = _with_line(amount_fen=fen, unit_price_e6=unit_price_e6, quantity_e4=quantity_e4)
        assert expected == _paths(row)


@pytest.mark.parametrize(
    ("amount_fen", "quantity_e4", "says"),
    [
        pytest.param(-1, 10_000, "-0.01 yuan, but price times quantity, 100 x 1, is 100.00 yuan"),
        pytest.param(-1, -10_000, "-0.01 yuan, but price times quantity, 100 x -1, is -100.00"),
    ],
)
def test_an_amount_that_differs_is_told_with_its_sign(
    amount_fen: int, quantity_e4: int, says: str
) -> None:
    """A minus sign may be the slip itself, so it is said as it was sent."""
    row = _with_line(amount_fen=amount_fen, unit_price_e6=100_000_000, quantity_e4=quantity_e4)
    said = [fault.message for fault in _faults(row) if fault.path == "lines[0].amount_fen"]
    assert any(each.startswith(says) for each in said), said


@pytest.mark.parametrize(
    ("amount_fen", "unit_price_e6", "quantity_e4"),
    [
        pytest.param(50, 41_700, 120_000, id="twelve-for-half-a-yuan"),
        pytest.param(50_000, 16_670_000, 300_000, id="thirty-for-five-hundred"),
        pytest.param(500, 70_000, 700_000, id="seventy-for-five"),
    ],
)
def test_a_rounded_price_is_accepted_and_a_slip_of_a_factor_is_not(
    amount_fen: int, unit_price_e6: int, quantity_e4: int
) -> None:
    """Prices as hospitals send them agree with the amount that was paid."""

    def paths(factor: Fraction) -> list[str]:
        fen = int(amount_fen * factor)
        row = _with_line(amount_fen=fen, unit_price_e6=unit_price_e6, quantity_e4=quantity_e4)
        return _paths(row)

    assert [] == paths(Fraction(1))
    for factor in (10, 2, Fraction(1, 10)):
        assert ["lines[0].amount_fen"] == paths(Fraction(factor)), factor


# --- what else is a fault ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"insurance_type": "311"}, "insurance_type", id="unknown-insurance-type"),
        pytest.param({"visit_type": "77"}, "visit_type", id="unknown-visit-type"),
        pytest.param({"person": ""}, "person", id="empty"),
        pytest.param({"person": None}, "person", id="missing"),
        pytest.param({"person": 7}, "person", id="number-for-text"),
        pytest.param({"person": "P 1"}, "person", id="space"),
        pytest.param({"person": "P\n1"}, "person", id="line-break"),
        pytest.param({"person": "张三"}, "person", id="name"),
        pytest.param({"account_used": 1}, "account_used", id="number-for-boolean"),
        pytest.param({"account_used": None}, "account_used", id="missing-boolean"),
        pytest.param({"benefit_groups": "veteran"}, "benefit_groups", id="text-for-list"),
        pytest.param({"benefit_groups": [1]}, "benefit_groups", id="numbers-for-codes"),
        pytest.param({"benefit_groups": ["a", ""]}, "benefit_groups[1]", id="empty-group"),
        pytest.param({"benefit_groups": ["a b"]}, "benefit_groups[0]", id="group-with-space"),
        pytest.param({"benefit_groups": ["g" * 51]}, "benefit_groups[0]", id="long-group"),
        pytest.param({"service_date": "2024-02-30"}, "service_date", id="no-such-day"),
        pytest.param({"service_date": "20240501"}, "service_date", id="no-hyphens"),
        pytest.param({"service_date": "2024-W18-3"}, "service_date", id="week-date"),
        pytest.param({"service_date": 20_240_501}, "service_date", id="number-for-date"),
        pytest.param(
            {"service_date": datetime(2024, 5, 1, tzinfo=UTC)}, "service_date", id="moment"
        ),
        pytest.param({"lines": None}, "lines", id="no-lines"),
        pytest.param({"lines": {}}, "lines", id="lines-are-no-list"),
        pytest.param({"lines": [3]}, "lines[0]", id="line-is-no-line"),
        pytest.param({"telephone": "1"}, "telephone", id="unknown-field"),
    ],
)
def test_a_faulty_field_is_named(changes: dict[str, Any], path: str) -> None:
    """One fault, with the path of the field that has it."""
    assert [path] == _paths(claim(1) | changes)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"item_code": None}, "lines[0].item_code", id="missing"),
        pytest.param({"approval": "3"}, "lines[0].approval", id="unknown-approval"),
        pytest.param({"amount_fen": 100.0}, "lines[0].amount_fen", id="float"),
        pytest.param({"amount_fen": True}, "lines[0].amount_fen", id="boolean"),
        pytest.param({"amount_fen": "100"}, "lines[0].amount_fen", id="text"),
        pytest.param({"amount_yuan": 1}, "lines[0].amount_yuan", id="unknown-field"),
    ],
)
def test_a_faulty_field_of_a_line_is_named(changes: dict[str, Any], path: str) -> None:
    """One fault, with the number of the line and the field that has it."""
    assert [path] == _paths(_with_line(**changes))


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        pytest.param({"birth_date": "2024-05-01"}, [], id="born-on-the-day"),
        pytest.param({"birth_date": "2024-05-02"}, ["birth_date"], id="born-later"),
        pytest.param({"service_date": "2024-04-30"}, ["admission_date", "fee"], id="left-before"),
        pytest.param({"service_date": "2024-05-02"}, [], id="left-later"),
        pytest.param({"admission_date": "2024-05-02"}, ["admission_date", "fee"], id="came-after"),
        pytest.param({"admission_date": "2024-04-30"}, [], id="came-before"),
        pytest.param({"fee": "2024-04-30"}, ["fee"], id="fee-before"),
        pytest.param({"fee": "2024-05-02"}, ["fee"], id="fee-after"),
    ],
)
def test_dates_stand_in_order(changes: dict[str, str], paths: list[str]) -> None:
    """Birth, admission, fees and service: equal days are in order, a day the other way is not."""
    fee = changes.pop("fee", None)
    row = claim(1) | changes
    if fee is not None:
        row["lines"][0]["fee_date"] = fee
    expected = ["lines[0].fee_date" if path == "fee" else path for path in paths]

    assert expected == _paths(row)


def test_line_ids_are_unique() -> None:
    """A repeated line id is a fault that says which line has it first."""
    lines = [line(100, line_id=line_id) for line_id in ("1", "2", "1")]
    (fault,) = _faults(claim(1, lines=lines))

    assert ("lines[2].line_id", "'1' is also lines[0]") == (fault.path, fault.message)


def test_all_faults_come_together() -> None:
    """A claim with a fault of every sort gets them all at once, in the order of its fields."""
    row = claim(1) | {
        "visit_type": "77",
        "birth_date": "2030-01-01",
        "admission_date": "2024-06-05",
        "lines": [
            line(10_000) | {"amount_fen": -1, "fee_date": "2031-01-01"},
            line(10_000) | {"unit_price_e6": 1},
        ],
    }

    assert [
        "visit_type",
        "lines[0].amount_fen",
        "lines[1].amount_fen",
        "birth_date",
        "admission_date",
        "lines[0].fee_date",
        "lines[1].fee_date",
        "lines[1].line_id",
    ] == _paths(row)


@pytest.mark.parametrize("row", [3, None, "claim", [claim(1)]], ids=str)
def test_what_is_no_claim_is_one_fault(row: object) -> None:
    """Something that is no claim at all is told so, and not which fields it lacks."""
    assert ["claim"] == _paths(row)


def test_an_empty_claim_lacks_every_required_field() -> None:
    """Every field that must be there is asked for, and the lines."""
    required = [column.name for column in schema.CLAIM if column.required]

    assert [*required, "lines"] == _paths({})


def test_very_many_faults_are_counted() -> None:
    """A claim has a bounded number of faults, the last of which counts the others."""
    most = limits.FAULTS_PER_CLAIM_MAX

    def faulty(count: int) -> dict[str, Any]:
        lines = [line(100, line_id=str(number)) for number in range(count)]
        return claim(1, lines=[each | {"approval": "9"} for each in lines])

    assert [f"lines[{number}].approval" for number in range(most)] == _paths(faulty(most))
    faults = _faults(faulty(most + 1))
    assert (most, Fault("claim", "2 more faults; mend these first")) == (len(faults), faults[-1])


# --- batches -----------------------------------------------------------------------------------


def test_a_faulty_row_leaves_the_others() -> None:
    """The lines of a faulty claim are left out, and those of the others keep their claim."""
    rows = [claim(1), claim(2, visit_type="0"), claim(3, lines=[line(1), line(2, line_id="2")])]
    batch = ClaimBatch.from_rows(rows)

    assert ([1], [0, 2, 2], [50_000, 1, 2]) == (
        list(batch.rejections),
        batch.line_claim.tolist(),
        batch.amount_fen.tolist(),
    )


def test_a_table_is_the_same_batch_as_its_rows() -> None:
    """Rows through Arrow come out as the rows themselves, optional fields and all."""
    rows = [claim(1), claim(2, institution_settlement="N2", benefit_groups=["a"])]
    table = pa.Table.from_pylist(rows, schema.claim_schema())
    from_table, from_rows = ClaimBatch.from_arrow(table), ClaimBatch.from_rows(rows)

    assert from_rows.rows == from_table.rows
    assert from_rows.amount_fen.tolist() == from_table.amount_fen.tolist()


def test_a_batch_holds_as_many_claims_as_a_call() -> None:
    """One claim more than a call may carry is refused as a whole, as rows and as a table."""
    most = limits.CLAIMS_PER_BATCH_MAX
    table = pa.Table.from_pylist([claim(1)] * (most + 1), schema.claim_schema())

    assert most == len(ClaimBatch.from_arrow(table.slice(0, most)))
    with pytest.raises(BatchTooLarge):
        ClaimBatch.from_arrow(table)
    with pytest.raises(BatchTooLarge):
        ClaimBatch.from_rows([claim(1)] * (most + 1))
