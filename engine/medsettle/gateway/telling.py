"""Settlements as the national interface tells them: setlinfo, and a row for each payer."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any, Final

import orjson

from medsettle import errors, limits
from medsettle.core import codes, schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.clearing_classes import clearing_class
from medsettle.core.dates import full_years
from medsettle.core.money import rate_e4
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Explanation, Sentence, Settlement
from medsettle.gateway.claiming import in_national_words
from medsettle.gateway.encounters import LINE_KINDS, folded
from medsettle.gateway.office import Office
from medsettle.gateway.transactions import Answer
from medsettle.logs import events as logged
from medsettle.logs import say

_AMOUNTS: Final = {
    column.name: column.alias
    for column in schema.SETTLEMENT
    if column.name.endswith("_fen") and column.alias
}
"""Amounts of a settlement, and how the interface calls them."""

_PAYERS: Final = {payer.name: payer.chinese for payer in codes.PAYERS}
_ANSWERED_BEFORE: Final = "[DUPLICATE] 该报文此前已受理，本次按原结果答复"
_POOL: Final = "pooled_fund"
_UNEXPLAINED: Final = "结算有效，基金支付说明暂不可得"
_PER_ITEM: Final = "01"
"""清算方式 clr_way: by item."""


def preview_of(office: Office, claims: ClaimBatch, node: str) -> tuple[Settlement, Explanation]:
    """Return what a claim would be settled to, and why.

    Args:
        office: Whose engine is asked.
        claims: The claim.
        node: The node in which its lines came, for the paths of faults.

    Raises:
        SettlementError: The claim is refused.
    """
    (found,) = office.desk.engine.preview_explained(claims)
    if isinstance(found, Rejection):
        raise in_national_words(found.error(), node)
    return found


def settled(
    office: Office, settlement: Settlement, before: tuple[Settlement, Explanation] | None = None
) -> Answer:
    """Return the answer to what recorded a settlement, or took one back.

    Args:
        office: Whose engine explains.
        settlement: What was recorded.
        before: What a preview just before said; where that came to the same, it explains this too.
    """
    if before is not None and _same(settlement, before[0]):
        return told(office, settlement, before[1])
    number = str(settlement.columns["settlement"])
    try:
        return told(office, settlement, office.desk.engine.explain(number))
    except errors.SettlementError as error:
        # It is recorded, so whatever keeps it from being explained must not look like a refusal.
        say(logged.EXPLANATION_MISSING, settlement=number, reason=error.reason)
        answer = told(office, settlement, Explanation(number, ()))
        return replace(answer, warnings=(*answer.warnings, f"[{error.reason}] {_UNEXPLAINED}"))


def _same(one: Settlement, other: Settlement) -> bool:
    """Return whether two settlements of one claim come to the same in every stage."""
    return one.amounts == other.amounts and one.fen("cash_fen") == other.fen("cash_fen")


def told(office: Office, settlement: Settlement, explanation: Explanation) -> Answer:
    """Return setlinfo and setldetail of a settlement."""
    warnings = tuple(f"[{each.code}] {each.reason_zh}" for each in settlement.warnings)
    if settlement.duplicate:
        warnings = (_ANSWERED_BEFORE, *warnings)
    return Answer(
        {
            "setlinfo": {
                **settlement_row(office, settlement),
                "pool_prop_selfpay": _pool_ratio_e4(explanation),
            },
            "setldetail": list(_funds(settlement, explanation)),
        },
        (*settlement.notices, *warnings),
    )


def encounter_of(settlement: Settlement) -> str:
    """Return the visit that a settlement is of: its settlement number begins with it."""
    number = settlement.columns["institution_settlement"] or ""
    return str(number).partition(".")[0]


def settlement_id(settlement: Settlement) -> str:
    """Return the id of what is recorded of a settlement (setl_id)."""
    return str(settlement.columns["settlement"])


def _pool_ratio_e4(explanation: Explanation) -> int:
    """Return the ratio at which the pool paid, in 1/10,000 half up; 0 where bands differ in it."""
    paid = [each for each in explanation.sentences if each.payer == _POOL and each.amount_fen]
    rates = {each.rate for each in paid}
    rate = rates.pop() if len(rates) == 1 else None
    return 0 if rate is None else rate_e4(rate)


def settlement_row(office: Office, settlement: Settlement) -> dict[str, Any]:
    """Return setlinfo of a settlement, amounts in fen."""
    columns = settlement.columns
    number = str(columns["person"])
    day = columns["service_date"]
    assert isinstance(day, date)
    row: dict[str, Any] = {alias: columns[name] for name, alias in _AMOUNTS.items()}
    row |= {
        # The interface counts the money of relatives in that of the account.
        "acct_pay": settlement.accounts_fen,
        "mdtrt_id": encounter_of(settlement),
        **person_row(office, number, day),
        "cvlserv_flag": _civil_servant(office, settlement),
        "insutype": columns["insurance_type"],
        "psn_type": columns["person_type"],
        **_as_told(office, settlement),
        "medins_setl_id": columns["request_id"],
        "clr_type": clearing_class(str(columns["visit_type"])),
        "refd_setl_flag": "1" if columns["kind"] == "cancel" else "0",
        "init_setl_id": columns["original"],
        "refd_setl_id": _taken_back_by(office, settlement),
    }
    if columns["settlement"] is not None:
        row |= {
            "setl_id": columns["settlement"],
            "setl_time": columns["create_time"],
            "clr_optins": columns["pooling_area"],
            "clr_way": _PER_ITEM,
        }
    return row


def _as_told(office: Office, settlement: Settlement) -> dict[str, Any]:
    """Return kind and credential as the messages of the visit have them, which may say more.

    A province's med_type is finer than what rules ask for, and a card is not part of a claim where
    its area keeps none here. A sale is one message, of which the claim is all that is known. What
    was told since changes nothing of what was settled.
    """
    columns = settlement.columns
    settled_as = columns
    if columns["original"] is not None:
        settled_as = office.desk.engine.get(str(columns["original"])).columns
    seq = settled_as["seq"]
    told_before = [
        each
        for each in office.messages(encounter_of(settlement))
        if each.message.kind not in LINE_KINDS and (seq is None or each.seq < int(str(seq)))
    ]
    visit = folded(told_before)
    facts = visit.facts if visit is not None else {}
    return {
        "med_type": facts.get("med_type") or columns["visit_type"],
        "mdtrt_cert_type": columns["credential_type"] or facts.get("mdtrt_cert_type"),
    }


def _taken_back_by(office: Office, settlement: Settlement) -> str | None:
    """Return the id of what took a settlement back, None where it stands."""
    if not settlement.notices:
        # What was cancelled since says so.
        return None
    columns = settlement.columns
    state = office.desk.engine.find_request(str(columns["institution"]), str(columns["request_id"]))
    return state.taken_back_by or None


def _civil_servant(office: Office, settlement: Settlement) -> str | None:
    columns = settlement.columns
    held = (str(columns["insurance_type"]), str(columns["pooling_area"]))
    return next(
        (
            each.civil_servant
            for each in office.directory.enrolments(str(columns["person"]))
            if (each.insurance_type, each.pooling_area) == held
        ),
        None,
    )


def person_row(office: Office, number: str, day: date) -> dict[str, Any]:
    """Return who a person is, and how old on a day; the number alone of one who left the directory.

    What is recorded of a person is told all the same.
    """
    try:
        person = office.directory.person(number)
    except errors.PersonUnknown:
        return {"psn_no": number}
    return {
        "psn_no": number,
        "psn_name": person.name,
        "psn_cert_type": person.certificate_type,
        "certno": person.certificate,
        "gend": person.gender,
        "naty": person.ethnicity,
        "brdy": person.birth_date,
        "age": full_years(person.birth_date, day),
    }


def _funds(settlement: Settlement, explanation: Explanation) -> Iterator[dict[str, Any]]:
    """Yield a row for everybody but the patient who pays a share of the bill, in order."""
    sentences = {each.stage: each for each in explanation.sentences}
    for row in settlement.payers:
        if row["payee"] == codes.BILL and row["paid_fen"]:
            yield {
                "fund_pay_type": row["fund_pay_type"],
                "inscp_scp_amt": settlement.fen("in_scope_fen"),
                "fund_payamt": row["paid_fen"],
                "fund_pay_type_name": _PAYERS[str(row["payer"])],
                "setl_proc_info": _process(sentences.get(str(row["stage"])), row),
            }


def _process(sentence: Sentence | None, row: dict[str, object]) -> str:
    """Return how an amount came about, as text of JSON; steps that do not fit are left out."""
    told: dict[str, Any] = {
        "stage": row["stage"],
        "base": row["base_fen"],
        "deductible": row["deductible_fen"],
        "own_share": row["own_share_fen"],
        "over_cap": row["over_cap_fen"],
        "paid": row["paid_fen"],
        "unit": "fen",
    }
    if sentence is not None:
        told |= {"clause": sentence.clause, "zh": sentence.text_zh, "en": sentence.text_en}
        steps = [
            {"label": each.label, "fen": each.amount_fen, "text": each.text}
            for each in sentence.steps
        ]
        for count in range(len(steps), -1, -1):
            written = orjson.dumps({**told, "steps": steps[:count]}).decode()
            if len(written) <= limits.PROCESS_CHARS_MAX:
                return written
        # Law texts are long; the amounts and their clause matter most.
        told = {name: value for name, value in told.items() if name not in {"zh", "en"}}
    return orjson.dumps(told).decode()[: limits.PROCESS_CHARS_MAX]
