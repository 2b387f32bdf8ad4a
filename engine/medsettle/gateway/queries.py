"""What an institution asks about its own visits and settlements; nothing is recorded.

Visits and lines of others are not there for it: what is told is never whose they are.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from medsettle import errors
from medsettle.core.messages import MessageState
from medsettle.core.settlement import Settlement
from medsettle.gateway.aliases import visit_type
from medsettle.gateway.definitions.nodes import DIAGNOSES
from medsettle.gateway.encountering import found
from medsettle.gateway.encounters import Encounter, folded
from medsettle.gateway.fields import Values, day, moment
from medsettle.gateway.insured import enrolment_of
from medsettle.gateway.office import Office
from medsettle.gateway.recording import recalled
from medsettle.gateway.sales import is_sale, lines_of, said_of, sale_of, sold
from medsettle.gateway.seeking import settlements, sought, visit_settlements
from medsettle.gateway.settling import own_settlement
from medsettle.gateway.splits import split_amounts
from medsettle.gateway.telling import encounter_of, person_row, settled
from medsettle.gateway.transactions import Answer, Asked

_CHRONIC: Final = "14"
_DATED: Final = (
    moment("begntime", "开始时间"),
    moment("endtime", "结束时间"),
    day("birctrl_matn_date", "计划生育手术或生育日期"),
    day("die_date", "死亡日期"),
)
"""What of a visit is a day or a moment."""
_DRUGS: Final = {"09", "10", "11"}
"""Charge types (医疗收费项目类别) of western drugs, herbs and patent medicines."""


async def visits(office: Office, asked: Asked) -> Answer:
    """Return the visits of a person at the institution, and what was settled of them (5201)."""
    said, institution = asked.input["data"], asked.envelope.institution
    person = said["psn_no"]
    held = list(settlements(office, institution, person))
    found = [
        each
        for each in _visits(office, institution, person, said["mdtrt_id"], held)
        if _asked_for(each, said)
    ]
    wanted = {each.encounter for each in found}
    own = [each for each in held if encounter_of(each) in wanted]
    return Answer(
        {
            "mdtrtinfo": [_visit_row(office, each) for each in found],
            "setllist": list(visit_settlements(own)),
        }
    )


async def diagnoses(office: Office, asked: Asked) -> Answer:
    """Return the diagnoses of a visit (5202)."""
    said = asked.input["data"]
    visit = _visit(office, asked.envelope.institution, said["mdtrt_id"], said["psn_no"])
    own = {"mdtrt_id": visit.encounter, "psn_no": visit.person}
    rows = [{**recalled(DIAGNOSES.fields, row), **own} for row in visit.diagnoses]
    return Answer({"diseinfo": rows})


async def one_settlement(office: Office, asked: Asked) -> Answer:
    """Return a settlement as it was answered, with its funds (5203)."""
    return settled(office, sought(office, asked.envelope.institution, asked.input["data"]))


async def lines(office: Office, asked: Asked) -> Answer:
    """Return the lines of a visit, or of one settlement of it, with their splits (5204)."""
    said, institution = asked.input["data"], asked.envelope.institution
    if said["setl_id"] is None:
        visit = _visit(office, institution, said["mdtrt_id"], said["psn_no"])
        return Answer({"": list(_visit_lines(office, visit))})
    settlement = own_settlement(office, institution, said)
    visit = _visit(office, institution, said["mdtrt_id"], said["psn_no"])
    return Answer({"": list(_settled_lines(office, visit, settlement))})


async def chronic_drugs(office: Office, asked: Asked) -> Answer:
    """Return the drugs that were settled for a person's chronic diseases (5205)."""
    said, institution = asked.input["data"], asked.envelope.institution
    name = office.directory.institution(institution).name
    rows = []
    held = settlements(office, institution, said["psn_no"])
    for visit in _visits(office, institution, said["psn_no"], None, held):
        if visit_type(visit.visit_type or "") == _CHRONIC:
            rows += [
                {
                    **row,
                    "psn_no": visit.person,
                    "fixmedins_code": institution,
                    "fixmedins_name": name,
                }
                for row in _visit_lines(office, visit)
                if row.get("setl_id")
                and row.get("med_chrgitm_type") in _DRUGS
                and _within(row["fee_ocur_time"], said)
            ]
    return Answer({"feedetail": rows})


def _visit(office: Office, institution: str, encounter: str, person: str) -> Encounter:
    """Return a visit of a person at an institution.

    Raises:
        NotFound: There is none of that id and person.
    """
    sale = sold(office, institution, encounter)
    if sale is None:
        return found(office, institution, encounter, person)
    visit = sale_of(office, sale)
    if visit.person != person:
        raise errors.NotFound(
            f"{institution} has no visit {encounter!r} of this person; check mdtrt_id and psn_no",
            encounter=encounter,
        )
    return visit


def _visits(
    office: Office,
    institution: str,
    person: str,
    wanted: str | None,
    held: Iterable[Settlement],
) -> Iterator[Encounter]:
    """Yield the visits of a person at an institution that were not given up, or the one wanted.

    Args:
        office: Whose engine and directory are asked.
        institution: Where the visits are.
        person: Whose they are.
        wanted: The id of the only one that is asked for, if one is.
        held: What the institution settled for the person, sales among it.
    """
    if wanted is not None:
        yield _visit(office, institution, wanted, person)
        return
    messages = office.desk.engine.messages
    for area in sorted({each.pooling_area for each in office.directory.enrolments(person)}):
        about: dict[str, list[MessageState]] = {}
        for state in messages.of_person(area, person):
            about.setdefault(state.message.subject, []).append(state)
        for states in about.values():
            visit = folded(states)
            if visit is not None and visit.institution == institution and visit.ended is None:
                yield visit
    for sale in held:
        if is_sale(sale):
            yield sale_of(office, sale)


def _asked_for(visit: Encounter, said: Values) -> bool:
    """Return whether a visit is of the kind and began in the time that is asked for."""
    wanted, own = said["med_type"], visit.visit_type or ""
    if wanted is not None and wanted not in {own, visit_type(own)}:
        return False
    return _within(_moment(visit.facts["begntime"]), said)


def _within(when: datetime, said: Values) -> bool:
    """Return whether a moment is in the time asked for; an end without a time is the whole day."""
    begin, end = said["begntime"], said["endtime"]
    if end is not None and end.time() == datetime.min.time():
        end = end.replace(hour=23, minute=59, second=59)
    return (begin is None or begin <= when) and (end is None or when <= end)


def _moment(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def _visit_row(office: Office, visit: Encounter) -> dict[str, Any]:
    begun = visit.begun
    told = {**visit.facts, **(visit.discharge or {})}
    row = {**told, **recalled(_DATED, told)}
    row |= person_row(office, visit.person, begun)
    row |= {
        "mdtrt_id": visit.encounter,
        "insu_optins": visit.pooling_area,
        "ipt_otp_no": told.get("ipt_otp_no") or told.get("ipt_no"),
        "chfpdr_name": told.get("chfpdr_name") or told.get("dr_name"),
        "adm_dept_codg": told.get("adm_dept_codg") or told.get("dept_code"),
        "adm_dept_name": told.get("adm_dept_name") or told.get("dept_name"),
    }
    if visit.stay and visit.discharge is not None:
        row["ipt_days"] = (row["endtime"].date() - begun).days
    # The directory may have lost the enrolment since; the visit was made all the same.
    with contextlib.suppress(errors.NotEnrolled):
        enrolment = enrolment_of(
            office, visit.person, visit.insurance_type, visit.pooling_area, begun
        )
        row["psn_type"] = enrolment.person_type
        row["cvlserv_flag"] = enrolment.civil_servant
        row["emp_name"] = enrolment.employer
    return row


# --- lines -------------------------------------------------------------------------------------


def _visit_lines(office: Office, visit: Encounter) -> Iterator[dict[str, Any]]:
    """Yield every line of a visit: as settled where a settlement stands for it, else as told."""
    settled_rows = {
        row["feedetl_sn"]: row
        for standing in _standing(office, visit)
        for row in _settled_lines(office, visit, standing)
    }
    for number, line in visit.lines.items():
        yield settled_rows.get(number) or _line_row(visit, line.said, line.split)


def _standing(office: Office, visit: Encounter) -> Iterator[Settlement]:
    """Yield the settlements of a visit that were not cancelled."""
    engine = office.desk.engine
    sale = sold(office, visit.institution, visit.encounter)
    if sale is not None:
        # What was cancelled since says so.
        yield from () if sale.notices else (sale,)
        return
    stems = (
        {visit.stem()} if visit.stay else {visit.stem(line.batch) for line in visit.lines.values()}
    )
    for stem in sorted(stems):
        for attempt in office.standing(visit.institution, stem):
            yield engine.get(attempt.settlement)


def _settled_lines(
    office: Office, visit: Encounter, settlement: Settlement
) -> Iterator[dict[str, Any]]:
    """Yield the lines of a settlement: what was sent and told, and the parts as settled.

    A line that has been withdrawn since is known from the claim alone.
    """
    number = str(settlement.columns["settlement"])
    claim = office.desk.engine.claim(number)
    for sent, split in zip(lines_of(claim), settlement.lines, strict=True):
        held = visit.lines.get(str(sent["line_id"]))
        said, told = (held.said, held.split) if held is not None else (said_of(sent), {})
        parts = {**split_amounts(split), "det_item_fee_sumamt": split["amount_fen"]}
        yield _line_row(visit, said, {**told, **parts}) | {
            "setl_id": number,
            # A cancel takes back what its original sent.
            "cnt": -said["cnt"] if settlement.columns["kind"] == "cancel" else said["cnt"],
        }


def _line_row(
    visit: Encounter, said: Mapping[str, Any], split: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        **said,
        **split,
        "fee_ocur_time": _moment(said["fee_ocur_time"]),
        "mdtrt_id": visit.encounter,
        "med_type": said.get("med_type") or visit.visit_type,
        "hilist_code": said["med_list_codg"],
        "rx_drord_no": said.get("rxno") or said.get("drord_no"),
    }
