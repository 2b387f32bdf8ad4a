"""Who somebody is and what they are insured for (1101), and which institutions there are (1201)."""

from datetime import date
from typing import Any

from medsettle.core.dates import full_years, service_day_of
from medsettle.errors import Fault, InstitutionUnknown, InvalidRequest
from medsettle.gateway.directory import Enrolment, Identity, Person, Presented, same_name
from medsettle.gateway.fields import Values
from medsettle.gateway.office import Office
from medsettle.gateway.transactions import Answer, Asked

_ACCOUNT = "account"


async def tell_person(office: Office, asked: Asked) -> Answer:
    """Return a person with every insurance and entitlement (1101)."""
    said = asked.input["data"]
    person = _found(office, said)
    stated = said["begntime"]
    day = stated.date() if stated is not None else service_day_of(office.clock())
    identities = office.directory.identities(person.person)
    return Answer(
        {
            "baseinfo": {
                "psn_no": person.person,
                "psn_cert_type": person.certificate_type,
                "certno": person.certificate,
                "psn_name": person.name,
                "gend": person.gender,
                "naty": person.ethnicity,
                "brdy": person.birth_date,
                "age": full_years(person.birth_date, day),
            },
            "insuinfo": [
                _insurance(office, each) for each in office.directory.enrolments(person.person)
            ],
            "idetinfo": [_identity(each) for each in identities if _counts(each, day)],
        }
    )


def _found(office: Office, said: Values) -> Person:
    """Return whom a request means: by the credential shown, else by the certificate.

    Raises:
        InvalidRequest: It says neither.
        SettlementError: As `medsettle.gateway.directory.Directory` says.
    """
    number, certificate = said["mdtrt_cert_no"], said["certno"]
    if number is not None:
        shown = Presented(said["mdtrt_cert_type"], number, said["card_sn"])
        person = office.directory.presenting(shown, office.clock())
    elif certificate is not None and said["psn_cert_type"] is not None:
        person = office.directory.certified(said["psn_cert_type"], certificate)
    else:
        text = "missing; state it, or psn_cert_type and certno with psn_name"
        raise InvalidRequest([Fault("data.mdtrt_cert_no", text)])
    return person if said["psn_name"] is None else same_name(person, said["psn_name"])


def _insurance(office: Office, enrolment: Enrolment) -> dict[str, Any]:
    return {
        "balc": _balance_fen(office, enrolment),
        "insutype": enrolment.insurance_type,
        "psn_type": enrolment.person_type,
        "psn_insu_stas": enrolment.state,
        "psn_insu_date": enrolment.start_date,
        "paus_insu_date": enrolment.paused_date,
        "cvlserv_flag": enrolment.civil_servant,
        "insuplc_admdvs": enrolment.pooling_area,
        "emp_name": enrolment.employer,
    }


def _balance_fen(office: Office, enrolment: Enrolment) -> int:
    """Return what the account holds, 0 where no policy of the insurance pays from it.

    A person has one account in an area, so told with every insurance it would be told twice.
    """
    engine = office.desk.engine
    uses = any(
        stage.payer == _ACCOUNT
        for compiled in engine.rulebook.policies
        if compiled.policy.pooling_area == enrolment.pooling_area
        and compiled.policy.insurance_type == enrolment.insurance_type
        for stage in compiled.policy.all_stages
    )
    return engine.person(enrolment.pooling_area, enrolment.person).account_fen if uses else 0


def _counts(identity: Identity, day: date) -> bool:
    return identity.start_date <= day and (identity.end_date is None or day <= identity.end_date)


def _identity(identity: Identity) -> dict[str, Any]:
    return {
        "psn_idet_type": identity.benefit_group,
        "psn_type_lv": identity.level,
        "memo": identity.memo,
        "begntime": identity.start_date,
        "endtime": identity.end_date,
    }


async def tell_institutions(office: Office, asked: Asked) -> Answer:
    """Return an institution by its code, or those whose name has a part (1201)."""
    said = asked.input["medinsinfo"]
    code, part, kind = said["fixmedins_code"], said["fixmedins_name"], said["fixmedins_type"]
    if code is not None:
        found = [office.directory.institution(code)]
        found = [each for each in found if each.type == kind and (part or "") in each.name]
    elif part is not None:
        found = [*office.directory.institutions_named(part, kind)]
    else:
        text = "missing; state it, or a part of fixmedins_name"
        raise InvalidRequest([Fault("medinsinfo.fixmedins_code", text)])
    if not found:
        raise InstitutionUnknown("No institution of that type has that code and name.")
    rows = [
        {
            "fixmedins_code": each.institution,
            "fixmedins_name": each.name,
            "uscc": each.credit_code,
            "fixmedins_type": each.type,
            "hosp_lv": each.level,
        }
        for each in found
    ]
    return Answer({"medinsinfo": rows})
