"""Reconciliation: sums of a day, and single settlements by files, to the fen."""

from collections.abc import Iterator

import pytest
from medsettle import limits
from medsettle.gateway.statement_terms import StatementTerms
from medsettle.ledger.opening import LedgerPlace

from tests.engine.engines import id_of
from tests.gateway.reconciled import (
    DAY,
    RETIRED,
    Counter,
    head,
    line,
    open_counter,
    yuan,
    zipped,
)

_OLD = StatementTerms(six_digits=False)


@pytest.fixture
def counter(place: LedgerPlace) -> Iterator[Counter]:
    """Yield the till of a hospital with a new ledger, once in each store."""
    with open_counter(place) as opened:
        yield opened


def test_a_day_is_flat_when_its_sums_are_ours(counter: Counter) -> None:
    """Settled, cancelled and cancelled from the day before: net sums, either way of counting."""
    counter.on("2024-06-02")
    earlier = counter.settle(1, 80_000)
    counter.on(DAY)
    today = [counter.settle(2, 50_001), counter.settle(3, 70_003, person=RETIRED)]
    today += [counter.cancel(today[0], "C2"), counter.cancel(earlier, "C1")]

    assert yuan(sum(each.fen("total_fen") for each in today)) == "-99.97"
    flat = counter.total(today)
    assert ("000000", "999900") == (flat["stmt_rslt"], flat["setl_optins"])
    assert flat["stmt_rslt_dscr"].startswith("平")
    with_refunds = counter.total(today, fixmedins_setl_cnt=4, refd_setl_flag="1")
    assert "000000" == with_refunds["stmt_rslt"]
    assert "000000" == counter.total([earlier], **_days("2024-06-02"))["stmt_rslt"]
    both = counter.total([*today, earlier], stmt_begndate="2024-06-02 00:00:00")
    assert "000000" == both["stmt_rslt"]


def _days(first: str, last: str | None = None) -> dict[str, object]:
    return {"stmt_begndate": first, "stmt_enddate": last or first}


@pytest.mark.parametrize(
    ("changes", "code", "old"),
    [
        ({}, "000000", "0"),
        ({"fixmedins_setl_cnt": 2}, "000101", "1"),
        ({"fixmedins_setl_cnt": 4}, "000102", "2"),
        ({"medfee_sumamt": "1800.05"}, "000103", "3"),
        ({"fund_pay_sumamt": "0"}, "000103", "3"),
        ({"acct_pay": "0.01"}, "000103", "3"),
    ],
)
@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_fen_or_a_settlement_is_told_in_both_forms(
    place: LedgerPlace, changes: dict[str, object], code: str, old: str
) -> None:
    """One fen in one sum is a difference of data; a missing one is named by who has more."""
    for terms, expected in ((StatementTerms(), code), (_OLD, old)):
        with open_counter(place, terms) as counter:
            counter.on(DAY)
            if not counter.engine.page(limit=1):
                for number, fen in ((1, 50_001), (2, 60_002), (3, 70_003)):
                    counter.settle(number, fen)
            held = counter.engine.page(limit=10)
            assert expected == counter.total(held, **changes)["stmt_rslt"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_accounts_are_compared_where_the_office_does(place: LedgerPlace) -> None:
    """Clients that send 0.00 for accounts are flat at an office that does not compare them."""
    for accounts in (True, False):
        with open_counter(place, StatementTerms(accounts=accounts)) as counter:
            held = counter.engine.page(limit=10) or [counter.settle(1, 50_000)]
            told = counter.total(held, acct_pay="7.77")["stmt_rslt"]
            assert ("000103" if accounts else "000000") == told
            rows = counter.detail(zipped(line(held[0], acct_pay="7.77")), held)
            assert ([] if not accounts else [id_of(held[0])]) == [row[2] for row in rows]


def test_what_was_not_asked_for_is_in_no_sum(counter: Counter) -> None:
    """Another insurance, kind, office, day or institution; and the moment before midnight."""
    counter.on("2024-06-02", hour=23)
    counter.settle(1, 10_000)
    counter.on(DAY, hour=0)
    own = counter.settle(2, 20_000)
    counter.settle(3, 30_000, visit_type="21")
    counter.settle(4, 40_000, institution="H9")
    counter.on("2024-06-04", hour=0)
    counter.settle(5, 50_000)

    assert "000000" == counter.total([own])["stmt_rslt"]
    for other in ({"insutype": "390"}, {"clr_type": "41"}, {"setl_optins": "110000"}):
        told = counter.total([own], **other)
        assert "000102" == told["stmt_rslt"]
        assert "clr_optins" in told["stmt_rslt_dscr"]
        assert "000000" == counter.total([], **other)["stmt_rslt"]


def test_without_refunds_pairs_may_be_there_or_not(counter: Counter) -> None:
    """Flag 0: sums of what stands, or of everything that was settled; no cancel is in either."""
    first, second = counter.settle(1, 50_000), counter.settle(2, 60_000)
    counter.cancel(first, "C1")

    for held in ([second], [first, second]):
        assert "000000" == counter.total(held, refd_setl_flag="0")["stmt_rslt"]
    assert "000101" == counter.total([], refd_setl_flag="0")["stmt_rslt"]
    for held in ([second], [first, second]):
        lines = [line(each, refd_setl_flag="0") for each in held]
        assert [] == counter.detail(zipped(*lines), held, refd_setl_flag="0")


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (_days("2024-06-03", "2024-06-02"), "0 days"),
        (_days("2024-05-01", "2024-06-01"), "32 days"),
        (_days("2024-02-30"), "no day of the calendar"),
        ({"medfee_sumamt": "1.001"}, "more than 2 decimals"),
        ({"fixmedins_setl_cnt": None}, "fixmedins_setl_cnt"),
    ],
)
def test_wrong_totals_are_refused(counter: Counter, days: dict[str, object], says: str) -> None:
    """The message names the field; the longest stretch of days is reconciled."""
    with pytest.raises(AssertionError, match=says):
        counter.total([], **days)
    assert limits.STATEMENT_DAYS_MAX == 31
    assert "000000" == counter.total([], **_days("2024-05-02", "2024-06-01"))["stmt_rslt"]


# --- single settlements -------------------------------------------------------------------------


def test_only_differences_are_listed_each_with_its_message(counter: Counter) -> None:
    """Missing here, missing there, and a fen too many; the message id makes a reversal possible."""
    same, dearer, theirs = (counter.settle(n, 50_000 + n) for n in (1, 2, 3))
    invented = line(same, setl_id="S999", mdtrt_id="E9", medfee_sumamt="1.00")
    rows = counter.detail(
        zipped(line(same), line(dearer, medfee_sumamt="500.03"), invented), [same, dearer]
    )

    assert [id_of(dearer), "S999", id_of(theirs)] == [row[2] for row in rows]
    assert ["000103", "000102", "000101"] == [row[4] for row in rows]
    assert ["R2", "null", "R3"] == [row[3] for row in rows]
    assert ["E2", "E9", "E3"] == [row[1] for row in rows]
    assert ["null"] * 3 == [row[5] for row in rows]
    assert "medfee_sumamt 机构 500.03 中心 500.02&&310" == rows[0][6]
    assert ["500.02", "1.00", "500.03"] == [row[7] for row in rows]
    assert [10, 10, 10] == [len(row) for row in rows]
    counter.till.done(
        "2601", {"data": {"psn_no": rows[2][0], "omsgid": rows[2][3], "oinfno": "2207"}}
    )
    assert "reversed" == counter.engine.find_request(counter.till.institution, "R3").status


@pytest.mark.parametrize("own_id", [True, False], ids=["its-own-id", "id-of-the-original"])
def test_a_refund_is_two_rows(counter: Counter, own_id: bool) -> None:
    """The negative row under its own id or that of its original; without it the centre has more."""
    original = counter.settle(1, 50_000)
    negative = counter.cancel(original, "C1")
    positive = line(original, refd_setl_flag="1")
    refund = line(negative) if own_id else line(negative, setl_id=id_of(original))

    assert [] == counter.detail(zipped(positive, refund), [original, negative])
    (missing,) = counter.detail(zipped(positive), [original])
    assert [id_of(negative), "C1", "000101", "1"] == [missing[at] for at in (2, 3, 4, 5)]
    assert ["-500.00"] == missing[7:8]
    rows = counter.detail(zipped(positive, refund, refund), [original])
    assert [("000102", "机构文件重复&&")] == [(row[4], row[6]) for row in rows]


def test_a_refund_that_we_do_not_know_is_the_institutions(counter: Counter) -> None:
    """It was not cancelled here, so the settlement stands and the row is theirs alone."""
    held = counter.settle(1, 50_000)
    refund = line(held, medfee_sumamt="-500.00", refd_setl_flag="1")
    (row,) = counter.detail(zipped(line(held), refund), [held])
    assert ("000102", "中心无此笔退费&&") == (row[4], row[6])


def test_what_is_of_another_day_says_of_which(counter: Counter) -> None:
    """The memo has day, office, kind and insurance; of another institution nothing is told."""
    counter.on("2024-06-02")
    earlier = counter.settle(1, 50_000)
    foreign = counter.settle(2, 50_000, institution="H9")
    counter.on(DAY)
    rows = counter.detail(zipped(line(earlier), line(foreign)), [])

    assert ["000102", "000102"] == [row[4] for row in rows]
    assert "结算时间 2024-06-02 10:00:00" in rows[0][6]
    assert "R1" == rows[0][3]
    assert ["null", "中心无此结算&&"] == [rows[1][3], rows[1][6]]


def test_a_visit_or_person_that_differs_is_told(counter: Counter) -> None:
    """Both sides stand in the memo."""
    held = counter.settle(1, 50_000)
    (row,) = counter.detail(zipped(line(held, mdtrt_id="E7", psn_no=RETIRED)), [held])
    assert "000103" == row[4]
    assert f"mdtrt_id 机构 E7 中心 E1，psn_no 机构 {RETIRED}" in row[6]


def test_a_repeated_message_gets_the_file_it_got(counter: Counter) -> None:
    """Whatever was settled since; a new message has the new state."""
    held = counter.settle(1, 50_000)
    number = counter.upload(zipped(line(held)))
    said = {"data": head([held]) | {"file_qury_no": number}}
    msgid = counter.till.msgid()
    first = counter.till.done("3202", said, msgid)
    counter.settle(2, 60_000)
    assert first == counter.till.done("3202", said, msgid)
    other = counter.till.done("3202", said)
    assert first["fileinfo"]["file_qury_no"] != other["fileinfo"]["file_qury_no"]
    assert "[REQUEST_ID_REUSED]" in counter.till.refused(
        "3202", {"data": said["data"] | {"clr_type": "21"}}, msgid
    )


def test_a_head_that_its_rows_do_not_come_to_is_warned_of(counter: Counter) -> None:
    """Clients state other sums than their files have, and cash that no row has."""
    held = counter.settle(1, 50_000)
    said = head([held]) | {"file_qury_no": counter.upload(zipped(line(held)))}
    assert "" == counter.till.ask("3202", {"data": said})["warn_msg"]
    warned = counter.till.ask("3202", {"data": said | {"medfee_sumamt": "500.01"}})["warn_msg"]
    assert "[HEADER_DIFFERS] medfee_sumamt 上传 500.01，文件合计 500.00" in warned
    assert (
        "cash_payamt"
        in counter.till.ask("3202", {"data": said | {"cash_payamt": "0.01"}})["warn_msg"]
    )


def test_a_file_of_others_is_not_found(counter: Counter) -> None:
    """Neither one that was never sent nor one of another institution."""
    said = head([]) | {"file_qury_no": counter.upload(zipped())}
    other = counter.till.at("H11000000003")
    for till, number in ((other, said["file_qury_no"]), (counter.till, "F9")):
        assert "[NOT_FOUND]" in till.refused("3202", {"data": said | {"file_qury_no": number}})
