"""Catalogues: exact reading, every fault at its place, the right version on every day."""

import hashlib
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core.dates import day_number
from medsettle.errors import PolicyRejected, Violation
from medsettle.policy import catalogue_cells
from medsettle.policy.catalogue import (
    IN_SCOPE_POT,
    NO_CEILING,
    NOT_LISTED,
    NOT_VALID,
    Catalogue,
)
from medsettle.policy.line_terms import LineTerms

_HEADER = (
    "item_code,name,list_type,charge_type,valid_from,valid_until,item_class,"
    "pre_self_pay_310_percent,pre_self_pay_390_percent,"
    "ceiling_level_1_yuan,ceiling_level_2_yuan,ceiling_level_3_yuan,over_limit_as,pot,restricted"
)
_BED = "BED,床位,201,01,2024-01-01,,01,0,0,30,50.5,,over_limit,,no"
_DRUG = "DRUG,药品,101,09,2020-01-01,,02,10,12.3456,,,,,,yes"
_OLD_BED = "BED,床位,201,01,2020-01-01,,01,0,0,0,45,60.000001,own_expense,,no"
_IMPLANT = "IMPLANT,植入物,301,08,2020-01-01,2025-01-01,02,0,0,,,,,implant,no"
_TERMS = LineTerms(("graft", "implant"), full_price=False, per_settlement=False)
_NO_POTS = LineTerms((), full_price=False, per_settlement=False)


def _write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "catalogue.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _load(tmp_path: Path, *lines: str) -> Catalogue:
    return Catalogue.load(_write(tmp_path, *lines), _TERMS)


def _violations(tmp_path: Path, *lines: str) -> tuple[Violation, ...]:
    with pytest.raises(PolicyRejected) as caught:
        _load(tmp_path, *lines)
    return caught.value.violations


def _days(*texts: str) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array([day_number(date.fromisoformat(text)) for text in texts], dtype=np.int32)


def test_entries_become_exact_sorted_columns(tmp_path: Path) -> None:
    """Rows are sorted by code and first day; percent and yuan are exact integers."""
    catalogue = _load(tmp_path, "# invented", _HEADER, _IMPLANT, _DRUG, _BED, _OLD_BED)

    assert ("BED", "DRUG", "IMPLANT") == catalogue.item_codes
    assert ("310", "390") == catalogue.schemes
    assert [0, 0, 1, 2] == catalogue.item.tolist()
    assert ("床位", "床位", "药品", "植入物") == catalogue.names
    assert ("01", "01", "09", "08") == catalogue.charge_types
    assert ("201", "201", "101", "301") == catalogue.list_types
    assert [1, 1, 2, 2] == catalogue.item_class.tolist()
    assert [[0, 0], [0, 0], [100_000, 123_456], [0, 0]] == catalogue.pre_self_pay_ppm.tolist()
    assert [
        [0, 45_000_000, 60_000_001],
        [30_000_000, 50_500_000, NO_CEILING],
        [NO_CEILING] * 3,
        [NO_CEILING] * 3,
    ] == catalogue.ceiling_e6.tolist()
    assert [True, False, False, False] == catalogue.own_expense_above.tolist()
    assert [IN_SCOPE_POT] * 3 + [5] == catalogue.pot.tolist()
    assert [False, False, True, False] == catalogue.restricted.tolist()
    assert 4 == len(catalogue)


def test_the_digest_is_of_the_bytes(tmp_path: Path) -> None:
    """The digest is the SHA-256 of the file, so that anyone can check it with a tool at hand."""
    path = _write(tmp_path, _HEADER, _BED)

    assert hashlib.sha256(path.read_bytes()).hexdigest() == Catalogue.load(path, _NO_POTS).digest


def test_arrays_are_read_only(tmp_path: Path) -> None:
    """Nobody changes a loaded catalogue."""
    catalogue = _load(tmp_path, _HEADER, _BED)

    for name in Catalogue.__slots__:
        column = getattr(catalogue, name)
        if isinstance(column, np.ndarray):
            assert not column.flags.writeable, name


def test_spreadsheets_are_read_as_they_save(tmp_path: Path) -> None:
    """A byte order mark, line ends of Windows, blanks, quotes and blank lines change nothing."""
    path = tmp_path / "saved.csv"
    plain = _load(tmp_path, "# invented", _HEADER, _BED, _DRUG)
    quoted = _DRUG.replace("药品", ' "药品" ').replace(' "药品" ', '"药,品"')
    text = "\r\n".join(
        ["\ufeff# invented", _HEADER, _BED.replace(",床位,", ", 床位 ,"), "", quoted]
    )
    path.write_bytes(text.encode())

    saved = Catalogue.load(path, _TERMS)

    assert ("床位", "药,品") == saved.names
    assert plain.ceiling_e6.tolist() == saved.ceiling_e6.tolist()


@pytest.mark.parametrize(
    ("code", "day", "row"),
    [
        pytest.param("BED", "2019-12-31", NOT_VALID, id="before-the-first-version"),
        pytest.param("BED", "2020-01-01", 0, id="first-day"),
        pytest.param("BED", "2023-12-31", 0, id="last-day-before-the-next-version"),
        pytest.param("BED", "2024-01-01", 1, id="first-day-of-the-next-version"),
        pytest.param("BED", "2099-12-31", 1, id="open-end"),
        pytest.param("DRUG", "2019-12-31", NOT_VALID, id="row-before-is-another-item"),
        pytest.param("IMPLANT", "2024-12-31", 3, id="last-valid-day"),
        pytest.param("IMPLANT", "2025-01-01", NOT_VALID, id="valid-until-is-exclusive"),
        pytest.param("OTHER", "2024-01-01", NOT_LISTED, id="not-listed"),
        pytest.param("", "2024-01-01", NOT_LISTED, id="empty-code"),
    ],
)
def test_finds_the_version_in_force(tmp_path: Path, code: str, day: str, row: int) -> None:
    """The day of the fee picks the version; outside all versions there is none."""
    catalogue = _load(tmp_path, _HEADER, _OLD_BED, _BED, _DRUG, _IMPLANT)

    assert [row] == catalogue.rows([code], _days(day)).tolist()
    assert [row] == catalogue.rows(catalogue.items([code]), _days(day)).tolist()


@given(data=st.data())
def test_lookup_equals_a_walk_over_the_versions(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """For any versions and days, the search finds what a person finds going down the list."""
    first = date(2020, 1, 1).toordinal()
    versions: list[tuple[str, int, int | None]] = []
    for code in ("A", "B", "C"):
        edges = sorted(data.draw(st.sets(st.integers(0, 40), max_size=6)))
        for start, end in zip(edges[::2], edges[1::2], strict=False):
            versions.append((code, start, data.draw(st.sampled_from([end, None]))))
    versions.append(("D", 0, None))
    lines = [
        f"{code},n,101,09,{date.fromordinal(first + start)},"
        f"{'' if end is None else date.fromordinal(first + end)},01,0,0,,,,,,no"
        for code, start, end in data.draw(st.permutations(versions))
    ]
    catalogue = _load(tmp_path_factory.mktemp("c"), _HEADER, *lines)
    questions = [(code, day) for code in ("A", "B", "C", "D", "E") for day in range(-1, 43)]
    days = np.array([day_number(date.fromordinal(first + day)) for _, day in questions], np.int32)

    found = catalogue.rows([code for code, _ in questions], days)

    ordered = sorted(versions, key=lambda version: version[:2])
    for (code, day), row in zip(questions, found.tolist(), strict=True):
        begun = [at for at, (item, start, _) in enumerate(ordered) if item == code and start <= day]
        until = ordered[begun[-1]][2] if begun else 0
        valid = bool(begun) and (until is None or day < until)
        listed = any(item == code for item, _, _ in ordered)
        assert (begun[-1] if valid else NOT_VALID if listed else NOT_LISTED) == row


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        pytest.param("item_code", "床", "is no item code", id="item-code"),
        pytest.param("item_code", "A" * (limits.CODE_CHARS_MAX + 1), "1 to 50", id="long-code"),
        pytest.param("name", "", "the name is missing", id="name"),
        pytest.param("list_type", "102x", "did you mean '102'?", id="list-type"),
        pytest.param("charge_type", "1", "two to six digits", id="charge-type"),
        pytest.param("valid_from", "2024-02-30", "is not a date", id="impossible-date"),
        pytest.param("valid_from", "2024/1/1", "is not a date", id="date-form"),
        pytest.param("valid_until", "2019-12-31", "must come after valid_from", id="end-first"),
        pytest.param("item_class", "04", "known here: 01, 02, 03", id="class"),
        pytest.param("pre_self_pay_310_percent", "10%", "unit is in the header", id="unit"),
        pytest.param("pre_self_pay_310_percent", "", "is not a number", id="no-ratio"),
        pytest.param("pre_self_pay_310_percent", "1e1", "is not a number", id="exponent"),
        pytest.param("pre_self_pay_390_percent", "12.34567", "more than 4", id="inexact-ratio"),
        pytest.param("pre_self_pay_390_percent", "100.0001", "above 100", id="ratio-above-one"),
        pytest.param("ceiling_level_1_yuan", "-1", "is not a number", id="negative-ceiling"),
        pytest.param("ceiling_level_2_yuan", "1.0000001", "more than 6", id="inexact-ceiling"),
        pytest.param("ceiling_level_3_yuan", "10000000.000001", "no ceiling", id="huge-ceiling"),
        pytest.param("over_limit_as", "overlimit", "did you mean 'over_limit'?", id="over-limit"),
        pytest.param("over_limit_as", "", "must say over_limit or own_expense", id="unsaid"),
        pytest.param("pot", "implnt", "did you mean 'implant'?", id="pot"),
        pytest.param("restricted", "maybe", "known here: no, yes", id="restricted"),
    ],
)
def test_a_fault_is_named_at_its_cell(tmp_path: Path, column: str, text: str, message: str) -> None:
    """Each faulty cell is one violation with line, column, column name and a remedy."""
    cells = _OLD_BED.split(",")
    position = _HEADER.split(",").index(column)
    cells[position] = text
    place = len(",".join(cells[:position])) + (2 if position else 1)

    (found,) = _violations(tmp_path, "# invented", _HEADER, _DRUG, "", ",".join(cells))

    assert (5, place, column) == (found.line, found.column, found.key_path)
    assert str(tmp_path / "catalogue.csv") == found.file
    assert message in found.message


@pytest.mark.parametrize(
    ("lines", "line", "column", "key_path", "message"),
    [
        pytest.param([], 1, 1, "", "is empty", id="empty-file"),
        pytest.param(["# only this"], 1, 1, "", "is empty", id="only-a-comment"),
        pytest.param([_HEADER], 1, 1, "", "no entries", id="only-a-header"),
        pytest.param([_HEADER, _BED + ",x"], 2, 1, "", "16 cells", id="a-cell-too-many"),
        pytest.param([_HEADER, _BED[:-3]], 2, 1, "", "14 cells", id="a-cell-too-few"),
        pytest.param(
            [_HEADER.replace("charge_type,", ""), _BED],
            1,
            1,
            "charge_type",
            "missing",
            id="missing",
        ),
        pytest.param(
            [_HEADER + ",name", _BED],
            1,
            len(_HEADER) + 2,
            "name",
            "stands twice",
            id="column-twice",
        ),
        pytest.param(
            [_HEADER + ",pto", _BED], 1, len(_HEADER) + 2, "pto", "did you mean 'pot'?", id="typo"
        ),
        pytest.param([_HEADER, _BED, '"B""D' + _BED[3:]], 3, 1, "", "end of data", id="open-quote"),
        pytest.param(
            [_HEADER, '"BE', f'D"{_BED[3:]}'], 2, 1, "", "close the quote", id="line-break"
        ),
        pytest.param([_HEADER, '"BED"x' + _BED[3:]], 2, 1, "", "not valid CSV", id="after-quote"),
        pytest.param(
            [_HEADER, _BED, _BED], 3, 15, "valid_from", "line 2 begins on the same", id="same-day"
        ),
        pytest.param(
            [_HEADER, _BED, _OLD_BED.replace("01-01,,", "01-01,2024-01-02,")],
            2,
            15,
            "valid_from",
            "line 3 is still valid",
            id="overlap",
        ),
        pytest.param(
            [_HEADER, _IMPLANT.replace(",02,", ",03,")], 2, 53, "pot", "class C", id="class-c-pot"
        ),
    ],
)
def test_a_fault_of_the_file_is_named(
    tmp_path: Path, lines: list[str], line: int, column: int, key_path: str, message: str
) -> None:
    """Faults of header, records and versions say where to look."""
    found = _violations(tmp_path, *lines)[0]

    assert message in found.message
    assert (line, key_path) == (found.line, found.key_path)
    assert column == found.column


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    """One run shows every fault of a file, in the order of the file."""
    bad = _BED.replace(",201,", ",202,").replace(",no", ",nein")

    found = _violations(tmp_path, _HEADER, bad, _DRUG.replace("10,", "10元,"), _IMPLANT + ",")

    assert [(2, "list_type"), (2, "restricted"), (3, "pre_self_pay_310_percent"), (4, "")] == [
        (violation.line, violation.key_path) for violation in found
    ]


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """A file saved in another encoding is refused with the line of the first such byte."""
    path = tmp_path / "catalogue.csv"
    path.write_bytes(f"{_HEADER}\n{_BED}\n".encode("gb18030"))

    with pytest.raises(PolicyRejected, match=r"catalogue\.csv:2:1: not UTF-8") as caught:
        Catalogue.load(path, _NO_POTS)

    assert 1 == len(caught.value.violations)


def test_a_catalogue_without_ratios_is_refused(tmp_path: Path) -> None:
    """At least one insurance type must have a ratio column."""
    header = _HEADER.replace("pre_self_pay_310_percent,pre_self_pay_390_percent,", "")

    found = _violations(tmp_path, header, _BED.replace(",0,0,", ","))

    assert ["no ratio column; add one such as 'pre_self_pay_310_percent'"] == [
        violation.message for violation in found
    ]


def test_an_insurance_type_of_its_own(tmp_path: Path) -> None:
    """A catalogue may serve other insurance types, in the order of its columns."""
    header = _HEADER.replace("_310_", "_510_")

    assert ("510", "390") == _load(tmp_path, header, _BED).schemes


@given(whole=st.integers(0, 10**9), part=st.integers(0, 999_999))
def test_decimals_are_exact(whole: int, part: int) -> None:
    """A number with six decimals is read without loss."""
    assert whole * 10**6 + part == catalogue_cells.exact_scaled(f"{whole}.{part:06d}", 6)
