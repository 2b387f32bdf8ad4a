"""Lines that are taken can be settled together; what could not is refused when it arrives."""

import random
from datetime import date
from typing import Any

import pytest
from medsettle import limits
from medsettle.errors import EncounterRefused
from medsettle.gateway.encounters import Encounter, Line
from medsettle.gateway.line_checks import check_lines

from tests.gateway.bills import (
    PLAIN,
    STAY_DIAGNOSES,
    admitted,
    line,
    registered,
    settled,
    to_settle,
)
from tests.gateway.till import EMPLOYEE, HOSPITAL, NOW, RETIRED, Nodes, Till


def _line(stay: str, number: str, units: int, **more: Any) -> Nodes:  # noqa: ANN401
    """Return a line of a stay at 20.00 yuan a unit; `more` overrides."""
    said = {
        "psn_no": RETIRED,
        "fee_ocur_time": "2024-05-21 10:00:00",
        "cnt": str(units),
        "pric": "20",
        **more,
    }
    return line(stay, number, PLAIN, f"{20 * units}.00", **said)


def _sent(till: Till, *rows: Nodes) -> list[Nodes]:
    result: list[Nodes] = till.done("2301", {"feedetail": list(rows)})["result"]
    return result


def _refused(till: Till, *rows: Nodes) -> str:
    return till.refused("2301", {"feedetail": list(rows)})


def test_a_line_is_taken_back_once_however_many_calls_it_takes(till: Till) -> None:
    """All that takes a line back counts, whenever it was sent."""
    stay = admitted(till)
    _sent(till, _line(stay, "A", 3))
    _sent(till, _line(stay, "B", -2, init_feedetl_sn="A"))
    refused = _refused(till, _line(stay, "9", 1), _line(stay, "C", -2, init_feedetl_sn="A"))
    assert "feedetail[1].cnt: line 'C': 4 units of line 'A' taken back" in refused
    assert "more than its 3 units" in refused
    short = _line(stay, "C", -1, init_feedetl_sn="A", det_item_fee_sumamt="-19.99")
    assert "0.01 yuan of it are left; take back 60.00 yuan" in _refused(till, short)
    sign = _line(stay, "C", -1, init_feedetl_sn="A", det_item_fee_sumamt="20.00")
    assert "20.00 yuan for -1 units" in _refused(till, sign)
    price = _line(stay, "C", -1, init_feedetl_sn="A", pric="20.0001")
    assert "20.0001 yuan a unit, but the line 'A'" in _refused(till, price)
    assert "'B' takes back another" in _refused(till, _line(stay, "C", -1, init_feedetl_sn="B"))
    assert "no line 'X'" in _refused(till, _line(stay, "C", -1, init_feedetl_sn="X"))

    (row,) = _sent(till, _line(stay, "C", -1, init_feedetl_sn="A"))
    assert (row["feedetl_sn"], row["inscp_scp_amt"]) == ("C", -20)
    _sent(till, _line(stay, "D", 1))
    told = till.done("2303", {"data": to_settle(stay, RETIRED)})["setlinfo"]
    assert told["medfee_sumamt"] == 20


def test_a_settled_line_is_taken_back_by_a_cancel(till: Till) -> None:
    """A line that a settlement stands for is no line of the next claim."""
    stay = admitted(till)
    _sent(till, _line(stay, "A", 3))
    middle = to_settle(stay, RETIRED, mid_setl_flag="1", dscgTime="2024-05-25")
    number = settled(till, "2303", "2304", middle)["setlinfo"]["setl_id"]
    back = _line(stay, "B", -1, init_feedetl_sn="A")
    assert "feedetail[0].init_feedetl_sn: line 'B': 'A' is settled" in _refused(till, back)
    till.done("2305", {"data": {"setl_id": number, "mdtrt_id": stay, "psn_no": RETIRED}})
    _sent(till, back)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2024-05-19 23:59:59", "2024-05-19 is before 2024-05-20"),
        ("2024-05-20 00:00:00", None),
        ("2024-06-03 23:59:59", None),
        # Already the fourth in China.
        ("2024-06-03T16:00:00Z", "2024-06-04 is after today, 2024-06-03"),
    ],
)
def test_a_line_is_of_a_day_between_admission_and_today(
    till: Till, day: str, said: str | None
) -> None:
    """Of China Standard Time, as the clock of the gateway has it."""
    assert NOW.date() == date(2024, 6, 3)
    row = _line(admitted(till), "A", 1, fee_ocur_time=day)
    if said is None:
        _sent(till, row)
    else:
        assert f"feedetail[0].fee_ocur_time: line 'A': {said}" in _refused(till, row)


def test_a_batch_holds_to_the_same_days_and_takes_nothing_back(till: Till) -> None:
    """2204 is checked as 2301 is, and says what to do instead of a negative line."""
    visit = registered(till)
    row = line(visit, "A", PLAIN, "10.00", chrg_bchno="B1")
    late = {**row, "fee_ocur_time": "2024-06-04"}
    assert "is after today" in till.refused("2204", {"feedetail": [late]})
    early = {**row, "fee_ocur_time": "2024-06-02"}
    assert "that by 2203" in till.refused("2204", {"feedetail": [early]})
    back = {**row, "cnt": "-1", "det_item_fee_sumamt": "-10.00"}
    assert "withdraw the batch by 2205" in till.refused("2204", {"feedetail": [back]})
    till.done("2204", {"feedetail": [row]})


@pytest.mark.parametrize("name", ["psn_no", "mdtrt_id"])
def test_a_message_is_of_one_person_and_one_visit(till: Till, name: str) -> None:
    """A line of somebody else is not charged to whoever stands first."""
    stay = admitted(till)
    rows = [_line(stay, "A", 1), _line(stay, "B", 1, **{name: EMPLOYEE})]
    assert f"feedetail[1].{name}: '{EMPLOYEE}'" in _refused(till, *rows)
    _sent(till, *(each | {"psn_no": RETIRED, "mdtrt_id": stay} for each in rows))
    gone = [{key: row[key] for key in ("feedetl_sn", "mdtrt_id", "psn_no")} for row in rows]
    assert f"data[1].{name}: '{EMPLOYEE}'" in till.refused("2302", {"data": gone})


def test_a_rounded_price_is_taken_and_a_slip_is_told_in_yuan(till: Till) -> None:
    """Thirty for 500.00 are 16.67 each; the amount counts."""
    visit = registered(till)
    row = line(visit, "A", PLAIN, "500.00", chrg_bchno="B1", cnt="30", pric="16.67")
    for slip in ("50.00", "5000.00", "500.27"):
        refused = till.refused("2204", {"feedetail": [{**row, "det_item_fee_sumamt": slip}]})
        assert "line 'A'" in refused
        assert "16.67 x 30, is 500.10 yuan" in refused
    (told,) = till.done("2204", {"feedetail": [row]})["result"]
    assert (told["det_item_fee_sumamt"], told["inscp_scp_amt"]) == (500, 500)


@pytest.mark.parametrize(
    ("units", "price", "amount", "said"),
    [
        ("1000000", "0", "0", None),
        ("1000000.0001", "0", "0", "feedetail[0].cnt: '1000000.0001' is above 1000000.0000"),
        ("1", "10000000", "10000000", None),
        ("1", "10000000.000001", "10000000", "pric: '10000000.000001' is above 10000000.000000"),
        ("100", "10000000", "1000000000", None),
        ("100", "10000000", "1000000000.01", "'1000000000.01' is above 1000000000.00"),
    ],
)
def test_a_line_is_bounded_in_yuan_and_units(
    till: Till, units: str, price: str, amount: str, said: str | None
) -> None:
    """The bounds of the engine are those of the fields, and told as they were sent."""
    row = _line(admitted(till), "A", 1, cnt=units, pric=price, det_item_fee_sumamt=amount)
    if said is None:
        _sent(till, row)
    else:
        assert said in _refused(till, row)


def test_what_was_taken_is_settled_together(till: Till) -> None:
    """Whatever is drawn, a stay whose lines were all accepted can be settled."""
    draw = random.Random(20_240_603)
    stay = admitted(till)
    _sent(till, _line(stay, "0", 2))
    taken, answers = ["0"], []
    for call in range(1, 60):
        rows = []
        for place in range(draw.randint(1, 3)):
            day = draw.choice((*("2024-05-20", "2024-05-22", "2024-06-03") * 4, "2024-05-19"))
            original = draw.choice(taken) if draw.random() < 0.5 else None
            units = draw.randint(1, 3) * (-1 if original else 1)
            number = str(call) if place == 0 else f"{call}.{place}"
            row = _line(stay, number, units, fee_ocur_time=day, init_feedetl_sn=original)
            rows.append(row)
        answers.append(till.ask("2301", {"feedetail": rows})["infcode"])
        if answers[-1] == 0:
            taken += [row["feedetl_sn"] for row in rows]
            till.done("2303", {"data": to_settle(stay, RETIRED, dscgTime="2024-06-03")})
    assert min(answers.count(0), answers.count(-2)) > 10


def _held(count: int, *, stay: bool) -> Encounter:
    lines = {
        str(at): Line(str(at), "B1" if at else "B2", {"feedetl_sn": str(at)}, {})
        for at in range(count)
    }
    facts = {"insutype": "310", "begntime": "2024-05-20T09:00:00+08:00"}
    return Encounter("V1", HOSPITAL, "110000", RETIRED, stay, facts, lines=lines)


def _arriving(number: str) -> Nodes:
    return {"feedetl_sn": number, "fee_ocur_time": NOW, "cnt": 10_000, "chrg_bchno": "B1"}


def test_the_lines_of_a_batch_are_bounded() -> None:
    """One line of the visit is of another batch, so one more fits."""
    most = limits.LINES_PER_CLAIM_MAX
    rows = [_arriving("x")]
    check_lines(_held(most, stay=False), rows, NOW.date(), frozenset)
    with pytest.raises(EncounterRefused, match="another chrg_bchno"):
        check_lines(_held(most + 1, stay=False), rows, NOW.date(), frozenset)


def test_the_open_lines_of_a_stay_are_bounded(till: Till) -> None:
    """A stay of the most lines is settled; one more is refused until its middle is settled."""
    stay = admitted(till)
    most, a_call = limits.LINES_PER_CLAIM_MAX, limits.GATEWAY_ROWS_MAX
    assert most % a_call == 0
    rows = [_line(stay, str(number), 1) for number in range(most)]
    for first in range(0, most, a_call):
        _sent(till, *rows[first : first + a_call])
    more = _line(stay, "more", 1)
    refused = _refused(till, more)
    assert f"would have {most + 1} open lines" in refused
    assert "2304 with mid_setl_flag 1" in refused
    middle = to_settle(stay, RETIRED, mid_setl_flag="1", dscgTime="2024-05-25")
    told = settled(till, "2303", "2304", middle)["setlinfo"]
    assert told["medfee_sumamt"] == 20 * most
    _sent(till, more)
    discharge = {"mdtrt_id": stay, "psn_no": RETIRED, "endtime": "2024-05-30"}
    till.done("2402", {"dscginfo": discharge, "diseinfo": STAY_DIAGNOSES})
    last = settled(till, "2303", "2304", to_settle(stay, RETIRED))["setlinfo"]
    assert last["medfee_sumamt"] == 20
