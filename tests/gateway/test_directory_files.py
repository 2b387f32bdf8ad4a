"""Files of a directory: what is refused, with file and line, and what is read anew."""

import os
import weakref
from collections.abc import Mapping
from pathlib import Path

import generate_directory
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from medsettle import errors, limits
from medsettle.gateway.directory_cells import ENROLMENTS, FILES, OPTIONAL_FILES, Cell
from medsettle.gateway.directory_files import FileDirectory
from ruamel.yaml import YAML

from fixtures import make_directory as invented

_GOOD = {
    "institutions": (
        "fixmedins_code,fixmedins_name,fixmedins_type,admdvs,hosp_lv\nH1,甲医院,1,999900,01\n"
    ),
    "persons": (
        "# one person\n"
        "psn_no,psn_cert_type,certno,psn_name,gend,naty,brdy\n"
        "P1,01,9901,甲,1,01,1980-01-01\n"
    ),
    "enrolments": (
        "psn_no,insutype,insuplc_admdvs,psn_type,psn_insu_stas,psn_insu_date,cvlserv_flag\n"
        "P1,310,999900,1101,1,2010-01-01,0\n"
    ),
    "identities": "psn_no,psn_idet_type,begntime,endtime\nP1,hardship,2020-01-01,2020-01-01\n",
    "credentials": "psn_no,mdtrt_cert_type,mdtrt_cert_no,expi_time\nP1,01,T1,2024-05-01 00:00:00\n",
    "filings": (
        "psn_no,trt_dcla_detl_sn,insuplc_admdvs,infno,begndate,enddate,opsp_dise_code\n"
        "P1,F1,999900,2503,2024-01-01,2024-12-31,M1\n"
    ),
    "filing_effects": (
        "insuplc_admdvs,infno,biz_appy_type,place,column,value\n"
        "999900,2505,08,province,referral,long_term\n"
    ),
}


_FAULTS = YAML(typ="safe").load(Path(__file__).with_name("directory_faults.yaml"))


def _written(folder: Path, changed: Mapping[str, str | None]) -> Path:
    for name, text in ({**_GOOD, **changed}).items():
        if text is not None:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def _faults(folder: Path) -> list[str]:
    with pytest.raises(errors.InvalidRequest) as refused:
        FileDirectory(folder)
    return [str(fault).replace(f"{folder}{os.sep}", "") for fault in refused.value.faults]


def test_the_page_of_the_files_is_today_s() -> None:
    """`engine/directory.md` is what `make schema` writes now."""
    page = Path(__file__).parents[2] / "engine" / "directory.md"

    assert generate_directory.page() == page.read_text(encoding="utf-8")


def test_a_small_directory_is_read(tmp_path: Path) -> None:
    """Columns that need not be there may be missing; files of persons may be left out."""
    held = FileDirectory(_written(tmp_path, {}))

    assert dict.fromkeys(FILES, 1) == held.counts()
    assert held.enrolments("P1")[0].wage_base_fen is None
    for name in OPTIONAL_FILES:
        (tmp_path / f"{name}.csv").unlink()
    without = FileDirectory(tmp_path)
    assert () == (*without.identities("P1"), *without.filings("P1"))


@pytest.mark.parametrize("row", _FAULTS, ids=lambda row: f"{row['file']} {row['new']!r}")
def test_every_fault_has_its_line(tmp_path: Path, row: dict[str, str]) -> None:
    """One cell is spoilt: it is told where, what was found and what is meant, and nothing else."""
    good = _GOOD[row["file"]]
    assert row["old"] in good
    assert row["fault"] in _faults(
        _written(tmp_path, {row["file"]: good.replace(row["old"], row["new"], 1)})
    )


def test_faults_of_all_files_come_together(tmp_path: Path) -> None:
    """One reading tells what is wrong with every file."""
    changed = {
        "institutions": None,
        "persons": _GOOD["persons"] + "P2,01,9902,乙,9,01,1990-01-01\nP3,01,9903,丙,1,01,x\n",
        "enrolments": _GOOD["enrolments"].replace(",0\n", ",2\n"),
    }

    assert [
        "institutions.csv: is missing, and institutions.parquet too",
        "persons.csv:4 gend: '9'; expected one of 0, 1, 2",
        "persons.csv:5 brdy: 'x'; expected a date like 2024-05-01",
        "enrolments.csv:2 cvlserv_flag: '2'; expected one of 0, 1",
    ] == _faults(_written(tmp_path, changed))


def test_torn_rows_are_told_with_their_lines(tmp_path: Path) -> None:
    """Comments at the top count as lines; what else is wrong waits until the rows are whole."""
    torn = _GOOD["persons"] + "P2,01\nP3,01,9903,丙,9,01,1990-01-01\nP4,01,9904,丁,1,01,x,y\n"

    assert [
        "persons.csv:4: has 2 cells, expected 7",
        "persons.csv:6: has 8 cells, expected 7",
    ] == _faults(_written(tmp_path, {"persons": torn}))


def test_what_spreadsheets_write(tmp_path: Path) -> None:
    """A byte order mark before the first line, quoted names and cells, and Windows line ends."""
    persons = _GOOD["persons"].replace("psn_no,", '"psn_no",').replace("甲", '"甲, 乙"')
    _written(tmp_path, {})
    (tmp_path / "persons.csv").write_bytes(persons.replace("\n", "\r\n").encode("utf-8-sig"))

    assert "甲, 乙" == FileDirectory(tmp_path).person("P1").name


def test_what_is_no_directory(tmp_path: Path) -> None:
    """A folder that is not there, an empty file, other bytes, and two files of one name."""
    missing = tmp_path / "missing"
    assert [f"{missing}: is no folder; name the one with institutions.csv and persons.csv"] == [
        fault.replace("missing:", f"{missing}:", 1) if fault.startswith("missing:") else fault
        for fault in _faults(missing)
    ]
    _written(tmp_path, {"institutions": ""})
    (tmp_path / "persons.csv").write_bytes(b"\xff\xfe\n")
    (tmp_path / "enrolments.parquet").write_bytes(b"PAR1")

    assert [
        "institutions.csv: the file has no header",
        "persons.csv:1: the header is no UTF-8; save the file as UTF-8",
        "enrolments.csv: enrolments.parquet is there as well; keep one of them",
    ] == _faults(tmp_path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A row that is not UTF-8, and a Parquet file that is none, are refused with the file."""
    _written(tmp_path, {"identities": None})
    (tmp_path / "persons.csv").write_bytes(_GOOD["persons"].encode("gb18030"))
    (tmp_path / "identities.parquet").write_bytes(b"no parquet")
    told = _faults(tmp_path)

    assert ["identities.parquet: cannot be read as Parquet", "persons.csv: cannot be read"] == [
        ": ".join(each.split(": ")[:2]) for each in told
    ]


def _as_parquet(folder: Path, types: Mapping[str, pa.DataType]) -> None:
    """Write the CSV files of a folder anew as Parquet, some columns with a type of their own."""
    for name in FILES:
        path = folder / f"{name}.csv"
        texts = pa.csv.read_csv(
            path,
            pa.csv.ReadOptions(skip_rows=1),
            convert_options=pa.csv.ConvertOptions(
                column_types={cell.name: types.get(cell.name, pa.string()) for cell in FILES[name]},
                strings_can_be_null=True,
            ),
        )
        pa.parquet.write_table(texts, path.with_suffix(".parquet"))
        path.unlink()


def test_parquet_is_the_same_directory(tmp_path: Path) -> None:
    """Texts, dates, whole numbers and decimals of Parquet read as the cells of CSV do."""
    invented.write(tmp_path, 0)
    csv = FileDirectory(tmp_path)
    expected = [(csv.person(p), csv.enrolments(p), csv.identities(p)) for p in _PERSONS]
    _as_parquet(
        tmp_path,
        {
            "brdy": pa.date32(),
            "psn_insu_date": pa.date32(),
            "enrolment_years": pa.int64(),
            "wage_base_yuan": pa.decimal128(12, 2),
        },
    )
    held = FileDirectory(tmp_path)

    assert expected == [(held.person(p), held.enrolments(p), held.identities(p)) for p in _PERSONS]
    assert 900_000 == held.enrolments(invented.EMPLOYEE)[0].wage_base_fen


_PERSONS = (invented.EMPLOYEE, invented.RETIRED, invented.INJURED, invented.RESIDENT)


def test_parquet_faults_name_the_row_and_no_money_is_a_float(tmp_path: Path) -> None:
    """Rows of Parquet are counted from 1; a column of floats is refused as a whole."""
    invented.write(tmp_path, 0)
    _as_parquet(tmp_path, {})
    path = tmp_path / "persons.parquet"
    table = pa.parquet.read_table(path)
    genders = table["gend"].to_pylist()
    spoilt = table.set_column(4, "gend", pa.array([genders[0], "7", *genders[2:]]))
    pa.parquet.write_table(spoilt, path)
    enrolled = pa.parquet.read_table(tmp_path / "enrolments.parquet")
    wages = pa.array([9000.0] * len(enrolled))
    at = enrolled.column_names.index("wage_base_yuan")
    pa.parquet.write_table(
        enrolled.set_column(at, "wage_base_yuan", wages), tmp_path / "enrolments.parquet"
    )

    assert [
        "enrolments.parquet: column 'wage_base_yuan' is of type double; "
        "write texts, dates or whole numbers",
        "persons.parquet row 2 gend: '7'; expected one of 0, 1, 2",
    ] == _faults(tmp_path)


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    """Reading again finds a change, and nothing where there is none."""
    held = FileDirectory(_written(tmp_path, {}))

    assert not held.reload()
    _written(tmp_path, {"institutions": _GOOD["institutions"].replace("甲医院", "乙医院大楼")})
    assert held.reload()
    assert "乙医院大楼" == held.institution("H1").name


def test_a_faulty_change_leaves_what_was_there(tmp_path: Path) -> None:
    """Refused files change nothing; mended, they are read."""
    held = FileDirectory(_written(tmp_path, {}))
    _written(tmp_path, {"persons": _GOOD["persons"].replace(",1,01", ",11,01")})
    with pytest.raises(errors.InvalidRequest):
        held.reload()

    assert "甲" == held.person("P1").name
    _written(tmp_path, {"persons": _GOOD["persons"].replace("甲", "丙丙")})
    assert held.reload()
    assert "丙丙" == held.person("P1").name


def test_old_rows_go_when_new_ones_are_read(tmp_path: Path) -> None:
    """Nothing keeps the temporary database of an earlier reading open."""
    held = FileDirectory(_written(tmp_path, {}))
    held.person("P1")
    old = weakref.ref(held._store)
    _written(tmp_path, {"institutions": _GOOD["institutions"].replace("甲医院", "乙医院大楼")})
    assert held.reload()

    assert old() is None


@pytest.mark.parametrize(
    ("bound", "most"), [("DIRECTORY_ROWS_MAX", 1), ("DIRECTORY_FILE_BYTES_MAX", 103)]
)
def test_bounds_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    """As many rows and bytes as may be, and one more."""
    short: dict[str, str | None] = dict.fromkeys(OPTIONAL_FILES)
    short["persons"] = _GOOD["persons"].removeprefix("# one person\n")
    _written(tmp_path, short)
    largest = max(path.stat().st_size for path in tmp_path.iterdir())
    if bound == "DIRECTORY_FILE_BYTES_MAX":
        most = largest
    monkeypatch.setattr(limits, bound, most)
    FileDirectory(tmp_path)
    monkeypatch.setattr(limits, bound, most - 1)

    assert any("leave out who has left" in fault for fault in _faults(tmp_path))


def test_many_faults_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound faults are only counted."""
    rows = "".join(f"P{n},01,99{n},乙,9,01,1990-01-01\n" for n in range(2, 5))
    _written(tmp_path, {"persons": _GOOD["persons"] + rows})
    monkeypatch.setattr(limits, "DIRECTORY_FAULTS_SHOWN_MAX", 3)
    assert 3 == len(_faults(tmp_path))
    monkeypatch.setattr(limits, "DIRECTORY_FAULTS_SHOWN_MAX", 2)

    assert "directory: and 1 more faults" == _faults(tmp_path)[-1]


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("wage_base_fen", ["0", "8500.5", "999999999.99"], ["-1", "1.234", "1,000", "1000000000"]),
        ("enrolment_years", ["0", "9", "100"], ["101", "-1", "1.5", ""]),
        ("employer", ["示", "示" * 200, "a b"], ["示" * 201, " a", "a ", "a\tb"]),
    ],
)  # fmt: skip
def test_forms_of_cells(tmp_path: Path, field: str, good: list[str], bad: list[str]) -> None:
    """Each form holds what it says, to its bound."""
    cell: Cell = next(each for each in ENROLMENTS if each.field == field)
    head, row, _ = _GOOD["enrolments"].split("\n")
    for text, passes in [
        *((each, True) for each in good),
        *((each, False) for each in bad if each),
    ]:
        table = f'{head},{cell.name}\n{row},"{text}"\n'
        folder = _written(tmp_path, {"enrolments": table})
        if passes:
            FileDirectory(folder).close()
        else:
            assert 1 == len(_faults(folder)), text
