"""Clearing: applications of a month, and settlements of persons insured elsewhere."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from medsettle import limits
from medsettle.ledger.opening import LedgerPlace

from tests.engine.engines import id_of
from tests.gateway.reconciled import HOSPITAL, RETIRED, Counter, open_counter, yuan
from tests.stores import postgres

_OTHER = "H11000000003"


@pytest.fixture
def counter(place: LedgerPlace) -> Iterator[Counter]:
    """Yield the till of a hospital with a new ledger, once in each store."""
    with open_counter(place) as opened:
        yield opened


# --- applications -------------------------------------------------------------------------------


def _application(counter: Counter, **changes: object) -> dict[str, Any]:
    held = counter.engine.page(limit=100)
    said = {
        "clr_type": "11",
        "clr_way": "1",
        "setlym": "202406",
        "psntime": len(held),
        "medfee_sumamt": yuan(sum(each.fen("total_fen") for each in held)),
        "med_sumfee": "0",
        "fund_appy_sum": yuan(sum(each.fen("fund_total_fen") for each in held)),
        "cash_payamt": yuan(sum(each.fen("cash_fen") for each in held)),
        "acct_pay": yuan(sum(each.accounts_fen for each in held)),
        "begndate": "2024-06-01",
        "enddate": "2024-06-30",
    }
    return {"data": said | changes}


def _apply(counter: Counter, **changes: object) -> str:
    found: str = counter.till.done("3203", _application(counter, **changes))["result"][
        "clr_appy_evt_id"
    ]
    return found


def test_a_month_is_applied_for_once(counter: Counter) -> None:
    """A second application is refused and names the first; another way, kind or month is not."""
    counter.settle(1, 50_001)
    first = _apply(counter)
    assert first.isalnum()
    assert len(first) <= 30

    message = counter.till.refused("3203", _application(counter, clr_way="01"))
    assert message.startswith("[CLEARING_REFUSED]")
    assert first in message
    others = ({"clr_way": "9"}, {"clr_type": "21"}, {"setlym": "202405"}, {"clr_optins": "999900"})
    numbers = [_apply(counter, **other) for other in others]
    assert 4 == len({first, *numbers}) - 1
    assert _apply(Counter(counter.till.at(_OTHER), counter.engine, counter.moment)) != first


def test_a_withdrawn_month_is_applied_for_anew(counter: Counter) -> None:
    """Withdrawn once; the next application has a number of its own."""
    first = _apply(counter)
    gone = {"data": {"clr_appy_evt_id": first}}
    msgid = counter.till.msgid()
    assert {} == counter.till.done("3204", gone, msgid)
    assert {} == counter.till.done("3204A", gone, msgid)
    assert "[CLEARING_REFUSED]" in counter.till.refused("3204", gone)

    second = _apply(counter)
    assert first != second
    assert "[CLEARING_REFUSED]" in counter.till.refused("3204", gone)
    assert {} == counter.till.done("3204", {"data": {"clr_appy_evt_id": second}})


def test_an_application_sent_twice_is_one(counter: Counter) -> None:
    """The same message has the same number, and other content under it is refused."""
    said, msgid = _application(counter), counter.till.msgid()
    before = counter.engine.ledger.last_seq()
    first = counter.till.done("3203", said, msgid)
    assert first == counter.till.done("3203A", said, msgid)
    other = {"data": said["data"] | {"psntime": 9}}
    assert "[REQUEST_ID_REUSED]" in counter.till.refused("3203", other, msgid)
    assert before + 1 == counter.engine.ledger.last_seq()


def test_a_number_is_its_institutions(counter: Counter) -> None:
    """Of another institution, of no application, or of something else: not found."""
    number = _apply(counter)
    assert counter.till.sign_no is not None
    other = counter.till.at(_OTHER)
    for till, stated in ((other, number), (counter.till, "A9"), (counter.till, other.sign_no)):
        assert "[NOT_FOUND]" in till.refused("3204", {"data": {"clr_appy_evt_id": stated}})


def test_sums_that_were_not_settled_are_warned_of(counter: Counter) -> None:
    """Each that differs by a fen, with both sides; the application stands, the bureau decides."""
    counter.settle(1, 50_001)
    counter.cancel(counter.settle(2, 60_002), "C2")
    assert "" == counter.till.ask("3203", _application(counter))["warn_msg"]
    said = _application(counter, fund_appy_sum="0.01", setlym="202407")
    answer = counter.till.ask("3203", said)
    assert 0 == answer["infcode"]
    assert "[CLEARING_DIFFERS] fund_appy_sum 申报 0.01，中心合计" in answer["warn_msg"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"setlym": "202413"}, "setlym"),
        ({"setlym": "2024"}, "setlym"),
        ({"begndate": "2024-07-01"}, "begndate"),
        ({"enddate": "2024-07-02"}, "a month is cleared at a time"),
        ({"psntime": -1}, "psntime"),
        ({"fund_appy_sum": None}, "fund_appy_sum"),
    ],
)
@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_malformed_application_is_refused(
    counter: Counter, changes: dict[str, object], says: str
) -> None:
    """The message names the field."""
    message = counter.till.refused("3203", _application(counter, **changes))
    assert message.startswith("[INVALID_REQUEST]")
    assert says in message


def test_two_offices_take_one_application(tmp_path: Path) -> None:
    """Whatever the race, one of those sent at once is open, and the others name it."""
    url = postgres().new_ledger()

    def send(_: int) -> list[str]:
        with open_counter(url) as counter:
            found = []
            for _ in range(4):
                answer = counter.till.ask("3203", _application(counter))
                found.append("done" if answer["infcode"] == 0 else answer["err_msg"][:18])
            return found

    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(3))
        answers = [each for found in pool.map(send, range(3)) for each in found]
    assert ["[CLEARING_REFUSED]"] * 11 + ["done"] == sorted(answers)
    assert not list(tmp_path.iterdir())


# --- settlements of persons insured elsewhere ---------------------------------------------------


def _month(**changes: object) -> dict[str, Any]:
    return {"trt_year": "2024", "trt_month": "06"} | changes


def _fetched(counter: Counter, start: int = 1, **changes: object) -> list[dict[str, Any]]:
    said = {"data": _month(startrow=start, **changes)}
    found: list[dict[str, Any]] = counter.till.done("3260", said)["data"]
    return found


def _details(rows: list[dict[str, Any]], **changes: object) -> list[dict[str, Any]]:
    names = ("certno", "mdtrt_id", "mdtrt_setl_time", "setl_sn")
    sums = ("medfee_sumamt", "optins_pay_sumamt")
    return [
        {name: row[name] for name in names}
        | {name: str(row[name]) for name in sums}
        | {"cnfm_flag": "1"}
        | changes
        for row in rows
    ]


def _confirm(rows: list[dict[str, Any]], **changes: object) -> dict[str, Any]:
    return {"data": _month(totalrow=len(rows)), "detail": _details(rows, **changes)}


def test_a_month_tells_what_was_settled_for_persons_from_elsewhere(counter: Counter) -> None:
    """In the month alone, pairs of it left out, earlier ones that were cancelled negative."""
    counter.on("2024-05-31", hour=23)
    earlier = counter.settle(1, 80_000)
    counter.on("2024-06-01", hour=0)
    first = counter.settle(2, 50_001)
    counter.cancel(counter.settle(3, 60_002), "C3")
    negative = counter.cancel(earlier, "C1")
    counter.on("2024-06-30", hour=23)
    last = counter.settle(4, 70_003, person=RETIRED, visit_type="21")
    counter.on("2024-07-01", hour=0)
    counter.settle(5, 10_000)

    rows = _fetched(counter)
    held = [first, negative, last]
    assert [id_of(each) for each in held] == [row["setl_sn"] for row in rows]
    assert ["500.01", "-800.00", "700.03"] == [str(row["medfee_sumamt"]) for row in rows]
    assert [yuan(each.fen("fund_total_fen")) for each in held] == [
        str(row["optins_pay_sumamt"]) for row in rows
    ]
    assert ["E2", "E1", "E4"] == [row["mdtrt_id"] for row in rows]
    assert [("1", "110000", HOSPITAL, "0"), ("3", "110000", HOSPITAL, "0")] == [
        (row["seqno"], row["mdtrtarea"], row["medins_no"], row["fulamt_advpay_flag"])
        for row in (rows[0], rows[2])
    ]
    assert "2024-06-30 23:00:00" == rows[2]["mdtrt_setl_time"]
    assert len({row["certno"] for row in rows}) == 2
    assert [id_of(earlier)] == [row["setl_sn"] for row in _fetched(counter, trt_month=5)]
    assert [] == _fetched(counter, trt_month="12")
    other = Counter(counter.till.at(_OTHER), counter.engine, counter.moment)
    assert [] == _fetched(other)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_rows_come_by_the_hundred(counter: Counter) -> None:
    """A client asks from row 1, 101 and so on until an answer is not full."""
    most = limits.TRANS_REGIONAL_ROWS_MAX
    for number in range(most + 1):
        counter.settle(number, 1_000 + number)
    pages = [_fetched(counter, start) for start in (1, most + 1, most + 2)]
    assert [most, 1, 0] == [len(page) for page in pages]
    assert [str(n) for n in range(1, most + 2)] == [row["seqno"] for page in pages for row in page]
    assert {} == counter.till.done("3261", _confirm(pages[0]))
    too_many = counter.till.refused("3261", _confirm([*pages[0], *pages[1]]))
    assert f"at most {most}" in too_many
    assert "startrow" in counter.till.refused("3260", {"data": _month(startrow=0)})
    assert "trt_month" in counter.till.refused("3260", {"data": _month(startrow=1, trt_month=13)})


def test_what_is_confirmed_is_confirmed_once(counter: Counter) -> None:
    """A second message about it is refused until the first is undone, alone or with the month."""
    for number in range(1, 5):
        counter.settle(number, 50_000 + number)
    rows = _fetched(counter)
    first, second = counter.till.msgid(), counter.till.msgid()
    assert {} == counter.till.done("3261", _confirm(rows[:2]), first)
    assert {} == counter.till.done("3261", _confirm(rows[:2]), first)
    assert {} == counter.till.done("3261", _confirm(rows[2:3], cnfm_flag="0"), second)
    for again in (rows[1:], rows[2:3]):
        assert "[CLEARING_REFUSED]" in counter.till.refused("3261", _confirm(again))

    undone = counter.till.msgid()
    assert {} == counter.till.done("3262", {"data": _month(otransid=first)}, undone)
    assert {} == counter.till.done("3262", {"data": _month(otransid=first)}, undone)
    assert "[CLEARING_REFUSED]" in counter.till.refused("3262", {"data": _month(otransid=first)})
    assert {} == counter.till.done("3261", _confirm(rows[:2]))
    assert {} == counter.till.done("3262", {"data": _month(otransid="0")})
    assert "[CLEARING_REFUSED]" in counter.till.refused("3262", {"data": _month(otransid="0")})
    assert {} == counter.till.done("3261", _confirm(rows))
    assert "[CLEARING_REFUSED]" in counter.till.refused(
        "3262", {"data": _month(otransid="0", trt_month=5)}
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"medfee_sumamt": "500.02"}, "detail[0].medfee_sumamt: 500.02; settled were 500.01"),
        ({"optins_pay_sumamt": "0"}, "detail[0].optins_pay_sumamt"),
        ({"mdtrt_id": "E9"}, "detail[0].mdtrt_id"),
        ({"certno": "X"}, "detail[0].mdtrt_id"),
        ({"setl_sn": "S9"}, "detail[0].setl_sn: S9 is no settlement of this month"),
        ({"cnfm_flag": "2"}, "detail[0].cnfm_flag"),
    ],
)
@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_what_was_not_settled_so_is_not_confirmed(
    counter: Counter, changes: dict[str, object], says: str
) -> None:
    """Each row that differs is named, and nothing is recorded."""
    counter.settle(1, 50_001)
    before = counter.engine.ledger.last_seq()
    assert says in counter.till.refused("3261", _confirm(_fetched(counter), **changes))
    assert before == counter.engine.ledger.last_seq()


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_row_stands_once_in_a_message(counter: Counter) -> None:
    """The second is a fault; another number of rows than was announced is warned of."""
    counter.settle(1, 50_001)
    rows = _fetched(counter)
    assert "stands twice" in counter.till.refused("3261", _confirm(rows * 2))
    said = _confirm(rows) | {"data": _month(totalrow=7)}
    assert "[ROWS_DIFFER]" in counter.till.ask("3261", said)["warn_msg"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_no_certificate_is_kept(counter: Counter) -> None:
    """It is compared and not recorded."""
    counter.settle(1, 50_001)
    rows = _fetched(counter)
    counter.till.done("3261", _confirm(rows))
    entries = counter.engine.ledger.page(after_seq=0, limit=10)
    assert not any(rows[0]["certno"].encode() in each.record for each in entries)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_what_was_settled_for_one_who_left_the_directory_is_cleared(counter: Counter) -> None:
    """The month is told without their certificate, and confirmed with the one the till has."""
    counter.settle(1, 50_001)
    counter.settle(2, 60_002, person="P-LEFT")
    rows = _fetched(counter)
    assert [True, False] == [bool(row["certno"]) for row in rows]
    details = _details(rows)
    details[1]["certno"] = "X"
    said = {"data": _month(totalrow=2), "detail": details}
    wrong = [details[0], details[1] | {"mdtrt_id": "E9"}]
    assert "detail[1].mdtrt_id" in counter.till.refused("3261", said | {"detail": wrong})
    assert {} == counter.till.done("3261", said)
