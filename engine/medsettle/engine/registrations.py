"""Registrations: recorded once, never edited; the latest of a kind and number is the one held."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from medsettle import errors, limits
from medsettle.core.dates import day_number
from medsettle.core.settlement import Row
from medsettle.core.visits import (
    Registration,
    RegistrationRequest,
    RegistrationState,
    registration_of,
)
from medsettle.engine.identities import (
    Judged,
    check_credential,
    credential_faults,
    credential_of,
    parted,
)
from medsettle.engine.requests import (
    code_faults,
    content_digest,
    reused,
    sender_faults,
    settlement_id,
)
from medsettle.ledger.entries import Entry, LedgerReader, Recorded
from medsettle.ledger.records import decode_event, encode_event
from medsettle.policy.book import RuleBook
from medsettle.policy.routing import Routing
from medsettle.policy.vocabulary import suggestion

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Registrations:
    """Records registrations of persons, and says which are held."""

    rulebook: RuleBook
    ledger: LedgerReader
    commit: Callable[[Sequence[Entry]], tuple[int, datetime]]
    judged: Judged
    now: Callable[[], datetime]

    def record(self, request: RegistrationRequest) -> RegistrationState:
        """Return a registration after recording it, once per request id.

        Raises:
            InvalidRequest: The area, the kind or a code is unknown or malformed.
            RequestIdReused: The request id was used before with other content.
            CardRefused: The card, or its type, does not identify the person now.
            LedgerUnavailable: Nothing was recorded.
        """
        self._check(request)
        own, presented = request.registration, credential_of(request)
        content: Row = {
            "pooling_area": request.pooling_area,
            "person": request.person,
            "registration": own.row(),
            **presented,
        }
        digest = content_digest("registration", content)
        key = (request.institution, request.request_id)
        known = self.ledger.requests([key]).get(key)
        if known is not None:
            if known.content_digest != digest:
                raise reused(known)
            return _state(known, duplicate=True)
        self._check_count(request)
        check_credential(request, self.judged, self.now())
        entry = Entry(
            kind="registration",
            settlement=settlement_id(request.pooling_area, *key),
            original=None,
            institution=request.institution,
            request_id=request.request_id,
            institution_settlement=None,
            pooling_area=request.pooling_area,
            person=request.person,
            # A registration has no day of service; the day it begins stands for it.
            service_day=day_number(own.valid_from),
            content_digest=digest,
            record=encode_event(own.row() | presented),
            subject=own.subject,
        )
        seq, moment = self.commit([entry])
        return RegistrationState(
            pooling_area=request.pooling_area,
            person=request.person,
            registration=own,
            seq=seq,
            create_time=moment,
            credential_type=request.credential_type,
            card=request.card,
        )

    def held(self, pooling_area: str, person: str) -> list[RegistrationState]:
        """Return the registrations of a person, the latest of each kind and number, by those."""
        latest = {
            str(each.subject): each
            for each in self.ledger.events(pooling_area, person, "registration")
        }
        return [_state(latest[subject]) for subject in sorted(latest)]

    def _check(self, request: RegistrationRequest) -> None:
        faults = sender_faults(request.institution, request.request_id)
        faults += code_faults("person", request.person, limits.PERSON_CHARS_MAX)
        faults += credential_faults(request)
        routing = self.rulebook.routings.get(request.pooling_area)
        if routing is None:
            hint = suggestion(request.pooling_area, self.rulebook.routings)
            message = f"no area {request.pooling_area!r} with a routing.yaml is loaded; {hint}"
            raise errors.InvalidRequest([*faults, errors.Fault("pooling_area", message)])
        own = request.registration
        if own.kind not in routing.kinds:
            hint = suggestion(own.kind, routing.kinds)
            message = f"area {routing.area} has no kind {own.kind!r}; {hint}"
            faults.append(errors.Fault("registration.kind", message))
        else:
            faults += self._continued(request, routing)
            faults += _window_faults(own, routing)
        if faults:
            raise errors.InvalidRequest(faults)

    def _continued(self, request: RegistrationRequest, routing: Routing) -> list[errors.Fault]:
        """Return the fault of a registration that goes on from one which is not there."""
        own = request.registration
        path, before = "registration.continues", routing.kinds[own.kind].continues
        if before is None:
            message = f"the kind {own.kind!r} goes on from none; leave it out"
            return [] if own.continues is None else [errors.Fault(path, message)]
        if own.continues is None:
            return [errors.Fault(path, f"missing; name the {before} that it goes on from")]
        subject = f"{before}/{own.continues}"
        held = self.held(request.pooling_area, request.person)
        if any(each.registration.subject == subject for each in held):
            return []
        return [errors.Fault(path, f"the person has no {subject}; register it first")]

    def _check_count(self, request: RegistrationRequest) -> None:
        held = self.held(request.pooling_area, request.person)
        most = limits.REGISTRATIONS_PER_PERSON_MAX
        if len(held) >= most and request.registration.subject not in {
            each.registration.subject for each in held
        }:
            message = f"the person has {len(held)} already, no more than {most} are kept"
            raise errors.InvalidRequest([errors.Fault("registration", message)])


def _window_faults(own: Registration, routing: Routing) -> list[errors.Fault]:
    """Return a fault for each date or answer that a window of the routing runs by."""
    windows = [
        scheme.window
        for version in routing.versions
        for scheme in version.schemes
        if scheme.window is not None and own.kind in scheme.needs
    ]
    faults: dict[str, errors.Fault] = {}
    for window in windows:
        wanted = ["timeliness"]
        if own.timeliness == window.timeliness:
            wanted.append(window.start)
        for name in wanted:
            if getattr(own, name) is None:
                path = f"registration.{name}"
                message = f"missing; days of the window {window.earmark!r} are told by it"
                faults[path] = errors.Fault(path, message)
    return list(faults.values())


def _state(recorded: Recorded, *, duplicate: bool = False) -> RegistrationState:
    moment = _EPOCH + timedelta(microseconds=recorded.create_time_us)
    row, presented = parted(decode_event(recorded))
    return RegistrationState(
        pooling_area=recorded.pooling_area,
        person=recorded.person,
        registration=registration_of(row),
        seq=recorded.seq,
        create_time=moment,
        duplicate=duplicate,
        **presented,
    )
