"""Books out of audit tables and Parquet files, and what is refused there."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.sources import Book
from medsettle.clearing.matching.sources_audit import Wanted, audited_book
from medsettle.clearing.matching.sources_parquet import parquet_book
from medsettle.errors import AuditCorrupt, InvalidRequest, Precondition

from tests.audit.area_books import AREA_A, AREA_B, TOTAL, ThreeBooks
from tests.audit.records import CREATE_TIME_US
from tests.clearing.books import DAY, row, table, written


def _read(book: Book, *names: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = book.reader(list(names or book.columns)).read_all().to_pylist()
    return rows


# --- audit tables --------------------------------------------------------------------------------


@pytest.fixture(name="audited")
def _audited(tmp_path: Path) -> dict[str, Path]:
    """Return the audit folders of two areas and a hub: care both ways, a cancel, and local care."""
    books = ThreeBooks(tmp_path)
    books.settle("S1", home=AREA_B, care=AREA_A)
    books.settle("S2", home=AREA_A, care=AREA_B)
    books.take_back("S1")
    books.local("L1", AREA_A)
    return {book.name: book.folder for book in books.written()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "folder", "between_areas", "found"),
    [
        (Side.INSURED, "a", False, ["L1", "S2"]),
        (Side.INSURED, "a", True, ["S2"]),
        (Side.INSURED, "b", True, ["S1", "S1-X"]),
        (Side.CARE, "a", False, ["L1", "S1", "S1-X"]),
        (Side.CARE, "a", True, ["S1", "S1-X"]),
        (Side.NATIONAL, "national", True, ["S1", "S1-X", "S2"]),
        (Side.NATIONAL, "a", True, []),
    ],
)
def test_a_side_has_its_settlements(
    audited: dict[str, Path],
    side: Side,
    folder: str,
    between_areas: bool,
    found: list[str],
) -> None:
    """Who decided has it as insured, who keeps a copy as care; local care is of both."""
    book = audited_book(side, [audited[folder]], Wanted(between_areas=between_areas))

    assert found == sorted(each["settlement"] for each in _read(book, "settlement"))
    assert len(found) == book.rows


@pytest.mark.slow
def test_several_engines_of_one_side_make_one_book(audited: dict[str, Path]) -> None:
    """A nation's place of insurance is many engines; their books follow one another."""
    book = audited_book(Side.INSURED, [audited["a"], audited["b"]], Wanted(between_areas=True))

    assert ["S1", "S1-X", "S2"] == sorted(each["settlement"] for each in _read(book, "settlement"))


@pytest.mark.slow
def test_audit_columns_are_those_of_a_book(audited: dict[str, Path]) -> None:
    """The day is that of China, inpatient care is cleared as a stay, and there is no encounter."""
    book = audited_book(Side.INSURED, [audited["b"]])

    back = next(each for each in _read(book) if each["settlement"] == "S1-X")
    # 1,714,000,000 seconds are 2024-04-24 23:06:40 UTC: in China it is the next day.
    assert CREATE_TIME_US // 10**6 == 1_714_000_000
    assert date(2024, 4, 25) == back["record_date"]
    assert ("cancel", "S1", "21", "21") == (
        *(back["kind"], back["original"]),
        *(back["visit_type"], back["clearing_class"]),
    )
    assert (-TOTAL, AREA_B, AREA_A) == (back["total_fen"], back["pooling_area"], back["care_area"])
    assert "encounter" not in book.columns
    assert "institution_settlement" not in {
        name for name in book.columns if all(each[name] is None for each in _read(book))
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "last", "count"),
    [
        (date(2024, 4, 25), date(2024, 4, 25), 3),
        (date(2024, 4, 26), date.max, 0),
        (date.min, date(2024, 4, 24), 0),
    ],
)
def test_days_of_recording_are_chosen(
    audited: dict[str, Path], first: date, last: date, count: int
) -> None:
    """First and last day belong to the book; the day before and after do not."""
    wanted = Wanted(between_areas=True, first=first, last=last)

    assert count == audited_book(Side.NATIONAL, [audited["national"]], wanted).rows


@pytest.mark.slow
def test_a_changed_segment_is_refused(audited: dict[str, Path]) -> None:
    """The chain is verified before a row is read."""
    path = next(audited["a"].rglob("payers/**/*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(AuditCorrupt, match=r"segment 1 .* has SHA-256"):
        audited_book(Side.INSURED, [audited["a"]])


def test_a_folder_without_segments_is_refused(tmp_path: Path) -> None:
    """A misspelt folder does not pass as a book of nothing."""
    with pytest.raises(Precondition, match=r"has no segments .* name the folder with manifest"):
        audited_book(Side.INSURED, [tmp_path])


# --- Parquet -------------------------------------------------------------------------------------


def test_a_file_of_our_names_is_read_as_it_is(tmp_path: Path) -> None:
    """Values and row groups do not matter; what has no value in any row is no column."""
    rows = [row(f"s{number}", cash_fen=number) for number in range(7)]
    book = written(tmp_path, Side.CARE, rows)

    assert [(f"s{number}", number) for number in range(7)] == [
        (each["settlement"], each["cash_fen"]) for each in _read(book)
    ]
    empty = {column.name for column in BOOK if not column.required}
    assert tuple(column.name for column in BOOK if column.name not in empty) == book.columns


@pytest.mark.parametrize("statistics", [True, False], ids=["told", "read"])
def test_a_column_without_any_value_is_none(tmp_path: Path, statistics: bool) -> None:
    """Whether a file says so of itself or not, a book has a column that any row has a value of."""
    path = tmp_path / "book.parquet"
    rows = table([row("s1"), row("s2", policy="p")])
    pq.write_table(rows, path, row_group_size=1, write_statistics=statistics)

    found = parquet_book(Side.CARE, path)

    empty = {name for name in rows.column_names if rows[name].null_count == 2}
    assert "encounter" in empty
    assert [each.name for each in BOOK if each.name not in empty] == list(found.columns)


def test_rows_are_found_again_by_their_places(tmp_path: Path) -> None:
    """Over row groups of three, and in the order of the book."""
    book = written(tmp_path, Side.CARE, [row(f"s{number}") for number in range(9)])

    found = book.rows_at(pa.array([0, 2, 3, 8]).to_numpy(), ["settlement"])

    assert ["s0", "s2", "s3", "s8"] == found["settlement"].to_pylist()


def test_folders_say_columns_of_all_their_rows(tmp_path: Path) -> None:
    """A partition of an area or a class is a column, as Hive has them."""
    for area, name in (("999001", "s1"), ("999002", "s2")):
        folder = tmp_path / f"pooling_area={area}"
        folder.mkdir()
        pq.write_table(table([row(name)], frozenset({"pooling_area"})), folder / "x.parquet")

    book = parquet_book(Side.CARE, tmp_path)

    assert [("s1", "999001"), ("s2", "999002")] == [
        (each["settlement"], each["pooling_area"]) for each in _read(book)
    ]


def test_national_names_hold_yuan(tmp_path: Path) -> None:
    """Decimals and texts of yuan become fen; accounts are told apart from those of relatives."""
    path = tmp_path / "day.parquet"
    decimals = pa.array(["42180.37", "-0.01"]).cast(pa.decimal128(16, 2))
    columns = {
        "setl_id": pa.array(["s1", "s2"]),
        "setl_time": pa.array(["2026-03-31 23:59:59", "2026-04-01 00:00:00"]),
        "medfee_sumamt": decimals,
        "acct_pay": pa.array(["4500.00", "0.00"]),
        "acct_mulaid_pay": pa.array(["1500.00", "0.00"]),
        "something": pa.array([1, 2]),
    }
    pq.write_table(pa.table(columns), path)

    book = parquet_book(Side.CARE, path)

    assert [
        ("s1", "settle", DAY, 4_218_037, 300_000, 150_000),
        ("s2", "cancel", date(2026, 4, 1), -1, 0, 0),
    ] == [
        (
            *(each["settlement"], each["kind"], each["record_date"]),
            *(each["total_fen"], each["account_fen"], each["mutual_aid_fen"]),
        )
        for each in _read(book)
    ]
    assert ("something",) == book.passed_over


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            {"settlement": ["s1"], "total_fen": [1.5]},
            "total_fen: double holds no amounts; write whole fen",
        ),
        (
            {"settlement": ["s1"], "medfee_sumamt": [150]},
            "medfee_sumamt: int64 holds no amounts; write yuan as text or decimals",
        ),
        ({"settlement": ["s1", None]}, "x.parquet:2.settlement: missing"),
        (
            {"settlement": ["s1", "s2"], "kind": ["settle", "reversal"]},
            "x.parquet:2.kind: 'reversal' is none of settle, cancel, adjust, deduction",
        ),
        ({"total_fen": [1]}, r"has no column settlement \(or setl_id\), by which rows"),
        (
            {"settlement": ["s1"], "setl_id": ["s1"]},
            "has settlement twice, as settlement and setl_id; keep one",
        ),
    ],
)
def test_what_a_file_may_not_hold_is_named(
    tmp_path: Path, columns: dict[str, list[object]], told: str
) -> None:
    """Each fault has its file, row and column, and says what to do."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table(columns), path)

    with pytest.raises(InvalidRequest, match=told):
        parquet_book(Side.CARE, path)


def test_what_is_no_parquet_is_named(tmp_path: Path) -> None:
    """All files of a folder that cannot be read are told at once."""
    for name in ("a.parquet", "b.parquet"):
        (tmp_path / name).write_text("no", encoding="utf-8")

    with pytest.raises(InvalidRequest, match=r"a.parquet: is no Parquet.*b.parquet: is no Parquet"):
        parquet_book(Side.CARE, tmp_path)


def test_files_of_one_book_have_one_set_of_columns(tmp_path: Path) -> None:
    """A file without a column that the others have is named; nothing is guessed."""
    pq.write_table(table([row("s1")]), tmp_path / "a.parquet")
    pq.write_table(table([row("s2")], frozenset({"cash_fen"})), tmp_path / "b.parquet")

    with pytest.raises(InvalidRequest, match=r"b.parquet: has the columns .* the files of a book"):
        parquet_book(Side.CARE, tmp_path)


def test_a_folder_without_files_is_named(tmp_path: Path) -> None:
    """There is nothing to open."""
    with pytest.raises(InvalidRequest, match=r"is no file, and no folder with .parquet files"):
        parquet_book(Side.CARE, tmp_path)


@pytest.mark.parametrize("sign", [1, -1])
def test_amounts_have_bounds(tmp_path: Path, sign: int) -> None:
    """The greatest amount is added up, one fen more is refused with its row."""
    from medsettle.clearing.matching.reconcile import reconcile  # noqa: PLC0415 - of this test alone

    most = sign * limits.AMOUNT_FEN_MAX
    for number, (fen, fits) in enumerate(((most, True), (most + sign, False))):
        folder = tmp_path / str(number)
        folder.mkdir()
        rows = [row("s1"), row("s2", deductible_fen=fen)]
        books = {side: written(folder, side, rows) for side in Side}
        if fits:
            assert 2 == reconcile(books, scratch=folder).agreeing
        else:
            with pytest.raises(InvalidRequest, match=rf"row 2.deductible_fen: {fen} fen is beyond"):
                reconcile(books, scratch=folder)


_MOST_YUAN = Decimal(limits.AMOUNT_FEN_MAX) / 100
_FEN = Decimal("0.01")


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("yuan", "fits"),
    [
        pytest.param(_MOST_YUAN, True, id="the-bound"),
        pytest.param(_MOST_YUAN + _FEN, False, id="a-fen-more"),
        pytest.param(Decimal(10**16) - _FEN, False, id="eighteen-digits"),
        pytest.param(Decimal(10**16), False, id="nineteen-digits"),
        # 2**64 and 130050 fen: 1300.50 yuan in the low word.
        pytest.param((2**64 + 130_050) * _FEN, False, id="beyond-a-word"),
        pytest.param(Decimal(10**35), False, id="as-many-as-there-are"),
    ],
)
def test_decimals_of_yuan_have_bounds(
    tmp_path: Path, yuan: Decimal, sign: int, *, fits: bool
) -> None:
    """The greatest amount is read; whatever is beyond is told with its row, however many digits."""
    path = tmp_path / "day.parquet"
    amounts = pa.array([Decimal(1), Decimal(0), sign * yuan], pa.decimal128(38, 2))
    pq.write_table(pa.table({"setl_id": ["s1", "s2", "s3"], "fulamt_ownpay_amt": amounts}), path)

    if fits:
        found = _read(parquet_book(Side.CARE, path), "own_expense_fen")
        most = sign * limits.AMOUNT_FEN_MAX
        assert [100, 0, most] == [each["own_expense_fen"] for each in found]
    else:
        told = rf"day.parquet:3.fulamt_ownpay_amt: {sign * yuan:.2f} yuan is beyond \d+ fen"
        with pytest.raises(InvalidRequest, match=told) as error:
            parquet_book(Side.CARE, path)
        assert 1 == len(error.value.faults)


@pytest.mark.parametrize("fen", [2**63 - 1, 2**63, 2**64 - 1])
def test_whole_fen_beyond_a_word_are_told(tmp_path: Path, fen: int) -> None:
    """Unsigned integers of another program are refused with their row, and stop nothing."""
    path = tmp_path / "day.parquet"
    columns = {"settlement": ["s1", "s2"], "own_expense_fen": pa.array([1, fen], pa.uint64())}
    pq.write_table(pa.table(columns), path)

    with pytest.raises(
        InvalidRequest, match=rf"day.parquet:2.own_expense_fen: {fen} fen is beyond"
    ):
        parquet_book(Side.CARE, path)
