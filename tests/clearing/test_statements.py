"""Statements: three files that say the same, and every change of one of them named by its place."""

import base64
import csv
import io
import shutil
import string
import tempfile
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.clearing.statement_cells import Cells, cells_of, normal_table, stated_columns
from medsettle.clearing.statement_checks import Verified, verify_statement
from medsettle.clearing.statement_csv import UnreadableStatementFile, read_csv
from medsettle.clearing.statement_differences import ChangeKind, RowChange, row_changes
from medsettle.clearing.statement_excel import place
from medsettle.clearing.statement_excel_reading import read_excel
from medsettle.clearing.statement_keys import fingerprint_of, key_pems, private_key, public_key
from medsettle.clearing.statements import (
    CSV_FILE,
    EXCEL_FILE,
    MANIFEST_FILE,
    TABLE_FILES,
    StatedParty,
    StatementHead,
    make_statement,
    sign_statement,
)
from medsettle.errors import InvalidRequest, Precondition

from tests.clearing.stating import HEAD, Tampering, made, table, write_zip

# Keys from fixed bytes, so that a failure can be seen again; they protect nothing.
_KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([at]) * 32) for at in range(3)]


@pytest.fixture
def signed(tmp_path: Path) -> Tampering:
    """Return a statement that both parties have signed."""
    manifest = made(tmp_path / "s")
    for key in _KEYS[:2]:
        sign_statement(tmp_path / "s", key)
    return Tampering(tmp_path / "s", manifest)


def _verified(folder: Path) -> Verified:
    return verify_statement(folder, [key.public_key() for key in _KEYS[:2]])


def _said(folder: Path) -> list[str]:
    return [str(finding) for finding in _verified(folder).findings]


def test_a_statement_that_nobody_touched_verifies(signed: Tampering) -> None:
    """Both signatures hold, and nothing is found."""
    verified = _verified(signed.folder)

    assert () == verified.findings
    assert sorted(fingerprint_of(key.public_key()) for key in _KEYS[:2]) == sorted(verified.trusted)
    assert "CL2026-03-000017" == verified.manifest.head.number
    assert {"fund_total_fen": "10000000114957"} == verified.manifest.sums_fen


def test_the_csv_is_what_people_expect(signed: Tampering) -> None:
    """A byte order mark, yuan with two decimals, and no cell that a spreadsheet would run."""
    content = (signed.folder / CSV_FILE).read_bytes()

    assert content.startswith(b"\xef\xbb\xbfsettlement,fund_total_yuan,count,day,refund,at\r\n")
    lines = content.decode("utf-8-sig").splitlines()
    assert "S1,1234.56,1,2026-03-01,true,2026-03-01T08:30:00.000000Z" == lines[1]
    assert "S2,-85.00,,2026-03-02,false,2026-03-01T08:30:00.000000Z" == lines[2]
    assert "'=1+1,0.00,3,2026-03-03,,2026-03-01T08:30:00.000000Z" == lines[3]
    assert lines[4].startswith("''S4,100000000000.00,10000000000000000,")
    assert lines[5].startswith('"a,""b""",0.01,-5,')
    assert lines[6].startswith("00012345678901234567,,6,")


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

    (said,) = _said(signed.folder)
    assert said.startswith(
        "statement.xlsx: its bytes are not those that were signed, and its cells"
    )
    book["rows"]["B2"] = 1234.57
    book["rows"]["A4"].data_type = "s"
    book.save(path)
    assert [
        "statement.xlsx row 1 fund_total_fen: '1234.57' stands here, and '1234.56' was signed"
    ] == _said(signed.folder)


def test_equal_tables_are_equal_bytes(tmp_path: Path) -> None:
    """Made twice, each file and the manifest are the same; the archive has one fixed time."""
    made(tmp_path / "a")
    made(tmp_path / "b")

    for name in (*TABLE_FILES, MANIFEST_FILE):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    with zipfile.ZipFile(tmp_path / "a" / EXCEL_FILE) as archive:
        assert {(1980, 1, 1, 0, 0, 0)} == {entry.date_time for entry in archive.infolist()}
        assert b"1980-01-01T00:00:00Z" in archive.read("docProps/core.xml")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        pytest.param(
            CSV_FILE,
            b"1234.56",
            b"1234.57",
            "statement.csv row 1 fund_total_fen: '1234.57' stands here, and '1234.56' was signed",
            id="a-digit-of-csv",
        ),
        pytest.param(
            CSV_FILE,
            b"S2,-85.00",
            b"S2,85.00",
            "statement.csv row 2 fund_total_fen: '85.00' stands here, and '-85.00' was signed",
            id="a-sign-of-csv",
        ),
        pytest.param(
            CSV_FILE,
            b"fund_total_yuan",
            b"fund_totals_yuan",
            "statement.csv fund_total_yuan: the head of column 2 is 'fund_totals_yuan', and "
            "'fund_total_yuan' was signed",
            id="a-head-of-csv",
        ),
        pytest.param(
            EXCEL_FILE,
            b"<v>1234.56</v>",
            b"<v>1234.66</v>",
            "statement.xlsx row 1 fund_total_fen: '1234.66' stands here, and '1234.56' was signed",
            id="a-cell-of-excel",
        ),
        pytest.param(
            EXCEL_FILE,
            b"<v>1234.56</v>",
            b"<f>1000+234.56</f><v>1234.56</v>",
            "statement.xlsx row 1 fund_total_fen: '=1000+234.56' stands here, and '1234.56' was "
            "signed",
            id="a-formula-in-excel",
        ),
        pytest.param(
            EXCEL_FILE,
            b"<v>100000000000.00</v>",
            b"<v>100000000000.01</v>",
            "statement.xlsx row 4 fund_total_fen: '100000000000.01' stands here, and "
            "'100000000000.00' was signed",
            id="a-fen-at-the-bound",
        ),
    ],
)
def test_one_digit_is_named(
    signed: Tampering, file: str, old: bytes, new: bytes, said: str
) -> None:
    """The file, the row, the column, and both values."""
    signed.replace(file, old, new)

    assert [said] == _said(signed.folder)


def test_the_noise_of_doubles_is_no_change(signed: Tampering) -> None:
    """What a spreadsheet writes of 1234.56 with 17 digits is still 1234.56."""
    signed.replace(EXCEL_FILE, b"<v>1234.56</v>", b"<v>1234.5599999999999</v>")

    (said,) = _said(signed.folder)
    assert "it was saved again" in said


@pytest.mark.parametrize("file", TABLE_FILES)
def test_rows_removed_added_and_swapped_are_named(signed: Tampering, file: str) -> None:
    """In each file: the third row away, a row put in, the first two swapped, one changed."""
    rows = signed.rows()
    signed.write(file, [*rows[:2], *rows[3:]])
    assert [f"{file} row 3: the row is missing: the one of '=1+1'"] == _said(signed.folder)
    extra = ("S9", *rows[0][1:])
    signed.write(file, [*rows[:2], extra, *rows[2:]])
    assert [f"{file} row 3: a row was added: the one of 'S9'"] == _said(signed.folder)
    signed.write(file, [rows[1], rows[0], *rows[2:]])
    moved = "it stands where row {} was signed: rows were swapped or moved"
    assert [f"{file} row 2: {moved.format(1)}", f"{file} row 1: {moved.format(2)}"] == _said(
        signed.folder
    )
    signed.write(file, [*rows[:-1], (rows[-1][0], "1", *rows[-1][2:])])
    assert [f"{file} row 6 fund_total_fen: '0.01' stands here, and nothing was signed"] == _said(
        signed.folder
    )
    signed.write(file, [*rows, rows[-1]])
    assert [f"{file} row 7: a row was added: the one of '00012345678901234567'"] == _said(
        signed.folder
    )


def test_all_three_files_altered_alike_are_found_by_digests(signed: Tampering) -> None:
    """Without any file that is intact, the digests of rows and columns tell the place."""
    rows = signed.rows()
    changed = [rows[0], (rows[1][0], "-8501", *rows[1][2:]), *rows[2:]]
    for file in TABLE_FILES:
        signed.write(file, changed)

    text = "row 2 fund_total_fen: the row was altered, in one of the columns fund_total_fen"
    assert [f"{file} {text}" for file in TABLE_FILES] == _said(signed.folder)


@pytest.mark.parametrize("file", TABLE_FILES)
def test_a_file_that_is_missing_or_unreadable_is_named(signed: Tampering, file: str) -> None:
    """The file is named, and the others are still looked at."""
    (signed.folder / file).write_bytes(b"\xff\xfe")
    (said,) = _said(signed.folder)
    assert said.startswith(f"{file}: ")
    assert "its bytes are not those that were signed" in said
    (signed.folder / file).unlink()
    assert [f"{file}: is missing"] == _said(signed.folder)


def _edited(signed: Tampering, **changes: object) -> list[str]:
    path = signed.folder / MANIFEST_FILE
    said = orjson.loads(path.read_bytes()) | changes
    path.write_bytes(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))
    return _said(signed.folder)


def test_a_manifest_that_was_edited_is_named_and_no_signature_holds(signed: Tampering) -> None:
    """Another number: both signatures fail, and the cover of the workbook says the old one."""
    said = _edited(signed, number="CL2026-03-000018")

    fingerprints = [fingerprint_of(key.public_key()) for key in _KEYS[:2]]
    for fingerprint in fingerprints:
        assert any(f"the key {fingerprint} did not sign this manifest" in each for each in said)
        assert any(f"no valid signature by the key {fingerprint}" in each for each in said)
    assert (
        "statement.xlsx statement: the cover says 'statement CL2026-03-000017', and "
        "'statement CL2026-03-000018' is stated"
    ) in said


def test_sums_and_digests_that_were_edited_are_named(signed: Tampering) -> None:
    """A sum that rows do not come to; a digest of a row, and of a column, that no row has."""
    raw = (signed.folder / MANIFEST_FILE).read_bytes()
    said = _edited(signed, sums_fen={"fund_total_fen": "10000000114958"})
    assert (
        "statement.json sums_fen.fund_total_fen: its sum is stated as 10000000114958 fen, and the "
        "rows come to 10000000114957: it was edited"
    ) in said
    (signed.folder / MANIFEST_FILE).write_bytes(raw)
    digests = bytearray(base64.b64decode(orjson.loads(raw)["row_digests"]))
    digests[17] ^= 1
    said = _edited(signed, row_digests=base64.b64encode(digests).decode())
    edited = "statement.json: the files are those that it names, and its digests are of other rows"
    assert any(each.startswith(edited) for each in said)
    assert any(each.startswith("statement.csv row 3: the row was altered") for each in said)
    (signed.folder / MANIFEST_FILE).write_bytes(raw)
    columns = orjson.loads(raw)["columns"]
    columns[3]["digest"] = "0" * 64
    said = _edited(signed, columns=columns)
    assert any(each.startswith("statement.csv day: its digest is another one") for each in said)
    (signed.folder / MANIFEST_FILE).write_bytes(raw.replace(b'","', b'", "'))
    assert "statement.json: it is not written as medsettle writes it, so it was edited" in _said(
        signed.folder
    )


def test_a_signature_by_another_key_is_named(signed: Tampering) -> None:
    """A third key that signed, one that did not, and a signature that says it is another's."""
    sign_statement(signed.folder, _KEYS[2])
    third = fingerprint_of(_KEYS[2].public_key())
    (said,) = _said(signed.folder)
    assert f"signed by another key than those given: {third}" in said
    verified = verify_statement(signed.folder, [_KEYS[2].public_key()])
    assert 2 == len(verified.findings)
    path = next(signed.folder.glob(f"*{third[:16]}*"))
    first = fingerprint_of(_KEYS[0].public_key())
    other = next(signed.folder.glob(f"*{first[:16]}*"))
    stolen = orjson.loads(other.read_bytes()) | {
        "signature": orjson.loads(path.read_bytes())["signature"]
    }
    other.write_bytes(orjson.dumps(stolen))
    path.unlink()
    said_now = _said(signed.folder)
    assert any(f"{other.name}: the key {first} did not sign" in each for each in said_now)
    other.write_bytes(b"{}")
    assert any("is no signature of a statement" in each for each in _said(signed.folder))
    second = fingerprint_of(_KEYS[1].public_key())
    valid = next(signed.folder.glob(f"*{second[:16]}*"))
    shutil.copy(valid, signed.folder / f"{MANIFEST_FILE}.0000.sig")
    assert any("says another fingerprint" in each for each in _said(signed.folder))


def test_parties_may_name_their_keys(tmp_path: Path) -> None:
    """Only keys that the manifest names sign it, and who has not is told until he has."""
    prints = [fingerprint_of(key.public_key()) for key in _KEYS]
    parties = (
        StatedParty("999901", "示例省甲", prints[0]),
        StatedParty("999902", "示例省乙", prints[1]),
    )
    head = StatementHead(HEAD.number, HEAD.title, HEAD.month, parties)
    make_statement(tmp_path / "s", table(), head)
    with pytest.raises(Precondition, match="use the one agreed upon"):
        sign_statement(tmp_path / "s", _KEYS[2])
    sign_statement(tmp_path / "s", _KEYS[0])
    verified = verify_statement(tmp_path / "s")

    assert () == verified.findings
    assert "999902 示例省乙 has not signed it yet" in verified.notes
    assert "give --key" in verified.notes[0]
    sign_statement(tmp_path / "s", _KEYS[1])
    assert 1 == len(verify_statement(tmp_path / "s").notes)


def test_an_unsigned_statement_says_so(tmp_path: Path) -> None:
    """It agrees with itself, and that proves nothing else."""
    made(tmp_path / "s")

    assert "nobody has signed it" in verify_statement(tmp_path / "s").notes[0]


def test_a_manifest_that_is_none_cannot_be_verified(tmp_path: Path) -> None:
    """No folder, no JSON, no keys, a digest too few: each is refused with what was met."""
    with pytest.raises(FileNotFoundError):
        verify_statement(tmp_path)
    manifest = made(tmp_path / "s")
    path = tmp_path / "s" / MANIFEST_FILE
    said = orjson.loads(manifest.raw)
    for broken in (b"{", b"[]", b'{"format":1}', orjson.dumps(said | {"row_count": 5})):
        path.write_bytes(broken)
        with pytest.raises(UnreadableStatementFile, match="is no manifest of a statement"):
            verify_statement(tmp_path / "s")


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


def test_a_head_with_faults_is_refused_with_all_of_them(tmp_path: Path) -> None:
    """No number, a blank title, an area of five digits, too many parties."""
    parties = (StatedParty("99990", "x"),) * (limits.STATED_PARTIES_MAX + 1)
    with pytest.raises(InvalidRequest) as raised:
        make_statement(tmp_path / "s", table(), StatementHead("", " ", HEAD.month, parties))
    paths = [fault.path for fault in raised.value.faults]
    assert ["number", "title", "parties[0].area"] == paths[:3]
    assert "parties" == paths[-1]


# --- any change of any file ----------------------------------------------------------------------

_TEXTS = st.text(string.ascii_letters + string.digits + "=+-@'\",;<&>中文", min_size=1, max_size=8)
_EVERY_ROW = st.lists(
    st.tuples(
        st.none() | _TEXTS,
        st.none() | st.integers(-limits.AMOUNT_FEN_MAX, limits.AMOUNT_FEN_MAX),
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
        heads, by_csv = read_csv((folder / CSV_FILE).read_bytes(), manifest.columns)
        _, same, by_excel = read_excel((folder / EXCEL_FILE).read_bytes(), manifest.columns)

        assert cells == [tuple(row) for row in by_csv]
        assert cells == [tuple(row) for row in by_excel]
        assert heads == same == [column.head for column in manifest.columns]
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
    assert {(file, row + 1, _SCHEMA.names[column])} == places


@pytest.mark.slow
@given(_ROWS, st.sampled_from((CSV_FILE, EXCEL_FILE)), st.data())
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


def test_a_run_of_rows_is_told_by_its_rows() -> None:
    """Two removed and one added between rows that stand."""
    stated, found = [b"a", b"b", b"c", b"d"], [b"a", b"x", b"d"]

    assert [
        RowChange(ChangeKind.MISSING, 2),
        RowChange(ChangeKind.ADDED, 2),
        RowChange(ChangeKind.MISSING, 3),
    ] == row_changes(stated, found)


# --- files from strangers ------------------------------------------------------------------------


def _with_sheet(signed: Tampering, sheet: bytes) -> list[str]:
    with zipfile.ZipFile(signed.folder / EXCEL_FILE) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    write_zip(signed.folder / EXCEL_FILE, parts | {"xl/worksheets/sheet2.xml": sheet})
    return _said(signed.folder)


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

    (said,) = _said(signed.folder)
    assert said.startswith("statement.xlsx row 1 fund_total_fen: ")


def test_places_are_named_as_spreadsheets_do() -> None:
    """A to Z, AA, ZZ, AAA."""
    names = [place(0, at) for at in (0, 25, 26, 701, 702)]

    assert ["A1", "Z1", "AA1", "ZZ1", "AAA1"] == names


def test_keys_are_read_from_pem(tmp_path: Path) -> None:
    """A private and a public key come back; the one is not taken for the other."""
    private, public = key_pems(_KEYS[0])
    (tmp_path / "a.key.pem").write_bytes(private)
    (tmp_path / "a.pub.pem").write_bytes(public)

    own = fingerprint_of(_KEYS[0].public_key())
    assert own == fingerprint_of(private_key(tmp_path / "a.key.pem").public_key())
    assert own == fingerprint_of(public_key(tmp_path / "a.pub.pem"))
    for path, read in (("a.pub.pem", private_key), ("a.key.pem", public_key)):
        with pytest.raises(InvalidRequest, match=f"{path}: holds no"):
            read(tmp_path / path)


def test_a_csv_with_more_or_fewer_cells_is_told(signed: Tampering) -> None:
    """A row cut short and a row with a cell more are altered rows."""
    path = signed.folder / CSV_FILE
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    rows[1], rows[2] = rows[1][:-1], [*rows[2], "more"]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())

    assert [
        "statement.csv row 1 at: nothing stands here, and '2026-03-01T08:30:00.000000Z' was signed",
        "statement.csv row 2: a cell was added: 'more'",
    ] == _said(signed.folder)
