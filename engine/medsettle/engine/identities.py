"""What identifies a person in a request that is no claim, judged as that of a claim would be."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from medsettle import limits
from medsettle.core.dates import service_day_of
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Row
from medsettle.core.visits import RegistrationRequest
from medsettle.engine.requests import code_faults
from medsettle.errors import Fault

Judged: TypeAlias = Callable[[Sequence[Row]], list[Rejection | Mapping[str, object]]]
"""Judges the cards of claims (`medsettle.engine.card_desk.CardDesk.judged`)."""

_BOUNDS = {"credential_type": limits.CODE_CHARS_MAX, "card": limits.PERSON_CHARS_MAX}


def credential_of(request: RegistrationRequest) -> dict[str, str]:
    """Return what a request presents, by column; nothing where it presents nothing.

    What is not stated is left out, so that requests recorded before there were credentials are
    still known by their content.
    """
    stated = {name: getattr(request, name) for name in _BOUNDS}
    return {name: value for name, value in stated.items() if value is not None}


def parted(row: Row) -> tuple[Row, dict[str, str]]:
    """Return the columns of a recorded request without and with what was presented."""
    presented = {name: str(value) for name, value in row.items() if name in _BOUNDS}
    return {name: value for name, value in row.items() if name not in _BOUNDS}, presented


def credential_faults(request: RegistrationRequest) -> list[Fault]:
    """Return what is wrong with the form of what a request presents."""
    presented = credential_of(request)
    faults = [
        fault
        for name, value in presented.items()
        for fault in code_faults(name, value, _BOUNDS[name])
    ]
    if "card" in presented and "credential_type" not in presented:
        faults.append(Fault("credential_type", "missing; card is stated, so say of what"))
    return faults


def check_credential(request: RegistrationRequest, judged: Judged, moment: datetime) -> None:
    """Refuse a request whose credential would not count for a claim of this moment.

    A registration uses no account and is no care, so the card has to allow a settlement and no
    more. One that presents nothing is not judged.

    Raises:
        InvalidRequest: The type presents a card and none is stated, or the other way round.
        CardRefused: Why the card does not count.
    """
    if not credential_of(request):
        return
    claim: Row = {
        "pooling_area": request.pooling_area,
        "person": request.person,
        "credential_type": request.credential_type,
        "card": request.card,
        "credential_time": moment,
        "service_date": service_day_of(moment),
        "account_used": False,
        "care_area": None,
    }
    (found,) = judged([claim])
    if isinstance(found, Rejection):
        raise found.error()
