"""Books compared by sketch and by full join: the same odd rows, those a slow comparison finds."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle import limits
from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.reconcile import By, Reconciliation, reconcile
from medsettle.clearing.matching.sources import Book
from medsettle.errors import Precondition

from tests.clearing.books import (
    DAY,
    Row,
    counted,
    odd_keys_of,
    row,
    table,
    wanted_keys_of,
    written,
)

_ALL = {column.name for column in BOOK}


def _compared(
    folder: Path,
    books: Mapping[Side, Book],
    by: By,
    *,
    cells: int = limits.SKETCH_CELLS_MIN,
    memory_mib: int = limits.JOIN_MEMORY_MIB,
) -> Reconciliation:
    scratch = folder / by
    scratch.mkdir()
    return reconcile(books, scratch=scratch, by=by, cells=cells, memory_mib=memory_mib)


@st.composite
def _books(draw: st.DrawFn) -> tuple[dict[Side, list[Row]], dict[Side, frozenset[str]]]:
    """Draw two or three small books of the same records, with rows missing, twice and changed."""
    count = draw(st.integers(0, 12))
    visits = st.sampled_from([None, "v1", "v2"])
    base = [
        row(
            f"s{number}",
            encounter=draw(visits),
            person=draw(st.sampled_from(["p1", "p2"])),
            request_id=draw(st.sampled_from([None, f"r{number % 5}"])),
            original=draw(st.sampled_from([None, None, "s0", "s3"])),
            total_fen=draw(st.sampled_from([0, 10_000, -10_000, limits.AMOUNT_FEN_MAX])),
        )
        for number in range(count)
    ]
    same: list[Row] = [{}] * 8
    changes = st.sampled_from(
        [
            *same,
            {"cash_fen": 1},
            {"policy": "other"},
            {"policy": None},
            {"institution": "ins2"},
            {"record_date": DAY.replace(day=30)},
            {"kind": "cancel"},
        ]
    )
    sides = draw(st.sampled_from([tuple(Side), tuple(Side)[:2], tuple(Side)[1:]]))
    books = {
        side: [
            each | draw(changes)
            for each in base
            for _ in range(draw(st.sampled_from([*[1] * 10, 0, 2, 3])))
        ]
        for side in sides
    }
    lacking = st.sampled_from(
        [
            frozenset(),
            frozenset({"policy", "encounter", "original"}),
            frozenset({"cash_fen", "institution"}),
        ]
    )
    return books, {side: draw(lacking) for side in sides}


@settings(max_examples=30)
@given(_books())
def test_sketch_and_join_find_what_a_slow_comparison_finds(
    drawn: tuple[dict[Side, list[Row]], dict[Side, frozenset[str]]],
) -> None:
    """Whatever is missing, twice or changed, both ways give the rows of odd keys and no more."""
    books, without = drawn
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        opened = {side: written(folder, side, rows, without[side]) for side, rows in books.items()}
        columns = {side: set(book.columns) for side, book in opened.items()}
        found = {by: _compared(folder, opened, by) for by in By}

    odd = odd_keys_of(books, columns)
    wanted = wanted_keys_of(books, columns, odd)
    for side, rows in books.items():
        kept = table([each for each in rows if each["settlement"] in wanted], without[side])
        expected = counted(kept.select(list(opened[side].columns)))
        assert expected == counted(found[By.SKETCH].odd.rows[side])
        assert found[By.JOIN].odd.rows[side].equals(found[By.SKETCH].odd.rows[side])
    first = next(iter(books.values()))
    agreeing = sum(each["settlement"] not in odd for each in first)
    assert dict.fromkeys(By, agreeing) == {by: each.agreeing for by, each in found.items()}
    assert By.SKETCH == found[By.SKETCH].found_by


def test_a_family_is_sought_in_every_book(tmp_path: Path) -> None:
    """A book without `original` knows a row by its own id, where the others say it belongs on."""
    settled, of_settled = row("s3", request_id="r3"), row("s0", request_id="r0", original="s3")
    last = row("s4", request_id="r4", original="s0", cash_fen=1, fund_total_fen=9_999)
    changed = row("s4", request_id="r4", original="s0", cash_fen=2, fund_total_fen=9_998)
    books = {
        Side.INSURED: written(tmp_path, Side.INSURED, [settled, of_settled, last]),
        Side.CARE: written(
            tmp_path, Side.CARE, [settled, of_settled, changed], frozenset({"original"})
        ),
    }

    found = {by: _compared(tmp_path, books, by) for by in By}

    for each in found.values():
        for side in books:
            assert {"s0", "s4"} == set(each.odd.rows[side]["settlement"].to_pylist())


def _many(count: int) -> list[Row]:
    return [row(f"s{number}", request_id=f"r{number}") for number in range(count)]


def test_a_retry_is_found_beside_its_twin(tmp_path: Path) -> None:
    """A settlement that only one book has brings the one of the same visit that all books have."""
    twin = row("s1", encounter="v1", request_id="r1")
    retry = row("s2", encounter="v1", request_id="r2")
    other = row("s3", encounter="v3", request_id="r3")
    books = {
        Side.INSURED: written(tmp_path, Side.INSURED, [twin, other]),
        Side.CARE: written(tmp_path, Side.CARE, [other, retry, twin]),
    }

    found = _compared(tmp_path, books, By.SKETCH)

    assert ["s1"] == found.odd.rows[Side.INSURED]["settlement"].to_pylist()
    assert ["s1", "s2"] == found.odd.rows[Side.CARE]["settlement"].to_pylist()
    assert 2 == found.agreeing


def test_a_row_that_all_books_have_twice_is_odd(tmp_path: Path) -> None:
    """Duplicates that cancel one another in the sketch are found all the same."""
    rows = [*_many(5), row("s2", request_id="r2")]
    books = {side: written(tmp_path, side, rows) for side in Side}

    found = _compared(tmp_path, books, By.SKETCH)

    for side in Side:
        assert ["s2", "s2"] == found.odd.rows[side]["settlement"].to_pylist()
    assert 4 == found.agreeing


def test_a_sketch_that_is_too_small_is_made_again_larger(tmp_path: Path) -> None:
    """Fifty rows that differ do not fit into twelve cells; four times as many, twice, hold them."""
    books = {
        Side.INSURED: written(tmp_path, Side.INSURED, _many(50)),
        Side.CARE: written(tmp_path, Side.CARE, []),
    }

    found = _compared(tmp_path, books, By.SKETCH, cells=12)

    assert (By.SKETCH, 192) == (found.found_by, found.cells)
    assert 50 == found.odd.rows[Side.INSURED].num_rows


def test_many_copies_of_a_row_are_left_to_the_join(tmp_path: Path) -> None:
    """No sketch tells more than seven copies of one row, however large; the join does."""
    copies = [row("s1")] * 9
    books = {
        Side.INSURED: written(tmp_path, Side.INSURED, [*_many(40), *copies]),
        Side.CARE: written(tmp_path, Side.CARE, _many(40)),
    }

    found = _compared(tmp_path, books, By.SKETCH)

    assert (By.JOIN, 0) == (found.found_by, found.cells)
    assert 10 == found.odd.rows[Side.INSURED].num_rows
    assert 1 == found.odd.rows[Side.CARE].num_rows


def test_totals_are_told_before_rows(tmp_path: Path) -> None:
    """Only the group in which a fen is missing is not flat; both sums stand beside one another."""
    rows = [row("s1"), row("s2"), row("s3", care_area="999003")]
    less = [row("s1"), row("s2"), row("s3", care_area="999003", cash_fen=2_999)]
    books = {
        Side.INSURED: written(tmp_path, Side.INSURED, rows),
        Side.CARE: written(tmp_path, Side.CARE, less),
    }

    totals = _compared(tmp_path, books, By.SKETCH).totals

    assert {
        "care_area": ["999002", "999003"],
        "flat": [True, False],
        "insured_rows": [2, 1],
        "insured_total_fen": [20_000, 10_000],
        "insured_cash_fen": [6_000, 3_000],
        "care_cash_fen": [6_000, 2_999],
    } == {
        name: totals[name].to_pylist()
        for name in (
            *("care_area", "flat", "insured_rows", "insured_total_fen", "insured_cash_fen"),
            "care_cash_fen",
        )
    }


def test_the_digest_of_a_book_is_that_of_its_rows(tmp_path: Path) -> None:
    """Order and file change nothing; one fen does."""

    def digests(rows: Sequence[Row], name: str) -> set[str]:
        folder = tmp_path / name
        folder.mkdir()
        books = {side: written(folder, side, rows) for side in (Side.INSURED, Side.CARE)}
        return {each.digest for each in _compared(folder, books, By.SKETCH).books.values()}

    same = digests(_many(9), "a") | digests(_many(9)[::-1], "b")
    other = digests([*_many(8), row("s8", request_id="r8", cash_fen=1)], "c")

    assert 1 == len(same)
    assert same.isdisjoint(other)


@pytest.mark.parametrize("by", By)
def test_one_book_is_compared_with_nothing(tmp_path: Path, by: By) -> None:
    """Two books are needed, whichever they are."""
    books = {Side.CARE: written(tmp_path, Side.CARE, _many(2))}

    with pytest.raises(Precondition, match="1 book is compared with nothing; open two or three"):
        _compared(tmp_path, books, by)


@pytest.mark.parametrize("by", By)
def test_too_many_odd_rows_are_refused(
    tmp_path: Path, by: By, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many rows as the bound are classified, one more is refused and says what to do."""
    monkeypatch.setattr(limits, "ODD_ROWS_MAX", 5)
    care = written(tmp_path, Side.CARE, [])
    enough = {Side.INSURED: written(tmp_path, Side.INSURED, _many(5)), Side.CARE: care}

    assert 5 == _compared(tmp_path, enough, by).odd.rows[Side.INSURED].num_rows

    again = tmp_path / "again"
    again.mkdir()
    more = {Side.INSURED: written(again, Side.INSURED, _many(6)), Side.CARE: care}
    with pytest.raises(Precondition, match="6 rows of the books differ, at most 5 are classified"):
        _compared(again, more, by)


@pytest.mark.parametrize("memory_mib", [limits.JOIN_MEMORY_MIB_MIN - 1])
def test_too_little_memory_is_refused(tmp_path: Path, memory_mib: int) -> None:
    """One MiB below the least is refused before a book is read."""
    books = {side: written(tmp_path, side, _many(2)) for side in Side}

    with pytest.raises(Precondition, match="255 MiB are too little for the full join; give it 256"):
        _compared(tmp_path, books, By.JOIN, memory_mib=memory_mib)
