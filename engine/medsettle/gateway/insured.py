"""Under which insurance a person is treated: the enrolment that a request means."""

from datetime import date

from medsettle.gateway.directory import Enrolment, enrolment_on
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
