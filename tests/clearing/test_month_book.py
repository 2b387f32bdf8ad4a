"""A book that is no book is refused by what is wrong with it, and closes no month."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from medsettle import errors, limits
from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.reconcile import By
from medsettle.clearing.months.months import MonthStore
from medsettle.cli.clear_options import reconciled_days
from medsettle.cli.reconcile_books import Only
from medsettle.cli.reconcile_runs import Asked, run_reconciliation
from medsettle.core.columns import Kind

from tests.clearing.month_books import (
    MARCH,
    MOMENT,
    TODAY,
    cancel,
    close,
    close_book,
    lines,
    row,
    store_in,
    write_book,
)

pytestmark = pytest.mark.slow


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    with store_in(tmp_path) as store:
        yield store


_FAULTY: dict[str, dict[str, Any]] = {
    "fund_total_fen": {"fund_total_fen": 5_999},
    "pooling_area": {"pooling_area": "99990"},
    "original": {"original": "S0"},
    "record_date": {"record_date": None},
    "total_fen": {"total_fen": limits.AMOUNT_FEN_MAX + 1},
    "kind": {"kind": "sale"},
}


@pytest.mark.parametrize("column", _FAULTY)
def test_a_book_that_contradicts_itself_is_refused(store: MonthStore, column: str) -> None:
    """The fault is told with its column, how many rows have it, and the first settlement."""
    faulty = row("S2", date(2024, 3, 1)) | _FAULTY[column]
    with pytest.raises(errors.InvalidRequest) as caught:
        close(store, MARCH, [row("S1", date(2024, 3, 1)), faulty])

    assert any(
        f" {column}: " in line and "1 row(s), first settlement S2" in line
        for line in caught.value.message_lines
    )
    assert [] == store.months()


def test_a_book_may_state_anything_and_is_refused(store: MonthStore) -> None:
    """Amounts whose sum no int64 holds, floats for fen, a missing column: told, never computed."""
    most = 2**63 - 1
    huge = {"pooled_fund_fen": most, "assistance_fen": most, "account_fen": most}
    with pytest.raises(errors.InvalidRequest, match="assistance_fen: is beyond 1000000000"):
        close(store, MARCH, [row("S1", date(2024, 3, 1)) | huge])
    book = write_book(store.folder / "book.parquet", [row("S1", date(2024, 3, 1))])
    table = pq.read_table(book)
    place = table.schema.get_field_index("account_fen")
    floats = table.set_column(place, "account_fen", pa.array([1.0]))
    short = table.drop_columns(["kind"])
    for wrong, says in ((floats, "is double; amounts are whole fen"), (short, "kind: is missing")):
        pq.write_table(wrong, book)
        with pytest.raises(errors.InvalidRequest, match=says):
            close_book(store, book)


def test_a_damaged_book_is_refused(store: MonthStore) -> None:
    """Cut short, or with a page that cannot be unpacked: the file is named, nothing is closed."""
    rows = [row(f"S{number}", date(2024, 3, 1)) for number in range(3_000)]
    book = write_book(store.folder / "book.parquet", rows)
    content = book.read_bytes()
    torn = content[:64] + b"\xff" * 64 + content[128:]
    for damaged in (content[:-1_000], torn, b""):
        book.write_bytes(damaged)
        with pytest.raises(errors.InvalidRequest, match=r"book\.parquet"):
            close_book(store, book)

    assert [] == store.months()


_NAMES: dict[str, str] = {column.name: column.alias for column in BOOK if column.alias} | {
    "kind": "kind",
    "original": "init_setl_id",
}


def _as_csv(folder: Path, rows: list[dict[str, Any]], *, national: bool) -> Path:
    """Write rows as CSV, under our names in fen or under national ones in yuan."""
    kept = [column for column in BOOK if column.name != "record_time"]
    names = [_NAMES.get(column.name, column.name) if national else column.name for column in kept]
    lines = [names]
    for each in rows:
        cells = []
        for column in kept:
            value = each[column.name]
            if national and value is not None and column.name in _NAMES and column.kind is Kind.FEN:
                value = Decimal(value) / 100
            cells.append("" if value is None else str(value))
        lines.append(cells)
    path = folder / "book.csv"
    path.write_text("".join(",".join(cells) + "\n" for cells in lines), encoding="utf-8")
    return path


def _as_hive(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows below folders that say where they were insured, which the files do not say."""
    for area in sorted({each["pooling_area"] for each in rows}):
        place = folder / "hive" / f"pooling_area={area}"
        own = [each for each in rows if each["pooling_area"] == area]
        written = pq.read_table(write_book(place / "day.parquet", own))
        pq.write_table(written.drop_columns(["pooling_area"]), place / "day.parquet")
    return folder / "hive"


def _book_as(form: str, folder: Path, rows: list[dict[str, Any]]) -> Path:
    if form == "hive":
        return _as_hive(folder, rows)
    return _as_csv(folder, rows, national=form == "national")


@pytest.mark.parametrize("form", ["ours", "national", "hive"])
def test_whatever_is_compared_is_closed(tmp_path: Path, form: str) -> None:
    """CSV, yuan and areas in the names of folders: the lines are the bytes that Parquet gives."""
    first = row("S1", date(2024, 3, 1))
    rows = [
        first,
        cancel(first, "C1", date(2024, 3, 2)),
        row("S2", date(2024, 3, 3), pooling_area="999902", pooled_fund=5_999),
    ]
    digests = []
    for name in ("parquet", form):
        folder = tmp_path / name
        folder.mkdir()
        book = folder / "book.parquet"
        book = write_book(book, rows) if name == "parquet" else _book_as(form, folder, rows)
        # The book is that of the run, too, whatever it was read from.
        paths = {Side.INSURED: book, Side.CARE: tmp_path / "parquet" / "book.parquet"}
        asked = Asked("a-with-b", paths, Only(), By.JOIN, {}, folder, None)
        run = run_reconciliation(asked, lambda: MOMENT)
        assert 0 == run.differences
        check = reconciled_days(folder, None, MARCH, book)
        with store_in(folder) as store:
            given: dict[str, Any] = {"today": TODAY, "who": "clerk A", "moment": MOMENT}
            closed, _ = store.close_month(MARCH, book, [], check_days=check, **given)
        digests.append(closed.lines_sha256)
        assert [] == list((folder / "clearing" / "months" / "2024-03").glob(".spill-*"))

    assert digests[0] == digests[1]


def test_a_text_that_is_no_book_is_refused_with_its_line(store: MonthStore) -> None:
    """What the reader of CSV finds wrong is told, and so is what is not there."""
    book = _as_csv(
        store.folder, [row("S1", date(2024, 3, 1)) | {"total_fen": "1.5"}], national=False
    )
    with pytest.raises(errors.InvalidRequest, match=r"book.csv:2.total_fen: '1.5' is no amount"):
        close_book(store, book)
    with pytest.raises(errors.InvalidRequest, match="does not exist; name the book of the place"):
        close_book(store, store.folder / "no-such-book")
    assert [] == store.months()


def test_the_largest_amount_is_taken(store: MonthStore) -> None:
    """A bill of AMOUNT_FEN_MAX is cleared; one fen more was refused above."""
    close(store, MARCH, [row("S1", date(2024, 3, 1), total_fen=limits.AMOUNT_FEN_MAX)])

    assert ["S1"] == [each["settlement"] for each in lines(store, MARCH)]
