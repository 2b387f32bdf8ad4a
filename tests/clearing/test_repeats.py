"""What is twice in one book, though every book agrees; and what only looks so."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.clearing.matching.differences import difference_schema
from medsettle.clearing.matching.repeats import Repeats, find_repeats
from medsettle.clearing.matching.sources_files import opened_book
from medsettle.clearing.matching.sources_parquet import parquet_book
from medsettle.errors import BatchTooLarge, InvalidRequest

from tests.clearing.books import Row, row, table

_DAY = date(2026, 3, 31)
_FEN = [column.name for column in BOOK if column.name.endswith("_fen")]


def _visit(settlement: str, **values: object) -> Row:
    facts = {"encounter": "V1", "service_date": _DAY, "record_time": 1}
    return row(settlement, **(facts | values))


def _cancel(of: Row) -> Row:
    own = {"settlement": f"{of['settlement']}-C", "kind": "cancel", "original": of["settlement"]}
    return of | {name: -of[name] for name in _FEN} | own


def _looked_into(
    folder: Path,
    rows: Sequence[Row],
    without: frozenset[str] = frozenset(),
    admissions: Sequence[date | None] | None = None,
) -> Repeats:
    made = table(rows, without)
    if admissions is not None:
        made = made.append_column("admission_date", pa.array(admissions, pa.date32()))
    path = folder / "book.parquet"
    pq.write_table(made, path)
    return find_repeats(parquet_book(Side.INSURED, path), folder)


def test_a_retry_that_all_have_recorded(tmp_path: Path) -> None:
    """The later of one visit with equal total is a duplicate, at the price of its fund's share."""
    found = _looked_into(
        tmp_path,
        [
            _visit("S1", request_id="one", record_time=2),
            _visit("S2", request_id="two", record_time=1),
            _visit("S3", total_fen=9_999),
            _visit("S4", person="another"),
            _visit("S5", service_date=date(2026, 3, 30)),
            _visit("S6", insurance_type="390"),
        ],
    )

    (told,) = found.differences.to_pylist()
    assert difference_schema() == found.differences.schema
    # Insurance recorded S2 first, whatever the ids say.
    assert ("settle:S1", DifferenceClass.DUPLICATE, Action.REVERSE, 7_000) == (
        *(told["item"], told["difference_class"], told["action"]),
        told["at_risk_fen"],
    )
    assert ("care", ["insured", "care", "national"], []) == (
        *(told["owner"], told["held_by"]),
        told["missing_at"],
    )
    assert ["S1", "S2"] == [each["settlement"] for each in told["insured_rows"]]
    assert "S2" in told["explanation"]


def test_three_of_one_service_are_two_too_many(tmp_path: Path) -> None:
    """Each further one is told, against the first."""
    rows = [_visit(f"S{number}", record_time=number) for number in (1, 2, 3)]

    found = _looked_into(tmp_path, rows).differences

    assert ["settle:S2", "settle:S3"] == found["item"].to_pylist()


def test_what_was_taken_back_is_no_first(tmp_path: Path) -> None:
    """A visit that was cancelled and settled again is in order, whichever of the two it was."""
    first, second = _visit("S1"), _visit("S2", record_time=2)

    assert 0 == _looked_into(tmp_path, [first, second, _cancel(first)]).differences.num_rows
    assert 0 == _looked_into(tmp_path, [first, second, _cancel(second)]).differences.num_rows


def test_an_id_twice_is_not_a_repeat(tmp_path: Path) -> None:
    """Rows of one id are odd already, and told by `classify`."""
    assert 0 == _looked_into(tmp_path, [_visit("S1"), _visit("S1")]).differences.num_rows


def test_two_places_are_held_until_somebody_has_looked(tmp_path: Path) -> None:
    """An equal total of one person and day at another institution may be real."""
    found = _looked_into(
        tmp_path,
        [
            _visit("S1"),
            _visit("S2", institution="elsewhere", encounter="V2", record_time=2),
            _visit("S3", encounter="V3", total_fen=20_000),
            _visit("S4", encounter="V4", total_fen=20_000, record_time=2),
        ],
    ).differences.to_pylist()

    # S3 and S4 are two visits of one institution at one price, as visits often are.
    assert [("settle:S2", Action.HOLD, "person+service_date+total_fen+kind")] == [
        (told["item"], told["action"], told["matched_by"]) for told in found
    ]


@pytest.mark.parametrize(
    ("admitted", "discharged", "overlaps"),
    [
        pytest.param(date(2026, 3, 9), date(2026, 3, 12), True, id="began-the-day-before"),
        pytest.param(date(2026, 3, 10), date(2026, 3, 12), False, id="transferred-on-the-day"),
        pytest.param(date(2026, 3, 4), date(2026, 3, 5), False, id="ended-as-the-other-began"),
        pytest.param(date(2026, 3, 4), date(2026, 3, 6), True, id="ended-a-day-later"),
        pytest.param(date(2026, 3, 7), date(2026, 3, 7), False, id="no-stay"),
        pytest.param(None, date(2026, 3, 7), False, id="admission-unknown"),
    ],
)
def test_stays_at_one_time(
    tmp_path: Path, admitted: date | None, discharged: date, *, overlaps: bool
) -> None:
    """A person cannot lie in two hospitals, but leaves one on the day of coming to the next."""
    stay = _visit("S1", service_date=date(2026, 3, 10))
    other = _visit(
        "S2",
        institution="elsewhere",
        encounter="V2",
        service_date=discharged,
        total_fen=99,
        record_time=2,
    )

    found = _looked_into(tmp_path, [stay, other], admissions=[date(2026, 3, 5), admitted])

    items = [(told["item"], told["action"]) for told in found.differences.to_pylist()]
    assert ([("settle:S2", Action.HOLD)] if overlaps else []) == items
    assert {} == found.not_looked_for


def test_what_cannot_be_looked_for_is_said(tmp_path: Path) -> None:
    """Without visits, two equal ones cannot be told from one sent twice; nor stays without days."""
    found = _looked_into(
        tmp_path, [_visit("S1"), _visit("S2", record_time=2)], frozenset({"encounter"})
    )

    assert 0 == found.differences.num_rows
    assert {"again": ("encounter",), "stays": ("admission_date",)} == found.not_looked_for


def test_values_that_are_unknown_are_like_nothing(tmp_path: Path) -> None:
    """Visits and days that are null are not those of one another."""
    unknown = [_visit("S1", encounter=None), _visit("S2", encounter=None)]
    undated = [_visit("S3", service_date=None), _visit("S4", service_date=None)]

    assert 0 == _looked_into(tmp_path, [*unknown, *undated]).differences.num_rows


def test_the_bound_of_what_looks_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many rows as the bound are told, and one more is refused with what may be wrong."""
    rows = [_visit(f"S{number}", record_time=number) for number in (1, 2, 3)]
    monkeypatch.setattr(limits, "ODD_ROWS_MAX", 3)
    assert 2 == _looked_into(tmp_path, rows).differences.num_rows
    monkeypatch.setattr(limits, "ODD_ROWS_MAX", 2)

    with pytest.raises(BatchTooLarge, match="3 settlements look like others, above the bound of 2"):
        _looked_into(tmp_path, rows)


def test_a_book_that_does_not_say_what_its_rows_are(tmp_path: Path) -> None:
    """What lacks kinds or days is named with what to do."""
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"settlement": ["S1"]}), other)
    with pytest.raises(InvalidRequest, match="has no kind, record_date, without which"):
        find_repeats(parquet_book(Side.CARE, other), tmp_path)


def test_a_book_without_rows_has_nothing_twice(tmp_path: Path) -> None:
    """There is nothing to look for it in, and nothing to refuse."""
    assert 0 == _looked_into(tmp_path, []).differences.num_rows


def test_an_unknown_institution_is_like_no_other(tmp_path: Path) -> None:
    """Two visits that name none are no repeats of each other: the book is refused with its rows."""
    nowhere = [_visit(f"S{number}", institution=None, record_time=number) for number in (1, 2)]
    path = tmp_path / "book.parquet"
    schema = pa.schema([each.with_nullable(True) for each in table(nowhere[:0]).schema])
    pq.write_table(pa.Table.from_pylist(nowhere, schema), path)

    with pytest.raises(InvalidRequest, match=r"book.parquet:1.institution: missing"):
        find_repeats(parquet_book(Side.INSURED, path), tmp_path)


_NATIONAL = (
    "setl_id,refd_setl_flag,setl_time,fixmedins_code,mdtrt_id,psn_no,insuplc_admdvs,"
    "mdtrtarea_admvs,insutype,clr_type,service_date,medfee_sumamt,fund_pay_sumamt"
)


@pytest.mark.parametrize("form", ["csv", "hive"])
def test_a_book_is_read_by_whatever_names_it_has(tmp_path: Path, form: str) -> None:
    """National names, yuan and areas in the names of folders say the same as ours."""
    lines = [
        f"S{number},0,2026-03-31 0{number}:00:00,H1,V1,P1,999001,999002,310,11,2026-03-31,100.00,70"
        for number in (1, 2)
    ]
    path = tmp_path / "book.csv"
    path.write_text("\n".join([_NATIONAL, *lines]) + "\n", encoding="utf-8")
    if form == "hive":
        texts = dict.fromkeys(_NATIONAL.split(","), pa.string())
        read = pacsv.read_csv(path, convert_options=pacsv.ConvertOptions(column_types=texts))
        path = tmp_path / "hive"
        place = path / "insuplc_admdvs=999001"
        place.mkdir(parents=True)
        pq.write_table(read.drop_columns(["insuplc_admdvs"]), place / "day.parquet")
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    found = find_repeats(opened_book(Side.CARE, path, scratch), scratch).differences.to_pylist()

    assert [("settle:S2", "999001", 7_000)] == [
        (told["item"], told["pooling_area"], told["at_risk_fen"]) for told in found
    ]
