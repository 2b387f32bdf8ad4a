"""How a person stands: counters (5206), stays that go on (5303), the account (5368)."""

from decimal import Decimal
from typing import Any

import pytest
from medsettle import limits
from medsettle.core.settlement import Opening
from medsettle.engine import Engine

from fixtures import make_directory as invented
from tests.gateway.till import Till


def _engine(till: Till) -> Engine:
    engine = till.dispatch._office.desk.engine
    assert isinstance(engine, Engine)
    return engine


def _open(till: Till, number: int, fen: int, **counters: int) -> None:
    brought = tuple((f"310.{name}", 2024, value) for name, value in counters.items())
    opening = Opening("H1", f"OPEN-{number}", "110000", invented.EMPLOYEE, fen, brought)
    _engine(till).open_person(opening)


def _said(**more: object) -> dict[str, Any]:
    return {"data": {"psn_no": invented.EMPLOYEE, **more}}


def test_counters_have_our_names_and_their_year(till: Till) -> None:
    """Amounts are yuan, numbers of times are numbers; each is told with its year."""
    _open(till, 1, 0, outpatient_deductible=180_000, admissions=2)
    rows = till.done("5206", _said())["cuminfo"]

    assert [
        ("310", "2024", None, "admissions", Decimal("2.00")),
        ("310", "2024", None, "outpatient_deductible", Decimal("1800.00")),
    ] == sorted(
        (row["insutype"], row["year"], row["cum_ym"], row["cum_type_code"], row["cum"])
        for row in rows
    )
    assert [] == till.done("5206", _said(cum_ym="202405"))["cuminfo"]


def test_counters_of_nobody(reading: Till) -> None:
    """Who was never settled has none; who is in no directory is refused."""
    assert [] == reading.done("5206", _said())["cuminfo"]
    assert "[PERSON_UNKNOWN]" in reading.refused("5206", {"data": {"psn_no": "99"}})


def test_an_account_with_its_movements(till: Till) -> None:
    """The balance of each area, and each movement with the balance after it, in order."""
    _open(till, 1, 10_000)
    _open(till, 2, 2_550)
    told = till.done("5368", _said())

    assert [
        {
            "psn_no": invented.EMPLOYEE,
            "insuplc_admdvs": "110000",
            "balc": Decimal("125.50"),
        }
    ] == told["acctinfo"]
    assert [
        ("opening", Decimal("100.00"), Decimal("100.00")),
        ("opening", Decimal("25.50"), Decimal("125.50")),
    ] == [(row["acct_chg_type"], row["chg_amt"], row["balc"]) for row in told["acctdetl"]]


def test_movements_come_in_pages(till: Till) -> None:
    """A page ends where it is full; the next begins after the last number of it."""
    for number in range(1, 4):
        _open(till, number, 100 * number)
    first = till.done("5368", _said(page_size=2))["acctdetl"]
    rest = till.done("5368", _said(page_size=2, after_seq=int(first[-1]["seq"])))["acctdetl"]

    assert [Decimal("1.00"), Decimal("2.00"), Decimal("3.00")] == [
        row["chg_amt"] for row in (*first, *rest)
    ]


@pytest.mark.parametrize(
    ("size", "refused"),
    [
        (1, False),
        (limits.GATEWAY_PAGE_ROWS_MAX, False),
        (0, True),
        (limits.GATEWAY_PAGE_ROWS_MAX + 1, True),
    ],
)
def test_bounds_of_a_page(reading: Till, size: int, refused: bool) -> None:
    """A page has one row at least, and no more than the bound."""
    if refused:
        assert "data.page_size" in reading.refused("5368", _said(page_size=size))
    else:
        reading.done("5368", _said(page_size=size))


def _admitted(till: Till, begun: str) -> str:
    said = {
        "mdtrtinfo": {
            "psn_no": invented.EMPLOYEE,
            "insutype": "310",
            "begntime": f"{begun} 08:00:00",
            "mdtrt_cert_type": "02",
            "med_type": "21",
            "ipt_no": "I1",
        },
        "diseinfo": [
            {"diag_type": "1", "diag_srt_no": 1, "diag_code": "J18.900", "diag_name": "示例"}
        ],
    }
    visit: str = till.done("2401", said)["result"]["mdtrt_id"]
    return visit


def test_stays_that_go_on(till: Till) -> None:
    """A stay is told from admission to discharge or cancel, where it was begun in the span."""
    span = {"begntime": "2024-05-01", "endtime": "2024-05-31"}
    visit = _admitted(till, "2024-05-31")
    cancelled = _admitted(till, "2024-05-02")
    _admitted(till, "2024-06-01")
    till.done("2404", {"data": {"mdtrt_id": cancelled, "psn_no": invented.EMPLOYEE}})
    (row,) = till.done("5303", _said(**span))["data"]

    assert {
        "mdtrt_id": visit,
        "psn_no": invented.EMPLOYEE,
        "psn_name": "示例1",
        "insutype": "310",
        "begndate": "2024-05-31",
        "med_type": "21",
        "ipt_otp_no": "I1",
        "out_flag": "0",
    }.items() <= row.items()
    till.done(
        "2402",
        {
            "dscginfo": {
                "mdtrt_id": visit,
                "psn_no": invented.EMPLOYEE,
                "insutype": "310",
                "endtime": "2024-06-02 10:00:00",
            },
            "diseinfo": [
                {"diag_type": "1", "diag_srt_no": 1, "diag_code": "J18.900", "diag_name": "示例"}
            ],
        },
    )
    assert [] == till.done("5303", _said(**span))["data"]
