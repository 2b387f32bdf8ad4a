"""How a person stands: filings (5301, 5302, 5304), stays (5303), counters (5206), money (5368)."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from medsettle import limits
from medsettle.core.dates import Period, date_of, service_day_of
from medsettle.core.relatives import Person
from medsettle.gateway.declaring import held_of
from medsettle.gateway.encounters import Encounter
from medsettle.gateway.encounters import folded as encounter_of
from medsettle.gateway.fields import Values
from medsettle.gateway.filing import CHOICE, DISEASE, REFERRAL, Filing
from medsettle.gateway.insured import covers
from medsettle.gateway.national_counters import national_codes
from medsettle.gateway.office import Office
from medsettle.gateway.telling import person_row
from medsettle.gateway.transactions import Answer, Asked
from medsettle.policy.model import Counter
from medsettle.settle.counter_keys import stored_name

_ADMISSION = "2401"
_FEN_PER_ONE = 100


def areas_of(office: Office, person: str, stated: str | None) -> list[str]:
    """Return the areas in which a person is or was insured, only the one stated if one is.

    Raises:
        PersonUnknown: The directory has no such person.
    """
    office.directory.person(person)
    every = dict.fromkeys(each.pooling_area for each in office.directory.enrolments(person))
    return [area for area in every if stated is None or covers(area, stated)]


def _filings(office: Office, asked: Asked, person: str, kind: str) -> Iterator[Filing]:
    for area in areas_of(office, person, asked.envelope.insured_area):
        for filing in held_of(office, area, person):
            if filing.kind == kind and filing.cancelled is None:
                yield filing


def _stated(filing: Filing) -> dict[str, Any]:
    """Return what a filing says, its dates as dates."""
    days = {
        name: date.fromisoformat(str(filing.said[name]))
        for name in ("begndate", "enddate", "refl_date")
        if name in filing.said
    }
    return {**filing.said, **days, "trt_dcla_detl_sn": filing.number}


async def tell_diseases(office: Office, asked: Asked) -> Answer:
    """Return the approved chronic and special diseases of a person (5301)."""
    person = asked.input["data"]["psn_no"]
    rows = [_stated(each) for each in _filings(office, asked, person, DISEASE)]
    return Answer({"feedetail": rows})


async def tell_choices(office: Office, asked: Asked) -> Answer:
    """Return the institutions that a person has chosen (5302)."""
    said = asked.input["data"]
    kind = said["biz_appy_type"]
    rows = [
        _stated(each)
        for each in _filings(office, asked, said["psn_no"], CHOICE)
        if kind in {None, each.subject}
    ]
    return Answer({"psnfixmedin": rows})


async def tell_referrals(office: Office, asked: Asked) -> Answer:
    """Return the referrals of a person that count on some day of a span (5304)."""
    said = asked.input["data"]
    begin, end = said["begntime"].date(), said["endtime"].date()
    person: str = said["psn_no"]
    today = service_day_of(office.clock())
    rows = [
        {**person_row(office, person, today), **_stated(each)}
        for each in _filings(office, asked, person, REFERRAL)
        if each.meets(begin, end)
    ]
    return Answer({"refmedin": rows})


async def tell_stays(office: Office, asked: Asked) -> Answer:
    """Return the stays of a person at the institution that go on (5303), begun in a span."""
    said = asked.input["data"]
    begin, end = said["begntime"].date(), said["endtime"].date()
    person: str = said["psn_no"]
    today = service_day_of(office.clock())
    rows = [
        {
            **person_row(office, person, today),
            "mdtrt_id": stay.encounter,
            "insutype": stay.insurance_type,
            "begndate": stay.begun,
            "med_type": stay.visit_type,
            "ipt_otp_no": stay.facts.get("ipt_no"),
            "out_flag": _elsewhere(office, stay),
        }
        for area in areas_of(office, person, asked.envelope.insured_area)
        for stay in _stays(office, area, person)
        if stay.institution == asked.envelope.institution and begin <= stay.begun <= end
    ]
    return Answer({"data": rows})


def _stays(office: Office, area: str, person: str) -> Iterator[Encounter]:
    told = office.desk.engine.messages.of_person(area, person)
    for subject in [each.message.subject for each in told if each.message.kind == _ADMISSION]:
        stay = encounter_of(office.messages(subject))
        if stay is not None and stay.discharge is None and stay.ended is None:
            yield stay


def _elsewhere(office: Office, stay: Encounter) -> str:
    institution = office.directory.institution(stay.institution)
    return "0" if covers(stay.pooling_area, institution.area) else "1"


async def tell_counters(office: Office, asked: Asked) -> Answer:
    """Return what has been counted of a person (5206).

    A counter that is the same fact as one of the interface has that code; others have our name.
    """
    said = asked.input["data"]
    person, month = said["psn_no"], said["cum_ym"]
    engine = office.desk.engine
    rows = []
    unknown = 0
    for area in areas_of(office, person, asked.envelope.insured_area):
        known = _counters(office, area)
        national = _national(office, area)
        for name, period, value in engine.person(area, person).counters:
            counter = next((each for own, each in known if _is_of(name, own)), None)
            if counter is None:
                unknown += 1
                continue
            row = _counter_row(name, counter, period, value)
            row["cum_type_code"] = national.get(name, row["cum_type_code"])
            if month is None or row["cum_ym"] == month:
                rows.append(row)
    warning = f"[COUNTER_UNKNOWN] {unknown} 个累计项不属于现行政策文件，未返回"
    return Answer({"cuminfo": rows}, (warning,) if unknown else ())


def _counters(office: Office, area: str) -> list[tuple[str, Counter]]:
    """Return the counters of the policies of an area by the names they are kept under."""
    return [
        (stored_name(compiled.policy.insurance_type, counter.name), counter)
        for compiled in office.desk.engine.rulebook.policies
        if compiled.policy.pooling_area == area
        for counter in compiled.policy.counters.values()
    ]


def _national(office: Office, area: str) -> dict[str, str]:
    """Return the codes of the interface by the names that counters of an area are kept under."""
    policies = [
        each.policy
        for each in office.desk.engine.rulebook.policies
        if each.policy.pooling_area == area
    ]
    return {
        stored_name(insurance, name): code
        for insurance in {each.insurance_type for each in policies}
        for name, code in national_codes(
            each for each in policies if each.insurance_type == insurance
        ).items()
    }


def _is_of(name: str, own: str) -> bool:
    return name == own or name.startswith(f"{own}.")


def _counter_row(name: str, counter: Counter, period: int, value: int) -> dict[str, Any]:
    insurance, _, kept = name.partition(".")
    year, month = _period_texts(counter.period, period)
    return {
        "insutype": insurance,
        "year": year,
        "cum_ym": month,
        "cum_type_code": kept,
        # A counter that adds no amounts counts settlements, in whole numbers.
        "cum": value if counter.sums else value * _FEN_PER_ONE,
    }


def _period_texts(kind: Period, period: int) -> tuple[str | None, str | None]:
    """Return the year that a period lies in, and its month where it is one or a day of it."""
    if kind is Period.BENEFIT_YEAR:
        return str(period), None
    if kind is Period.MONTH:
        return str(period)[:4], str(period)
    if kind is Period.QUARTER:
        return str(period)[:4], None
    if kind is Period.LIFE:
        return None, None
    begun = date_of(period)
    return f"{begun:%Y}", f"{begun:%Y%m}" if kind is Period.DAY else None


async def tell_account(office: Office, asked: Asked) -> Answer:
    """Return the account of a person in each area, and a page of its movements (5368)."""
    said = asked.input["data"]
    person = said["psn_no"]
    accounts, movements = [], []
    for area in areas_of(office, person, asked.envelope.insured_area):
        balance = office.desk.engine.person(area, person).account_fen
        accounts.append({"psn_no": person, "insuplc_admdvs": area, "balc": balance})
        movements += _movements(office, asked.envelope.institution, Person(area, person), said)
    return Answer({"acctinfo": accounts, "acctdetl": movements})


def _movements(
    office: Office, institution: str, person: Person, said: Values
) -> list[dict[str, Any]]:
    """Return a page of movements; where the money went at others is not told."""
    after, size = said["after_seq"] or 0, said["page_size"] or limits.PAGE_SIZE_DEFAULT
    return [
        {
            "insuplc_admdvs": person.pooling_area,
            "seq": each.seq,
            "opt_time": each.create_time,
            "acct_chg_type": each.kind,
            "setl_id": each.entry if each.institution == institution else None,
            "fixmedins_code": institution if each.institution == institution else None,
            "chg_amt": each.fen,
            "balc": each.balance_fen,
        }
        for each in office.desk.engine.statements.account(person, after_seq=after, limit=size)
    ]
