"""Made books: everything adds up, the same seed is the same bytes, and what is planted is found."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.clearing.made.books import MadeBooks, kept_columns, make_books
from medsettle.clearing.made.cases import CASES, TRAPS
from medsettle.clearing.matching.book import BOOK, OWN, Side
from medsettle.clearing.matching.book_files import BookFile
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.clearing.matching.reconcile import By, reconcile
from medsettle.clearing.matching.repeats import find_repeats, with_repeats
from medsettle.clearing.matching.sources_parquet import parquet_book
from medsettle.core.codes import FUND_NAMES, POT_NAMES
from medsettle.errors import InvalidRequest

_Row = dict[str, Any]
_UNKEPT = {"card", "visit_type", "catalogue_digest"}


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> MadeBooks:
    """Return books of some thousand settlements, in several stretches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MADE_BOOK_STRETCH_ROWS", 1_024)
        return make_books(tmp_path_factory.mktemp("books"), rows=5_000, differences=300, seed=1)


def _asked(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(query).fetchall()


def test_amounts_add_up_in_every_row(made: MadeBooks) -> None:
    """Total = pots = funds + institution + accounts + cash, also of what takes something back."""
    funds = " + ".join(f"{name}_fen" for name in FUND_NAMES)
    pots = " + ".join(f"{name}_fen" for name in POT_NAMES)
    for path in made.books.values():
        ((wrong, rows),) = _asked(f"""
            select count(*) filter (not (total_fen = {pots} and fund_total_fen = {funds}
              and person_total_fen = account_fen + mutual_aid_fen + cash_fen
              and total_fen = fund_total_fen + institution_share_fen + person_total_fen)), count(*)
            from '{path}'
        """)
        assert 0 == wrong
        assert rows > 5_000


def test_settlements_are_positive_and_what_takes_them_back_mirrors_them(made: MadeBooks) -> None:
    """No settlement has an amount below 0; a cancel has its original's with the other sign."""
    fen = [column.name for column in BOOK if column.name.endswith("_fen")]
    path = made.books[Side.CARE]
    ((below,),) = _asked(f"""
        select count(*) from '{path}' where kind = 'settle' and least({", ".join(fen)}) < 0
    """)
    unlike = " or ".join(f"c.{name} + o.{name} <> 0" for name in fen)
    cancels, wrong = _asked(f"""
        select count(*), count(*) filter ({unlike}) from '{path}' c
        join '{path}' o on o.settlement = c.original where c.kind = 'cancel'
    """)[0]
    assert (0, 0) == (below, wrong)
    assert cancels > 50


def test_ids_have_the_form_of_the_interface(made: MadeBooks) -> None:
    """Ids have 30 characters, message ids begin with their institution, visits have 20."""
    ((forms,),) = _asked(f"""
        select list(distinct (length(settlement), length(request_id), length(encounter),
          length(institution), starts_with(request_id, institution)))
        from '{made.books[Side.INSURED]}' where kind = 'settle'
    """)
    assert [(30, 30, 20, 12, True)] == forms


@pytest.mark.slow
def test_the_mix_is_near_the_published_one(tmp_path: Path) -> None:
    """11.25 M of 129 M settlements of 2023 were of inpatients, at 153.67 bn yuan of funds."""
    made = make_books(tmp_path, rows=50_000, differences=0, seed=2)

    (counts,) = _asked(f"""
        select count(*), count(*) filter (visit_type = '21'), sum(fund_total_fen)::bigint
        from '{made.books[Side.INSURED]}' where kind = 'settle'
    """)
    settled, inpatients, funds_fen = counts
    assert 50_000 == settled
    assert abs(inpatients * 10_000 // settled - 872) < 50
    assert abs(funds_fen // settled - 119_124) < 25_000


def test_nobody_has_a_service_twice_that_was_not_planted(tmp_path: Path) -> None:
    """People come several times, on one day too, never with equal totals."""
    path = make_books(tmp_path, rows=4_000, differences=0, days=2).books[Side.INSURED]

    same_day, equal, visits = _asked(f"""
        with days as (select count(*) as n, count(distinct total_fen) as totals from '{path}'
          where kind = 'settle' group by person, service_date)
        select (select count(*) from days where n > 1),
          (select count(*) from days where n > totals),
          (select count(*) from (select encounter from '{path}' where kind = 'settle'
            group by encounter having count(*) > 1))
    """)[0]
    assert same_day > 500
    assert 0 == equal
    assert visits > 3


def test_without_differences_the_books_agree(tmp_path: Path) -> None:
    """But for order and moments, all have the same rows, and the nation lacks three columns."""
    made = make_books(tmp_path, rows=2_000, differences=0)

    names = ", ".join(each.name for each in BOOK if each.name not in OWN | _UNKEPT)
    insured = made.books[Side.INSURED]
    for side in (Side.CARE, Side.NATIONAL):
        path = made.books[side]
        assert [] == _asked(
            f"select {names} from '{insured}' except all select {names} from '{path}'"
        )
        assert [] == _asked(
            f"select {names} from '{path}' except all select {names} from '{insured}'"
        )
        assert _asked(f"select settlement from '{path}'") != _asked(
            f"select settlement from '{insured}'"
        )
    assert _UNKEPT == set(pq.read_schema(insured).names) - set(pq.read_schema(path).names)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Files are equal for equal arguments, and another seed gives other ones."""
    first, again, other = (
        make_books(tmp_path / str(number), rows=1_500, differences=60, seed=seed)
        for number, seed in enumerate((7, 7, 8))
    )
    for side in Side:
        assert first.books[side].read_bytes() == again.books[side].read_bytes()
        assert first.books[side].read_bytes() != other.books[side].read_bytes()
    assert first.truth.read_bytes() == again.truth.read_bytes()


def test_every_cause_is_planted_as_often_as_any_other(made: MadeBooks) -> None:
    """The truth has each cause, each class, and a case that is none for ten that are one."""
    truth = pq.read_table(made.truth).to_pylist()
    planted = Counter(row["cause"] for row in truth if row["difference_class"] is not None)

    assert set(CASES) == set(planted)
    assert max(planted.values()) - min(planted.values()) <= 1
    assert {int(each) for each in DifferenceClass} == {row["difference_class"] for row in truth} - {
        None
    }
    assert set(TRAPS) == {row["cause"] for row in truth if row["difference_class"] is None}
    assert (300, 30) == (sum(made.differences.values()), made.traps)


def test_files_are_stored_as_audit_tables_are(made: MadeBooks) -> None:
    """Amounts are split by byte, codes have dictionaries, ids have none, and it is zstd."""
    group = pq.ParquetFile(made.books[Side.CARE]).metadata.row_group(0)
    columns = {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}
    assert "BYTE_STREAM_SPLIT" in columns["total_fen"].encodings
    assert "RLE_DICTIONARY" in columns["care_area"].encodings
    assert not {"RLE_DICTIONARY", "PLAIN_DICTIONARY"} & set(columns["settlement"].encodings)
    assert "ZSTD" == columns["cash_fen"].compression
    assert pq.ParquetFile(made.books[Side.CARE]).metadata.num_row_groups == 5


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"rows": 0, "differences": 0}, "rows"),
        ({"rows": limits.MADE_BOOK_ROWS_MAX + 1}, "rows"),
        ({"days": 0}, "days"),
        ({"days": limits.MADE_BOOK_DAYS_MAX + 1}, "days"),
        ({"differences": -1}, "differences"),
        # With each ten goes one that is none: 46 and 4 are half of a hundred, 47 and 4 are more.
        ({"differences": 47}, "differences"),
    ],
)
def test_bounds(tmp_path: Path, wrong: dict[str, int], named: str) -> None:
    """One step beyond a bound is refused by name, before anything is written."""
    asked = {"rows": 100, "differences": 10, "days": 2} | wrong
    with pytest.raises(InvalidRequest) as refused:
        make_books(tmp_path / "books", **asked)  # type: ignore[arg-type]

    assert [named] == [fault.path for fault in refused.value.faults]
    assert not (tmp_path / "books").exists()


@pytest.mark.parametrize(
    "right", [{"rows": 1, "differences": 0}, {"differences": 46}, {"days": 366}]
)
def test_within_bounds(tmp_path: Path, right: dict[str, int]) -> None:
    """What is within them is made."""
    asked = {"rows": 100, "differences": 10, "days": 2} | right

    made = make_books(tmp_path, **asked)  # type: ignore[arg-type]

    assert sum(made.differences.values()) == asked["differences"]


def test_an_unfinished_book_is_no_book(tmp_path: Path) -> None:
    """What stops while it is written leaves neither the file nor a part of it."""
    path = tmp_path / "care.parquet"
    with pytest.raises(RuntimeError), BookFile(path, kept_columns(Side.CARE)):
        raise RuntimeError

    assert [] == list(tmp_path.iterdir())


def _reconciled(made: MadeBooks, scratch: Path, by: By) -> Any:  # noqa: ANN401 - of pyarrow
    scratch.mkdir()
    books = {side: parquet_book(side, path) for side, path in made.books.items()}
    return reconcile(books, scratch=scratch, by=by).differences


def _assert_true(made: MadeBooks, found: list[_Row], *, repeated: bool) -> None:
    truth = [row for row in pq.read_table(made.truth).to_pylist() if row["difference_class"]]
    names = ("difference_class", "missing_at", "at_risk_fen")
    expected = {
        row["item"]: tuple(row[name] for name in names)
        for row in truth
        if repeated or not row["repeated"]
    }
    told = {row["item"]: tuple(row[name] for name in names) for row in found}
    again = {row["item"] for row in truth if row["repeated"]}
    # A repeat is there in all books, so nobody lacks it.
    assert expected == {
        item: (values[0], [], values[2]) if item in again else values
        for item, values in told.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("by", list(By))
def test_what_is_planted_is_found(tmp_path: Path, made: MadeBooks, by: By) -> None:
    """Every difference is found and classed, with who lacks it and its risk, and none invented."""
    found = _reconciled(made, tmp_path / "scratch", by)

    _assert_true(made, found.to_pylist(), repeated=False)
    repeats = find_repeats(parquet_book(Side.INSURED, made.books[Side.INSURED]), tmp_path)
    _assert_true(made, with_repeats(found, repeats.differences).to_pylist(), repeated=True)


@pytest.mark.slow
def test_thousands_of_differences_among_a_hundred_thousand(tmp_path: Path) -> None:
    """Two thousand differences in three books of 100,000 settlements are all found, and no more.

    A million with five thousand takes longer than tests should: `reconcile make-books` makes them.
    """
    made = make_books(
        tmp_path / "books", rows=100_000, differences=2_000, first_day=date(2026, 1, 1)
    )

    found = _reconciled(made, tmp_path / "scratch", By.SKETCH)

    repeats = find_repeats(parquet_book(Side.CARE, made.books[Side.CARE]), tmp_path)
    _assert_true(made, with_repeats(found, repeats.differences).to_pylist(), repeated=True)
