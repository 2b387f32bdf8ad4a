"""The settlement list of a bill: taken, checked against the settlement, replaced and shown."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.bills import PLAIN, line, registered, settled, to_settle
from tests.gateway.till import COMMUNITY, EMPLOYEE, RETIRED, Nodes, Till, open_till


def _settled(till: Till) -> Nodes:
    """Return setlinfo of 2,000.00: 1,800 deductible, 140.00 of the large-amount fund, 60.00 own."""
    visit = registered(till)
    till.done("2204", {"feedetail": [line(visit, "1", PLAIN, "2000.00", chrg_bchno="B1")]})
    said = to_settle(visit, chrg_bchno="B1", medfee_sumamt="2000.00")
    told: Nodes = settled(till, "2206", "2207", said)["setlinfo"]
    assert (told["hifob_pay"], told["acct_pay"] + told["psn_cash_pay"]) == (140, 1860)
    return told


@pytest.fixture
def bill(till: Till) -> Nodes:
    """Return setlinfo of a bill of its own."""
    return _settled(till)


@pytest.fixture(scope="module")
def unlisted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Till, Nodes]]:
    """Yield a till and a bill whose lists are all refused, so that one does for all of them."""
    with open_till(tmp_path_factory.mktemp("unlisted") / "ledger.db") as till:
        yield till, _settled(till)


def _list(bill: Nodes, **more: Any) -> Nodes:  # noqa: ANN401
    """Return a list that fits the bill; `more` overrides fields of setlinfo, and whole nodes."""
    said = {
        "mdtrt_id": bill["mdtrt_id"],
        "setl_id": bill["setl_id"],
        "fixmedins_code": "H11000000001",
        "medcasno": "M1",
        "nwb_bir_wt": "0",
        "bill_code": "11060124",
        "bill_no": "0000000001",
        "biz_sn": "1",
        "setl_begn_date": "2024-06-03",
        "setl_end_date": "2024-06-03 00:00:00",
        "acct_pay": str(bill["acct_pay"]),
        "psn_cashpay": str(bill["psn_cash_pay"]),
    }
    nodes = {
        "payinfo": [{"fund_pay_type": "330101", "fund_payamt": "140.00"}],
        "diseinfo": [
            {
                "diag_type": "1",
                "diag_code": "J06.900",
                "diag_name": "示例诊断",
                "maindiag_flag": "1",
            }
        ],
        "iteminfo": [_item("02", "1500.00"), _item("04", "500.00")],
        "opspdiseinfo": [],
        "oprninfo": "",
        "icuinfo": [],
    }
    own = {name: more.pop(name) for name in list(more) if name in nodes}
    return {"setlinfo": {**said, **more}, **nodes, **own}


def _item(kind: str, yuan: str, **more: str) -> Nodes:
    parts = {"claa_sumfee": yuan, "clab_amt": "0", "fulamt_ownpay_amt": "0", "oth_amt": "0"}
    return {"med_chrgitm": kind, "amt": yuan, **parts, **more}


def _query(till: Till, bill: Nodes) -> Nodes:
    return till.done("4103", {"data": {"psn_no": EMPLOYEE, "setl_id": bill["setl_id"]}})


def test_a_list_is_taken_and_shown(till: Till, bill: Nodes) -> None:
    """Its number comes in both shapes in use; what was sent comes back, typed."""
    output = till.done("4101", _list(bill))
    number = output["setl_list_id"]
    shown = _query(till, bill)

    assert {"setl_list_id": number, "data": {"setl_list_id": number}} == output
    assert (number, "0000000001", "2024-06-03", bill["acct_pay"]) == tuple(
        shown["setlinfo"][name] for name in ("setl_list_sn", "bill_no", "setl_end_date", "acct_pay")
    )
    assert [("330101", 140)] == [
        (row["fund_pay_type"], row["fund_payamt"]) for row in shown["payinfo"]
    ]
    assert ["02", "04"] == [row["med_chrgitm"] for row in shown["iteminfo"]]
    assert ["J06.900"] == [row["diag_code"] for row in shown["diseinfo"]]
    assert [] == shown["oprninfo"]


def test_the_newer_form_leaves_out_what_the_settlement_says(till: Till, bill: Nodes) -> None:
    """4101A has no sums; without payinfo and iteminfo there is nothing to compare."""
    said = _list(bill, psn_no=EMPLOYEE, payinfo=[], iteminfo=[])
    del said["setlinfo"]["acct_pay"], said["setlinfo"]["psn_cashpay"]

    assert till.done("4101A", said)["setl_list_id"]


def test_the_list_that_was_sent_last_counts(till: Till, bill: Nodes) -> None:
    """A second message replaces the first; the first one repeated is no new list."""
    msgid = till.msgid()
    first = till.done("4101", _list(bill), msgid)
    second = till.done("4101", _list(bill, bill_no="0000000002"))

    assert first["setl_list_id"] != second["setl_list_id"]
    assert first == till.done("4101", _list(bill), msgid)
    shown = _query(till, bill)["setlinfo"]
    assert ("0000000002", second["setl_list_id"]) == (shown["bill_no"], shown["setl_list_sn"])


@pytest.mark.parametrize("inside", [True, False], ids=["in-data", "beside"])
def test_its_state_is_changed(till: Till, bill: Nodes, inside: bool) -> None:
    """A state is told until the list is sent again with another; two in one call are two."""
    till.done("4101", _list(bill, stas_type="0"))
    rows = [
        {"psn_no": EMPLOYEE, "setl_id": bill["setl_id"], "stas_type": state} for state in ("0", "1")
    ]
    till.done("4102", {"data": {"stastinfo": rows}} if inside else {"stastinfo": rows})
    assert _query(till, bill)["setlinfo"]["stas_type"] == "1"

    till.done("4101", _list(bill, stas_type="0"))
    assert _query(till, bill)["setlinfo"]["stas_type"] == "0"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"psn_cashpay": "0.01"}, "setlinfo.psn_cashpay 0.01 !=", id="cash"),
        pytest.param({"acct_pay": "9999"}, "setlinfo.acct_pay 9999.00 !=", id="account"),
        pytest.param(
            {"iteminfo": [_item("02", "1999.99")]},
            "iteminfo.amt 1999.99 != 2000.00",
            id="items",
        ),
        pytest.param(
            {"iteminfo": [_item("02", "2000.00", oth_amt="0.01")]},
            "iteminfo[0].amt 2000.00 != 2000.01",
            id="parts-of-an-item",
        ),
        pytest.param(
            {"payinfo": [{"fund_pay_type": "330100", "fund_payamt": "139.99"}]},
            "payinfo.fund_payamt 330100 139.99 != 140.00",
            id="fund",
        ),
        pytest.param(
            {
                "payinfo": [
                    {"fund_pay_type": "330100", "fund_payamt": "140.00"},
                    {"fund_pay_type": "610100", "fund_payamt": "1.00"},
                ]
            },
            "payinfo.fund_payamt 610100 1.00 != 0.00",
            id="a-fund-that-paid-nothing",
        ),
        pytest.param(
            {"payinfo": [{"fund_pay_type": "310200", "fund_payamt": "0.00"}]},
            "payinfo.fund_payamt 330100 0.00 != 140.00",
            id="a-fund-left-out",
        ),
    ],
)
def test_what_it_says_of_money_is_what_was_settled(
    unlisted: tuple[Till, Nodes], changes: Nodes, said: str
) -> None:
    """A fen apart is refused, with both amounts, and nothing is kept."""
    till, bill = unlisted
    message = till.refused("4101", _list(bill, **changes))

    assert "[SUMS_DIFFER]" in message
    assert said in message
    assert "[NOT_FOUND]" in till.refused(
        "4103", {"data": {"psn_no": EMPLOYEE, "setl_id": bill["setl_id"]}}
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"bill_code": ""}, "setlinfo.bill_code: missing", id="bill-code"),
        pytest.param({"bill_no": None}, "setlinfo.bill_no: missing", id="bill-number"),
        pytest.param({"diseinfo": []}, "diseinfo: has no rows", id="diagnoses"),
        pytest.param(
            {"setl_begn_date": "2024-06-04"}, "setlinfo.setl_end_date: 2024-06-03", id="dates"
        ),
        pytest.param(
            {"fixmedins_code": "H11000000003"}, "setlinfo.fixmedins_code", id="institution"
        ),
        pytest.param(
            {
                "icuinfo": [
                    {
                        "scs_cutd_ward_type": "1",
                        "scs_cutd_inpool_time": "2024-06-03 10:00:00",
                        "scs_cutd_exit_time": "2024-06-03 09:59:59",
                    }
                ]
            },
            "icuinfo[0].scs_cutd_exit_time",
            id="intensive-care",
        ),
        pytest.param(
            {"iteminfo": [{"med_chrgitm": "02"}]}, "iteminfo[0].amt: missing", id="item-amount"
        ),
    ],
)
def test_what_no_list_may_say(unlisted: tuple[Till, Nodes], changes: Nodes, said: str) -> None:
    """Missing numbers of the bill, missing diagnoses and times in the wrong order are faults."""
    till, bill = unlisted
    message = till.refused("4101", _list(bill, **changes))

    assert "[INVALID_REQUEST]" in message
    assert said in message


def test_a_list_is_of_an_own_settlement_that_stands(till: Till, bill: Nodes) -> None:
    """Others' settlements are not found; for a cancelled one and its cancel there is none."""
    other = till.at(COMMUNITY)
    said = _list(bill, fixmedins_code=None)
    assert "[NOT_FOUND]" in other.refused("4101", said)
    assert "[NOT_FOUND]" in till.refused("4101", _list(bill, psn_no=RETIRED))
    assert "[NOT_FOUND]" in till.refused("4101", _list(bill, mdtrt_id="V"))
    till.done("4101", _list(bill))
    state = {"psn_no": EMPLOYEE, "setl_id": bill["setl_id"], "stas_type": "1"}
    assert "[NOT_FOUND]" in other.refused("4102", {"stastinfo": [state]})
    assert "[NOT_FOUND]" in other.refused("4103", {"data": state})

    undo = {"setl_id": bill["setl_id"], "mdtrt_id": bill["mdtrt_id"], "psn_no": EMPLOYEE}
    negative = till.done("2208", {"data": undo})["setlinfo"]
    assert "[ALREADY_CANCELLED]" in till.refused("4101", _list(bill))
    assert "[ALREADY_CANCELLED]" in till.refused("4101", _list(negative))


def test_a_state_needs_rows_of_its_form(till: Till, bill: Nodes) -> None:
    """No rows, too many, or rows of another form are refused with their places."""
    row = {"setl_id": bill["setl_id"], "stas_type": "1"}
    assert "stastinfo: missing" in till.refused("4102", {"data": {"psn_no": EMPLOYEE}})
    many = {"data": {"stastinfo": [row] * 101}}
    assert "101 rows; send 1 to 100" in till.refused("4102", many)
    bad = {"data": {"stastinfo": [row, {"setl_id": "S"}, "S"]}}
    message = till.refused("4102", bad)
    assert "data.stastinfo[1].stas_type: missing" in message
    assert "data.stastinfo[2]" in message
