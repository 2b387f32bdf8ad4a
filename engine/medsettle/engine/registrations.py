"""Registrations: recorded once, never edited; the latest of a kind and number is the one held."""

from collections.abc import Sequence
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
from medsettle.engine.request_log import Asked, RequestLog
from medsettle.engine.requests import code_faults, content_digest, sender_faults, settlement_id
from medsettle.ledger.entries import Entry, LedgerReader, Recorded
from medsettle.ledger.records import decode_event, encode_event
from medsettle.policy.registration_kinds import About, RegistrationKind
from medsettle.policy.routing import Routing
from medsettle.policy.rule_book import RuleBook
from medsettle.policy.vocabulary import suggestion

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Registrations:
    """Records registrations of persons and of institutions, and says which are held."""

    rulebook: RuleBook
    ledger: LedgerReader
    log: RequestLog
    judged: Judged

    def record(self, request: RegistrationRequest) -> RegistrationState:
        """Return a registration after recording it, once per request id.

        Raises:
            InvalidRequest: The area, the kind or a code is unknown or malformed.
            RequestIdReused: The request id was used before with other content.
            CardRefused: The card, or its type, does not identify the person now.
            LedgerUnavailable: Nothing was recorded.
        """
        self._check(request)
        own = request.registration
        content: Row = {
            "pooling_area": request.pooling_area,
            "person": request.holder,
            "registration": own.row(),
            **credential_of(request),
        }
        digest = content_digest("registration", content)
        asked = Asked(
            request.institution, request.request_id, digest, request.pooling_area, request.holder
        )
        return self.log.answer(
            asked,
            lambda: self._record(request, asked),
            lambda recorded: _state(recorded, duplicate=True),
        )

    def _record(self, request: RegistrationRequest, asked: Asked) -> RegistrationState:
        own = request.registration
        self._check_count(request)
        check_credential(request, self.judged, self.log.now())
        entry = Entry(
            kind="registration",
            settlement=settlement_id(request.pooling_area, *asked.key),
            original=None,
            institution=request.institution,
            request_id=request.request_id,
            institution_settlement=None,
            pooling_area=request.pooling_area,
            person=request.holder,
            # A registration has no day of service; the day it begins stands for it.
            service_day=day_number(own.valid_from),
            content_digest=asked.digest,
            record=encode_event(own.row() | credential_of(request)),
            subject=own.subject,
        )
        seq, moment = self.log.commit([entry])
        return RegistrationState(
            pooling_area=request.pooling_area,
            holder=request.holder,
            registration=own,
            seq=seq,
            create_time=moment,
            credential_type=request.credential_type,
            card=request.card,
        )

    def held(self, pooling_area: str, holder: str) -> list[RegistrationState]:
        """Return the registrations of a person, the latest of each kind and number, by those.

        Those about an institution are kept under `core.visits.institution_holder`.
        """
        return self.held_by([(pooling_area, holder)]).get((pooling_area, holder), [])

    def held_by(
        self, holders: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], list[RegistrationState]]:
        """Return the registrations of many, as `held`; who has none is absent."""
        latest: dict[tuple[str, str], dict[str, Recorded]] = {}
        for each in self.ledger.events(holders, "registration"):
            own = latest.setdefault((each.pooling_area, each.person), {})
            own[str(each.subject)] = each
        return {
            holder: [_state(own[subject]) for subject in sorted(own)]
            for holder, own in latest.items()
        }

    def _check(self, request: RegistrationRequest) -> None:
        faults = sender_faults(request.institution, request.request_id)
        faults += credential_faults(request)
        area, own = request.pooling_area, request.registration
        kinds = self.rulebook.registration_kinds(area)
        routing = self.rulebook.routings.get(area)
        if not kinds:
            hint = suggestion(area, {*self.rulebook.routings, *self.rulebook.exclusions})
            message = (
                f"no area {area!r} with a routing.yaml or an exclusions.yaml that declares kinds "
                f"of registration is loaded; {hint}"
            )
            faults += _holder_faults(request, About.PERSON)
            raise errors.InvalidRequest([*faults, errors.Fault("pooling_area", message)])
        kind = kinds.get(own.kind)
        if kind is None:
            message = f"area {area} has no kind {own.kind!r}; {suggestion(own.kind, kinds)}"
            faults.append(errors.Fault("registration.kind", message))
        else:
            faults += _holder_faults(request, kind.about)
            faults += self._continued(request, kind)
            faults += _window_faults(own, routing) if routing is not None else []
        if faults:
            raise errors.InvalidRequest(faults)

    def _continued(
        self, request: RegistrationRequest, kind: RegistrationKind
    ) -> list[errors.Fault]:
        """Return the fault of a registration that goes on from one which is not there."""
        own = request.registration
        path, before = "registration.continues", kind.continues
        if before is None:
            message = f"the kind {own.kind!r} goes on from none; leave it out"
            return [] if own.continues is None else [errors.Fault(path, message)]
        if own.continues is None:
            return [errors.Fault(path, f"missing; name the {before} that it goes on from")]
        subject = f"{before}/{own.continues}"
        held = self.held(request.pooling_area, request.holder)
        if any(each.registration.subject == subject for each in held):
            return []
        return [errors.Fault(path, f"the {kind.about} has no {subject}; register it first")]

    def _check_count(self, request: RegistrationRequest) -> None:
        held = self.held(request.pooling_area, request.holder)
        most = limits.REGISTRATIONS_PER_PERSON_MAX
        if len(held) >= most and request.registration.subject not in {
            each.registration.subject for each in held
        }:
            who = "institution" if request.about else "person"
            message = f"the {who} has {len(held)} already, no more than {most} are kept"
            raise errors.InvalidRequest([errors.Fault("registration", message)])


def _holder_faults(request: RegistrationRequest, about: About) -> list[errors.Fault]:
    """Return what is wrong with whom a registration is about, by what its kind says."""
    given = {"person": request.person, "about": request.about}
    path, most = ("person", limits.PERSON_CHARS_MAX)
    if about is About.INSTITUTION:
        path, most = ("about", limits.CODE_CHARS_MAX)
    faults = code_faults(path, given.pop(path), most)
    faults += [
        errors.Fault(other, f"the kind is about the {about}; leave it out")
        for other, code in given.items()
        if code
    ]
    return faults


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
        holder=recorded.person,
        registration=registration_of(row),
        seq=recorded.seq,
        create_time=moment,
        duplicate=duplicate,
        **presented,
    )
