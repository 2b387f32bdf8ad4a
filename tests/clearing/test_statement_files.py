"""The files of a statement as other programs write them, and as strangers forge them."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from medsettle import limits
from medsettle.clearing.statements.cells import normal_table, stated_columns
from medsettle.clearing.statements.checks import verify_statement
from medsettle.clearing.statements.csv import UnreadableStatementFile
from medsettle.clearing.statements.statements import (
    CSV_FILE,
    EXCEL_FILE,
    PARQUET_FILE,
    TABLE_FILES,
    StatedParty,
    StatementHead,
    make_statement,
)
from medsettle.core.workbook import place
from medsettle.errors import InvalidRequest, Precondition
from medsettle.signing_keys import (
    UnreadableKey,
    fingerprint_of,
    key_pems,
    private_key,
    public_key,
)

from tests.clearing.stating import HEAD, KEYS, Tampering, made, signed_in, table, told_of, write_zip


@pytest.fixture
def signed(tmp_path: Path) -> Tampering:
    """Return a statement that both parties have signed."""
    return signed_in(tmp_path / "s")


def test_the_workbook_is_read_by_another_library(signed: Tampering) -> None:
    """Another library reads numbers as they are and texts as they were; long numbers are texts."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(signed.folder / EXCEL_FILE)
    rows = list(book["rows"].iter_rows(values_only=True))

    assert ["statement", "rows"] == book.sheetnames
    assert ("settlement", "fund_total_yuan", "count", "day", "refund", "at") == rows[0]
    moment = "2026-03-01T08:30:00.000000Z"
    assert ("S1", 1234.56, 1, "2026-03-01", "true", moment) == rows[1]
    assert ("'S4", 100_000_000_000, "10000000000000000", "2026-03-04", "true", moment) == rows[4]
    assert "=1+1" == rows[3][0]
    assert "#,##0.00" == book["rows"]["B2"].number_format
    assert ("statement", "CL2026-03-000017") == tuple(
        cell.value for cell in next(book["statement"].iter_rows())
    )
    assert ("sum of fund_total_yuan", "100000001149.57") == tuple(
        cell.value for cell in list(book["statement"].iter_rows())[-1]
    )


def test_a_workbook_saved_by_another_library_still_says_the_same(signed: Tampering) -> None:
    """Shared texts and other part names are read; only that it was saved again is told."""
    openpyxl = pytest.importorskip("openpyxl")
    path = signed.folder / EXCEL_FILE
    book = openpyxl.load_workbook(path)
    # What begins like a formula is one to openpyxl when it saves; people's programs keep the text.
    book["rows"]["A4"].data_type = "s"
    book.save(path)

    (said,) = told_of(signed.folder)
    assert said.startswith(
        "statement.xlsx: its bytes are not those that were signed, and its cells"
    )
    book["rows"]["B2"] = 1234.57
    book["rows"]["A4"].data_type = "s"
    book.save(path)
    assert [
        "statement.xlsx sheet row 2 (row 1) fund_total_yuan: '1234.57' stands here, and "
        "'1234.56' was signed"
    ] == told_of(signed.folder)


def test_a_sheet_that_was_added_is_named(signed: Tampering) -> None:
    """Another sheet, hidden or not, is not stated, and a second one of a name that is neither."""
    openpyxl = pytest.importorskip("openpyxl")
    path = signed.folder / EXCEL_FILE
    book = openpyxl.load_workbook(path)
    book["rows"]["A4"].data_type = "s"
    book.create_sheet("pay to 91-000")["A1"] = "another account"
    book.create_sheet("more").sheet_state = "hidden"
    book.save(path)

    said = "statement.xlsx: has a sheet '{}' that the statement does not state"
    assert [said.format("pay to 91-000"), said.format("more")] == told_of(signed.folder)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b'"more"', b'"statement"')
    write_zip(path, parts)
    assert said.format("statement") in told_of(signed.folder)


def test_the_noise_of_doubles_is_no_change(signed: Tampering) -> None:
    """What a spreadsheet writes of 1234.56 with 17 digits is still 1234.56."""
    signed.replace(EXCEL_FILE, b"<v>1234.56</v>", b"<v>1234.5599999999999</v>")

    (said,) = told_of(signed.folder)
    assert "it was saved again" in said


def _with_sheet(signed: Tampering, sheet: bytes) -> list[str]:
    with zipfile.ZipFile(signed.folder / EXCEL_FILE) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    write_zip(signed.folder / EXCEL_FILE, parts | {"xl/worksheets/sheet2.xml": sheet})
    return told_of(signed.folder)


@pytest.mark.parametrize(
    ("sheet", "says"),
    [
        pytest.param(
            b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>',
            "declares a document type",
            id="entities",
        ),
        pytest.param(b"<worksheet><row>", "is no XML", id="not-closed"),
        pytest.param(
            b'<worksheet><row r="1048577"><c><v>1</v></c></row></worksheet>',
            "row 1048577 lies beyond any statement",
            id="a-row-too-far",
        ),
        pytest.param(
            b'<worksheet><row r="1"><c t="s"><v>7</v></c></row></worksheet>',
            "the head of column 1 is '#7'",
            id="a-shared-text-that-is-not-there",
        ),
    ],
)
def test_a_hostile_workbook_is_refused_by_name(signed: Tampering, sheet: bytes, says: str) -> None:
    """Entities, broken XML, rows beyond the sheet, references to nothing."""
    assert any(says in said for said in _with_sheet(signed, sheet))


@pytest.mark.parametrize(
    "number", [b"1e99999999", b"1e-99999999", b"NaN", b"Infinity", b"12.345", b"x", b"--1"]
)
def test_a_number_that_is_no_amount_differs(signed: Tampering, number: bytes) -> None:
    """Whatever stands in a cell, it is told and never computed with."""
    signed.replace(EXCEL_FILE, b"<v>1234.56</v>", b"<v>" + number + b"</v>")

    (said,) = told_of(signed.folder)
    assert said.startswith("statement.xlsx sheet row 2 (row 1) fund_total_yuan: ")


def test_places_are_named_as_spreadsheets_do() -> None:
    """A to Z, AA, ZZ, AAA."""
    names = [place(0, at) for at in (0, 25, 26, 701, 702)]

    assert ["A1", "Z1", "AA1", "ZZ1", "AAA1"] == names


def test_keys_are_read_from_pem(tmp_path: Path) -> None:
    """A private and a public key come back; the one is not taken for the other."""
    private, public = key_pems(KEYS[0])
    (tmp_path / "a.key.pem").write_bytes(private)
    (tmp_path / "a.pub.pem").write_bytes(public)

    own = fingerprint_of(KEYS[0].public_key())
    assert own == fingerprint_of(private_key(tmp_path / "a.key.pem").public_key())
    assert own == fingerprint_of(public_key(tmp_path / "a.pub.pem"))
    for path, read in (("a.pub.pem", private_key), ("a.key.pem", public_key)):
        with pytest.raises(UnreadableKey, match=f"{path} holds no"):
            read(tmp_path / path)
        with pytest.raises(FileNotFoundError, match=r"c\.pem is not there; name the file of a key"):
            read(tmp_path / "c.pem")


def test_a_csv_with_more_or_fewer_cells_is_told(signed: Tampering) -> None:
    """A row cut short and a row with a cell more are altered rows."""
    path = signed.folder / CSV_FILE
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    rows[1], rows[2] = rows[1][:-1], [*rows[2], "more"]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())

    assert [
        "statement.csv line 2 (row 1) at: nothing stands here, and '2026-03-01T08:30:00.000000Z' "
        "was signed",
        "statement.csv line 3 (row 2): a cell was added: 'more'",
    ] == told_of(signed.folder)


def test_lines_of_a_csv_are_those_of_an_editor(signed: Tampering) -> None:
    """A text with a line end moves the rows after it one line down."""
    signed.replace(CSV_FILE, b"S1,1234.56", b'"S\r\n1",1234.56')
    signed.replace(CSV_FILE, b"S2,-85.00", b"S2,-86.00")

    assert [
        "statement.csv line 2 (row 1) settlement: 'S 1' stands here, and 'S1' was signed",
        "statement.csv line 4 (row 2) fund_total_yuan: '-86.00' stands here, and '-85.00' was "
        "signed",
    ] == told_of(signed.folder)


def test_a_statement_is_never_written_over(tmp_path: Path) -> None:
    """The second one of the same folder is refused."""
    made(tmp_path / "s")
    with pytest.raises(Precondition, match="never written over"):
        made(tmp_path / "s")


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ({"a": [1.5]}, "a: has the type double"),
        ({"a": [""]}, "row 1 a: needs 1 to 1000 printable characters"),
        ({"a": ["x", "b\n"]}, "row 2 a: needs"),
        ({"a": ["x" * (limits.STATED_TEXT_CHARS_MAX + 1)]}, "row 1 a: needs"),
        ({"": ["x"]}, "is no name"),
        ({"a_fen": [1], "a_yuan": ["x"]}, "has the head of another column"),
        ({"a": ["x", None], "b": [1, None]}, "row 2: has no value at all"),
        ({}, "are 0; 1 to 256 are allowed"),
        ({f"c{at}": [1] for at in range(limits.STATED_COLUMNS_MAX + 1)}, "are 257"),
    ],
)
def test_what_no_file_shows_exactly_is_refused(
    tmp_path: Path, column: dict[str, Any], says: str
) -> None:
    """Floats, empty texts, line ends, texts one too long, and columns of one head."""
    with pytest.raises(InvalidRequest, match=says):
        made(tmp_path / "s", pa.table(column))


@pytest.mark.parametrize(
    ("array", "stated"),
    [
        # 9999-12-31 is 2,932,896 days after 1970-01-01, and 0001-01-01 is 719,162 before it.
        (pa.array([2_932_896, -719_162], pa.int32()).cast(pa.date32()), True),
        (pa.array([2_932_897], pa.int32()).cast(pa.date32()), False),
        (pa.array([-719_163], pa.int32()).cast(pa.date32()), False),
        (pa.array([2_932_897 * 86_400 - 1], pa.timestamp("s", "UTC")), True),
        (pa.array([2_932_897 * 86_400], pa.timestamp("s", "UTC")), False),
        (pa.array([2**60], pa.timestamp("s", "UTC")), False),
    ],
)
def test_days_that_no_file_shows_are_refused(tmp_path: Path, array: Any, stated: bool) -> None:  # noqa: ANN401
    """The years 1 to 9999 are stated and verify; a day beyond, or a second too many, is refused."""
    whole = pa.table({"at": array})
    if stated:
        made(tmp_path / "s", whole)
        assert () == verify_statement(tmp_path / "s").findings
        return
    with pytest.raises(InvalidRequest, match="at: has a value that no file shows"):
        made(tmp_path / "s", whole)


@pytest.mark.slow
def test_rows_up_to_those_of_a_sheet_are_stated() -> None:
    """Excel has 2**20 rows with the head; one more is refused before anything is written."""
    most = limits.STATED_ROWS_MAX
    assert 2**20 == most + 1
    whole = pa.table({"a": np.zeros(most, np.int64)})
    columns = stated_columns(whole.schema)
    assert most == normal_table(whole, columns).num_rows
    with pytest.raises(InvalidRequest, match="more than a sheet's 1,048,575"):
        normal_table(pa.concat_tables([whole, whole.slice(0, 1)]), columns)


def test_a_text_and_a_number_of_columns_at_their_bounds_are_stated(tmp_path: Path) -> None:
    """1,000 characters, 256 columns and no rows at all verify."""
    wide = {f"c{at}": ["x"] for at in range(limits.STATED_COLUMNS_MAX)}
    made(tmp_path / "a", pa.table(wide | {"c0": ["y" * limits.STATED_TEXT_CHARS_MAX]}))
    made(tmp_path / "b", pa.table({"a": pa.array([], pa.string())}))

    assert () == verify_statement(tmp_path / "a").findings
    assert () == verify_statement(tmp_path / "b").findings


def test_amounts_up_to_those_of_the_machine_verify(tmp_path: Path) -> None:
    """Sums over provinces go beyond the amount of one claim; each file says them all the same."""
    most = limits.AMOUNT_FEN_MAX
    made(tmp_path / "s", pa.table({"a_fen": [most, most + 1, -most - 1, 2**63 - 1, -(2**63)]}))

    assert () == verify_statement(tmp_path / "s").findings


def test_a_head_with_faults_is_refused_with_all_of_them(tmp_path: Path) -> None:
    """No number, a blank title, an area of five digits, too many parties."""
    parties = (StatedParty("99990", "x"),) * (limits.STATED_PARTIES_MAX + 1)
    with pytest.raises(InvalidRequest) as raised:
        make_statement(tmp_path / "s", table(), StatementHead("", " ", HEAD.month, parties))
    paths = [fault.path for fault in raised.value.faults]
    assert ["number", "title", "parties[0].area"] == paths[:3]
    assert "parties" == paths[-1]
    most = (StatedParty("999901", "x"),) * limits.STATED_PARTIES_MAX
    make_statement(tmp_path / "s", table(), StatementHead("1", "t", HEAD.month, most))


def test_files_beyond_their_bounds_are_not_read(
    signed: Tampering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, what a workbook unpacks to, a manifest: at the bound it is read, beyond it is not."""
    sizes = {path.name: path.stat().st_size for path in signed.folder.iterdir()}
    with zipfile.ZipFile(signed.folder / EXCEL_FILE) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    most = max(unpacked, *(sizes[name] for name in TABLE_FILES))
    monkeypatch.setattr(limits, "STATED_FILE_BYTES_MAX", most)
    assert [] == told_of(signed.folder)
    monkeypatch.setattr(limits, "STATED_FILE_BYTES_MAX", unpacked - 1)
    assert any("unpacks to" in said for said in told_of(signed.folder))
    monkeypatch.setattr(limits, "STATED_FILE_BYTES_MAX", sizes[CSV_FILE] - 1)
    assert any("more than any file of a statement" in said for said in told_of(signed.folder))
    monkeypatch.setattr(limits, "STATED_MANIFEST_BYTES_MAX", sizes["statement.json"])
    assert told_of(signed.folder)
    monkeypatch.setattr(limits, "STATED_MANIFEST_BYTES_MAX", sizes["statement.json"] - 1)
    with pytest.raises(UnreadableStatementFile, match="more than any manifest"):
        verify_statement(signed.folder)


def test_a_parquet_file_of_more_rows_than_a_statement_is_not_unpacked(
    signed: Tampering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its head says how many there are: six where six may be, and seven."""
    monkeypatch.setattr(limits, "STATED_ROWS_MAX", 6)
    assert [] == told_of(signed.folder)
    signed.write(PARQUET_FILE, [*signed.rows(), signed.rows()[0]])

    (said,) = told_of(signed.folder)
    assert said.startswith("statement.parquet: has more rows than any statement")


@pytest.mark.parametrize("digits", [limits.STATED_DIGITS_MAX, limits.STATED_DIGITS_MAX + 2])
def test_a_number_of_any_length_is_told_and_not_computed(signed: Tampering, digits: int) -> None:
    """Up to the bound and beyond it: the cell is another one, whatever it would come to."""
    signed.replace(EXCEL_FILE, b"<v>1234.56</v>", b"<v>" + b"9" * digits + b"</v>")

    (said,) = told_of(signed.folder)
    assert said.startswith("statement.xlsx sheet row 2 (row 1) fund_total_yuan: ")
