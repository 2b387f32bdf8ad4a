"""Resource names, and the checks of the requests that are not claims.

`poolingAreas/{pooling_area}/settlements/{settlement}` and its kin (AIP-122). A pooling area of `-`
stands for any (AIP-159): an institution knows the settlement, not always where it was recorded.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from medsettle import limits
from medsettle.core.settlement import Opening, Row
from medsettle.core.visits import (
    RegistrationRequest,
    institution_holder,
    registration_of,
)
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.v1 import person_service_pb2 as persons
from medsettle.v1 import registration_service_pb2 as registrations
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import visit_service_pb2 as visits

ANY: Final = "-"

# Policies may have Chinese names, so a segment is anything without a slash or a blank.
_SEGMENT = rf"[^/\s]{{1,{limits.PERSON_CHARS_MAX}}}"
_PARENT: Final = re.compile(rf"poolingAreas/({_SEGMENT})")


class Name(NamedTuple):
    """A resource of a pooling area; `pooling_area` is None where the name says any."""

    pooling_area: str | None
    resource: str


class Cancel(NamedTuple):
    """A checked request to take a settlement or a visit back."""

    name: Name
    institution: str
    request_id: str


def settlement_name(pooling_area: str, settlement: str) -> str:
    """Return the resource name of a settlement."""
    return f"poolingAreas/{pooling_area}/settlements/{settlement}"


def visit_name(pooling_area: str, visit: str) -> str:
    """Return the resource name of a visit."""
    return f"poolingAreas/{pooling_area}/visits/{visit}"


def policy_name(pooling_area: str, policy: str) -> str:
    """Return the resource name of a policy."""
    return f"poolingAreas/{pooling_area}/policies/{policy}"


def person_name(pooling_area: str, person: str) -> str:
    """Return the resource name of a person."""
    return f"poolingAreas/{pooling_area}/persons/{person}"


def card_name(pooling_area: str, card: str) -> str:
    """Return the resource name of a card."""
    return f"poolingAreas/{pooling_area}/cards/{card}"


def parsed_parent(parent: str) -> str | None:
    """Return the pooling area of a parent, or None for any.

    Raises:
        InvalidRequest: The text is no such name.

    >>> parsed_parent("poolingAreas/-") is None
    True
    """
    found = _PARENT.fullmatch(parent)
    if found is None:
        raise InvalidRequest(
            [Fault("parent", f"found {parent[:100]!r}; expected poolingAreas/{{pooling_area}}")]
        )
    return None if found[1] == ANY else found[1]


def parsed_name(name: str, collection: str) -> Name:
    """Return pooling area and last segment of a name in a collection such as `settlements`.

    Raises:
        InvalidRequest: The text is no such name.

    >>> parsed_name("poolingAreas/-/settlements/S1", "settlements")
    Name(pooling_area=None, resource='S1')
    """
    faults: list[Fault] = []
    found = _name(name, collection, faults)
    _refuse(faults)
    return found


def parsed_person(name: str, path: str = "parent") -> tuple[str, str]:
    """Return pooling area and person of a name such as `poolingAreas/{pooling_area}/persons/P1`.

    Args:
        name: The name.
        path: The field of the request that it stands in.

    Raises:
        InvalidRequest: The text is no such name, or names no pooling area.
    """
    faults: list[Fault] = []
    found = _person(name, path, faults)
    _refuse(faults)
    return found


def parsed_holder(parent: str) -> tuple[str, str]:
    """Return pooling area and holder of the registrations of a person or of an institution.

    Raises:
        InvalidRequest: The text is no such name, or names no pooling area.
    """
    faults: list[Fault] = []
    area, person, about = _whose(parent, faults)
    _refuse(faults)
    return area, institution_holder(about) if about else person


def _whose(parent: str, faults: list[Fault]) -> tuple[str, str, str]:
    """Return pooling area, person and institution of a parent, one of the latter two empty."""
    if not re.match(rf"poolingAreas/{_SEGMENT}/institutions/", parent):
        return *_person(parent, "parent", faults), ""
    found = _name(parent, "institutions", faults, "parent")
    if found.pooling_area is None and found.resource:
        faults.append(Fault("parent", "an institution is asked of in one pooling area; name it"))
    return found.pooling_area or "", "", found.resource


def checked_cancel(
    request: settlements.CancelSettlementRequest | visits.CancelVisitRequest, collection: str
) -> Cancel:
    """Return the parts of a request to cancel what is in a collection such as `settlements`.

    Raises:
        InvalidRequest: Fields are missing or malformed; all faults together.
        NotFound: The id is none of the pooling area named.
    """
    faults: list[Fault] = []
    name = _name(request.name, collection, faults)
    _check_sender(request.institution, request.request_id, faults)
    _refuse(faults)
    # An id begins with the area that recorded it, so nothing that comes later mends the name;
    # whether there is such an id is for the engine to say, which records that there was none.
    if name.pooling_area is not None and not name.resource.startswith(name.pooling_area):
        raise NotFound(
            f"No {collection[:-1]} {name.resource} is recorded in pooling area "
            f"{name.pooling_area}. Check the name, or ask with - for any pooling area.",
            pooling_area=name.pooling_area,
            **{collection[:-1]: name.resource},
        )
    return Cancel(name, request.institution, request.request_id)


def checked_opening(request: persons.RecordOpeningRequest) -> Opening:
    """Return what a request to record opening balances says.

    Raises:
        InvalidRequest: Fields are missing, malformed or out of range; all faults together.
    """
    faults: list[Fault] = []
    area, person = _person(request.name, "name", faults)
    _check_sender(request.institution, request.request_id, faults)
    if not request.HasField("account_fen"):
        faults.append(Fault("account_fen", "missing; it is required, 0 for an empty account"))
    _check_number(request.account_fen, "account_fen", faults)
    _check_counters(request.counters, faults)
    _refuse(faults)
    return Opening(
        institution=request.institution,
        request_id=request.request_id,
        pooling_area=area,
        person=person,
        account_fen=request.account_fen,
        counters=tuple((entry.counter, entry.period, entry.value) for entry in request.counters),
    )


def checked_registration(
    request: registrations.CreateRegistrationRequest, row: Row
) -> RegistrationRequest:
    """Return what a request to record a registration says.

    Args:
        request: The request.
        row: Its registration as a row, see `medsettle.service.wire.registration_row`.

    Raises:
        InvalidRequest: Fields are missing, malformed or out of range; all faults together.
    """
    faults: list[Fault] = []
    area, person, about = _whose(request.parent, faults)
    _check_sender(request.institution, request.request_id, faults)
    try:
        registration = registration_of(row)
    except InvalidRequest as error:
        raise InvalidRequest([*faults, *error.faults]) from error
    _refuse(faults)
    sender = request.institution, request.request_id
    presented = request.credential_type or None, request.card or None
    return RegistrationRequest(*sender, area, person, registration, about, *presented)


def _person(name: str, path: str, faults: list[Fault]) -> tuple[str, str]:
    """Return pooling area and person of a name that stands at a path of a request."""
    found = _name(name, "persons", faults, path)
    if found.pooling_area is None and found.resource:
        faults.append(Fault(path, "a person belongs to one pooling area; name it"))
    return found.pooling_area or "", found.resource


def _name(name: str, collection: str, faults: list[Fault], path: str = "name") -> Name:
    found = re.fullmatch(rf"poolingAreas/({_SEGMENT})/{collection}/({_SEGMENT})", name)
    if found is None:
        expected = f"poolingAreas/{{pooling_area}}/{collection}/{{id}}"
        faults.append(Fault(path, f"found {name[:100]!r}; expected {expected}"))
        return Name(None, "")
    return Name(None if found[1] == ANY else found[1], found[2])


def _check_sender(institution: str, request_id: str, faults: list[Fault]) -> None:
    _check_code(institution, "institution", limits.CODE_CHARS_MAX, faults)
    _check_code(request_id, "request_id", limits.REQUEST_ID_CHARS_MAX, faults)


def _check_code(value: str, path: str, most: int, faults: list[Fault]) -> None:
    if not value:
        faults.append(Fault(path, "missing; it is required"))
    elif len(value) > most:
        faults.append(Fault(path, f"{len(value)} characters; expected 1 to {most}"))
    elif not value.isascii() or not value.isprintable() or " " in value:
        faults.append(Fault(path, "expected printable ASCII characters without spaces"))


def _check_number(value: int, path: str, faults: list[Fault]) -> None:
    most = limits.AMOUNT_FEN_MAX
    if not 0 <= value <= most:
        faults.append(Fault(path, f"{value} lies outside 0 to {most}; check the unit"))


def _check_counters(counters: Sequence[persons.Counter], faults: list[Fault]) -> None:
    if len(counters) > limits.COUNTERS_PER_OPENING_MAX:
        most = limits.COUNTERS_PER_OPENING_MAX
        faults.append(Fault("counters", f"{len(counters)} counters, more than {most}"))
        return
    seen: dict[tuple[str, int], int] = {}
    for index, entry in enumerate(counters):
        path = f"counters[{index}]"
        if not 1 <= len(entry.counter) <= limits.CODE_CHARS_MAX:
            most = limits.CODE_CHARS_MAX
            faults.append(Fault(f"{path}.counter", f"expected 1 to {most} characters"))
        _check_number(entry.period, f"{path}.period", faults)
        _check_number(entry.value, f"{path}.value", faults)
        first = seen.setdefault((entry.counter, entry.period), index)
        if first != index:
            faults.append(Fault(path, f"the same counter and period as counters[{first}]"))


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise InvalidRequest(faults[: limits.FAULTS_PER_CLAIM_MAX])
