"""What tills send: visits, stays and lines of the invented directory and catalogue."""

from typing import Any

from medsettle.conformance.identities import AMOUNTS, SPLIT, broken_identities

from tests.gateway.till import EMPLOYEE, RETIRED, Nodes, Till

ID_NUMBERS = {
    "990000000000000001": "990000198503120019",
    "990000000000000002": "990000195309300020",
}

# Of rules/110000/catalogue.csv: class A without a ceiling; class B with 30 % first-self-pay and a
# ceiling of 340 yuan in a hospital of the third level, above which the patient pays.
PLAIN, CAPPED = "009901000054000990100005400", "009901000009000990100000900"

ECHOED = (
    "medfee_sumamt",
    "fulamt_ownpay_amt",
    "overlmt_selfpay",
    "preselfpay_amt",
    "inscp_scp_amt",
)

DIAGNOSES = [
    {"diag_type": "1", "diag_srt_no": "1", "diag_code": "J06.900", "diag_name": "示例诊断"},
]

STAY_DIAGNOSES = [
    {
        "diag_type": "1",
        "maindiag_flag": flag,
        "diag_srt_no": str(number),
        "diag_code": code,
        "diag_name": "示例诊断",
    }
    for number, (flag, code) in enumerate([("0", "J06.900"), ("1", "I25.103")], 1)
]


def credential(person: str) -> Nodes:
    """Return the identity card of a person as a till sends it."""
    return {"mdtrt_cert_type": "02", "mdtrt_cert_no": ID_NUMBERS[person]}


def line(visit: str, number: str, item: str, yuan: object, **more: Any) -> Nodes:  # noqa: ANN401
    """Return a line of one unit, dated on the visit of `registered`; `more` overrides."""
    return {
        "feedetl_sn": number,
        "mdtrt_id": visit,
        "psn_no": EMPLOYEE,
        "fee_ocur_time": "2024-06-03 09:10:00",
        "med_list_codg": item,
        "det_item_fee_sumamt": yuan,
        "cnt": "1",
        "pric": yuan,
        **more,
    }


def registered(till: Till, person: str = EMPLOYEE) -> str:
    """Return the id of an outpatient visit with its diagnosis told."""
    visit: str = till.done(
        "2201",
        {
            "data": {
                "psn_no": person,
                "insutype": "310",
                "begntime": "2024-06-03 09:00:00",
                **credential(person),
                "ipt_otp_no": "O1",
            }
        },
    )["data"]["mdtrt_id"]
    told = {
        "mdtrt_id": visit,
        "psn_no": person,
        "med_type": "11",
        "begntime": "2024-06-03 09:00:00",
    }
    till.done("2203A", {"mdtrtinfo": told, "diseinfo": DIAGNOSES})
    return visit


def admitted(till: Till, msgid: str | None = None) -> str:
    """Return the id of a stay of the retired person."""
    said = {
        "psn_no": RETIRED,
        "insutype": "310",
        "begntime": "2024-05-20 09:00:00",
        **credential(RETIRED),
        "med_type": "21",
        "ipt_no": "I1",
    }
    admission = {"mdtrtinfo": said, "diseinfo": STAY_DIAGNOSES}
    stay: str = till.done("2401", admission, msgid)["result"]["mdtrt_id"]
    return stay


def sale(**more: object) -> Nodes:
    """Return a pharmacy's sale of one line of 2,000.00 yuan; `more` overrides."""
    drug = {
        "feedetl_sn": "1",
        "fee_ocur_time": "2024-06-03 09:10:00",
        "med_list_codg": PLAIN,
        "det_item_fee_sumamt": "2000.00",
        "cnt": "1",
        "pric": "2000.00",
    }
    said = {
        "psn_no": EMPLOYEE,
        **credential(EMPLOYEE),
        "begntime": "2024-06-03 09:00:00",
        "medfee_sumamt": "2000.00",
        "insutype": "310",
        "acct_used_flag": "1",
        "med_type": "41",
        **more,
    }
    return {"druginfo": said, "drugdetail": [drug]}


def to_settle(visit: str, person: str = EMPLOYEE, **more: Any) -> Nodes:  # noqa: ANN401
    """Return what a settle request states beside its sums."""
    return {
        "psn_no": person,
        **credential(person),
        "psn_setlway": "01",
        "mdtrt_id": visit,
        "acct_used_flag": "1",
        "insutype": "310",
        "medfee_sumamt": "0",
        **more,
    }


def echoed(setlinfo: Nodes) -> Nodes:
    """Return the sums of a preview as a client sends them back."""
    return {name: str(setlinfo[name]) for name in ECHOED}


def settled(till: Till, trial: str, final: str, said: Nodes) -> Nodes:
    """Return the output of a settlement after its trial, whose sums it echoes."""
    found = till.done(trial, {"data": said})["setlinfo"]
    return till.done(final, {"data": {**said, **echoed(found)}})


def check_identities(output: Nodes) -> None:
    """Assert the identities A, B, C, D and S of the national answer, to the fen; none is left out.

    What the kit does not hold a platform to, an amount that it leaves out, is a fault of ours.
    """
    assert all(output["setlinfo"][name] is not None for name in AMOUNTS)
    assert isinstance(output["setldetail"], list)
    assert [] == list(broken_identities(output))


def check_split(row: Nodes) -> None:
    """Assert identity L of a line, to the fen."""
    assert all(row[name] is not None for name in SPLIT)
    assert [] == list(broken_identities({"result": [row]}))
