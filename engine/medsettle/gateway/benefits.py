"""Which benefits somebody has on a day (2001): the policies that would settle, and what is left."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from medsettle import limits
from medsettle.core import codes
from medsettle.core.enquiries import LimitKind, LimitLeft, StatedFacts
from medsettle.core.money import yuan_from_fen
from medsettle.core.relatives import Person
from medsettle.errors import PolicyNotFound, PolicyNotInForce
from medsettle.gateway.aliases import visit_type
from medsettle.gateway.directory import Enrolment, Institution, insured_facts
from medsettle.gateway.insured import enrolment_of
from medsettle.gateway.office import Office
from medsettle.gateway.transactions import Answer, Asked
from medsettle.policy.compiled import CompiledPolicy

_FUNDS: Final = {payer.name: payer.fund_pay_type for payer in codes.PAYERS if payer.fund}
_KINDS: Final = {
    LimitKind.DEDUCTIBLE: "起付线",
    LimitKind.DEDUCTIBLE_CEILING: "起付线年度上限",
    LimitKind.CAP: "支付限额",
}
_NO_GROUPS: Final = ("none",)


async def check_benefits(office: Office, asked: Asked) -> Answer:
    """Return a row for each fund that pays under a policy in force (2001)."""
    said = asked.input["data"]
    day = said["begntime"].date()
    institution = office.directory.institution(said["fixmedins_code"] or asked.envelope.institution)
    enrolment = enrolment_of(
        office, said["psn_no"], said["insutype"], asked.envelope.insured_area, day
    )
    kind = visit_type(said["med_type"])
    left = _limits(office, enrolment, institution, day)
    rows = [
        row
        for compiled in policies_in_force(office, enrolment, kind, day)
        for row in _rows(compiled, enrolment, left)
    ]
    return Answer({"trtinfo": rows})


def policies_in_force(
    office: Office, enrolment: Enrolment, kind: str, day: date
) -> list[CompiledPolicy]:
    """Return the policies that would settle a visit of a kind on a day.

    Raises:
        PolicyNotFound: None is for the area, insurance and kind of visit.
        PolicyNotInForce: None of them is in force on the day.
    """
    area, insurance = enrolment.pooling_area, enrolment.insurance_type
    candidates = office.desk.engine.rulebook.candidates(area, insurance, kind)
    named = {"pooling_area": area, "insurance_type": insurance, "visit_type": kind}
    if not candidates:
        raise PolicyNotFound(
            f"no policy of {area} settles visits of type {kind} under insurance {insurance}",
            **named,
        )
    found = [each for each in candidates if _in_force(each, day)]
    if not found:
        raise PolicyNotInForce(
            f"no policy of {area} for visits of type {kind} under insurance {insurance} is in "
            f"force on {day}",
            **named,
        )
    return found


def _in_force(compiled: CompiledPolicy, day: date) -> bool:
    policy = compiled.policy
    until = policy.in_force_until
    begun = policy.in_force_from <= day and (until is None or day < until)
    return begun and compiled.unstated_on(day) is None


def _limits(
    office: Office, enrolment: Enrolment, institution: Institution, day: date
) -> tuple[LimitLeft, ...]:
    """Return what is left of the person's limits today, all that is known of them stated."""
    facts = insured_facts(office.directory, enrolment, day)
    groups = facts["benefit_groups"]
    assert isinstance(groups, list)
    stated = StatedFacts(
        insurance_type=enrolment.insurance_type,
        person_type=enrolment.person_type,
        institution_level=institution.level,
        birth_date=office.directory.person(enrolment.person).birth_date,
        benefit_groups=tuple(groups) or _NO_GROUPS,
    )
    person = Person(enrolment.pooling_area, enrolment.person)
    return office.desk.engine.enquiries.overview(person, stated).limits


def _rows(
    compiled: CompiledPolicy, enrolment: Enrolment, left: tuple[LimitLeft, ...]
) -> Iterator[dict[str, Any]]:
    policy = compiled.policy
    until = policy.in_force_until
    funds = dict.fromkeys(stage.payer for stage in policy.stages if stage.payer in _FUNDS)
    for payer in funds:
        stages = {stage.name for stage in policy.stages if stage.payer == payer}
        told = [_told(each) for each in left if each.policy == policy.name and each.stage in stages]
        text = "；".join([policy.title, *told])
        yield {
            "psn_no": enrolment.person,
            "fund_pay_type": _FUNDS[payer],
            "trt_enjymnt_flag": "1",
            "begndate": max(policy.in_force_from, enrolment.start_date),
            "enddate": None if until is None else until - timedelta(days=1),
            "trt_chk_rslt": text[: limits.BENEFIT_TEXT_CHARS_MAX],
        }


def _told(limit: LimitLeft) -> str:
    """Return a limit and what is left of it as a phrase for the operator."""
    name = f"{limit.title}{_KINDS[limit.kind]}"
    if limit.limit_fen is None:
        return f"{name}须结合{'、'.join(limit.needs)}确定"
    whole = f"{name}{yuan_from_fen(limit.limit_fen)}元"
    return whole if limit.left_fen is None else f"{whole}，剩余{yuan_from_fen(limit.left_fen)}元"
