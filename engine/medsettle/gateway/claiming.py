"""From a visit and its lines to the claim that the engine settles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from medsettle.core import schema
from medsettle.core.claims import ClaimBatch
from medsettle.errors import Fault, InvalidRequest, NotFound, SettlementError
from medsettle.gateway.aliases import visit_type
from medsettle.gateway.declaring import facts_of
from medsettle.gateway.directory import (
    E_VOUCHER,
    IDENTITY_NUMBER,
    institution_facts,
    insured_facts,
)
from medsettle.gateway.encounters import Encounter
from medsettle.gateway.fields import Values
from medsettle.gateway.filings import Visited
from medsettle.gateway.insured import enrolment_of
from medsettle.gateway.office import Office


@dataclass(frozen=True, slots=True)
class Charge:
    """What is to be settled of a visit, and how.

    `lines` are rows as they were sent. `number` is the institution's settlement number, empty where
    nothing is settled. `said` is the settle request where there is one: it states the credential
    presented and whether the account may pay.
    """

    encounter: Encounter
    lines: Sequence[Values]
    service_date: date
    request_id: str
    number: str | None = None
    said: Values | None = None


def claims_of(office: Office, charge: Charge, node: str) -> ClaimBatch:
    """Return the claim of a charge, checked, as a batch of one.

    Args:
        office: Where persons and institutions are looked up.
        charge: What is to be settled.
        node: The node in which its lines came, for the paths of faults.

    Raises:
        InvalidRequest: All faults of it, in the words of the interface.
        NotEnrolled: The person is not insured so on the day of service.
        InstitutionUnknown, PersonUnknown: The directory has lost them since.
    """
    claims = ClaimBatch.from_rows([_row(office, charge)])
    if 0 in claims.rejections:
        raise in_national_words(claims.rejections[0].error(), node)
    return claims


def in_national_words(error: SettlementError, node: str) -> SettlementError:
    """Return an error about a claim with the paths of its faults as the interface names them.

    Args:
        error: What the engine says.
        node: The node in which the lines of the claim came.
    """
    if not isinstance(error, InvalidRequest):
        return error
    return InvalidRequest([Fault(_path(each.path, node), each.message) for each in error.faults])


def _row(office: Office, charge: Charge) -> dict[str, Any]:
    """Return the row of a claim, not yet checked, keyed by the columns of `core.schema.CLAIM`."""
    encounter, said = charge.encounter, charge.said or {}
    institution = office.directory.institution(encounter.institution)
    day = charge.service_date
    enrolment = enrolment_of(
        office, encounter.person, encounter.insurance_type, encounter.pooling_area, day
    )
    facts: dict[str, Any] = {
        "request_id": charge.request_id,
        "institution_settlement": charge.number,
        **insured_facts(office.directory, enrolment, day),
        **institution_facts(institution),
        "encounter": encounter.encounter,
        "visit_type": _visit_type(encounter),
        "admission_date": encounter.begun,
        "service_date": day,
        "account_used": said.get("acct_used_flag") == "1",
        "diagnosis": encounter.main_diagnosis,
        "lines": [claim_line(row) for row in charge.lines],
    }
    facts |= _told(encounter)
    # A batch has one disease, and its lines state it (chrg_bchno, dise_codg).
    own = next((row["dise_codg"] for row in charge.lines if row.get("dise_codg")), None)
    facts["disease"] = own or facts["disease"]
    filed = facts_of(
        office,
        Visited(
            institution,
            enrolment.pooling_area,
            enrolment.insurance_type,
            day,
            facts["disease"],
        ),
        enrolment.person,
    )
    # An entitlement may come of the register and of a filing.
    facts["benefit_groups"] = sorted({*facts["benefit_groups"], *filed.pop("benefit_groups", ())})
    facts |= filed
    if institution.area != enrolment.pooling_area:
        facts["care_area"] = institution.area
    facts |= _presented(office, enrolment.pooling_area, said)
    if encounter.stay:
        facts["stay_days"] = (day - encounter.begun).days
    return {name: value for name, value in facts.items() if value is not None}


def _presented(office: Office, pooling_area: str, said: Values) -> dict[str, str]:
    """Return what a claim says of the credential; of a card only where the area keeps it here.

    A card that the ledger has never seen has no state to be judged by; who it belongs to is looked
    up in the directory all the same.
    """
    shown, card = said.get("mdtrt_cert_type"), said.get("card_sn")
    if shown in {E_VOUCHER, IDENTITY_NUMBER}:
        return {"credential_type": shown}
    if shown is None or card is None:
        return {}
    try:
        office.desk.engine.cards.get(pooling_area, card)
    except NotFound:
        return {}
    return {"credential_type": shown, "card": card}


def _visit_type(encounter: Encounter) -> str:
    if encounter.visit_type is None:
        text = f"visit {encounter.encounter} has no med_type yet; tell it by 2203"
        raise InvalidRequest([Fault("med_type", text)])
    return visit_type(encounter.visit_type)


_STATED = {
    "disease": "dise_codg",
    "delivery": "matn_type",
    "children": "fetus_cnt",
    "gestation_weeks": "geso_val",
}


def _told(encounter: Encounter) -> dict[str, Any]:
    """Return the facts of a claim that messages of the visit state, the last that states one."""
    said = (encounter.discharge or {}, encounter.facts)
    return {
        column: next((each[name] for each in said if each.get(name) is not None), None)
        for column, name in _STATED.items()
    }


def claim_line(row: Values) -> dict[str, Any]:
    """Return a line as it was sent as a line of a claim."""
    line: dict[str, Any] = {
        "line_id": row["feedetl_sn"],
        "item_code": row["med_list_codg"],
        "fee_date": _date(row["fee_ocur_time"]),
        "quantity_e4": row["cnt"],
        "unit_price_e6": row["pric"],
        "amount_fen": row["det_item_fee_sumamt"],
    }
    stated = {"approval": row.get("hosp_appr_flag"), "original_line": row.get("init_feedetl_sn")}
    return line | {name: value for name, value in stated.items() if value is not None}


def _date(moment: object) -> date:
    """Return the day of a moment as read, or as recorded."""
    if isinstance(moment, datetime):
        return moment.date()
    return datetime.fromisoformat(str(moment)).date()


def _path(path: str, node: str) -> str:
    """Return where a fault of a claim stands, by the names of the interface."""
    head, dot, column = path.rpartition(".")
    named = f"{head}{dot}{_ALIASES.get(column, column)}"
    return f"{node}{named.removeprefix('lines')}" if named.startswith("lines[") else named


_ALIASES = {each.name: each.alias for each in (*schema.CLAIM, *schema.LINE) if each.alias}


def sums_of(said: Mapping[str, Any], names: Sequence[str]) -> dict[str, int]:
    """Return the sums that a request states, by field; those it leaves out are absent."""
    return {name: said[name] for name in names if said.get(name) is not None}
