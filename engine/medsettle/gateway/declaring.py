"""Filings at the counter: referrals (2501), chronic diseases (2503), chosen institutions (2505)."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from medsettle import errors, limits
from medsettle.engine.messages import Messages
from medsettle.engine.requests import code_faults
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.directory import Enrolment
from medsettle.gateway.fields import Values
from medsettle.gateway.filing import CHOICE, DISEASE, REFERRAL, Filing
from medsettle.gateway.filings import (
    CANCELS,
    Visited,
    filed_facts,
    folded,
    subject_of,
)
from medsettle.gateway.insured import covers, enrolment_of
from medsettle.gateway.office import Office
from medsettle.gateway.recording import message_of
from medsettle.gateway.transactions import Answer, Asked

_AREA_CHARS = 6


async def file_referral(office: Office, asked: Asked) -> Answer:
    """Record a referral to another institution (2501)."""
    said = asked.input["refmedin"]
    names = ("reflin_medins_no", "mdtrtarea_admvs")
    return await _file(
        office, asked, REFERRAL, said, lambda each: all(_same(each, said, name) for name in names)
    )


async def file_disease(office: Office, asked: Asked) -> Answer:
    """Record an approved chronic or special disease (2503)."""
    said = asked.input["data"]
    named = "opsp_dise_code"
    return await _file(office, asked, DISEASE, said, lambda each: _same(each, said, named))


async def file_choice(office: Office, asked: Asked) -> Answer:
    """Record the choice of an institution (2505)."""
    said = asked.input["data"]
    office.directory.institution(said["fixmedins_code"])
    return await _file(
        office,
        asked,
        CHOICE,
        said,
        lambda each: (
            _same(each, said, "biz_appy_type")
            and (_same(each, said, "fixmedins_code") or _same(each, said, "fix_srt_no"))
        ),
    )


def _same(filing: Filing, said: Values, name: str) -> bool:
    return bool(filing.said.get(name) == said[name])


async def _file(
    office: Office,
    asked: Asked,
    kind: str,
    said: Values,
    crosses: Callable[[Filing], bool],
) -> Answer:
    """Record a filing unless one of the same thing counts on some of its days."""
    begin, end = said["begndate"], said["enddate"]
    node = "refmedin" if kind == REFERRAL else "data"
    faults = _faults(node, kind, said)
    if faults:
        raise InvalidRequest(faults)
    enrolment = _enrolment(office, asked, said, begin)
    subject = subject_of(enrolment.pooling_area, enrolment.person)
    insurance = said.get("insutype")

    def decide() -> Mapping[str, Any]:
        held = held_of(office, enrolment.pooling_area, enrolment.person)
        if len(held) >= limits.FILINGS_PER_PERSON_MAX:
            raise errors.FilingRefused(
                f"the person has {len(held)} filings, no more are kept", person=enrolment.person
            )
        own = [
            each
            for each in held
            if each.kind == kind and each.meets(begin, end) and each.insurance_type == insurance
        ]
        for each in own:
            if crosses(each):
                raise errors.FilingRefused(
                    f"filing {each.number} says the same from {each.begin} on; cancel it first",
                    person=enrolment.person,
                    filing=each.number,
                    remedy_zh=f"已有备案 {each.number}。",
                )
        if kind == DISEASE and len(own) >= limits.APPROVED_DISEASES_MAX:
            raise errors.FilingRefused(
                f"{len(own)} diseases are approved on these days, no more can be",
                person=enrolment.person,
            )
        return {}

    message = message_of(
        asked,
        kind,
        said,
        subject=subject,
        person=enrolment.person,
        pooling_area=enrolment.pooling_area,
    )
    recorded = (await office.record(message, decide)).message
    return Answer({"result": {"trt_dcla_detl_sn": Messages.id_of(recorded)}})


def _faults(node: str, kind: str, said: Values) -> list[Fault]:
    """Return what a later claim could not state, or what says nothing."""
    begin, end = said["begndate"], said["enddate"]
    faults = []
    if end is not None and end < begin:
        faults.append(Fault(f"{node}.enddate", f"{end} is before begndate {begin}"))
    first, last = limits.SERVICE_YEAR_MIN, limits.SERVICE_YEAR_MAX
    if not first <= begin.year <= last:
        text = f"{begin} lies outside the years {first} to {last}"
        faults.append(Fault(f"{node}.begndate", text))
    if kind == DISEASE:
        faults += code_faults(
            f"{node}.opsp_dise_code", said["opsp_dise_code"], limits.CODE_CHARS_MAX
        )
    return faults


def _enrolment(office: Office, asked: Asked, said: Values, day: date) -> Enrolment:
    """Return the enrolment that a filing is for; one that names no insurance needs any one.

    Raises:
        NotEnrolled: There is none on its first day.
        InvalidRequest: It says too little to tell which.
    """
    stated = said.get("insu_optins") or asked.envelope.insured_area
    person, insurance = said["psn_no"], said.get("insutype")
    if insurance is not None:
        return enrolment_of(office, person, insurance, stated, day)
    office.directory.person(person)
    every = [
        each
        for each in office.directory.enrolments(person)
        if stated is None or covers(each.pooling_area, stated)
    ]
    counting = [each for each in every if each.counts(day)]
    areas = {each.pooling_area for each in counting}
    if not counting:
        place = f" in {stated}" if stated else ""
        raise errors.NotEnrolled(f"Person {person} is not insured{place} on {day}.", person=person)
    if len(areas) > 1:
        listed = ", ".join(sorted(areas))
        text = f"missing; the person is insured in {listed}: state one"
        raise InvalidRequest([Fault("insuplc_admdvs", text)])
    return counting[0]


def held_of(office: Office, pooling_area: str, person: str) -> list[Filing]:
    """Return the filings of a person in an area: the bureau's own, then those made at a counter."""
    own = [each for each in office.directory.filings(person) if each.pooling_area == pooling_area]
    return own + folded(office.messages(subject_of(pooling_area, person)))


async def cancel(office: Office, asked: Asked) -> Answer:
    """Take a filing back (2502, 2504, 2506), which only the institution can that made it."""
    said = asked.input["data"]
    number, person = said["trt_dcla_detl_sn"], said["psn_no"]
    # The number of a message begins with the area of the person that it is about.
    area = number[:_AREA_CHARS]
    subject = subject_of(area, person)
    kind = asked.envelope.infno

    def decide() -> Mapping[str, Any]:
        held = {each.number: each for each in folded(office.messages(subject))}
        filing = held.get(number)
        if filing is None and number in {each.number for each in office.directory.filings(person)}:
            raise errors.FilingRefused(
                f"filing {number} was made by the bureau, which alone can take it back",
                person=person,
                filing=number,
            )
        if filing is None or filing.kind != CANCELS[kind]:
            raise errors.NotFound(
                f"the person has no filing {number!r} by {CANCELS[kind]}; "
                "check trt_dcla_detl_sn and psn_no",
                filing=number,
            )
        if filing.institution != asked.envelope.institution:
            raise errors.FilingRefused(
                f"filing {number} was made by another institution, which alone can take it back",
                person=person,
                filing=number,
                remedy_zh="该备案由其他机构办理，请由原办理机构撤销。",
            )
        if filing.cancelled is not None:
            raise errors.FilingRefused(
                f"filing {number} has been cancelled before", person=person, filing=number
            )
        return {}

    office.directory.person(person)
    message = message_of(asked, kind, said, subject=subject, person=person, pooling_area=area)
    await office.record(message, decide)
    return Answer()


def facts_of(office: Office, visited: Visited, person: str) -> dict[str, Any]:
    """Return the columns of a claim that the filings of a person state (`filings.filed_facts`)."""
    filings = held_of(office, visited.pooling_area, person)
    return filed_facts(filings, office.directory.filing_effects(visited.pooling_area), visited)
