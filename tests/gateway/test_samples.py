"""Messages of the national platform, found in public material, come out of the gateway alike.

The samples with their amounts are `fixtures/samples.json`; how each is replayed, or why it is
not, is `samples/replays.yaml`. What a rule was is not in a sample, so the documents beside it state
what the sample gives: class, ceiling, ratio, deductible, cap.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from medsettle.core.money import fen_from_yuan
from medsettle.core.settlement import Opening
from medsettle.engine import Engine
from medsettle.gateway.aliases import fund_pay_type
from medsettle.ledger.opening import open_ledger
from medsettle.rule_cache import rule_book
from ruamel.yaml import YAML

from tests.gateway.bills import check_identities, check_split, echoed
from tests.gateway.till import ROOT, Nodes, Till, open_till

_HERE = Path(__file__).parent / "samples"
_AREA = "999940"
_HOSPITAL, _PHARMACY = "H99994000001", "P99994000001"
_TOLD = json.loads((ROOT / "fixtures" / "samples.json").read_text(encoding="utf-8"))["samples"]
_SAMPLES: dict[str, Nodes] = {each["id"]: each for each in _TOLD}
_PLAN = YAML(typ="safe").load(_HERE / "replays.yaml")
_REPLAYS: dict[str, Nodes] = _PLAN["replays"]

# Where a sample does not say. A year of a benefit, a day of it and a kind of visit change nothing
# about its amounts.
_DAY, _KINDS = "2021-08-20", {"visit": "11", "stay": "21", "request": "12", "sale": "41"}
_NO_CEILING = {"999999", "99999999"}
_PARTS = ("fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt", "inscp_scp_amt")
# Names of columns of the platform's tables, of which some samples are rows.
_OTHER_NAMES = {
    "othfund_pay": "oth_pay",
    "ownpay_hosp_part": "hosp_part_amt",
    "psn_pay": "psn_part_amt",
}
_MADE_BY_RECORDING = ("setl_id", "setl_time", "clr_way", "clr_optins")


@dataclass
class _Case:
    """One sample on its way: what is sent for it, and what came back by name."""

    sample: Nodes
    how: Nodes
    till: Till
    visit: str = ""
    answers: dict[str, Any] = field(default_factory=dict)

    @property
    def day(self) -> str:
        told = str(self.sample["date"] or "")
        return told if len(told) == len(_DAY) else _DAY

    @property
    def kind(self) -> str:
        return self.sample.get("med_type") or self.how.get("kind") or _KINDS[self.how["by"]]

    def lines(self) -> list[Nodes]:
        """Return the lines: those of the sample with an item each, or invented ones."""
        if "items" in self.how:
            given = zip(self.how["items"], self.sample["lines"], strict=True)
            return [self._line(at, item, line) for at, (item, line) in enumerate(given, 1)]
        invented = enumerate(self.how["invented"].items(), 1)
        return [
            self._line(at, item, {"pric": yuan, "cnt": "1", "det_item_fee_sumamt": yuan})
            for at, (item, yuan) in invented
        ]

    def _line(self, at: int, item: str, said: Nodes) -> Nodes:
        return {
            **{name: said[name] for name in ("pric", "cnt", "det_item_fee_sumamt")},
            "feedetl_sn": str(at),
            "med_list_codg": item,
            "fee_ocur_time": f"{self.day} 10:00:00",
        }

    def who(self) -> Nodes:
        """Return what a registration, an admission and a sale state alike."""
        return {
            "psn_no": self.how["person"],
            "insutype": self.sample.get("insutype") or "310",
            "begntime": f"{self.day} 09:00:00",
            "mdtrt_cert_type": self.sample.get("mdtrt_cert_type") or "02",
        }

    def to_settle(self, **more: str) -> Nodes:
        """Return what a settle request states beside its sums."""
        total = sum(Decimal(line["det_item_fee_sumamt"]) for line in self.lines())
        return {
            **{name: said for name, said in self.who().items() if name != "begntime"},
            "mdtrt_id": self.visit,
            "medfee_sumamt": str(total),
            "acct_used_flag": "1" if "account" in self.how else "0",
            "psn_setlway": "01",
            **more,
        }

    def own(self, number: str) -> Nodes:
        """Return a request about a settlement of this visit."""
        person = self.how["person"]
        return {"data": {"setl_id": number, "mdtrt_id": self.visit, "psn_no": person}}


# --- replaying ----------------------------------------------------------------------------------


@contextmanager
def _replayed(name: str, folder: Path) -> Iterator[_Case]:
    """Yield a sample after everything was sent that its replay says."""
    sample, how = _SAMPLES[name], _REPLAYS[name]
    case = _Case(sample, how, None)  # type: ignore[arg-type]
    moment = datetime.fromisoformat(f"{case.day}T04:00:00").replace(tzinfo=UTC)
    place = folder / "ledger.db"
    with open_ledger(place) as ledger:
        fen = fen_from_yuan(how.get("account", "0"))
        opening = Opening(_HOSPITAL, "O1", _AREA, how["person"], fen, ())
        Engine(rule_book(_HERE / "rules"), ledger, lambda: moment).open_person(opening)
    with open_till(
        place,
        rules=_HERE / "rules",
        directory=_HERE / "directory",
        institution=_PHARMACY if how["by"] == "sale" else _HOSPITAL,
        clock=lambda: moment,
    ) as till:
        till.insured_area = _AREA
        case.till = till
        _SENT[how["by"]](case)
        if how["ends"] == "cancel":
            number = case.answers["settle"]["setlinfo"]["setl_id"]
            case.answers["cancel"] = till.done("2208", case.own(number))
        if how["ends"] == "query":
            number = case.answers["settle"]["setlinfo"]["setl_id"]
            case.answers["query"] = till.done("5203", case.own(number))
        yield case


def _register(case: _Case) -> None:
    said = {**case.who(), "ipt_otp_no": "O1"}
    case.visit = case.till.done("2201", {"data": said})["data"]["mdtrt_id"]
    told = {"mdtrt_id": case.visit, "psn_no": said["psn_no"], "begntime": said["begntime"]}
    diagnosis = {"diag_type": "1", "diag_srt_no": "1", "diag_code": "J06.900", "diag_name": "示例"}
    case.till.done("2203A", {"mdtrtinfo": {**told, "med_type": case.kind}, "diseinfo": [diagnosis]})
    case.answers["lines"] = case.till.done("2204", {"feedetail": _of_visit(case, chrg_bchno="1")})[
        "result"
    ]


def _of_visit(case: _Case, **more: str) -> list[Nodes]:
    own = {"mdtrt_id": case.visit, "psn_no": case.how["person"], **more}
    return [{**line, **own} for line in case.lines()]


def _visit(case: _Case) -> None:
    _register(case)
    said = case.to_settle(med_type=case.kind, chrg_bchno="1")
    _settle(case, "2206", "2207", {"data": said})


def _request(case: _Case) -> None:
    """Send the settle request with the sums that the sample states."""
    _register(case)
    sums = {name: str(yuan) for name, yuan in case.sample["amounts"].items()}
    said = {**case.to_settle(med_type=case.kind, chrg_bchno="1"), **sums}
    wrong = {**said, "inscp_scp_amt": str(Decimal(sums["inscp_scp_amt"]) + Decimal("0.01"))}
    assert "[SUMS_DIFFER]" in case.till.refused("2207", {"data": wrong})
    case.answers["settle"] = case.till.done("2207", {"data": said})


def _stay(case: _Case) -> None:
    diagnosis = {"diag_type": "1", "diag_srt_no": "1", "diag_code": "I25.103", "diag_name": "示例"}
    said = {**case.who(), "med_type": case.kind, "ipt_no": "I1"}
    admission = {"mdtrtinfo": said, "diseinfo": [diagnosis]}
    case.visit = case.till.done("2401", admission)["result"]["mdtrt_id"]
    case.answers["lines"] = case.till.done("2301", {"feedetail": _of_visit(case)})["result"]
    left = {"mdtrt_id": case.visit, "psn_no": said["psn_no"], "endtime": f"{case.day} 18:00:00"}
    case.till.done("2402", {"dscginfo": left, "diseinfo": [diagnosis]})
    _settle(case, "2303", "2304", {"data": case.to_settle()})


def _sale(case: _Case) -> None:
    said = {**case.to_settle(), **case.who(), "med_type": case.kind}
    _settle(case, "2101", "2102", {"druginfo": said, "drugdetail": case.lines()})
    case.answers["lines"] = case.answers["settle"]["detlcutinfo"]


def _settle(case: _Case, trial: str, final: str, nodes: Nodes) -> None:
    """Settle after a trial whose sums are sent back, as clients do."""
    case.answers["trial"] = case.till.done(trial, nodes)
    sums = echoed(case.answers["trial"]["setlinfo"])
    node = "druginfo" if "druginfo" in nodes else "data"
    sent = {**nodes, node: {**nodes[node], **sums}}
    case.answers["settle"] = case.till.done(final, sent)


_SENT = {"visit": _visit, "request": _request, "stay": _stay, "sale": _sale}


# --- what came back -----------------------------------------------------------------------------


def test_every_sample_is_replayed_or_has_a_reason() -> None:
    """None is left out, and none that is replayed is excused as a whole."""
    assert _SAMPLES.keys() == {*_REPLAYS, *_PLAN["not_replayed"]}
    assert not {*_REPLAYS} & {*_PLAN["not_replayed"]}
    assert all(_PLAN["not_replayed"].values())


@pytest.mark.parametrize("name", list(_REPLAYS))
def test_a_sample_comes_out(name: str, tmp_path: Path) -> None:
    """Every amount and code that the sample states, and the identities of every answer."""
    with _replayed(name, tmp_path) as case:
        for answer in ("trial", "settle", "cancel", "query"):
            if answer in case.answers:
                check_identities(case.answers[answer])
        for row in case.answers["lines"]:
            check_split(row)
        if case.how["ends"] != "lines":
            output = case.answers[case.how["ends"]]
            _compare_fields(case, output["setlinfo"])
            _compare_details(case, output["setldetail"])
        if "items" in case.how:
            _compare_lines(case)
        if "trial" in case.answers:
            _compare_trial(case)


def _compare_fields(case: _Case, told: Nodes) -> None:
    """Compare what the sample states; null there is a field that the platform left out."""
    excused = case.how.get("except", {})
    codes = ("insutype", "psn_type", "med_type", "mdtrt_cert_type", "clr_type")
    for name in codes:
        if case.sample.get(name) and name not in excused:
            assert told[name] == case.sample[name], name
    for name, yuan in case.sample["amounts"].items():
        if yuan is not None and name not in excused:
            assert told[_OTHER_NAMES.get(name, name)] == Decimal(yuan), name
    beside = case.sample.get("derived", {}).get("overlmt_plus_preself")
    if beside is not None:
        assert told["overlmt_selfpay"] + told["preselfpay_amt"] == Decimal(beside)


def _compare_details(case: _Case, rows: list[Nodes]) -> None:
    excused = case.how.get("except", {})
    given = [
        row for row in case.sample.get("setldetail", ()) if row["fund_pay_type"] not in excused
    ]
    if not given:
        return
    other = case.how.get("other_code", {})
    codes = [other.get(row["fund_pay_type"], row["fund_pay_type"]) for row in given]
    paid = [Decimal(row["fund_payamt"]) for row in given]
    stated = list(zip(map(fund_pay_type, codes), paid, strict=True))
    assert stated == [(row["fund_pay_type"], row["fund_payamt"]) for row in rows]
    for row, own in zip(given, rows, strict=True):
        if "inscp_scp_amt" in row:
            assert own["inscp_scp_amt"] == Decimal(row["inscp_scp_amt"])
        if row.get("setl_proc_info"):
            _compare_process(row["setl_proc_info"], own["setl_proc_info"])


def _compare_process(stated: Nodes, told: str) -> None:
    """Compare the base, the ratio and the amount of a fund with what explains ours."""
    own = orjson.loads(told)
    assert (own["base"], own["paid"]) == (
        fen_from_yuan(stated["hifpPayInscp"]),
        fen_from_yuan(stated["hifpPay"]),
    )
    percent = Decimal(stated["poolPropSelfpay"]) * 100
    assert f"{percent.normalize():f}%" in own["zh"]
    assert f"{percent.normalize():f}%" in own["en"]


def _compare_lines(case: _Case) -> None:
    rows = case.answers["lines"]
    for given, row in zip(case.sample["lines"], rows, strict=True):
        for name in ("chrgitm_lv", "med_chrgitm_type"):
            assert row[name] == given[name]
        for name in ("selfpay_prop", "pric", "cnt", "det_item_fee_sumamt", *_PARTS):
            assert row[name] == Decimal(given[name]), name
        ceiling = given["pric_uplmt_amt"]
        none = row["pric_uplmt_amt"] == Decimal(999_999)
        assert none if ceiling in _NO_CEILING else row["pric_uplmt_amt"] == Decimal(ceiling)


def _compare_trial(case: _Case) -> None:
    """The trial before a settlement has its amounts, and nothing that recording makes."""
    trial, final = case.answers["trial"]["setlinfo"], case.answers["settle"]["setlinfo"]
    assert [None] * len(_MADE_BY_RECORDING) == [trial[name] for name in _MADE_BY_RECORDING]
    assert {*trial} == {*final}
    amounts = {name for name, value in final.items() if isinstance(value, Decimal)}
    assert {name: trial[name] for name in amounts} == {name: final[name] for name in amounts}
    assert case.answers["trial"]["setldetail"] == case.answers["settle"]["setldetail"]
