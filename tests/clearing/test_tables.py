"""Each figure of the clearing tables is the sum of the rows behind it, and both sides agree."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from medsettle import errors
from medsettle.clearing.months.fund_lines import OWED, line_of, line_sql
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.months.table_checks import fund_sums, refuse_unequal, wrong_figures
from medsettle.clearing.months.tables import (
    BILL_FIGURES,
    FIGURES,
    KEYS,
    checked,
    condensed,
    drill,
    make_tables,
    owed_between,
    table,
)
from medsettle.clearing.notices.netting import obligations
from medsettle.core import codes
from medsettle.ledger.scratch import scratch

from tests.clearing.month_books import APRIL, MARCH, cancel, close, row, store_in

if TYPE_CHECKING:
    import duckdb

pytestmark = pytest.mark.slow


@contextmanager
def _tables(store: MonthStore) -> Iterator["duckdb.DuckDBPyConnection"]:
    with scratch(store.folder) as connection:
        make_tables(connection, store.lines_file(store.months()[-1].month))
        yield connection


def _april(store: MonthStore) -> None:
    """Close March, and an April with each kind of line."""
    old = row("S1", date(2024, 3, 20), total_fen=900_000, pooled_fund=850_000)
    close(store, MARCH, [old])
    new = row("S2", date(2024, 4, 3), total_fen=110_000_000, pooled_fund=105_000_000, account=700)
    gone = row("S3", date(2024, 4, 4), assistance=50)
    resident = row("S4", date(2024, 4, 5), insurance_type="390", pooled_fund=3_000)
    less = row("D2", date(2024, 4, 6), total_fen=0, pooled_fund=-2_000)
    local = row("S5", date(2024, 4, 7), care_area="999901")
    inside = row("S6", date(2024, 4, 7), care_area="999902", pooled_fund=11)
    book = [old, new, gone, resident, local, inside, cancel(old, "C1", date(2024, 4, 9))]
    book += [cancel(gone, "C3", date(2024, 4, 30)), less | {"kind": "deduction", "original": "S2"}]
    close(store, APRIL, book)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    with store_in(tmp_path) as store:
        yield store


def _figures(told: pa.Table, *names: str) -> dict[tuple[str, ...], tuple[int, ...]]:
    keys = ("care_area", "fund_line", "payer", "settlement_month")
    return {
        tuple(each[key] for key in keys): tuple(each[name] for name in names)
        for each in told.to_pylist()
    }


def test_a_month_of_every_kind_of_line(store: MonthStore) -> None:
    """Payables by fund and month of settlement; the refund of `clearing.md` 3.5 is an adjustment.

    The month payable is 1,050,000.00, the refund 8,500.00, so 1,041,500.00 before the deduction.
    """
    _april(store)
    with _tables(store) as connection:
        payable = table(connection, "payable")

    assert {
        # settlements, cancels, fund, adjustments, deductions, net
        ("989802", "employee", "pooled_fund", "2024-04"): (
            2,
            1,
            105_000_000,
            0,
            -2_000,
            104_998_000,
        ),
        ("989802", "employee", "pooled_fund", "2024-03"): (0, 1, 0, -850_000, 0, -850_000),
        ("989802", "employee", "account", "2024-04"): (1, 0, 700, 0, 0, 700),
        ("989802", "assistance", "assistance", "2024-04"): (1, 1, 0, 0, 0, 0),
        ("989802", "resident", "pooled_fund", "2024-04"): (1, 0, 3_000, 0, 0, 3_000),
        ("999902", "employee", "pooled_fund", "2024-04"): (1, 0, 11, 0, 0, 11),
    } == _figures(
        payable,
        *("settle_count", "cancel_count", "fund_fen", "adjustments_fen", "deductions_fen"),
        "net_fen",
    )


def test_receivables_are_payables_from_the_other_side(store: MonthStore) -> None:
    """Added up another way, they agree row for row and fund by fund."""
    _april(store)
    with _tables(store) as connection:
        payable, receivable = table(connection, "payable"), table(connection, "receivable")
        owed = owed_between(connection)

    names = [*KEYS, *FIGURES]
    assert Counter(tuple(each[name] for name in names) for each in payable.to_pylist()) == Counter(
        tuple(each[name] for name in names) for each in receivable.to_pylist()
    )
    assert {
        ("employee", "pooled_fund"): 104_148_011,
        ("employee", "account"): 700,
        ("assistance", "assistance"): 0,
        ("resident", "pooled_fund"): 3_000,
    } == fund_sums(payable)
    assert ["care_province", "care_area"] == receivable.column_names[:2]
    # Between provinces, gross and deductions apart; what stays in a province is on no notice.
    assert [
        ("99", "98", "assistance", 0, 0),
        ("99", "98", "employee", 104_150_700, -2_000),
        ("99", "98", "resident", 3_000, 0),
    ] == owed


def test_details_keep_the_funds_apart(store: MonthStore) -> None:
    """Employee and resident details have the records of their line alone. `clearing.md` 3.2."""
    _april(store)
    with _tables(store) as connection:
        found = {
            name: sorted(
                (each["settlement"], each["net_fen"])
                for each in table(connection, name).to_pylist()
            )
            for name in ("employee", "resident")
        }
        deductions = table(connection, "deductions").to_pylist()

    assert [("S4", 3_000)] == found["resident"]
    assert [
        ("C1", -850_000),
        ("C3", -6_000),
        ("D2", -2_000),
        ("S2", 700),
        ("S2", 105_000_000),
        ("S3", 6_000),
        ("S6", 11),
    ] == found["employee"]
    assert [("D2", "S2", -2_000, "taken off in review")] == [
        (each["settlement"], each["original"], each["deductions_fen"], each["reason"])
        for each in deductions
    ]


def test_a_figure_is_drilled_to_its_settlements(store: MonthStore) -> None:
    """By some of its keys, each row with its part; a name that is no key is told."""
    _april(store)
    with _tables(store) as connection:
        rows = drill(connection, {"payer": "pooled_fund", "settlement_month": "2024-03"})
        accounts = drill(connection, {"care_fund_pay_type": ""})
        with pytest.raises(errors.InvalidRequest, match="city: is no column"):
            drill(connection, {"city": "x"})

    assert [("C1", "S1", "refund", -850_000)] == [
        (each["settlement"], each["original"], each["line_kind"], each["adjustments_fen"])
        for each in rows
    ]
    assert ["S2"] == [each["settlement"] for each in accounts]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_wrong_figure_is_named(store: MonthStore, figure: str) -> None:
    """One fen or one record off in one cell, and the check says which and by what."""
    _april(store)
    with _tables(store) as connection:
        told_all = checked(connection)
    payable, receivable = told_all["payable"], told_all["receivable"]
    rows = payable.to_pylist()
    told = rows[2][figure]
    rows[2][figure] += 1
    wrong = pa.Table.from_pylist(rows, payable.schema)
    lines = store.lines_file(APRIL)

    assert [] == wrong_figures(lines, told_all)
    assert [(figure, told + 1, told)] == [
        (each.figure, each.told, each.drilled)
        for each in wrong_figures(lines, {"payable": wrong, "receivable": receivable})
    ]
    with pytest.raises(errors.InternalError, match=figure):
        refuse_unequal(lines, told_all | {"payable": wrong})


def test_a_table_for_the_screen_is_by_provinces_and_payers(store: MonthStore) -> None:
    """Cities, insurance types and months added up by hand; what stays in a province among them."""
    _april(store)
    names = ("fund_fen", "adjustments_fen", "deductions_fen", "net_fen")
    with _tables(store) as connection:
        told = {name: condensed(connection, name) for name in ("payable", "receivable")}

    assert told["payable"] == told["receivable"]
    assert {
        ("98", "assistance", "assistance"): (0, 0, 0, 0),
        ("98", "employee", "account"): (700, 0, 0, 700),
        # 105,000,000 of April and 6,000 less 6,000, a refund of March, a deduction.
        ("98", "employee", "pooled_fund"): (105_000_000, -850_000, -2_000, 104_148_000),
        ("98", "resident", "pooled_fund"): (3_000, 0, 0, 3_000),
        ("99", "employee", "pooled_fund"): (11, 0, 0, 11),
    } == {
        (each["care_province"], each["fund_line"], each["payer"]): tuple(each[n] for n in names)
        for each in told["payable"]
    }


def test_what_is_netted_was_checked(store: MonthStore, tmp_path: Path) -> None:
    """What 99 owes 98 after deductions; lines that two programs add up differently are refused."""
    _april(store)
    lines = store.lines_file(APRIL)
    damaged = tmp_path / "lines.parquet"
    rows = pq.read_table(lines)
    months = [None, *rows["settlement_month"].to_pylist()[1:]]
    place = rows.schema.get_field_index("settlement_month")
    pq.write_table(rows.set_column(place, "settlement_month", pa.array(months)), damaged)

    assert [("99", "98", "assistance", 0), ("99", "98", "employee", 104_148_700)] == [
        (each.debtor, each.creditor, each.fund_line, each.amount_fen)
        for each in obligations(store.folder, lines)
    ][:2]
    with pytest.raises(errors.InternalError, match="figure"):
        obligations(store.folder, damaged)


@pytest.mark.parametrize("figure", BILL_FIGURES)
def test_a_wrong_figure_of_bills_is_named(store: MonthStore, figure: str) -> None:
    """Where each bill stands once, too; one that was left out is nothing against what it was."""
    _april(store)
    with _tables(store) as connection:
        bills = table(connection, "bills")
    rows = bills.to_pylist()
    rows[1][figure] -= 1
    lines = store.lines_file(APRIL)

    assert [("bills", figure, -1)] == [
        (each.table, each.figure, each.told - each.drilled)
        for each in wrong_figures(lines, {"bills": pa.Table.from_pylist(rows, bills.schema)})
    ]


def test_a_missing_or_doubled_cell_is_named(store: MonthStore) -> None:
    """A row that was left out lacks its figures; one that stands twice has them too often."""
    _april(store)
    with _tables(store) as connection:
        payable = table(connection, "payable")
    lines = store.lines_file(APRIL)
    nets = [each["net_fen"] for each in payable.to_pylist()]
    # The last cell: there is money in it.
    short, last = payable.slice(0, payable.num_rows - 1), payable.slice(payable.num_rows - 1)
    doubled = pa.concat_tables([payable, last])

    assert [(0, nets[-1])] == [
        (each.told, each.drilled)
        for each in wrong_figures(lines, {"payable": short})
        if each.figure == "net_fen"
    ]
    assert nets[-1] and [(nets[-1], 0)] == [
        (each.told, each.drilled)
        for each in wrong_figures(lines, {"payable": doubled})
        if each.figure == "net_fen"
    ]


def test_sql_and_python_tell_the_same_line(tmp_path: Path) -> None:
    """For every payer and national insurance type, and for one that a province added."""
    pairs = [
        (payer.name, kind) for payer in OWED for kind in (*codes.INSURANCE_TYPES, "39903", "777")
    ]
    asked = pa.table({"payer": [a for a, _ in pairs], "insurance_type": [b for _, b in pairs]})
    with scratch(tmp_path) as connection:
        connection.register("asked", asked)
        found = [line for (line,) in connection.sql(f"select {line_sql()} from asked").fetchall()]

    assert [line_of(*pair) for pair in pairs] == found
    assert {"employee", "resident"} <= set(found)


_AREAS = st.sampled_from(["999901", "999902", "989801", "979701"])


@st.composite
def _bills(draw: st.DrawFn) -> list[dict[str, Any]]:
    rows = []
    for number in range(draw(st.integers(1, 10))):
        shares = {payer.name: draw(st.integers(0, 10**8)) for payer in OWED if draw(st.booleans())}
        first = row(f"S{number}", draw(st.dates(date(2024, 3, 1), date(2024, 4, 30))), **shares)
        first |= {
            "pooling_area": draw(_AREAS),
            "care_area": draw(_AREAS),
            "insurance_type": draw(st.sampled_from(["310", "390", "410", "510", "39903"])),
            "total_fen": sum(shares.values()) + 1,
        }
        rows.append(first)
        if draw(st.booleans()):
            rows.append(
                cancel(first, f"C{number}", draw(st.dates(first["record_date"], date(2024, 4, 30))))
            )
    return rows


@given(rows=_bills())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_money_is_conserved(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Over two months, what each pair of areas owes by fund is what the book says, row by row."""
    expected: dict[tuple[str, str, str], int] = defaultdict(int)
    for each in rows:
        for payer in OWED:
            if each["pooling_area"] != each["care_area"]:
                key = (each["pooling_area"], each["care_area"], payer.name)
                expected[key] += each[f"{payer.name}_fen"]
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    with store_in(tmp_path_factory.mktemp("tables")) as store:
        for month in (MARCH, APRIL):
            close(store, month, rows)
            with _tables(store) as connection:
                told = checked(connection)
                details_fen = sum(
                    each["net_fen"]
                    for name in ("employee", "resident")
                    for each in table(connection, name).to_pylist()
                )
            refuse_unequal(store.lines_file(month), told)
            receivable = told["receivable"]
            bills_fen = sum(each["net_fen"] for each in told["bills"].to_pylist())
            sums = fund_sums(receivable)
            assert bills_fen == sum(sums.values())
            assert details_fen == sum(
                fen for (line, _), fen in sums.items() if line in {"employee", "resident"}
            )
            for each in receivable.to_pylist():
                found[each["pooling_area"], each["care_area"], each["payer"]] += each["net_fen"]

    assert {key: fen for key, fen in expected.items() if fen} == {
        key: fen for key, fen in found.items() if fen
    }


@pytest.mark.parametrize("most", [1, 2, 7, 100])
def test_records_behind_a_figure_are_read_in_parts(store: MonthStore, most: int) -> None:
    """Whatever a key names and however many at a time: the same records, once, in their order."""
    _april(store)
    keys: list[dict[str, str]] = [
        {},
        {"payer": "account"},
        {"payer": "assistance"},
        {"fund_line": "resident"},
        {"insured_province": "99", "care_province": "98"},
        {"care_province": "97"},
    ]
    with _tables(store) as connection:
        for key in keys:
            found: list[dict[str, Any]] = []
            while True:
                after = (found[-1]["settlement"], found[-1]["payer"]) if found else None
                part = drill(connection, key, after=after, most=most)
                found += part
                if len(part) < most:
                    break
            assert drill(connection, key) == found, key
