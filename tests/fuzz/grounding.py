"""Drawn requests brought near to real ones, so that they reach beyond the first check."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from medsettle.conformance.running import Kit
from medsettle.conformance.scenarios import Scenario
from medsettle.gateway.fields import Field, Kind, Node, decimal_text, digits_of
from medsettle.gateway.transactions import Transaction

AREA = "110000"
INSTITUTIONS = ("H11000000001", "H11000000002", "P11000000001")
_IDS = ("mdtrt_id", "setl_id", "trt_dcla_detl_sn", "file_qury_no", "clr_appy_evt_id")
_ASKED = ("infno", "msgid", "fixmedins_code", "sign_no", "mdtrtarea_admvs", "insuplc_admdvs")
_REAL: dict[str, tuple[object, ...]] = {
    "psn_no": tuple(f"9900000000000000{number:02d}" for number in (1, 1, 2, 3, 4, 5, 8, 10)),
    "insutype": ("310", "310", "390"),
    "med_type": ("11", "21", "14", "41"),
    "med_list_codg": (
        "009902000001000990200000100",
        "XY01AAA001A001010100001",
        "009914000001000991400000100",
        "009901000001000990100000100",
        "C9901000000000000001",
    ),
    "mdtrt_cert_type": ("02",),
    "mdtrt_cert_no": ("",),
    "chrg_bchno": ("1", "1", "2", "0000"),
    "feedetl_sn": (*"123456789", "0000"),
    "det_item_fee_sumamt": ("100.00", 100, "100", "0.01"),
    "medfee_sumamt": ("100.00", 100, "0.01"),
    "init_feedetl_sn": ("1",),
    "oinfno": ("2207", "2102", "2401", "2204"),
}


@dataclass
class Ground:
    """Values that exist at a platform: what the fixtures have, and what it has answered so far.

    `subjects` are ids that were answered together, with the person and institution they are of.
    """

    kit: Kit
    subjects: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def begin(self, scenario: Scenario, steps: int, facts: Mapping[str, str]) -> None:
        """Do the first steps of a scenario, and keep what they are about, with facts of it."""
        # Amounts are not as the scenario has them: the person has been treated before.
        asked = [
            msgspec.structs.replace(each, expect={}, same_as="", negates="")
            for each in scenario.steps[:steps]
        ]
        begun = self.kit.run(msgspec.structs.replace(scenario, steps=asked, undo=()))
        assert begun.passed, begun
        found = {"fixmedins_code": self.kit.names[scenario.at]["code"], **facts}
        found["psn_no"] = self.kit.names[scenario.for_]["psn_no"]
        for each in begun.steps:
            _learn(found, (each.answer or {}).get("output"))
        self.subjects.append(found)

    def ground(self, draw: random.Random, transaction: Transaction, body: dict[str, Any]) -> None:
        """Put values that may exist into a request, in most places or in all."""
        subject: dict[str, str] = {}
        if self.subjects and draw.random() < 0.8:
            # What came last is what most transactions can still do something with.
            subject = draw.choice(self.subjects[-3:])
        institution = subject.get("fixmedins_code") or draw.choice(INSTITUTIONS)
        real = self.kit.envelope(institution, AREA, str(body.get("infno")))
        real |= {"sign_no": self.kit.sign_no(institution, AREA)}
        if draw.random() < 0.9:
            body |= {name: real[name] for name in real if name in body or name in _ASKED}
            if self.asked and draw.random() < 0.1:
                body["msgid"] = draw.choice(self.asked)
        self.asked.append(str(body.get("msgid")))
        share = draw.choice((0.9, 1.0, 1.0))
        for node, row in _rows(transaction, body.get("input")):
            self._ground_row(draw, node, row, subject, share)

    def learn(
        self, transaction: Transaction, body: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> None:
        """Keep the ids that an answer holds, for later requests."""
        found = {"fixmedins_code": str(body["fixmedins_code"])}
        for _, row in _rows(transaction, body.get("input")):
            found |= {name: str(row[name]) for name in (*_IDS, "psn_no") if row.get(name)}
        before = len(found)
        for value in (
            (answer["output"] or {}).values() if isinstance(answer["output"], dict) else ()
        ):
            if isinstance(value, dict):
                found |= {name: value[name] for name in _IDS if value.get(name)}
        if len(found) > before:
            self.subjects.append(found)

    def _ground_row(
        self,
        draw: random.Random,
        node: Node,
        row: dict[str, Any],
        subject: Mapping[str, str],
        share: float,
    ) -> None:
        for each in node.fields:
            if (each.required or row.get(each.name)) and draw.random() < share:
                known = subject.get(each.name)
                row[each.name] = known if known is not None else _value(draw, each)
        if {"cnt", "pric", "det_item_fee_sumamt"} <= row.keys():
            row |= {"cnt": 1, "pric": row["det_item_fee_sumamt"]}


def _learn(found: dict[str, str], output: object) -> None:
    """Add the ids that the nodes of an output have."""
    for value in output.values() if isinstance(output, dict) else ():
        if isinstance(value, dict):
            found |= {name: value[name] for name in _IDS if value.get(name)}


def _rows(transaction: Transaction, said: object) -> Iterator[tuple[Node, dict[str, Any]]]:
    if isinstance(said, dict):
        for node in transaction.inputs:
            rows = said.get(node.name)
            for row in rows if isinstance(rows, list) else [rows]:
                if isinstance(row, dict):
                    yield node, row


def _value(draw: random.Random, asked: Field) -> object:
    """Return a value that a field takes."""
    if asked.name in _REAL or asked.values:
        return draw.choice(_REAL.get(asked.name) or asked.values)
    if asked.kind is Kind.OBJECT:
        return draw.choice(({}, [], "text", None))
    if asked.kind in {Kind.DATE, Kind.MOMENT}:
        # Most on one day, for much must not be before or after something else.
        month = draw.choice((*[5] * 15, draw.randint(1, 12)))
        return f"2024-{month:02d}-06 09:00:00"
    if asked.kind is Kind.TEXT:
        length = min(asked.chars or 20, draw.choice((1, 3, 20)))
        return "".join(draw.choices("0123456789A示", k=length))
    least, most = asked.least or 0, asked.most if asked.most is not None else 10_000
    return decimal_text(draw.choice((least, most, draw.randint(least, most))), digits_of(asked)[1])
