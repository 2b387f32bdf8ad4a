"""Prepayments: the published example, exact levels, dated terms, and tables of amounts."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.clearing.months.read_calendar import shipped_document
from medsettle.clearing.prepayments.amounts import read_amounts
from medsettle.clearing.prepayments.prepayment import (
    Level,
    Line,
    level_of,
    line_of,
    pooled,
    required_fen,
    requirements,
    threshold_fen,
    usage_of,
    usage_shown,
)
from medsettle.clearing.prepayments.terms import PREPAYMENT_FILE, load_prepayment_rules, read_rules
from medsettle.errors import InvalidRequest, NotFound, PolicyRejected
from medsettle.policy import tree

from tests.clearing.prepaying import LINE, MARCH, OTHER, QUARTER, TERMS


def _cleared(line: Line, months: dict[date, int] = QUARTER) -> dict[tuple[Line, date], int]:
    return {(line, month): fen for month, fen in months.items()}


def test_the_published_example_comes_out_exactly() -> None:
    """12.0, 13.5 and 14.1 million average 13.2 and prepay 26.4; 19.2 is yellow, 24.0 is red."""
    (found,) = requirements(_cleared(LINE), 2026, TERMS)

    assert 2_640_000_000 == found.required_fen
    yellow = usage_of(LINE, MARCH, 1_920_000_000, found.required_fen, TERMS)
    red = usage_of(LINE, MARCH, 2_400_000_000, found.required_fen, TERMS)
    assert (Level.YELLOW, "72.7 %") == (yellow.level, yellow.shown)
    assert (Level.RED, "90.9 %") == (red.level, red.shown)
    assert yellow.reason == (
        "2026-03 cleared 19,200,000.00 yuan, 72.7 % of the 26,400,000.00 yuan that stand: yellow "
        "from 70 % on, passed by 720,000.00 yuan; 4,560,000.00 yuan more are red"
    )
    assert red.reason == (
        "2026-03 cleared 24,000,000.00 yuan, 90.9 % of the 26,400,000.00 yuan that stand: red from "
        "90 % on, passed by 240,000.00 yuan; the place of care may ask for an increase"
    )


@pytest.mark.parametrize(
    ("cleared_fen", "level", "shown"),
    [
        pytest.param(1_847_999_999, Level.NORMAL, "69.9 %", id="a-fen-below-70"),
        pytest.param(1_848_000_000, Level.YELLOW, "70.0 %", id="70-exactly"),
        pytest.param(2_375_999_999, Level.YELLOW, "89.9 %", id="a-fen-below-90"),
        pytest.param(2_376_000_000, Level.RED, "90.0 %", id="90-exactly"),
        pytest.param(0, Level.NORMAL, "0.0 %", id="nothing"),
        pytest.param(-5, Level.NORMAL, "0.0 %", id="refunds-only"),
        pytest.param(2_640_000_000, Level.RED, "100.0 %", id="all"),
    ],
)
def test_levels_are_exact_at_their_edges(cleared_fen: int, level: Level, shown: str) -> None:
    """70 % and 90 % of 26.4 million are 18.48 and 23.76 million; one fen decides."""
    assert level is level_of(cleared_fen, 2_640_000_000, TERMS)
    assert shown == usage_shown(cleared_fen, 2_640_000_000)


@given(st.integers(0, 2 * limits.AMOUNT_FEN_MAX), st.integers(1, limits.PREPAYMENT_FEN_MAX))
def test_a_level_is_that_of_the_exact_fraction(cleared_fen: int, standing_fen: int) -> None:
    """Levels, thresholds and the percentage shown agree with fractions."""
    used = Fraction(cleared_fen, standing_fen)
    expected = Level.RED if used >= Fraction(9, 10) else Level.YELLOW
    expected = expected if used >= Fraction(7, 10) else Level.NORMAL

    assert expected is level_of(cleared_fen, standing_fen, TERMS)
    assert (used >= Fraction(7, 10)) is (cleared_fen >= threshold_fen(standing_fen, 7_000))
    shown = Fraction(usage_shown(cleared_fen, standing_fen).removesuffix(" %")) / 100
    assert shown <= used < shown + Fraction(1, 1_000)


def test_where_nothing_stands_all_is_red() -> None:
    """A month on a line without money is red, and its reason says what to do."""
    usage = usage_of(LINE, MARCH, 1, 0, TERMS)

    assert (Level.RED, "all") == (usage.level, usage.shown)
    assert "nothing stands on the line" in usage.reason
    assert Level.NORMAL is level_of(0, 0, TERMS)


@pytest.mark.parametrize(
    ("rounding", "total_fen", "prepaid_fen"),
    [
        ("half_up", 1, 1),
        ("half_up", 2, 1),
        ("half_up", 4, 3),
        ("down", 2, 1),
        ("down", 1, 0),
        ("up", 1, 1),
        ("up", 2, 2),
        ("up", 3, 2),
    ],
)
def test_a_prepayment_is_rounded_once_by_name(
    rounding: str, total_fen: int, prepaid_fen: int
) -> None:
    """Two times a third of 1 fen is 0.67, of 2 is 1.33, of 4 is 2.67."""
    text = shipped_document(PREPAYMENT_FILE).decode().replace("half_up", rounding)
    rules, violations = read_rules(*tree.parse(text.encode(), "mine.yaml"))

    assert not violations
    assert prepaid_fen == required_fen(total_fen, 3, rules.on(MARCH))


def test_a_month_that_is_not_stated_is_a_fault() -> None:
    """Two months of three would give another average, so they give none."""
    cleared = _cleared(LINE) | _cleared(OTHER)
    del cleared[OTHER, date(2025, 11, 1)]
    with pytest.raises(InvalidRequest, match="nothing is stated for 2025-11; state 0"):
        requirements(cleared, 2026, TERMS)
    with pytest.raises(InvalidRequest, match="no line has an amount of 2026-10 to 2026-12"):
        requirements(cleared, 2027, TERMS)
    with pytest.raises(InvalidRequest, match="below 0 is no basis"):
        requirements(dict.fromkeys(_cleared(LINE), -1), 2026, TERMS)


def test_a_pool_adds_up_one_fund_of_all_provinces() -> None:
    """Red on one line and little on another are yellow together; another fund stays apart."""
    resident = Line("999901", "999902", "390")
    usages = [
        usage_of(LINE, MARCH, 950, 1_000, TERMS),
        usage_of(OTHER, MARCH, 450, 1_000, TERMS),
        usage_of(resident, MARCH, 10, 1_000, TERMS),
    ]

    found = {usage.line: (usage.cleared_fen, usage.level) for usage in pooled(usages, TERMS)}
    expected: dict[Line, tuple[int, Level]] = {
        Line("*", "999902", "310"): (1_400, Level.YELLOW),
        Line("*", "999902", "390"): (10, Level.NORMAL),
    }
    assert expected == found


def test_terms_are_dated(tmp_path: Path) -> None:
    """A later version with 1.5 months holds from its day; faults are told with their lines."""
    text = shipped_document(PREPAYMENT_FILE).decode()
    later = text[text.index("  - from") :].replace("2023-01-01", "2027-01-01")
    path = tmp_path / "terms.yaml"
    path.write_text(text + later.replace("multiple: 2", "multiple: 1.5"), encoding="utf-8")
    rules = load_prepayment_rules(path)

    assert [20_000, 15_000] == [rules.on(date(y, 1, 1)).multiple_e4 for y in (2026, 2027)]
    with pytest.raises(NotFound, match="begin on 2023-01-01"):
        rules.on(date(2022, 12, 31))
    broken = text.replace("yellow: 70%", "yellow: 95%").replace("multiple: 2", "multiple: 12.1")
    path.write_text(broken.replace("10工作日", "10 days").replace("[10, 11", "[11, 10"), "utf-8")
    with pytest.raises(PolicyRejected) as raised:
        load_prepayment_rules(path)
    words = " | ".join(violation.message for violation in raised.value.violations)
    assert 4 == len(raised.value.violations)
    for said in ("red begins above yellow", "up to 12", "no number of working", "not in order"):
        assert said in words


def test_a_multiple_goes_up_to_its_bound(tmp_path: Path) -> None:
    """Twelve months are prepaid at most, a ten-thousandth at least."""
    text = shipped_document(PREPAYMENT_FILE).decode()
    path = tmp_path / "terms.yaml"
    for multiple, found in (("12", 120_000), ("0.0001", 1)):
        path.write_text(text.replace("multiple: 2", f"multiple: {multiple}"), encoding="utf-8")
        assert found == load_prepayment_rules(path).on(MARCH).multiple_e4
    for multiple in ("12.0001", "0", "2x"):
        path.write_text(text.replace("multiple: 2", f"multiple: {multiple}"), encoding="utf-8")
        with pytest.raises(PolicyRejected):
            load_prepayment_rules(path)


_WITHIN = "month,insured_province,care_province,insured,care,fund,amount_fen\n"


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
@pytest.mark.parametrize(
    "last",
    [
        pytest.param("2026-03,99,98,999901,999902,310,1\n", id="counted"),
        pytest.param("2026-03,99,99,999901,999902,310,1\n", id="within-a-province"),
    ],
)
def test_rows_beyond_the_bound_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, last: str
) -> None:
    """Two rows where two may be, and three where two may be, whatever the third is."""
    path = tmp_path / f"cleared.{ending}"
    row = "2026-03,99,98,999901,999902,310,1\n"
    monkeypatch.setattr(limits, "PREPAYMENT_ROWS_MAX", 2)
    _written(path, _WITHIN + 2 * row)
    assert {(LINE, MARCH): 2} == read_amounts(path, "month")
    _written(path, _WITHIN + 2 * row + last)
    with pytest.raises(InvalidRequest, match="row 3: more than 2 rows; sum them up"):
        read_amounts(path, "month")


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
def test_a_table_that_is_not_there_is_told_in_words(tmp_path: Path, ending: str) -> None:
    """Whichever library would open it."""
    path = tmp_path / f"nope.{ending}"
    with pytest.raises(FileNotFoundError, match=f"nope.{ending} does not exist; name a file that"):
        read_amounts(path, "month")


def _written(path: Path, text: str) -> None:
    """Write a table of texts as the ending of its path says."""
    if path.suffix == ".csv":
        path.write_text(text, "utf-8")
        return
    head, *rows = (line.split(",") for line in text.splitlines())
    table = pa.Table.from_pylist([dict(zip(head, row, strict=True)) for row in rows])
    if path.suffix == ".parquet":
        pq.write_table(table, path)
        return
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def test_rows_are_counted_though_many_are_faulty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After fifty faults no more are told, and the file is still not read to whatever end."""
    path = tmp_path / "cleared.csv"
    monkeypatch.setattr(limits, "PREPAYMENT_ROWS_MAX", 60)
    for rows, count in ((60, 50), (61, 51)):
        path.write_text("month,insured,care,fund,amount_fen\n" + rows * "x,99,98,310,1\n", "utf-8")
        with pytest.raises(InvalidRequest) as raised:
            read_amounts(path, "month")
        assert count == len(raised.value.faults)


def test_a_table_of_one_province_says_that_nothing_is_prepaid(tmp_path: Path) -> None:
    """It has rows, and none between provinces; rows that name no province are faults."""
    path = tmp_path / "payable.csv"
    path.write_text(f"{_WITHIN}2026-03,99,99,999901,999902,310,1\n", "utf-8")
    with pytest.raises(InvalidRequest, match="has only rows within a province"):
        read_amounts(path, "month")
    path.write_text(
        "month,insured_province,care_province,fund,amount_fen\n2026-03,,,310,1\n", "utf-8"
    )
    with pytest.raises(InvalidRequest, match="row 1 insured: '' is no area"):
        read_amounts(path, "month")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_that_stands_twice_is_refused(tmp_path: Path, ending: str) -> None:
    """Which of two amounts was cleared nobody can know."""
    path = tmp_path / f"cleared.{ending}"
    names = ["month", "insured", "care", "fund", "amount_fen", "amount_fen"]
    if ending == "csv":
        path.write_text(f"{','.join(names)}\n2026-03,999901,999902,310,1,2\n", "utf-8")
    else:
        values = ["2026-03", "999901", "999902", "310", "1", "2"]
        pq.write_table(pa.table([[each] for each in values], names=names), path)
    with pytest.raises(InvalidRequest, match="has the column\\(s\\) 'amount_fen' more than once"):
        read_amounts(path, "month")


def test_days_of_a_table_are_of_the_years_served(tmp_path: Path) -> None:
    """Whether a column has texts or dates."""
    path = tmp_path / "cleared.parquet"
    names = ["day", "insured", "care", "fund", "amount_fen"]
    for day, served in ((date(1998, 1, 1), True), (date(1997, 12, 31), False)):
        pq.write_table(pa.table([[day], ["999901"], ["999902"], ["310"], [1]], names=names), path)
        if served:
            assert {(LINE, day): 1} == read_amounts(path, "day")
            continue
        with pytest.raises(InvalidRequest, match="lies outside the years 1998 to 2099"):
            read_amounts(path, "day")


def test_amounts_are_read_and_added_up(tmp_path: Path) -> None:
    """Yuan become fen, days become months, and every bad row is told at once."""
    path = tmp_path / "cleared.csv"
    path.write_text(
        "day,insured,care,fund,amount_yuan\n"
        "2026-03-01,999901,999902,310,12.34\n"
        "2026-03-02,999901,999902,310,-0.34\n",
        "utf-8",
    )
    assert {(LINE, MARCH): 1_200} == read_amounts(path, "month")
    assert 1_234 == read_amounts(path, "day")[LINE, MARCH]
    path.write_text(
        "month,insured,care,fund,amount_fen\n"
        "2026-13,999901,999902,310,1\n"
        "2026-03,99990,999902,31 0,1\n"
        "2026-03,999901,999902,310,1.5\n"
        f"2026-03,999901,999902,310,{limits.AMOUNT_FEN_MAX + 1}\n"
        f"2026-03,999901,999902,310,{limits.AMOUNT_FEN_MAX}\n",
        "utf-8",
    )
    with pytest.raises(InvalidRequest) as raised:
        read_amounts(path, "month")
    rows = [fault.path.split()[2] for fault in raised.value.faults]
    assert ["1", "2", "2", "3", "4"] == rows


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "has no rows"),
        ("month,insured,care,amount_fen\n1,2,3,4\n", "needs the column\\(s\\) fund"),
        ("month,insured,care,fund\n1,2,3,4\n", "amount_fen or amount_yuan"),
        ("month,insured,care,fund,amount_fen\n1,2,3\n", "another number of cells"),
    ],
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, content: str, says: str) -> None:
    """The head and the width of rows are looked at before any value."""
    path = tmp_path / "cleared.csv"
    path.write_text(content, "utf-8")
    with pytest.raises(InvalidRequest, match=says):
        read_amounts(path, "month")


def test_a_payable_table_of_months_is_read(tmp_path: Path) -> None:
    """Its provinces, fund lines and net amounts are what prepayments look at."""
    path = tmp_path / "payable.csv"
    path.write_text(
        "insured_province,pooling_area,care_province,fund_line,settlement_month,clearing_month,"
        "net_fen\n"
        "99,999901,98,employee,2026-02,2026-03,700\n"
        "99,999902,99,employee,2026-03,2026-03,40\n"
        "99,999902,98,employee,2026-03,2026-03,-50\n"
        "99,999902,9,employee,2026-03,2026-03,1\n",
        "utf-8",
    )
    with pytest.raises(InvalidRequest, match="row 4 care: '9' is no area"):
        read_amounts(path, "month")

    path.write_text("\n".join(path.read_text("utf-8").splitlines()[:-1]), "utf-8")
    # Cities of one province prepay one another nothing.
    assert {(line_of("99", "98", "employee"), MARCH): 650} == read_amounts(path, "month")


@pytest.mark.parametrize(
    ("insured", "care", "fund", "says"),
    [
        ("9999", "999902", "310", "insured: '9999' is no area"),
        ("999901", "999901", "310", "care: '999901' prepays to itself"),
        ("999901", "999902", "", "fund: '' is no code"),
        ("999901", "999902", "a" * (limits.CODE_CHARS_MAX + 1), "is no code"),
    ],
)
def test_what_is_no_line_is_refused(insured: str, care: str, fund: str, says: str) -> None:
    """An area of four digits, one that prepays to itself, a fund without or beyond a code."""
    with pytest.raises(InvalidRequest, match=says):
        line_of(insured, care, fund)
    assert "a" * limits.CODE_CHARS_MAX == line_of("99", "98", "a" * limits.CODE_CHARS_MAX).fund
