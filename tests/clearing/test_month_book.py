"""A book that is no book is refused by what is wrong with it, and closes no month."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from medsettle import errors, limits
from medsettle.clearing.months import MonthStore

from tests.clearing.month_books import MARCH, close, close_book, lines, row, store_in, write_book

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


def test_the_largest_amount_is_taken(store: MonthStore) -> None:
    """A bill of AMOUNT_FEN_MAX is cleared; one fen more was refused above."""
    close(store, MARCH, [row("S1", date(2024, 3, 1), total_fen=limits.AMOUNT_FEN_MAX)])

    assert ["S1"] == [each["settlement"] for each in lines(store, MARCH)]
