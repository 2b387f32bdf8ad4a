"""Under which insurance a person is treated: the enrolment that a request means."""

from datetime import date

from medsettle import errors
from medsettle.core.dates import service_day_of
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.directory import E_VOUCHER, Enrolment, Presented, enrolment_on
from medsettle.gateway.fields import Values
from medsettle.gateway.office import Office


def covers(pooling_area: str, stated: str) -> bool:
    """Return whether a stated region lies in a pooling area, by the codes of GB/T 2260.

    A code has two digits each for province, city and county; zeros stand for the whole.

    >>> covers("420100", "420106"), covers("420100", "420100"), covers("420100", "420206")
    (True, True, False)
    >>> covers("500000", "500102")
    True
    """
    while pooling_area.endswith("00"):
        pooling_area = pooling_area[:-2]
    return stated.startswith(pooling_area)


def enrolment_of(
    office: Office, person: str, insurance_type: str, stated: str | None, day: date
) -> Enrolment:
    """Return the enrolment of a person that counts on a day.

    Args:
        office: Where persons are looked up.
        person: The person's number.
        insurance_type: 险种类型.
        stated: 参保地 as the envelope states it, which may be a county of the pooling area.
        day: The day of service.

    Raises:
        NotEnrolled: There is none, as `medsettle.gateway.directory.enrolment_on` says.
        InvalidRequest: No area was stated and there are several.
    """
    areas = {
        each.pooling_area
        for each in office.directory.enrolments(person)
        if each.insurance_type == insurance_type
    }
    inside = [area for area in areas if stated is not None and covers(area, stated)]
    area = stated if stated in areas or len(inside) != 1 else inside[0]
    return enrolment_on(office.directory, person, insurance_type, area, day)


def check_presented(office: Office, said: Values, person: str) -> None:
    """Refuse a request whose credential is not that of the person.

    A number that is not stated is not judged, but for an e-voucher: its token is short-lived, and
    nothing else says that the person is there.

    Args:
        office: Where credentials are looked up.
        said: What the request states: mdtrt_cert_type, mdtrt_cert_no, card_sn.
        person: The number of whom it is about.

    Raises:
        InvalidRequest: An e-voucher without a token.
        PersonUnknown: Nobody has the credential.
        PersonDiffers: Somebody else has it, or the card has another chip number.
        CredentialExpired: The token expired.
    """
    number = said["mdtrt_cert_no"] or ""
    if not number:
        if said["mdtrt_cert_type"] == E_VOUCHER:
            text = "missing; the token of an e-voucher is scanned again for each settlement"
            raise InvalidRequest([Fault("mdtrt_cert_no", text)])
        return
    shown = Presented(said["mdtrt_cert_type"], number, said["card_sn"])
    if office.directory.presenting(shown, office.clock()).person != person:
        raise errors.PersonDiffers(
            "The credential presented is another person's than psn_no.", person=person
        )


def check_day(office: Office, day: date, path: str) -> None:
    """Refuse a visit that begins after today, in China.

    Raises:
        InvalidRequest: It does.
    """
    today = service_day_of(office.clock())
    if day > today:
        raise InvalidRequest([Fault(path, f"{day} is after today, {today}; correct the day")])
