"""Laws of every bill that passes the counter, whatever its lines and whoever it is for.

One ledger takes all examples of a test, so that bills meet deductibles met, caps near and accounts
spent by those before them.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.bills import (
    CAPPED,
    PLAIN,
    STAY_DIAGNOSES,
    admitted,
    check_identities,
    check_split,
    echoed,
    line,
    registered,
    sale,
    to_settle,
)
from tests.gateway.till import EMPLOYEE, PHARMACY, RETIRED, Nodes, Till, open_till

# Of rules/110000/catalogue.csv besides: own expense above 28 yuan, class B, restricted, class C.
_ITEMS = (
    *(PLAIN, CAPPED, "009901000018000990100001800", "XY01AAA001A001010100001"),
    *("XY01AAA003A001010100001", "009914000001000991400000100"),
)
_PARTS = ("fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt", "inscp_scp_amt")
_SPLIT = ("det_item_fee_sumamt", "pric_uplmt_amt", "selfpay_prop", "chrgitm_lv", *_PARTS)
_NO_FLOWS = {"balc", "pool_prop_selfpay", "age"}

_few = settings(max_examples=8)


class _Line(NamedTuple):
    item: str
    price_fen: int
    units: int
    approval: str | None

    def said(self, visit: str, number: int, **more: object) -> Nodes:
        """Return the line as a till sends it; its amount is price times count."""
        yuan = Decimal(self.price_fen) / 100
        own = {"cnt": self.units, "det_item_fee_sumamt": str(yuan * self.units)}
        own["hosp_appr_flag"] = self.approval
        return line(visit, str(number), self.item, str(yuan), **{**own, **more})


_lines = st.lists(
    st.builds(
        _Line,
        st.sampled_from(_ITEMS),
        st.one_of(st.integers(1, 200_000), st.sampled_from([2_800, 2_801, 33_999, 34_000, 34_001])),
        st.integers(1, 30),
        st.sampled_from([None, "0", "1", "2"]),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    """Yield a till whose ledger all examples share."""
    with open_till(tmp_path_factory.mktemp("laws") / "ledger.db") as till:
        yield till


def _amounts(output: Nodes) -> dict[str, Decimal]:
    """Return every amount that flows, of setlinfo and of its rows."""
    told = output["setlinfo"]
    found = {
        name: each
        for name, each in told.items()
        if isinstance(each, Decimal) and name not in _NO_FLOWS
    }
    for row in output["setldetail"]:
        found[f"{row['fund_pay_type']} {row['fund_pay_type_name']}"] = row["fund_payamt"]
    return found


def _twice(till: Till, infno: str, said: Nodes) -> Nodes:
    """Return the output of a message that is sent twice and must be answered alike."""
    msgid = till.msgid()
    output = till.done(infno, said, msgid)
    assert output == till.done(infno, said, msgid)
    return output


def _pieces(rows: Sequence[Nodes], cuts: Sequence[int]) -> Iterator[list[Nodes]]:
    """Yield rows in pieces, cut before the positions given."""
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(rows)}), len(rows)]
    yield from (list(rows[first:last]) for first, last in pairwise(edges))


@_few
@given(
    lines=_lines,
    cuts=st.lists(st.integers(1, 5), max_size=3),
    person=st.sampled_from([EMPLOYEE, RETIRED]),
    account=st.sampled_from(["0", "1"]),
)
def test_an_outpatient_bill(
    till: Till, lines: list[_Line], cuts: list[int], person: str, account: str
) -> None:
    """Identities hold, the trial is the settlement, and the cancel its mirror and its undoing."""
    visit, other = registered(till, person), registered(till, person)

    def upload(visit: str, cuts: Sequence[int]) -> list[Nodes]:
        own = {"psn_no": person, "chrg_bchno": "B1"}
        rows = [each.said(visit, at, **own) for at, each in enumerate(lines)]
        return [
            row
            for piece in _pieces(rows, cuts)
            for row in _twice(till, "2204", {"feedetail": piece})["result"]
        ]

    told, again = upload(visit, cuts), upload(other, ())
    assert [[row[name] for name in _SPLIT] for row in told] == [
        [row[name] for name in _SPLIT] for row in again
    ]
    for row in told:
        check_split(row)
    total = str(sum(row["det_item_fee_sumamt"] for row in told))
    said = to_settle(visit, person, chrg_bchno="B1", acct_used_flag=account, medfee_sumamt=total)
    trial = till.done("2206", {"data": said})
    final = _twice(till, "2207", {"data": {**said, **echoed(trial["setlinfo"])}})
    check_identities(trial)
    check_identities(final)
    assert _amounts(trial) == _amounts(final)
    assert trial["setldetail"] == final["setldetail"]
    for name, sums in (("fulamt_ownpay_amt",) * 2, ("overlmt_amt", "overlmt_selfpay")):
        assert sum(row[name] for row in told) == final["setlinfo"][sums]

    number = final["setlinfo"]["setl_id"]
    undo = {"setl_id": number, "mdtrt_id": visit, "psn_no": person}
    back = _twice(till, "2208", {"data": undo})
    check_identities(back)
    assert {name: -each for name, each in _amounts(final).items()} == _amounts(back)
    ratio = "pool_prop_selfpay"
    assert final["setlinfo"][ratio] == back["setlinfo"][ratio] == trial["setlinfo"][ratio]
    assert number == back["setlinfo"]["init_setl_id"]
    once_more = till.done("2206", {"data": said})
    assert _amounts(trial) == _amounts(once_more)
    # So that later examples meet what this one used up.
    till.done("2207", {"data": {**said, **echoed(once_more["setlinfo"])}})


@_few
@given(
    lines=_lines,
    back=st.lists(st.integers(0, 30), min_size=6, max_size=6),
    cuts=st.lists(st.integers(1, 11), max_size=3),
)
def test_a_stay_with_lines_taken_back(
    till: Till, lines: list[_Line], back: list[int], cuts: list[int]
) -> None:
    """A line and what takes it back have together the parts of the line that is left."""
    left = [max(each.units - units, 0) for each, units in zip(lines, back, strict=False)]
    stay, other = admitted(till), admitted(till)
    common = {"psn_no": RETIRED, "fee_ocur_time": "2024-05-21 10:00:00"}

    def sent(visit: str) -> Iterator[Nodes]:
        for at, (each, units) in enumerate(zip(lines, left, strict=True)):
            yield each.said(visit, at, **common)
            if units < each.units:
                away = each._replace(units=units - each.units)
                yield away.said(visit, at + 100, init_feedetl_sn=str(at), **common)

    told: dict[str, Nodes] = {}
    for piece in _pieces(list(sent(stay)), cuts):
        for row in _twice(till, "2301", {"feedetail": piece})["result"]:
            check_split(row)
            told[row["feedetl_sn"]] = row
    kept = [
        each._replace(units=units).said(other, at, **common)
        for at, (each, units) in enumerate(zip(lines, left, strict=True))
        if units
    ]
    net = till.done("2301", {"feedetail": kept})["result"] if kept else []
    parts = {row["feedetl_sn"]: [row[name] for name in _PARTS] for row in net}
    for at, units in enumerate(left):
        own = [told[str(at)][name] for name in _PARTS]
        away = told.get(str(at + 100))
        both = [a + (away[name] if away else 0) for a, name in zip(own, _PARTS, strict=True)]
        assert both == (parts[str(at)] if units else [0] * len(_PARTS))
    outputs = [_closed(till, visit) for visit in (stay, other) if kept]
    if outputs:
        assert _amounts(outputs[0]) == _amounts(outputs[1])


def _closed(till: Till, stay: str) -> Nodes:
    """Return the settlement of a stay, cancelled at once so that the next one meets the same."""
    said = {"mdtrt_id": stay, "psn_no": RETIRED, "endtime": "2024-05-30 10:00:00"}
    till.done("2402", {"dscginfo": said, "diseinfo": STAY_DIAGNOSES})
    trial = till.done("2303", {"data": to_settle(stay, RETIRED)})
    wanted = {**to_settle(stay, RETIRED), **echoed(trial["setlinfo"])}
    final = _twice(till, "2304", {"data": wanted})
    for output in (trial, final):
        check_identities(output)
    assert _amounts(trial) == _amounts(final)
    undo = {"setl_id": final["setlinfo"]["setl_id"], "mdtrt_id": stay, "psn_no": RETIRED}
    back = _twice(till, "2305", {"data": undo})
    check_identities(back)
    assert {name: -each for name, each in _amounts(final).items()} == _amounts(back)
    return final


@_few
@given(lines=_lines, account=st.sampled_from(["0", "1"]))
def test_a_sale(till: Till, lines: list[_Line], account: str) -> None:
    """What is told of a sale's lines is what was settled, and adds up to it."""
    shop = till.at(PHARMACY)
    drugs = [_without_visit(each.said("", at)) for at, each in enumerate(lines)]
    total = sum(Decimal(drug["det_item_fee_sumamt"]) for drug in drugs)
    head = sale(acct_used_flag=account, medfee_sumamt=str(total))["druginfo"]
    said = {"druginfo": head, "drugdetail": drugs}
    trial = shop.done("2101", said)
    final = _twice(shop, "2102", said)
    for output in (trial, final):
        check_identities(output)
        for row in output["detlcutinfo"]:
            check_split(row)
    assert trial["detlcutinfo"] == final["detlcutinfo"]
    assert _amounts(trial) == _amounts(final)
    told = final["setlinfo"]
    for name in ("fulamt_ownpay_amt", "preselfpay_amt", "inscp_scp_amt"):
        assert sum(row[name] for row in final["detlcutinfo"]) == told[name]
    undo = {name: told[name] for name in ("setl_id", "mdtrt_id", "psn_no")}
    back = _twice(shop, "2103", {"data": undo})
    assert {name: -each for name, each in _amounts(final).items()} == _amounts(back)


def _without_visit(row: dict[str, Any]) -> Nodes:
    return {name: value for name, value in row.items() if name not in {"mdtrt_id", "psn_no"}}
