"""An outpatient visit from registration to its cancel, as a hospital's client sends it."""

import asyncio
import shutil
from decimal import Decimal
from pathlib import Path

import msgspec
import orjson
import pytest

from tests.gateway.bills import (
    CAPPED,
    DIAGNOSES,
    PLAIN,
    check_identities,
    check_split,
    credential,
    line,
    registered,
    settled,
    to_settle,
)
from tests.gateway.till import (
    AREA,
    COMMUNITY,
    DIRECTORY,
    EMPLOYEE,
    RETIRED,
    RULES,
    Till,
    open_till,
)


def _uploaded(till: Till, batch: str = "B1", person: str = EMPLOYEE) -> str:
    visit = registered(till, person)
    rows = [
        line(visit, "1", PLAIN, "3000.00", chrg_bchno=batch, psn_no=person),
        line(visit, "2", CAPPED, "3400.00", chrg_bchno=batch, psn_no=person),
    ]
    till.done("2204", {"feedetail": rows})
    return visit


def test_lines_are_split_at_once(till: Till) -> None:
    """What is uploaded comes back split, from decimals that no float has touched."""
    visit = registered(till)
    rows = [
        line(visit, "1", PLAIN, "3000.00", chrg_bchno="B1"),
        # JSON numbers, and a hundredth that binary fractions cannot hold.
        line(visit, "2", CAPPED, 3400.07, chrg_bchno="B1"),
    ]
    plain, capped = till.done("2204", {"feedetail": rows})["result"]
    check_split(plain)
    check_split(capped)
    assert (plain["inscp_scp_amt"], plain["pric_uplmt_amt"]) == (3000, 999999)
    # Above 340 yuan is over the limit; of the 340 the patient pays 30 % first.
    assert capped["overlmt_amt"] == Decimal("3060.07")
    assert capped["preselfpay_amt"] == 102
    assert capped["inscp_scp_amt"] == 238
    assert (capped["selfpay_prop"], capped["chrgitm_lv"]) == (Decimal("0.3"), "02")
    assert "340" in capped["memo"]


def test_a_visit_is_settled_and_cancelled(till: Till) -> None:
    """A trial equals its settlement; a cancel mirrors it and opens its lines again."""
    visit = _uploaded(till)
    said = to_settle(visit, med_type="11", chrg_bchno="B1")
    trial = till.done("2206", {"data": said})
    output = settled(till, "2206", "2207", said)
    check_identities(trial)
    check_identities(output)
    told = output["setlinfo"]
    # In scope 3,000 + 238; 1,800 deductible of the year; 70 % of 1,438 from the large-amount fund.
    assert (told["inscp_scp_amt"], told["act_pay_dedc"]) == (3238, 1800)
    assert told["hifob_pay"] == told["fund_pay_sumamt"] == Decimal("1006.60")
    assert told["psn_cash_pay"] == Decimal("5393.40")
    assert (told["clr_type"], told["refd_setl_flag"], told["age"]) == ("11", "0", 39)
    (fund,) = output["setldetail"]
    process = msgspec.json.decode(fund["setl_proc_info"])
    assert (fund["fund_pay_type"], process["paid"], process["deductible"]) == (
        "330100",
        100_660,
        180_000,
    )
    assert process["clause"]
    assert "70%" in process["zh"]
    # A trial is the settlement but for what recording makes.
    made = {"setl_id", "setl_time", "clr_way", "clr_optins", "medins_setl_id"}
    assert {name for name in told if told[name] != trial["setlinfo"][name]} == made

    undo = {"setl_id": told["setl_id"], "mdtrt_id": visit, "psn_no": EMPLOYEE}
    back = till.done("2208", {"data": undo})
    check_identities(back)
    negative = back["setlinfo"]
    assert negative["setl_id"] != told["setl_id"]
    assert (negative["init_setl_id"], negative["refd_setl_flag"]) == (told["setl_id"], "1")
    amounts = [name for name in told if isinstance(told[name], Decimal) and name != "age"]
    assert all(negative[name] == -told[name] for name in amounts if name != "balc")
    assert "ALREADY_CANCELLED" in till.refused("2208", {"data": undo})
    # Its lines are open again: the same batch is settled anew, and the deductible is due again.
    assert settled(till, "2206", "2207", said)["setlinfo"]["act_pay_dedc"] == 1800


def test_a_message_counts_once(till: Till) -> None:
    """The same msgid is answered from the record, and with other content refused."""
    visit = _uploaded(till)
    said = to_settle(visit, med_type="11", chrg_bchno="B1", medfee_sumamt="6400.00")
    msgid = till.msgid()
    first = till.ask("2207", {"data": said}, msgid)
    again = till.ask("2207", {"data": said}, msgid)
    assert again["output"] == first["output"]
    assert "[DUPLICATE]" in again["warn_msg"]
    for changed in (
        {"acct_used_flag": "0"},
        {"medfee_sumamt": "6400.01"},
        {"inscp_scp_amt": "1.00"},
        {"chrg_bchno": "B9"},
    ):
        other = till.refused("2207", {"data": {**said, **changed}}, msgid)
        assert other.startswith("[REQUEST_ID_REUSED]")
        assert next(iter(changed)) in other
    assert "settled as" in till.refused("2207", {"data": said})
    # What is told of the visit since makes no other request of it.
    told = {"mdtrt_id": visit, "psn_no": EMPLOYEE, "med_type": "13", "begntime": "2024-06-03"}
    till.done("2203", {"mdtrtinfo": told, "diseinfo": DIAGNOSES})
    assert till.ask("2207", {"data": said}, msgid)["output"] == first["output"]

    rows = [line(visit, "9", PLAIN, "10.00", chrg_bchno="B2")]
    msgid = till.msgid()
    sent = till.done("2204", {"feedetail": rows}, msgid)
    assert till.done("2204", {"feedetail": rows}, msgid) == sent
    dearer = [{**rows[0], "det_item_fee_sumamt": "11.00", "pric": "11.00"}]
    assert "REQUEST_ID_REUSED" in till.refused("2204", {"feedetail": dearer}, msgid)
    assert "was sent before" in till.refused("2204", {"feedetail": rows})


def test_a_repetition_outlives_the_register(tmp_path: Path) -> None:
    """What the register says of a person by then makes no other request of a repeated one."""
    register = tmp_path / "directory"
    shutil.copytree(DIRECTORY, register)
    with open_till(tmp_path / "ledger.db", directory=register) as till:
        visit = _uploaded(till)
        said = to_settle(visit, med_type="11", chrg_bchno="B1", medfee_sumamt="6400.00")
        msgid = till.msgid()
        first = till.done("2207", {"data": said}, msgid)
        file = register / "enrolments.csv"
        enrolments = file.read_text(encoding="utf-8")
        changed = enrolments.replace(f"{EMPLOYEE},310,{AREA},1101", f"{EMPLOYEE},310,{AREA},1201")
        assert changed != enrolments
        file.write_text(changed, encoding="utf-8")
    with open_till(tmp_path / "ledger.db", directory=register) as till:
        assert till.done("2207", {"data": said}, msgid) == first
        other = {**said, "acct_used_flag": "0"}
        assert "REQUEST_ID_REUSED" in till.refused("2207", {"data": other}, msgid)


def test_what_is_recorded_is_told_whatever_is_lost_since(tmp_path: Path) -> None:
    """A person gone from the register, and rules gone from the folder, make no refusal of it."""
    rules, register = tmp_path / "rules", tmp_path / "directory"
    shutil.copytree(RULES / AREA, rules / AREA)
    shutil.copytree(DIRECTORY, register)
    with open_till(tmp_path / "ledger.db", rules=rules, directory=register) as till:
        visit = _uploaded(till)
        said = to_settle(visit, med_type="11", chrg_bchno="B1", medfee_sumamt="6400.00")
        msgid = till.msgid()
        first = till.done("2207", {"data": said}, msgid)
    # Tills of one process read a folder once.
    fewer = tmp_path / "fewer"
    shutil.copytree(rules, fewer, ignore=shutil.ignore_patterns("employee-outpatient*.yaml"))
    for file in ("persons", "enrolments", "identities", "credentials"):
        path = register / f"{file}.csv"
        kept = [
            line
            for line in path.read_text(encoding="utf-8").splitlines()
            if not line.startswith(f"{EMPLOYEE},")
        ]
        path.write_text("\n".join([*kept, ""]), encoding="utf-8")
    with open_till(tmp_path / "ledger.db", rules=fewer, directory=register) as till:
        again = till.ask("2207", {"data": said}, msgid)
        assert again["infcode"] == 0, again["err_msg"]
        assert "说明暂不可得" in again["warn_msg"]
        told = again["output"]["setlinfo"]
        assert told["psn_name"] is None
        same = ("setl_id", "psn_no", "medfee_sumamt", "hifob_pay", "psn_cash_pay")
        assert [told[name] for name in same] == [first["setlinfo"][name] for name in same]


def test_two_requests_at_once_settle_a_batch_once(till: Till) -> None:
    """Whoever comes second to a batch is refused, however close."""
    visit = _uploaded(till)
    said = to_settle(visit, med_type="11", chrg_bchno="B1", medfee_sumamt="6400.00")
    bodies = [orjson.dumps(till.envelope("2207", {"data": said})) for _ in range(4)]

    async def race() -> list[bytes]:
        return await asyncio.gather(*(till.dispatch.answer(body) for body in bodies))

    answers = [msgspec.json.decode(each) for each in till.loop.run_until_complete(race())]
    assert sorted(each["infcode"] for each in answers) == [-2, -2, -2, 0]


@pytest.mark.parametrize(
    ("name", "yuan"),
    [
        ("medfee_sumamt", "6400.01"),
        ("fulamt_ownpay_amt", "0.01"),
        ("overlmt_selfpay", "3059.99"),
        ("preselfpay_amt", "102.01"),
        ("inscp_scp_amt", "3238.01"),
    ],
)
def test_sums_that_differ_settle_nothing(till: Till, name: str, yuan: str) -> None:
    """A sum that is a fen off is named, and the batch stays open."""
    visit = _uploaded(till)
    said = to_settle(visit, med_type="11", chrg_bchno="B1", medfee_sumamt="6400.00")
    refused = till.refused("2207", {"data": {**said, name: yuan}})
    assert refused.startswith("[SUMS_DIFFER]")
    assert name in refused
    assert yuan in refused
    assert till.done("2207", {"data": said})["setlinfo"]["setl_id"]


def test_batches_are_withdrawn_while_they_are_open(till: Till) -> None:
    """A settled batch keeps its lines; 0000 stands for all others."""
    visit = _uploaded(till)
    till.done("2204", {"feedetail": [line(visit, "3", PLAIN, "5.00", chrg_bchno="B2")]})
    settled(till, "2206", "2207", to_settle(visit, med_type="11", chrg_bchno="B1"))
    whose = {"mdtrt_id": visit, "psn_no": EMPLOYEE}
    assert "settled" in till.refused("2205", {"data": {**whose, "chrg_bchno": "B1"}})
    assert "no lines in batch" in till.refused("2205", {"data": {**whose, "chrg_bchno": "B7"}})
    late = [line(visit, "4", PLAIN, "5.00", chrg_bchno="B1")]
    assert "new chrg_bchno" in till.refused("2204", {"feedetail": late})
    # All that is open: B2, and not what is settled.
    till.done("2205", {"data": {**whose, "chrg_bchno": "0000"}})
    said = to_settle(visit, med_type="11", chrg_bchno="B2")
    assert "no lines" in till.refused("2206", {"data": said})
    assert "has 2 lines" in till.refused("2202", {"data": {**whose, "ipt_otp_no": "O1"}})


def test_a_registration_is_undone(till: Till) -> None:
    """After 2202 nothing more can be told about a visit."""
    visit = registered(till)
    whose = {"mdtrt_id": visit, "psn_no": EMPLOYEE, "ipt_otp_no": "O1"}
    till.done("2202", {"data": whose})
    told = {"mdtrt_id": visit, "psn_no": EMPLOYEE, "med_type": "11", "begntime": "2024-06-03"}
    for infno, said in (
        ("2202", {"data": whose}),
        ("2203", {"mdtrtinfo": told, "diseinfo": DIAGNOSES}),
        ("2204", {"feedetail": [line(visit, "1", PLAIN, "1.00", chrg_bchno="B")]}),
    ):
        assert "was cancelled by 2202" in till.refused(infno, said)


def test_a_visit_is_its_institutions_and_persons_own(till: Till) -> None:
    """Others find neither a visit nor its settlement."""
    visit = _uploaded(till)
    said = to_settle(visit, med_type="11", chrg_bchno="B1")
    assert "NOT_FOUND" in till.at(COMMUNITY).refused("2206", {"data": said})
    assert "NOT_FOUND" in till.refused("2206", {"data": {**said, "psn_no": RETIRED}})
    shown = {**said, **credential(RETIRED)}
    assert "PERSON_DIFFERS" in till.refused("2206", {"data": shown})
    assert "insutype" in till.refused("2206", {"data": {**said, "insutype": "390"}})
    done = settled(till, "2206", "2207", said)["setlinfo"]["setl_id"]
    undo = {"setl_id": done, "mdtrt_id": visit, "psn_no": EMPLOYEE}
    assert "NOT_FOUND" in till.at(COMMUNITY).refused("2208", {"data": undo})
    assert "NOT_FOUND" in till.refused("2208", {"data": {**undo, "mdtrt_id": "other"}})


def test_a_line_is_refused_by_its_national_names(till: Till) -> None:
    """Faults stand at the node and field that the client sent."""
    visit = registered(till)
    rows = [
        line(visit, "1", PLAIN, "10.00", chrg_bchno="B1"),
        line(visit, "2", "no-such-item", "10.00", chrg_bchno="B1"),
        line(visit, "2", PLAIN, "10.00", chrg_bchno="B1"),
    ]
    assert "feedetail[2].feedetl_sn" in till.refused("2204", {"feedetail": rows})
    assert "feedetail[1].med_list_codg" in till.refused("2204", {"feedetail": rows[:2]})
    wrong = {**rows[0], "pric": "9.00"}
    assert "feedetail[0].det_item_fee_sumamt" in till.refused("2204", {"feedetail": [wrong]})
    all_lines = {**rows[0], "feedetl_sn": "0000"}
    assert "0000 stands for all" in till.refused("2204", {"feedetail": [all_lines]})
    diseases = [{**rows[0], "dise_codg": "M1"}, {**rows[2], "dise_codg": "M2"}]
    assert "feedetail[1].dise_codg" in till.refused("2204", {"feedetail": diseases})
