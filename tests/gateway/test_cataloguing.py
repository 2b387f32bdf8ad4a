"""Downloads of the catalogue: pages with filters, files by 9102, and lists that nobody keeps."""

import csv
import io
import zipfile
from decimal import Decimal
from typing import Any

import orjson
import pytest
from medsettle import limits

from fixtures import make_catalogue as invented
from tests.gateway.till import Till


@pytest.fixture
def till(reading: Till) -> Till:
    """Return a till that all tests here share: downloads leave nothing behind."""
    return reading


def _said(**more: object) -> dict[str, Any]:
    return {"data": {"page_num": 1, "page_size": 10, **more}}


def test_an_item_and_its_versions(till: Till) -> None:
    """Both versions of a bed, the first one ended the day before the second begins."""
    told = till.done("1312", _said(hilist_code=invented.BED_WITH_CEILING))

    assert {"recordCounts": 2, "pages": 1, "page_num": 1, "page_size": 10}.items() <= told.items()
    assert [
        ("1998-01-01", "2024-12-31", "1", "1998-01-01"),
        ("2025-01-01", None, "1", "2025-01-01"),
    ] == [
        (row["begndate"], row["enddate"], row["vali_flag"], _begun(row["rid"]))
        for row in told["data"]
    ]
    assert {
        "hilist_code": invented.BED_WITH_CEILING,
        "hilist_name": "示例普通床位费",
        "insu_admdvs": "110000",
        "med_chrgitm_type": "01",
        "chrgitm_lv": "01",
        "lmt_used_flag": "0",
        "list_type": "201",
        "poolarea_no": "110000",
    }.items() <= told["data"][0].items()


def _begun(rid: str) -> str:
    digits = rid.rpartition(".")[2]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


@pytest.mark.parametrize(
    ("filters", "codes"),
    [
        ({"query_date": "2024-12-31", "hilist_name": "普通床位"}, [invented.BED_WITH_CEILING]),
        ({"hilist_code": invented.RESTRICTED_DRUG, "lmt_used_flag": "1"}, None),
        ({"hilist_code": invented.RESTRICTED_DRUG, "lmt_used_flag": "0"}, []),
        ({"hilist_code": invented.CLASS_C, "chrgitm_lv": "03"}, [invented.CLASS_C]),
        ({"hilist_code": invented.CLASS_C, "chrgitm_lv": "01"}, []),
        ({"hilist_code": invented.CLASS_B_10, "list_type": "101"}, [invented.CLASS_B_10]),
        ({"hilist_code": invented.CLASS_B_10, "list_type": "201"}, []),
        ({"hilist_code": invented.CLASS_B_10, "med_chrgitm_type": "09"}, [invented.CLASS_B_10]),
        ({"hilist_code": invented.CLASS_B_10, "begndate": "1998-01-02"}, []),
        ({"hilist_code": invented.CLASS_B_10, "vali_flag": "0"}, []),
        ({"hilist_code": "NO-SUCH-CODE"}, []),
    ],
)
def test_filters(till: Till, filters: dict[str, str], codes: list[str] | None) -> None:
    """Each filter lets pass what it says and nothing else."""
    told = till.done("1312", _said(**filters))
    expected = [invented.RESTRICTED_DRUG] if codes is None else codes

    assert expected == [row["hilist_code"] for row in told["data"]]


def test_pages_are_the_whole_list_once(till: Till) -> None:
    """Page after page, every row comes once and in one order; past the end there is nothing."""
    size = 100
    first = till.done("1312", _said(page_size=size))
    pages = [
        till.done("1312", _said(page_num=number, page_size=size))["data"]
        for number in range(1, int(first["pages"]) + 1)
    ]
    found = [row["rid"] for page in pages for row in page]

    assert int(first["recordCounts"]) == len(found) == len(set(found)) > 3 * size
    assert {size} == {len(page) for page in pages[:-1]}
    beyond = till.done("1312", _said(page_num=int(first["pages"]) + 1, page_size=size))
    assert [] == beyond["data"]


def test_no_ceiling_and_a_ceiling_of_nothing(till: Till) -> None:
    """A blank ceiling has no row; one of 0 has a row that says 0 (fixtures: 0 / 35.5 / none)."""
    told = till.done("1318", _said(hilist_code=invented.ZERO_CEILING))

    assert [("1", Decimal("0.000000")), ("2", Decimal("35.500000"))] == [
        (row["hilist_lmtpric_type"], row["hilist_pric_uplmt_amt"]) for row in told["data"]
    ]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"query_date": "2024-06-01"}, [("1", "40"), ("2", "60"), ("3", "80")]),
        ({"query_date": "2025-01-01"}, [("1", "50"), ("2", "70"), ("3", "90")]),
        ({"query_date": "2024-06-01", "hilist_lmtpric_type": "3"}, [("3", "80")]),
        ({"query_date": "2024-06-01", "overlmt_dspo_way": "own_expense"}, []),
    ],
)
def test_ceilings_of_each_level(
    till: Till, filters: dict[str, str], found: list[tuple[str, str]]
) -> None:
    """A row for each hospital level of the version that is valid on a day."""
    told = till.done("1318", _said(hilist_code=invented.BED_WITH_CEILING, **filters))

    assert [(level, Decimal(yuan)) for level, yuan in found] == [
        (row["hilist_lmtpric_type"], row["hilist_pric_uplmt_amt"]) for row in told["data"]
    ]


def test_what_a_price_above_the_ceiling_does(till: Till) -> None:
    """Only the part above is over limit, or the whole line is own expense."""
    told = till.done("1318", _said(hilist_code=invented.WHOLE_LINE_CEILING))

    assert ["own_expense"] * 3 == [row["overlmt_dspo_way"] for row in told["data"]]


def test_ratios_of_each_insurance(till: Till) -> None:
    """First-self-pay with four decimals, a row for each insurance; of one area as of another."""
    here = till.done("1319", _said(hilist_code=invented.CLASS_B_10))
    there = till.done("1319", _said(hilist_code=invented.CLASS_B_10, insu_admdvs="330203"))
    of_one = till.done("1319", _said(hilist_code=invented.CLASS_B_10, selfpay_prop_psn_type="390"))

    assert [("310", Decimal("0.1000")), ("390", Decimal("0.1000"))] == _ratios(here)
    assert [("310", Decimal("0.1000")), ("390", Decimal("0.1500"))] == _ratios(there)
    assert ["330200"] * 2 == [row["insu_admdvs"] for row in there["data"]]
    assert [("390", Decimal("0.1000"))] == _ratios(of_one)


def _ratios(told: dict[str, Any]) -> list[tuple[str, Decimal]]:
    return [(row["selfpay_prop_psn_type"], row["selfpay_prop"]) for row in told["data"]]


@pytest.mark.parametrize("infno", ["1312", "1318", "1319", "1304"])
@pytest.mark.parametrize(
    ("cut", "reason"),
    [
        ({"page_size": 0}, "data.page_size: '0' is below 1"),
        ({"page_size": limits.GATEWAY_PAGE_ROWS_MAX + 1}, "data.page_size: "),
        ({"page_num": 0}, "data.page_num: "),
        ({"page_num": 10_000}, "data.page_num: "),
        ({"page_num": ""}, "data.page_num: missing"),
    ],
)
def test_bounds_of_pages(till: Till, infno: str, cut: dict[str, Any], reason: str) -> None:
    """Pages begin at 1 and have 1 to as many rows as the bound."""
    shown = till.refused(infno, _said(**cut))

    assert reason.replace("'0'", "0") in shown.replace("'0'", "0")
    till.done(infno, _said(page_size=limits.GATEWAY_PAGE_ROWS_MAX, page_num=9_999))


def test_a_region_without_a_catalogue(till: Till) -> None:
    """It is refused by name, not answered with an empty list."""
    assert "[NOT_FOUND]" in till.refused("1312", _said(insu_admdvs="650100"))


def _fetched(till: Till, told: dict[str, Any]) -> list[list[str]]:
    data = till.downloaded(told["file_qury_no"], told["filename"], "plc")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (name,) = archive.namelist()
        text = archive.read(name).decode()
    return [line.split("\t") for line in text.splitlines()]


@pytest.mark.parametrize(
    ("infno", "list_type"),
    [("1301", "101"), ("1302", "102"), ("1303", "103"), ("1305", "201"), ("1306", "301")],
)
def test_files_of_items(till: Till, infno: str, list_type: str) -> None:
    """A number, then by 9102 every line of the catalogue that is of the list, in its order."""
    told = till.done(infno, {"data": {"ver": "0"}})
    rows = _fetched(till, told)

    assert int(told["data_cnt"]) == len(rows)
    assert sorted(_lines_of(list_type)) == [(row[0], row[1], row[3], row[4]) for row in rows]
    assert {(list_type, told["ver"])} == {(row[2], row[6]) for row in rows}
    assert len(told["file_qury_no"]) <= 30


def _lines_of(list_type: str) -> list[tuple[str, ...]]:
    """Return the lines of the file of the catalogue that are of a list."""
    with (invented.RULES / "110000" / "catalogue.csv").open(encoding="utf-8") as file:
        next(file)
        return [
            (row["item_code"], row["name"], row["charge_type"], row["valid_from"])
            for row in csv.DictReader(file)
            if row["list_type"] == list_type
        ]


def test_who_has_the_newest_list_fetches_none(till: Till) -> None:
    """The version told is the one to state next time."""
    version = till.done("1301", {"data": {"ver": ""}})["ver"]
    answer = till.ask("1301", {"data": {"ver": version}})

    assert (0, None) == (int(answer["output"]["data_cnt"]), answer["output"]["file_qury_no"])
    assert "[CATALOGUE_CURRENT]" in answer["warn_msg"]


@pytest.mark.parametrize("infno", ["1307", "1308", "1309", "1310", "1311", "1313", "1314", "1315"])
def test_lists_that_nobody_keeps(till: Till, infno: str) -> None:
    """No file, and a warning that says why."""
    answer = till.ask(infno, {"data": {"ver": "0"}})

    assert (0, 0) == (answer["infcode"], int(answer["output"]["data_cnt"]))
    assert "[LIST_NOT_KEPT]" in answer["warn_msg"]


@pytest.mark.parametrize("infno", ["1304", "1316", "1317"])
def test_a_page_that_nobody_keeps(till: Till, infno: str) -> None:
    """Ethnic drugs are no list type here, and mappings are asked by no rule: an empty page."""
    answer = till.ask(infno, _said())

    assert [] == answer["output"]["data"]
    assert "[LIST_NOT_KEPT]" in answer["warn_msg"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("1301-110000-000000000000000000", "[FILE_EXPIRED]"),
        ("1301-650100-000000000000000000", "[NOT_FOUND]"),
        ("1308-110000-000000000000000000", "[NOT_FOUND]"),
        ("1301-110000-00000000000000000", "[NOT_FOUND]"),
    ],
)
def test_files_that_are_not_there(till: Till, number: str, reason: str) -> None:
    """An older state of a list, an unknown region, a list without a file, and no number at all."""
    said = {"file_qury_no": number, "filename": "x.zip", "fixmedins_code": "plc"}

    assert reason in till.refused("9102", {"fsDownloadIn": said})


def test_diseases_that_policies_name(till: Till) -> None:
    """The chronic disease that the rules of an area name, with its class and the policy."""
    body = till.envelope("1309", {"data": {"ver": "0"}}) | {"mdtrtarea_admvs": "410500"}
    answer = till.post(orjson.dumps(body))

    assert "[LIST_PARTIAL]" in answer["warn_msg"]
    assert [["epilepsy", "epilepsy", "安阳市城乡居民门诊慢性病待遇"]] == _fetched(
        till, answer["output"]
    )
