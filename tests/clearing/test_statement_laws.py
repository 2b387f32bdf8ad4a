"""Laws of statements: equal files, and any change of any of them found where it is."""

import string
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle.clearing.statements.cells import Cells, cells_of, digests_of
from medsettle.clearing.statements.checks import verify_statement
from medsettle.clearing.statements.csv import read_csv
from medsettle.clearing.statements.differences import ChangeKind, RowChange, row_changes
from medsettle.clearing.statements.excel_reading import read_excel
from medsettle.clearing.statements.statements import CSV_FILE, EXCEL_FILE, PARQUET_FILE, TABLE_FILES

from tests.clearing.stating import Tampering, made

_TEXTS = st.text(string.ascii_letters + string.digits + "=+-@'\",;<&>中文", min_size=1, max_size=8)
_EVERY_ROW = st.lists(
    st.tuples(
        st.none() | _TEXTS,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.dates(date(1998, 1, 1), date(2099, 12, 31)),
        st.none() | st.booleans(),
        st.none() | st.datetimes(datetime(1998, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001
    ),
    min_size=1,
    max_size=5,
)
# A row that says nothing is refused.
_ROWS = _EVERY_ROW.filter(lambda rows: all(any(c is not None for c in row) for row in rows))
_SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("paid_fen", pa.int64()),
        ("count", pa.int64()),
        ("day", pa.date32()),
        ("refund", pa.bool_()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)


def _table_of(rows: list[tuple[Any, ...]]) -> Any:  # noqa: ANN401
    utc = [(*row[:5], None if row[5] is None else row[5].replace(tzinfo=UTC)) for row in rows]
    columns = [pa.array(column, kind) for column, kind in zip(zip(*utc), _SCHEMA.types)]  # noqa: B905
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


@pytest.mark.slow
@given(_ROWS)
def test_three_files_always_say_the_same(rows: list[tuple[Any, ...]]) -> None:
    """Whatever a table holds is in each file again, cell for cell."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "s"
        manifest = made(folder, _table_of(rows))
        cells = Tampering(folder, manifest).rows()
        heads, by_csv, lines = read_csv((folder / CSV_FILE).read_bytes(), manifest.columns)
        book = read_excel((folder / EXCEL_FILE).read_bytes(), manifest.columns)

        assert cells == [tuple(row) for row in by_csv]
        assert cells == [tuple(row) for row in book.rows]
        assert list(range(2, len(cells) + 2)) == lines
        assert [] == book.others
        assert heads == book.heads == [column.head for column in manifest.columns]
        assert () == verify_statement(folder).findings


@pytest.mark.slow
@given(_ROWS, _ROWS, st.sampled_from(TABLE_FILES), st.data())
def test_any_single_changed_cell_of_any_file_is_found_and_located(
    rows: list[tuple[Any, ...]],
    others: list[tuple[Any, ...]],
    file: str,
    data: st.DataObject,
) -> None:
    """A cell becomes another that its column may hold: its file, row and column are named."""
    row = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, len(_SCHEMA) - 1))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "s"
        tampering = Tampering(folder, made(folder, _table_of(rows)))
        cells: list[Cells] = tampering.rows()
        new = cells_of(_table_of(others), tampering.manifest.columns)[0][column]
        if cells[row][column] == new:
            return
        changed = [*cells[row]]
        changed[column] = new
        if not any(cell is not None for cell in changed):
            return
        tampering.write(file, [*cells[:row], tuple(changed), *cells[row + 1 :]])
        findings = verify_statement(folder).findings

    places = {(each.file, each.row, each.column) for each in findings}
    stated = tampering.manifest.columns[column]
    assert {(file, row + 1, stated.name if file == PARQUET_FILE else stated.head)} == places
    assert {None if file == PARQUET_FILE else row + 2} == {each.line for each in findings}


@pytest.mark.slow
@given(_ROWS, st.sampled_from(TABLE_FILES), st.data())
def test_any_changed_byte_of_any_file_is_found(
    rows: list[tuple[Any, ...]], file: str, data: st.DataObject
) -> None:
    """Whatever byte it is: the file is named, and nothing but a finding comes out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "s"
        made(folder, _table_of(rows))
        content = bytearray((folder / file).read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        (folder / file).write_bytes(content)

        assert file in {finding.file for finding in verify_statement(folder).findings}


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_changes_of_rows_explain_the_difference(old: list[str], new: list[str]) -> None:
    """Without what is missing and added, or altered, rows are the same; moved ones sort back."""
    changes = row_changes([each.encode() for each in old], [each.encode() for each in new])
    kinds = {change.kind for change in changes}
    rows = {kind: [c.row for c in changes if c.kind is kind] for kind in ChangeKind}

    assert bool(changes) is (old != new)
    if kinds <= {ChangeKind.MISSING, ChangeKind.ADDED}:
        kept = [each for at, each in enumerate(old, 1) if at not in rows[ChangeKind.MISSING]]
        known = [each for at, each in enumerate(new, 1) if at not in rows[ChangeKind.ADDED]]
        assert sorted(kept) == sorted(known)
    elif kinds == {ChangeKind.MOVED}:
        assert sorted(old) == sorted(new)
        for change in changes:
            assert old[change.row - 1] == new[change.other - 1]
    else:
        assert {ChangeKind.ALTERED} == kinds
        differ = [at for at, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b]
        assert differ == rows[ChangeKind.ALTERED]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([("-", "x")], [(None, "x")]),
        ([("a", None)], [("a-", "x")]),
        ([("ab", "c")], [("a", "bc")]),
        ([("a", "1:b")], [("a1:b", "1:b")]),
        ([("a", "b"), ("c", "d")], [("c", "d"), ("a", "b")]),
    ],
)
def test_no_two_tables_have_the_same_digests(one: list[Cells], other: list[Cells]) -> None:
    """Cells that would read alike when they are put together have other digests."""
    assert digests_of(one, 2).rows != digests_of(other, 2).rows
    assert digests_of(one, 2).columns != digests_of(other, 2).columns


def test_a_run_of_rows_is_told_by_its_rows() -> None:
    """Two removed and one added between rows that stand."""
    stated, found = [b"a", b"b", b"c", b"d"], [b"a", b"x", b"d"]

    assert [
        RowChange(ChangeKind.MISSING, 2),
        RowChange(ChangeKind.ADDED, 2),
        RowChange(ChangeKind.MISSING, 3),
    ] == row_changes(stated, found)
