"""The credential of a claim: its form, and that it was presented during the visit."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from medsettle.core.dates import service_day_of
from medsettle.errors import Fault


def moment_of(value: object) -> datetime | None:
    """Return a moment in UTC, to the microsecond; None where the value is none or has no zone.

    >>> moment_of("2024-05-01T09:30:00+08:00")
    datetime.datetime(2024, 5, 1, 1, 30, tzinfo=datetime.timezone.utc)
    >>> moment_of("2024-05-01T09:30:00") is None
    True
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    try:
        return value.astimezone(UTC)
    except OverflowError:
        # The first and the last day of the calendar have no other zone.
        return None


def check_credential(claim: Mapping[str, object], faults: list[Fault]) -> None:
    """Add what is wrong with card and moment beside the other values of a claim.

    A card is some type of credential, and a credential is presented on a day of the visit.
    """
    for name in ("card", "credential_time"):
        if claim[name] is not None and claim["credential_type"] is None:
            faults.append(Fault("credential_type", f"missing; {name} is stated, so say of what"))
            break
    moment, wrong = claim["credential_time"], {fault.path for fault in faults}
    admission, service = claim["admission_date"], claim["service_date"]
    if not isinstance(moment, datetime) or wrong & {"admission_date", "service_date"}:
        return
    if not isinstance(admission, date) or not isinstance(service, date):
        return
    if not admission <= service_day_of(moment) <= service:
        span = f"{admission} to {service}, China Standard Time"
        shown = moment.isoformat()
        faults.append(Fault("credential_time", f"{shown} lies outside the visit from {span}"))
