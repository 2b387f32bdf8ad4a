"""Which rows come with odd ones, how they are found again, and what a join may use for it."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pytest
from medsettle import limits
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.candidates import TooManyRows, candidate_rows, keys_twice
from medsettle.clearing.matching.passes import Kept, Passed, Task, pairs_of, pass_over
from medsettle.clearing.matching.reconcile import By, reconcile
from medsettle.clearing.matching.row_hashes import SEED, Hasher
from medsettle.clearing.matching.sources import Book
from medsettle.errors import InvalidRequest, Precondition

from tests.clearing.books import Row, row, table, written

_INSURED, _CARE = Side.INSURED, Side.CARE
_JOINED: Final = """
import resource, sys
from pathlib import Path
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.full_join import joined
from medsettle.clearing.matching.sources_parquet import parquet_book

folder = Path(sys.argv[1])
books = [parquet_book(side, folder / f"{side}.parquet") for side in (Side.INSURED, Side.CARE)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = joined(books, folder, memory_mib=int(sys.argv[2]))
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(found.odd_keys, used // 1024)
"""


def _passed(folder: Path, books: dict[Side, Book]) -> dict[Side, Passed]:
    columns = pairs_of(list(books.values()))[0].columns
    task = Task((columns,), (), 300, SEED, seek_again=True, folder=folder)
    return {side: pass_over(book, task) for side, book in books.items()}


def _candidates(folder: Path, books: dict[Side, Book], *keys: str) -> dict[Side, list[str]]:
    named = pa.record_batch([pa.array(keys, pa.string())], names=["settlement"])
    odd = np.sort(Hasher(SEED).keys(named))
    found = candidate_rows(list(books.values()), _passed(folder, books), odd)
    return {side: rows["settlement"].to_pylist() for side, rows in found.items()}


def _books(folder: Path, insured: list[Row], care: list[Row]) -> dict[Side, Book]:
    return {
        _INSURED: written(folder, _INSURED, insured),
        _CARE: written(folder, _CARE, care),
    }


def test_rows_of_a_key_come_from_every_book(tmp_path: Path) -> None:
    """All of them, in the order of the book, and nothing else."""
    rows = [row(f"s{number}", request_id=f"r{number}", person=f"p{number}") for number in range(8)]
    books = _books(tmp_path, rows, [*rows[::-1], rows[3]])

    assert {_INSURED: ["s3", "s5"], _CARE: ["s5", "s3", "s3"]} == _candidates(
        tmp_path, books, "s3", "s5"
    )


@pytest.mark.parametrize(
    "shared",
    [
        {"institution": "h1", "request_id": "r"},
        {"institution": "h1", "institution_settlement": "n"},
        {"institution": "h1", "encounter": "v", "person": "p"},
    ],
    ids="+".join,
)
def test_what_shares_a_natural_key_comes_too(tmp_path: Path, shared: Row) -> None:
    """It comes from both books; with another kind, or a part that is null, it does not."""
    own = row("odd") | {"person": "p0", "total_fen": 1} | shared
    beside = row("beside") | {"person": "p1", "total_fen": 2} | shared
    other_kind = row("other") | {"person": "p2", "total_fen": -3} | shared | {"kind": "cancel"}
    name = next(reversed(shared))
    without = row("without") | {"person": "p3", "total_fen": 4} | shared | {name: None}
    if name == "person":
        without["person"] = "another"
    rows = [own, beside, other_kind, without]

    found = _candidates(tmp_path, _books(tmp_path, rows, rows[1:]), "odd")

    assert {_INSURED: ["odd", "beside"], _CARE: ["beside"]} == found


def test_what_belongs_to_the_same_settlement_comes_too(tmp_path: Path) -> None:
    """The cancel of an odd settlement is not odd itself, and says what became of it."""
    rows = [
        row("s1", person="p1"),
        row("s1-x", person="p1", kind="cancel", original="s1", total_fen=-10_000),
        row("s2", person="p2", total_fen=1),
    ]

    assert {_INSURED: ["s1", "s1-x"], _CARE: ["s1", "s1-x"]} == _candidates(
        tmp_path, _books(tmp_path, rows, rows), "s1"
    )


def test_rows_without_natural_keys_are_not_alike(tmp_path: Path) -> None:
    """That two rows both say nothing of a request does not make them one."""
    rows = [row(f"s{number}", person=f"p{number}", total_fen=number) for number in range(5)]

    assert {_INSURED: ["s1"], _CARE: ["s1"]} == _candidates(
        tmp_path, _books(tmp_path, rows, rows), "s1"
    )


def test_named_rows_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the bound are read; one more is left to whoever can look at all of them."""
    rows = [
        row(f"s{number}", request_id=f"r{number}", person=f"p{number}", total_fen=number)
        for number in range(3)
    ]
    books = _books(tmp_path, rows, rows)
    monkeypatch.setattr(limits, "ODD_ROWS_MAX", 4)

    assert {_INSURED: ["s0", "s1"], _CARE: ["s0", "s1"]} == _candidates(tmp_path, books, "s0", "s1")
    with pytest.raises(TooManyRows):
        _candidates(tmp_path, books, "s0", "s1", "s2")


def test_rows_with_unknown_values_are_left_to_the_join(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A book that knows less than another differs in every hash and in no value."""
    monkeypatch.setattr(limits, "ODD_ROWS_MAX", 5)
    rows = [row(f"s{number}", policy="p", request_id=f"r{number}") for number in range(9)]
    less = [each | {"policy": None} for each in rows[:-1]] + rows[-1:]

    found = reconcile(_books(tmp_path, rows, less), scratch=tmp_path)

    assert (By.JOIN, 9, 0) == (found.found_by, found.agreeing, found.odd.rows[_CARE].num_rows)


def test_keys_that_are_there_twice_are_counted(tmp_path: Path) -> None:
    """Of those that may be, only those that are."""
    rows = [row("s1"), row("s2"), row("s1")]
    batch = table(rows).combine_chunks().to_batches()[0]
    hashes = Hasher(SEED).keys(batch)
    path = tmp_path / "keys"
    hashes.tofile(path)

    assert [hashes[0]] == keys_twice(Kept(path, {}), np.unique(hashes)).tolist()


def test_keys_twice_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A book put together from files that overlap is refused, one key after the bound."""
    monkeypatch.setattr(limits, "SEEN_AGAIN_MAX", 3)
    rows = [row(f"s{number}") for number in range(4)]
    books = _books(tmp_path, [*rows, *rows[:3]], rows)
    assert 3 == len(_passed(tmp_path, books)[_INSURED].again)

    books = _books(tmp_path, [*rows, *rows], rows)
    with pytest.raises(Precondition, match=r"may have 4 settlements twice, at most 3 .* overlap"):
        _passed(tmp_path, books)


def test_groups_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many groups are told, one more is refused."""
    monkeypatch.setattr(limits, "TOTAL_GROUPS_MAX", 2)
    rows = [row(f"s{number}", care_area=f"99900{number}") for number in range(3)]
    enough = _books(tmp_path, rows[:2], rows[:2])
    assert 2 == reconcile(enough, scratch=tmp_path).totals.num_rows

    more = _books(tmp_path, rows, rows)
    with pytest.raises(Precondition, match="has more than 2 groups of record_date, pooling_area"):
        reconcile(more, scratch=tmp_path)


def test_sums_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sum can hold is added up; what might be more is refused before it wraps."""
    monkeypatch.setattr(limits, "INT64_MAX", 20_000)
    rows = [row(f"s{number}") for number in range(3)]
    enough = _books(tmp_path, rows[:2], rows[:2])
    assert [20_000] == reconcile(enough, scratch=tmp_path).totals["care_total_fen"].to_pylist()

    more = _books(tmp_path, rows, rows)
    with pytest.raises(InvalidRequest, match=r"3 rows of up to 10000 fen .* fewer days at once"):
        reconcile(more, scratch=tmp_path)


def test_duplicates_are_found_with_few_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the bits are fewer than the rows more keys are looked into, and none is missed."""
    monkeypatch.setattr(limits, "SEEN_BITS_MAX", 64)
    rows = [row(f"s{number}", person=f"p{number}", total_fen=number) for number in range(500)]
    books = _books(tmp_path, [*rows, rows[77]], [*rows, rows[77]])

    found = reconcile(books, scratch=tmp_path)

    assert ["s77", "s77"] == found.odd.rows[_CARE]["settlement"].to_pylist()
    assert 499 == found.agreeing


def test_a_sketch_that_would_be_too_large_is_left_to_the_join(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It grows fourfold up to the bound, and no further."""
    rows = [row(f"s{number}", person=f"p{number}", total_fen=number) for number in range(50)]
    books = _books(tmp_path, rows, [])
    for most, by, cells in ((192, By.SKETCH, 192), (191, By.JOIN, 0)):
        monkeypatch.setattr(limits, "SKETCH_CELLS_MAX", most)
        folder = tmp_path / str(most)
        folder.mkdir()

        found = reconcile(books, scratch=folder, cells=12)

        assert (by, cells) == (found.found_by, found.cells)
        assert 50 == found.odd.rows[_INSURED].num_rows


def test_many_groups_are_all_told(tmp_path: Path) -> None:
    """More groups than the table begins with, and each with its own sum."""
    rows = [
        row(f"s{number}", care_area=f"{number:06d}", deductible_fen=number)
        for number in range(3_000)
    ]

    totals = reconcile(_books(tmp_path, rows, rows), scratch=tmp_path).totals

    assert totals["flat"].to_pylist() == [True] * 3_000
    assert totals["care_area"].to_pylist() == [f"{number:06d}" for number in range(3_000)]
    assert totals["care_deductible_fen"].to_pylist() == list(range(3_000))


@pytest.mark.slow
def test_the_join_keeps_to_its_memory(tmp_path: Path) -> None:
    """Books that need several times the least memory are joined with it, and spilled."""
    count, wide = 60_000, "x" * 40
    one = table([row("s", **dict.fromkeys(("policy", "card", "encounter"), wide))])
    whole = one.take(pa.array(np.zeros(count, np.int64)))
    keys = pa.array([f"{number:0>50}" for number in range(count)])
    at = {name: whole.schema.get_field_index(name) for name in ("settlement", "request_id")}
    for place in at.values():
        whole = whole.set_column(place, whole.schema.field(place), keys)
    for side, rows in ((_INSURED, whole.slice(1)), (_CARE, whole)):
        pa.parquet.write_table(rows, tmp_path / f"{side}.parquet")
    least = limits.JOIN_MEMORY_MIB_MIN

    done = subprocess.run(
        [sys.executable, "-c", _JOINED, str(tmp_path), str(least)],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    odd, used_mib = map(int, done.stdout.split())
    assert 1 == odd
    # What reads the books has its batches beside what the join may use.
    assert used_mib < least + 256
