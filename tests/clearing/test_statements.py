"""Statements: three files that say the same, and every change of one of them named by its place."""

import base64
import zipfile
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from medsettle import limits
from medsettle.clearing.statements.checks import verify_statement
from medsettle.clearing.statements.csv import UnreadableStatementFile
from medsettle.clearing.statements.statements import (
    CSV_FILE,
    EXCEL_FILE,
    MANIFEST_FILE,
    PARQUET_FILE,
    TABLE_FILES,
)
from medsettle.signing_keys import fingerprint_of

from tests.clearing.stating import (
    KEYS,
    Tampering,
    made,
    signed_in,
    told_of,
    verified_by_both,
)


@pytest.fixture
def signed(tmp_path: Path) -> Tampering:
    """Return a statement that both parties have signed."""
    return signed_in(tmp_path / "s")


def test_a_statement_that_nobody_touched_verifies(signed: Tampering) -> None:
    """Both signatures hold, and nothing is found."""
    verified = verified_by_both(signed.folder)

    assert () == verified.findings
    assert sorted(fingerprint_of(key.public_key()) for key in KEYS[:2]) == sorted(verified.trusted)
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


def test_amounts_stand_in_any_order(tmp_path: Path) -> None:
    """The order of columns is the table's own; whoever reads the workbook finds their sums."""
    amounts = {"total_fen": [300, 5], "fund_fen": [200, 4], "net_fen": [-1, 10]}
    made(tmp_path / "s", pa.table({"settlement": ["S1", "S2"], **amounts}))

    verified = verify_statement(tmp_path / "s", keys=[])

    assert () == verified.findings
    assert {"total_fen": "305", "fund_fen": "204", "net_fen": "9"} == verified.manifest.sums_fen


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
            "statement.csv line 2 (row 1) fund_total_yuan: '1234.57' stands here, and "
            "'1234.56' was signed",
            id="a-digit-of-csv",
        ),
        pytest.param(
            CSV_FILE,
            b"S2,-85.00",
            b"S2,85.00",
            "statement.csv line 3 (row 2) fund_total_yuan: '85.00' stands here, and "
            "'-85.00' was signed",
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
            "statement.xlsx sheet row 2 (row 1) fund_total_yuan: '1234.66' stands here, and "
            "'1234.56' was signed",
            id="a-cell-of-excel",
        ),
        pytest.param(
            EXCEL_FILE,
            b"<v>1234.56</v>",
            b"<f>1000+234.56</f><v>1234.56</v>",
            "statement.xlsx sheet row 2 (row 1) fund_total_yuan: '=1000+234.56' stands here, "
            "and '1234.56' was signed",
            id="a-formula-in-excel",
        ),
        pytest.param(
            EXCEL_FILE,
            b"<v>100000000000.00</v>",
            b"<v>100000000000.01</v>",
            "statement.xlsx sheet row 5 (row 4) fund_total_yuan: '100000000000.01' stands here, "
            "and '100000000000.00' was signed",
            id="a-fen-at-the-bound",
        ),
    ],
)
def test_one_digit_is_named(
    signed: Tampering, file: str, old: bytes, new: bytes, said: str
) -> None:
    """The file, the row, the column, and both values."""
    signed.replace(file, old, new)

    assert [said] == told_of(signed.folder)


def test_a_cell_that_says_nothing_is_missed(tmp_path: Path) -> None:
    """A row without its last comma says the same to people, and is not what was signed."""
    folder = tmp_path / "s"
    made(folder, pa.table({"settlement": ["S1", "S2"], "note": ["a", None]}))
    sheet = folder / CSV_FILE
    assert b"\r\nS2,\r\n" in sheet.read_bytes()
    sheet.write_bytes(sheet.read_bytes().replace(b"\r\nS2,\r\n", b"\r\nS2\r\n"))

    told = [finding.message for finding in verify_statement(folder, keys=[]).findings]

    assert ["has 1 cells, and 2 were signed"] == told


def _at(file: str, row: int, stated: int | None = None) -> str:
    """Return how a row of a file is named, and the row of the statement that it is."""
    if file == PARQUET_FILE:
        return f"{file} row {stated or row}"
    line = f"{file} {'line' if file == CSV_FILE else 'sheet row'} {row + 1}"
    return line if stated is None else f"{line} (row {stated})"


@pytest.mark.parametrize("file", TABLE_FILES)
def test_rows_removed_added_and_swapped_are_named(signed: Tampering, file: str) -> None:
    """In each file: the third row away, a row put in, the first two swapped, one changed."""
    rows = signed.rows()
    signed.write(file, [*rows[:2], *rows[3:]])
    assert [f"{file} row 3: the row is missing: settlement '=1+1'"] == told_of(signed.folder)
    extra = ("S9", *rows[0][1:])
    signed.write(file, [*rows[:2], extra, *rows[2:]])
    assert [f"{_at(file, 3)}: a row was added: settlement 'S9'"] == told_of(signed.folder)
    signed.write(file, [rows[1], rows[0], *rows[2:]])
    moved = "it stands where row {} was signed: rows were swapped or moved"
    assert [
        f"{_at(file, 1, 2)}: {moved.format(1)}",
        f"{_at(file, 2, 1)}: {moved.format(2)}",
    ] == told_of(signed.folder)
    signed.write(file, [*rows[:-1], (rows[-1][0], "1", *rows[-1][2:])])
    column = "fund_total_fen" if file == PARQUET_FILE else "fund_total_yuan"
    said = f"{column}: '0.01' stands here, and nothing was signed"
    assert [f"{_at(file, 6, 6)} {said}"] == told_of(signed.folder)
    signed.write(file, [*rows, rows[-1]])
    added = "a row was added: settlement '00012345678901234567'"
    assert [f"{_at(file, 7)}: {added}"] == told_of(signed.folder)


def test_a_row_without_a_settlement_is_named_by_its_first_columns(tmp_path: Path) -> None:
    """As in the payable table: several rows of one area, told apart by what is no figure."""
    texts = {"insured": ["91", "91"], "care": ["92", None], "fund": ["employee", "resident"]}
    manifest = made(tmp_path / "s", pa.table({"net_fen": [1, 2], "count": [7, 7], **texts}))
    tampering = Tampering(tmp_path / "s", manifest)
    rows = tampering.rows()

    tampering.write(CSV_FILE, rows[1:])
    first = "insured '91', care '92', fund 'employee'"
    assert f"statement.csv row 1: the row is missing: {first}" in told_of(tmp_path / "s")
    tampering.write(CSV_FILE, rows[:1])
    second = "insured '91', fund 'resident'"
    assert f"statement.csv row 2: the row is missing: {second}" in told_of(tmp_path / "s")
    made(tmp_path / "amounts", pa.table({"net_fen": [1, 2]}))
    (tmp_path / "amounts" / CSV_FILE).write_bytes(b"net_yuan\r\n0.01\r\n")
    said = "statement.csv row 2: the row is missing: net_yuan '0.02'"
    assert said in told_of(tmp_path / "amounts")


def test_all_three_files_altered_alike_are_found_by_digests(signed: Tampering) -> None:
    """Without any file that is intact, the digests of rows and columns tell the place."""
    rows = signed.rows()
    changed = [rows[0], (rows[1][0], "-8501", *rows[1][2:]), *rows[2:]]
    for file in TABLE_FILES:
        signed.write(file, changed)

    names = ["fund_total_yuan", "fund_total_yuan", "fund_total_fen"]
    assert [
        f"{_at(file, 2, 2)} {name}: the row was altered, in one of the columns {name}"
        for file, name in zip(TABLE_FILES, names, strict=True)
    ] == told_of(signed.folder)


@pytest.mark.parametrize("file", TABLE_FILES)
def test_a_file_that_is_missing_or_unreadable_is_named(signed: Tampering, file: str) -> None:
    """The file is named, and the others are still looked at."""
    (signed.folder / file).write_bytes(b"\xff\xfe")
    (said,) = told_of(signed.folder)
    assert said.startswith(f"{file}: ")
    assert "its bytes are not those that were signed" in said
    (signed.folder / file).unlink()
    assert [f"{file}: is missing"] == told_of(signed.folder)


def _edited(signed: Tampering, **changes: object) -> list[str]:
    path = signed.folder / MANIFEST_FILE
    said = orjson.loads(path.read_bytes()) | changes
    path.write_bytes(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))
    return told_of(signed.folder)


def test_a_manifest_that_was_edited_is_named_and_no_signature_holds(signed: Tampering) -> None:
    """Another number: both signatures fail, and the cover of the workbook says the old one."""
    said = _edited(signed, number="CL2026-03-000018")

    fingerprints = [fingerprint_of(key.public_key()) for key in KEYS[:2]]
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
    assert any(
        each.startswith("statement.csv line 4 (row 3): the row was altered") for each in said
    )
    (signed.folder / MANIFEST_FILE).write_bytes(raw)
    columns = orjson.loads(raw)["columns"]
    columns[3]["digest"] = "0" * 64
    said = _edited(signed, columns=columns)
    assert any(each.startswith("statement.csv day: its digest is another one") for each in said)
    (signed.folder / MANIFEST_FILE).write_bytes(raw.replace(b'","', b'", "'))
    assert "statement.json: it is not written as medsettle writes it, so it was edited" in told_of(
        signed.folder
    )


def _manifests(raw: bytes) -> list[bytes]:
    """Return manifests with a digest too few, a column and a row too many, and a key too many."""
    said = orjson.loads(raw)
    column = said["columns"][0]
    rows = base64.b64encode(bytes(8 * (limits.STATED_ROWS_MAX + 1))).decode()
    changes: list[dict[str, object]] = [
        {"row_count": 5},
        {"columns": [column] * (limits.STATED_COLUMNS_MAX + 1)},
        {"row_count": limits.STATED_ROWS_MAX + 1, "row_digests": rows},
        {"more": 1},
    ]
    return [orjson.dumps(said | change) for change in changes]


def test_a_manifest_that_is_none_cannot_be_verified(tmp_path: Path) -> None:
    """No folder, no JSON, no keys, a digest too few: each is refused with what was met."""
    with pytest.raises(FileNotFoundError, match=r"has no statement\.json, which names all"):
        verify_statement(tmp_path)
    manifest = made(tmp_path / "s")
    path = tmp_path / "s" / MANIFEST_FILE
    with pytest.raises(FileNotFoundError, match=r"statement\.json is no folder; name the folder"):
        verify_statement(path)
    with pytest.raises(FileNotFoundError, match="x is not there; name the folder"):
        verify_statement(tmp_path / "x")
    for broken in (b"{", b"[]", b'{"format":1}', *_manifests(manifest.raw)):
        path.write_bytes(broken)
        with pytest.raises(UnreadableStatementFile, match="is no manifest of a statement"):
            verify_statement(tmp_path / "s")
