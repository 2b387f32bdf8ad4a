"""Whatever became of the files of a statement: a finding, or a file that cannot be read."""

import base64
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.clearing.statements.cells import digests_of
from medsettle.clearing.statements.csv import UnreadableStatementFile, read_csv
from medsettle.clearing.statements.statements import (
    CSV_FILE,
    EXCEL_FILE,
    MANIFEST_FILE,
    PARQUET_FILE,
    TABLE_FILES,
)

from tests.clearing import altering
from tests.clearing.stating import Tampering, signed_in, told_of, verified_by_both


@pytest.fixture
def signed(tmp_path: Path) -> Tampering:
    """Return a statement that both parties have signed."""
    return signed_in(tmp_path / "s")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a statement that is altered and mended again for each example."""
    return signed_in(tmp_path_factory.mktemp("kept") / "s").folder


_WAYS: list[tuple[str, Callable[[Random, bytes], bytes]]] = [
    *((name, altering.bytes_altered) for name in (*TABLE_FILES, MANIFEST_FILE, "*.sig")),
    *((name, altering.json_altered) for name in (MANIFEST_FILE, MANIFEST_FILE, "*.sig")),
    (EXCEL_FILE, altering.workbook_altered),
    (PARQUET_FILE, altering.columns_altered),
]


def _adopt(folder: Path, **changes: object) -> None:
    """Have the manifest name the files as they are, as somebody would who forged all of it."""
    said = orjson.loads((folder / MANIFEST_FILE).read_bytes()) | changes
    said["files"] = {name: sha256((folder / name).read_bytes()).hexdigest() for name in TABLE_FILES}
    (folder / MANIFEST_FILE).write_bytes(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))


@pytest.mark.slow
@given(st.sampled_from(_WAYS), st.randoms(use_true_random=False), st.booleans())
def test_every_alteration_is_a_finding_or_an_unreadable_file(
    kept: Path,
    way: tuple[str, Callable[[Random, bytes], bytes]],
    random: Random,
    adopted: bool,
) -> None:
    """Bytes, values, parts and columns, with and without a manifest that names the new file."""
    pattern, altered = way
    path = min(kept.glob(pattern))
    original, manifest = path.read_bytes(), (kept / MANIFEST_FILE).read_bytes()
    content = altered(random, original)
    path.write_bytes(content)
    try:
        if adopted and path.name in TABLE_FILES:
            _adopt(kept)
        found = [str(finding) for finding in verified_by_both(kept).findings]
        # What a signature says beside itself and its key is nothing to anybody.
        assert found or content == original or path.suffix == ".sig"
    except UnreadableStatementFile as error:
        assert MANIFEST_FILE in str(error)
    finally:
        (kept / MANIFEST_FILE).write_bytes(manifest)
        path.write_bytes(original)


def _parquet_with(signed: Tampering, name: str, array: Any) -> list[str]:  # noqa: ANN401
    path = signed.folder / PARQUET_FILE
    table = pq.read_table(path)
    columns, names = [*table.columns, array], [*table.column_names, name]
    pq.write_table(pa.Table.from_arrays(columns, names=names), path)
    return told_of(signed.folder)


def test_a_column_that_stands_twice_is_told(signed: Tampering) -> None:
    """Its first is what was signed; that there is another is told by the heads."""
    twice = _parquet_with(signed, "fund_total_fen", pa.array([1] * 6))

    assert ["statement.parquet: there are 7 columns, and 6 were signed"] == twice


def test_a_moment_of_no_known_zone_is_told(signed: Tampering) -> None:
    """The column is another type, whose values nobody can show."""
    path = signed.folder / PARQUET_FILE
    table = pq.read_table(path)
    zone = pa.array([1] * 6, pa.timestamp("us", "Nowhere/X"))
    pq.write_table(table.set_column(5, "at", zone), path)

    (said,) = told_of(signed.folder)
    assert said.startswith("statement.parquet: is no Parquet file of a statement: ")


def test_rows_that_only_groups_of_parquet_tell_are_counted(
    signed: Tampering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head says five rows, its one group has six: six is what would be unpacked."""
    path = signed.folder / PARQUET_FILE
    content = path.read_bytes()
    head = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    # The third field of a head in Thrift is its number of rows: 6 is written as 12, 5 as 10.
    path.write_bytes(content[:head] + content[head:].replace(b"\x16\x0c", b"\x16\x0a", 1))
    found = pq.read_metadata(path)
    assert (5, 6) == (found.num_rows, found.row_group(0).num_rows)
    said = "statement.parquet: has more rows than any statement"
    for most, told in ((6, False), (5, True)):
        monkeypatch.setattr(limits, "STATED_ROWS_MAX", most)
        if most < 6:
            _adopt(signed.folder, row_count=0, row_digests="")
        assert told is any(each.startswith(said) for each in told_of(signed.folder))


def _with_parts(signed: Tampering, packing: int, *changes: tuple[bytes, bytes]) -> list[str]:
    path = signed.folder / EXCEL_FILE
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet2.xml"
    for old, new in changes:
        assert old in parts[sheet]
        parts[sheet] = parts[sheet].replace(old, new, 1)
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return told_of(signed.folder)


_LONG = b"9" * 5_000


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b'<row r="2">', b'<row r="' + _LONG + b'">', "is no number of a row"),
        (b'<row r="2">', b'<row r="0">', "'0' is no number of a row"),
        (b'<row r="2">', b'<row r="x">', "'x' is no number of a row"),
        (b"UTF-8", b"nope", "unknown encoding"),
        (b"UTF-8", b"gb18030", "is no XML"),
        (
            b't="inlineStr"><is><t>settlement</t></is>',
            b't="s"><v>' + _LONG + b"</v>",
            "the head of column 1 is '#9999",
        ),
        (b"<v>1234.56</v>", b"<v>" + _LONG + b"</v>", "row 2 (row 1) fund_total_yuan: '9999"),
    ],
)
def test_what_python_cannot_count_or_decode_is_told(
    signed: Tampering, old: bytes, new: bytes, says: str
) -> None:
    """Numbers of 5,000 digits where rows, texts and amounts are counted, and no encoding."""
    (said,) = _with_parts(signed, zipfile.ZIP_DEFLATED, (old, new))

    assert says in said


def test_a_workbook_is_packed_as_workbooks_are(signed: Tampering) -> None:
    """Stored and deflated are read; what is packed in another way is not taken apart."""
    (stored,) = _with_parts(signed, zipfile.ZIP_STORED)
    assert "it was saved again" in stored
    for packing in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        (said,) = _with_parts(signed, packing)
        assert said.startswith("statement.xlsx: is packed as no workbook is")


def _column_with(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda said: said["columns"][1].update(changes)


def _party_with(fingerprint: object) -> Callable[[dict[str, Any]], None]:
    return lambda said: said["parties"][0].update(fingerprint=fingerprint)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_column_with(name=5), "'5' is no text, and the name of a column is one"),
        (_column_with(name="\x1b[2J"), "is no name of 1 to"),
        (_column_with(name="settlement", kind="text"), "has the head of another column"),
        (_column_with(digest=None), "'None' is no digest of a column"),
        (_column_with(digest="0" * 63), "is no digest of a column"),
        (lambda said: said["columns"][1].pop("name"), "'name' is missing"),
        (_party_with(5), "'5' is no text, and a fingerprint is one"),
        (_party_with("0" * 65), "is no SHA-256"),
        (lambda said: said.update(files=list(said["files"])), "is no manifest"),
        (lambda said: said["files"].update({CSV_FILE: 1}), "'1' is no digest of statement.csv"),
        (lambda said: said.update(sums_fen={"a_fen": 1.5}), "'1.5' is no sum of 'a_fen'"),
        (lambda said: said.update(sums_fen={"a_fen": "9" * 41}), "is no sum of 'a_fen'"),
        (lambda said: said.update(sums_fen={"": "1"}), "'1' is no sum of ''"),
        (lambda said: said.update(row_count=6.0), "not one digest for each of its rows"),
        (lambda said: said.update(columns=[]), "are 0; 1 to 256 are allowed"),
    ],
)
def test_values_that_no_manifest_has_are_refused(
    signed: Tampering, change: Callable[[dict[str, Any]], None], says: str
) -> None:
    """Names, digests, fingerprints and sums of other kinds, each with what was met."""
    path = signed.folder / MANIFEST_FILE
    said = orjson.loads(path.read_bytes())
    change(said)
    path.write_bytes(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))

    with pytest.raises(UnreadableStatementFile, match="is no manifest") as raised:
        told_of(signed.folder)
    assert says in str(raised.value)


def test_a_sum_of_as_many_digits_as_may_be_is_told(signed: Tampering) -> None:
    """Forty digits are read, and are not what the rows come to."""
    _adopt(signed.folder, sums_fen={"fund_total_fen": "9" * limits.STATED_DIGITS_MAX})

    assert any(f"stated as {'9' * 40} fen" in each for each in told_of(signed.folder))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"S1,1234.56", b"S1,many", "line 2 (row 1) fund_total_yuan: 'many' is no whole number"),
        (b"S1,1234.56,1,", b"S1,1234.56,x,", "line 2 (row 1) count: 'x' is no whole number"),
        (b"S1,1234.56,1,", b"S1,1234.56,", "line 2 (row 1): has 5 cells, and there are 6 columns"),
    ],
)
def test_cells_that_nobody_states_are_told_though_all_digests_hold(
    signed: Tampering, old: bytes, new: bytes, says: str
) -> None:
    """Who forges a file forges the manifest with it: sums of no numbers are never made."""
    signed.replace(CSV_FILE, old, new)
    columns = signed.manifest.columns
    _, rows, _ = read_csv((signed.folder / CSV_FILE).read_bytes(), columns)
    digests = digests_of(rows, len(columns))
    stated = [
        {"name": column.name, "kind": column.kind.value, "digest": digest}
        for column, digest in zip(columns, digests.columns, strict=True)
    ]
    told = base64.b64encode(b"".join(digests.rows)).decode()
    _adopt(signed.folder, columns=stated, row_digests=told)

    found = told_of(signed.folder)
    assert any(each.startswith(f"statement.csv {says}") for each in found)
    assert not any("intact" in each or "it was saved again" in each for each in found)


def test_a_signature_is_no_longer_than_its_bound(signed: Tampering) -> None:
    """Filled up with blanks to the bound it holds; one more and it is not read."""
    path = min(signed.folder.glob("*.sig"))
    content = path.read_bytes()
    path.write_bytes(content.ljust(limits.STATED_SIGNATURE_BYTES_MAX))
    assert [] == told_of(signed.folder)
    path.write_bytes(content.ljust(limits.STATED_SIGNATURE_BYTES_MAX + 1))
    assert any("more than any signature" in each for each in told_of(signed.folder))
