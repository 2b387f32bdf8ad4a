"""Relatives' accounts: set money aside for another person, take it back, dissolve the relation.

Each of these is one entry of the ledger, idempotent by institution and request id, whose postings
leave the sum of accounts, limits and what was used as it was. Raising a limit takes the fen from
the giver's account in the same commit, so that the giver cannot use them any more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from medsettle import errors, limits
from medsettle.core.counters import CounterKey
from medsettle.core.dates import day_number, service_day_of
from medsettle.core.relatives import (
    LIMIT_PREFIX,
    Dissolution,
    Granted,
    InsuranceNotice,
    InsuranceState,
    LimitChange,
    Person,
    Relation,
    RelationState,
    bound_to,
    given_by,
    received,
)
from medsettle.engine.relative_bounds import (
    check_fits,
    check_holds,
    check_insured,
    check_room,
    insured,
)
from medsettle.engine.request_log import Asked, RequestLog
from medsettle.engine.requests import code_faults, content_digest, sender_faults, settlement_id
from medsettle.ledger.entries import Entry, LedgerReader, Posting, Recorded
from medsettle.ledger.records import decode_relations, encode_relation
from medsettle.policy.rule_book import RuleBook
from medsettle.policy.vocabulary import suggestion

_Moves = Sequence[tuple[CounterKey, int]]


@dataclass(frozen=True, slots=True)
class _Request:
    """What all requests have: who sends it, whom it is about, and its content."""

    act: str
    institution: str
    request_id: str
    person: Person
    content: dict[str, object]

    @property
    def asked(self) -> Asked:
        """The request by its id and content."""
        digest = content_digest(self.act, self.content)
        return Asked(self.institution, self.request_id, digest, *self.person)


@dataclass(frozen=True, slots=True)
class Relatives:
    """Binds givers and receivers in a ledger."""

    rulebook: RuleBook
    ledger: LedgerReader
    log: RequestLog

    def grant(self, change: LimitChange) -> RelationState:
        """Set fen of a giver's account aside for a receiver; bind the two who are not bound yet.

        Raises:
            InvalidRequest: An area is not served, a code or an amount is none.
            RequestIdReused: The request id was used before for something else.
            NotInsured: The insurance relation of one of the two is known to have ended.
            BalanceTooLow: The account of the giver holds less.
            CounterFull: The limit would be more than any amount may be.
            TooManyRelatives: A new relation would be one too many for the giver or the receiver.
            LedgerUnavailable: Nothing was recorded.
        """
        request = self._change("grant", change)
        return self._once(request, lambda: self._grant(request, change))

    def _grant(self, request: _Request, change: LimitChange) -> RelationState:
        check_insured(self.ledger, change.giver, change.receiver)
        relation = self._bound(change.giver, change.receiver)
        moves = [] if relation is not None else [(key, 1) for key in ("bound", "gives")]
        if relation is None:
            relation = self._new_relation(change.giver, change.receiver)
        check_holds(self.ledger, change.giver, change.giver.account, change.fen, "account")
        check_fits(self.ledger, relation, change.fen)
        moved = [(getattr(relation, name), delta) for name, delta in moves]
        moved += [(change.giver.account, -change.fen), (relation.limit, change.fen)]
        self._record(request, [relation], moved, fen=change.fen)
        return self.state(relation)

    def lower(self, change: LimitChange) -> RelationState:
        """Give fen of a limit that were not used back to the giver's account.

        Raises:
            InvalidRequest: An area is not served, a code or an amount is none.
            RequestIdReused: The request id was used before for something else.
            NotFound: The two are not bound.
            BalanceTooLow: Less is left of the limit.
            LedgerUnavailable: Nothing was recorded.
        """
        request = self._change("lower", change)
        return self._once(request, lambda: self._lower(request, change))

    def _lower(self, request: _Request, change: LimitChange) -> RelationState:
        relation = self._found(change.giver, change.receiver)
        check_holds(self.ledger, change.receiver, relation.limit, change.fen, "limit")
        moves = [(relation.limit, -change.fen), (change.giver.account, change.fen)]
        self._record(request, [relation], moves, fen=change.fen)
        return self.state(relation)

    def dissolve(self, dissolution: Dissolution) -> RelationState:
        """End a relation; what was not used of its limit goes back to the giver's account.

        Raises:
            InvalidRequest: An area is not served, a code or an amount is none.
            RequestIdReused: The request id was used before for something else.
            NotFound: The two are not bound.
            LedgerUnavailable: Nothing was recorded.
        """
        content: dict[str, object] = {
            "giver": list(dissolution.giver),
            "receiver": list(dissolution.receiver),
            "reason": dissolution.reason,
        }
        sender = dissolution.institution, dissolution.request_id
        request = _Request("dissolve", *sender, dissolution.receiver, content)
        self._check(request, {"giver": dissolution.giver, "receiver": dissolution.receiver})
        return self._once(request, lambda: self._dissolve(request, dissolution))

    def _dissolve(self, request: _Request, dissolution: Dissolution) -> RelationState:
        relation = self._found(dissolution.giver, dissolution.receiver)
        moves = self._dissolving(relation)
        self._record(request, [relation], moves, reason=dissolution.reason)
        return self.state(relation)

    def end_insurance(self, notice: InsuranceNotice) -> InsuranceState:
        """End all relations of a person whose insurance relation ended, giver or receiver.

        Until `begin_insurance` the person is bound to nobody.

        Raises:
            InvalidRequest: The area is not served, a code is none.
            RequestIdReused: The request id was used before for something else.
            LedgerUnavailable: Nothing was recorded.
        """
        request = self._notice("insurance_end", notice)
        person = notice.person
        return self.log.answer(
            request.asked,
            lambda: self._end_insurance(request, person),
            lambda recorded: InsuranceState(
                person, insured(self.ledger, person), self._states(recorded), duplicate=True
            ),
        )

    def _end_insurance(self, request: _Request, person: Person) -> InsuranceState:
        relations = [each.relation for each in self.relations(person) if each.bound]
        moves = [move for each in relations for move in self._dissolving(each)]
        if insured(self.ledger, person):
            moves.append((person.insurance_ended, 1))
        self._record(request, relations, moves, reason="insurance_ended")
        return InsuranceState(person, insured=False, ended=tuple(map(self.state, relations)))

    def begin_insurance(self, notice: InsuranceNotice) -> InsuranceState:
        """Let a person give and receive again; relations that ended stay ended.

        Raises:
            InvalidRequest: The area is not served, a code is none.
            RequestIdReused: The request id was used before for something else.
            LedgerUnavailable: Nothing was recorded.
        """
        request = self._notice("insurance_begin", notice)
        person = notice.person
        return self.log.answer(
            request.asked,
            lambda: self._begin_insurance(request, person),
            lambda _: InsuranceState(person, insured(self.ledger, person), duplicate=True),
        )

    def _begin_insurance(self, request: _Request, person: Person) -> InsuranceState:
        moves = [] if insured(self.ledger, person) else [(person.insurance_ended, -1)]
        self._record(request, [], moves)
        return InsuranceState(person, insured=True)

    # --- reading ---------------------------------------------------------------------------

    def relations(self, person: Person) -> tuple[RelationState, ...]:
        """Return all relations of a person, dissolved ones too.

        First those in which the person receives, in the order in which they pay; then those in
        which the person gives, by receiver.
        """
        rows = self.ledger.person_counters(*person)
        receives = [bound_to(person, counter, number) for counter, number, _ in rows]
        gives = [given_by(person, counter, number) for counter, number, _ in rows]
        found = sorted((each for each in receives if each), key=lambda each: each.number)
        return tuple(self.state(each) for each in [*found, *(each for each in gives if each)])

    def state(self, relation: Relation) -> RelationState:
        """Return what a relation holds now."""
        keys = [relation.limit, relation.used, relation.bound]
        held = self.ledger.counters(keys)
        limit, used, bound = (held.get(key, 0) for key in keys)
        return RelationState(relation, limit, used, bound == 1)

    def _bound(self, giver: Person, receiver: Person) -> Relation | None:
        """Return the relation of two who are bound, or None."""
        for counter, number, value in self.ledger.person_counters(*receiver):
            relation = bound_to(receiver, counter, number)
            if value and relation is not None and relation.giver == giver:
                return relation
        return None

    def _found(self, giver: Person, receiver: Person) -> Relation:
        relation = self._bound(giver, receiver)
        if relation is None:
            raise errors.NotFound(
                f"{giver.person} of {giver.pooling_area} sets nothing aside for "
                f"{receiver.person} of {receiver.pooling_area}; list the relations of either",
                pooling_area=receiver.pooling_area,
                person=receiver.person,
            )
        return relation

    def _new_relation(self, giver: Person, receiver: Person) -> Relation:
        """Return the relation that comes after all that the receiver had.

        Raises:
            TooManyRelatives: One of the two has as many as may be.
        """
        of_receiver = [
            (each, value)
            for counter, number, value in self.ledger.person_counters(*receiver)
            if (each := bound_to(receiver, counter, number)) is not None
        ]
        of_giver = [
            value
            for counter, number, value in self.ledger.person_counters(*giver)
            if given_by(giver, counter, number) is not None
        ]
        check_room(receiver, sum(v for _, v in of_receiver), limits.GIVERS_PER_RECEIVER_MAX)
        check_room(giver, sum(of_giver), limits.RECEIVERS_PER_GIVER_MAX)
        last = max((each.number for each, _ in of_receiver), default=0)
        return Relation(giver, receiver, last + 1)

    # --- recording -------------------------------------------------------------------------

    def _change(self, act: str, change: LimitChange) -> _Request:
        """Return the checked request of a change of a limit."""
        content: dict[str, object] = {
            "giver": list(change.giver),
            "receiver": list(change.receiver),
            "fen": change.fen,
        }
        request = _Request(act, change.institution, change.request_id, change.receiver, content)
        faults = []
        if not 1 <= change.fen <= limits.AMOUNT_FEN_MAX:
            most = limits.AMOUNT_FEN_MAX
            faults = [errors.Fault("fen", f"{change.fen} lies outside 1 to {most}")]
        self._check(request, {"giver": change.giver, "receiver": change.receiver}, faults)
        return request

    def _notice(self, act: str, notice: InsuranceNotice) -> _Request:
        """Return the checked request of a notice about somebody's insurance."""
        content: dict[str, object] = {"person": list(notice.person)}
        request = _Request(act, notice.institution, notice.request_id, notice.person, content)
        self._check(request, {"person": notice.person})
        return request

    def _check(
        self, request: _Request, persons: Mapping[str, Person], found: Sequence[errors.Fault] = ()
    ) -> None:
        """Refuse a request with all its faults."""
        faults = [*found, *sender_faults(request.institution, request.request_id)]
        for path, person in persons.items():
            if person.pooling_area not in self.rulebook.areas:
                hint = suggestion(person.pooling_area, self.rulebook.areas)
                faults.append(errors.Fault(f"{path}.pooling_area", f"not served here; {hint}"))
            faults += code_faults(f"{path}.person", person.person, limits.PERSON_CHARS_MAX)
        if len(persons) > 1 and len(set(persons.values())) == 1:
            faults.append(errors.Fault("giver", "is the receiver; nobody gives to oneself"))
        if faults:
            raise errors.InvalidRequest(faults)

    def _once(self, request: _Request, act: Callable[[], RelationState]) -> RelationState:
        """Return how the relation of a request stands, changed once."""
        return self.log.answer(request.asked, act, lambda recorded: self._states(recorded)[0])

    def _states(self, recorded: Recorded) -> tuple[RelationState, ...]:
        """Return how the relations of a request stand that was recorded before."""
        states = (self.state(relation) for relation in decode_relations(recorded))
        return tuple(replace(state, duplicate=True) for state in states)

    def _dissolving(self, relation: Relation) -> list[tuple[CounterKey, int]]:
        limit = self.state(relation).limit_fen
        return [
            (relation.limit, -limit),
            (relation.giver.account, limit),
            (relation.bound, -1),
            (relation.gives, -1),
        ]

    def _record(
        self,
        request: _Request,
        relations: Sequence[Relation],
        moves: _Moves,
        *,
        fen: int = 0,
        reason: str = "",
    ) -> None:
        moment = self.log.now()
        area, person = request.person
        entry = Entry(
            kind="relation",
            settlement=settlement_id(area, request.institution, request.request_id),
            original=None,
            institution=request.institution,
            request_id=request.request_id,
            institution_settlement=None,
            pooling_area=area,
            person=person,
            service_day=day_number(service_day_of(moment)),
            content_digest=request.asked.digest,
            record=encode_relation(request.act, relations, fen, reason),
            postings=tuple(Posting(key, delta) for key, delta in moves if delta),
        )
        self.log.commit([entry])


def limits_before(
    ledger: LedgerReader, persons: Sequence[Person], moved: Mapping[CounterKey, int]
) -> dict[Person, list[Granted]]:
    """Return the limits of receivers that are not used up, each in the order of binding.

    Args:
        ledger: Where the limits stand.
        persons: The receivers.
        moved: What claims took that are settled and not recorded yet.
    """
    found: dict[Person, list[Granted]] = {}
    for key, value in ledger.counters_named(persons, LIMIT_PREFIX):
        receiver = Person(key.pooling_area, key.person)
        relation = received(receiver, key.counter, key.period)
        assert relation is not None
        found.setdefault(receiver, []).append(Granted(relation, value + moved.get(key, 0)))
    return found
