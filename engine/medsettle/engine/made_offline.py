"""Claims that a till made while it could not reach the engine: whether their moment can be true.

A claim that is made offline says when. It was made at the end of care at the earliest, it lies in
the past, and it is not so old that whoever could answer for it has gone. Request ids are looked up
before, so one that is recorded is answered from the record however old it has become.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.dates import service_day_of
from medsettle.core.outcome import Rejection, invalid
from medsettle.core.schema import OFFLINE_TIME
from medsettle.errors import Fault

_AHEAD = timedelta(seconds=limits.OFFLINE_AHEAD_SECONDS_MAX)
_OLDEST = timedelta(days=limits.OFFLINE_DAYS_MAX)


def untrue(
    claims: ClaimBatch, rows: Sequence[int], clock: Callable[[], datetime]
) -> dict[int, Rejection]:
    """Return the rejection of each claim at `rows` that cannot have been made when it says.

    Args:
        claims: The batch.
        rows: Positions of claims without faults, rising.
        clock: Returns the present moment, with a zone; asked where a claim was made offline.
    """
    moments = claims.column(OFFLINE_TIME.name)
    if not any(moments):
        return {}
    now, found = clock(), dict[int, Rejection]()
    for row in rows:
        moment, day = moments[row], claims.rows[row]["service_date"]
        if moment is None:
            continue
        assert isinstance(day, date)
        if faults := _faults(moment, day, now):
            found[row] = invalid(tuple(faults))
    return found


def _faults(moment: datetime, service: date, now: datetime) -> list[Fault]:
    faults = []
    if service_day_of(moment) < service:
        text = f"{moment.isoformat()} lies before the service date {service}; state when the claim "
        faults.append(Fault(OFFLINE_TIME.name, text + "was sealed"))
    if moment > now + _AHEAD:
        text = f"{moment.isoformat()} lies ahead of {now.isoformat()} by more than "
        text += f"{limits.OFFLINE_AHEAD_SECONDS_MAX} s; set the clock of the till"
        faults.append(Fault(OFFLINE_TIME.name, text))
    if moment < now - _OLDEST:
        text = f"{moment.isoformat()} lies more than {limits.OFFLINE_DAYS_MAX} days back; hand the "
        text += "bill in on paper"
        faults.append(Fault(OFFLINE_TIME.name, text))
    return faults
