"""Self-service enquiries: what is held of one person now, and what the rules leave them.

Nothing is recorded and nothing is settled here; every part is read where it is kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from medsettle import limits
from medsettle.core.dates import service_day_of
from medsettle.core.enquiries import (
    NOTHING_STATED,
    LimitLeft,
    Overview,
    PastSettlement,
    StatedFacts,
)
from medsettle.core.relatives import Person, Relation
from medsettle.core.settlement import PersonState
from medsettle.core.statements import Movement
from medsettle.engine.card_desk import CardDesk
from medsettle.engine.registrations import Registrations
from medsettle.engine.relative_bounds import insured
from medsettle.engine.relatives import Relatives
from medsettle.engine.statements import Statements
from medsettle.ledger.entries import LedgerReader, Recorded
from medsettle.ledger.records import decode_settlement
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.limits_left import limits_left


class Held(Protocol):
    """What an engine keeps, by the names it has there."""

    rulebook: RuleBook
    registrations: Registrations
    relatives: Relatives
    cards: CardDesk
    statements: Statements

    @property
    def ledger(self) -> LedgerReader:
        """Where everything is recorded."""
        ...

    def now(self) -> datetime:
        """Return the present moment."""
        ...

    def person(self, pooling_area: str, person: str) -> PersonState:
        """Return account and counters of a person."""
        ...


@dataclass(frozen=True, slots=True)
class Enquiries:
    """Answers what cardholders ask of an engine."""

    engine: Held

    def overview(self, person: Person, facts: StatedFacts = NOTHING_STATED) -> Overview:
        """Return what is held of a person now; of one never seen there is nothing.

        Args:
            person: Whom it is about.
            facts: What is known of the person, to say what is left of limits that depend on it.
        """
        engine, moment = self.engine, self.engine.now()
        held = engine.registrations.held(*person)
        last = engine.ledger.latest(*person, limit=limits.PAST_SETTLEMENTS_SHOWN)
        return Overview(
            person=engine.person(*person),
            moment=moment,
            insured=insured(engine.ledger, person),
            registrations=tuple(sorted(held, key=lambda each: each.seq)),
            cards=tuple(engine.cards.owned(*person, moment)),
            relations=engine.relatives.relations(person),
            settlements=tuple(self._past(each) for each in last),
            limits=tuple(self._limits(person, facts, service_day_of(moment))),
        )

    def account_movements(self, person: Person) -> Iterator[Movement]:
        """Yield every movement of a person's account in the order of the ledger."""
        yield from _all(
            lambda after: self.engine.statements.account(
                person, after_seq=after, limit=limits.PAGE_SIZE_MAX
            )
        )

    def limit_uses(self, relation: Relation) -> Iterator[Movement]:
        """Yield every use of a relative's limit in the order of the ledger.

        Raises:
            NotFound: The receiver never had a relation with this giver under this number.
        """
        yield from _all(
            lambda after: self.engine.statements.limit_uses(
                relation, after_seq=after, limit=limits.PAGE_SIZE_MAX
            )
        )

    def _past(self, recorded: Recorded) -> PastSettlement:
        settlement = decode_settlement(recorded)
        cancel = self.engine.ledger.cancel_of(recorded.settlement)
        columns = settlement.columns
        day, moment, visit = columns["service_date"], columns["create_time"], columns["visit"]
        original = columns["original"]
        assert isinstance(day, date)
        assert isinstance(moment, datetime)
        return PastSettlement(
            settlement=recorded.settlement,
            seq=recorded.seq,
            create_time=moment,
            kind=recorded.kind,
            original=None if original is None else str(original),
            cancelled_by=None if cancel is None else cancel.settlement,
            visit=None if visit is None else str(visit),
            institution=recorded.institution,
            insurance_type=str(columns["insurance_type"]),
            visit_type=str(columns["visit_type"]),
            service_date=day,
            total_fen=settlement.fen("total_fen"),
            fund_total_fen=settlement.fen("fund_total_fen"),
            account_fen=settlement.fen("account_fen"),
            mutual_aid_fen=settlement.fen("mutual_aid_fen"),
            cash_fen=settlement.fen("cash_fen"),
        )

    def _limits(self, person: Person, facts: StatedFacts, today: date) -> Iterator[LimitLeft]:
        """Yield what is left of the limits of every policy in force in the person's area."""
        for policy in self.engine.rulebook.policies:
            document = policy.policy
            if document.pooling_area != person.pooling_area or not _in_force(policy, today):
                continue
            if facts.insurance_type in {None, document.insurance_type}:
                counters = self.engine.ledger.counters
                yield from limits_left(policy, person, facts, today, counters)


def _in_force(policy: CompiledPolicy, today: date) -> bool:
    """Return whether a policy would settle a claim of a day, its tables having values for it."""
    until = policy.policy.in_force_until
    begun = policy.policy.in_force_from <= today and (until is None or today < until)
    return begun and policy.unstated_on(today) is None


def _all(page_after: Callable[[int], list[Movement]]) -> Iterator[Movement]:
    after = 0
    while page := page_after(after):
        yield from page
        after = page[-1].seq
