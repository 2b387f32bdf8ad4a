"""Statements: the movements of a personal account, and who used which limit when."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from medsettle import errors, limits
from medsettle.core.counters import CounterKey
from medsettle.core.relatives import Person, Relation
from medsettle.core.statements import Movement
from medsettle.ledger.entries import LedgerReader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Statements:
    """Reads the history of accounts and limits from the postings of a ledger."""

    ledger: LedgerReader

    def account(
        self, person: Person, *, after_seq: int = 0, limit: int = limits.PAGE_SIZE_DEFAULT
    ) -> list[Movement]:
        """Return the movements of a person's account after a ledger place, in order.

        A person never seen has none.
        """
        return self._movements(person.account, after_seq, limit)

    def limit_uses(
        self, relation: Relation, *, after_seq: int = 0, limit: int = limits.PAGE_SIZE_DEFAULT
    ) -> list[Movement]:
        """Return what a receiver's claims took of a giver's limit, and what cancels gave back.

        Raises:
            NotFound: The receiver never had a relation with this giver under this number.
        """
        if not self.ledger.history(relation.bound, after_seq=0, limit=1):
            giver, receiver = relation.giver, relation.receiver
            raise errors.NotFound(
                f"{giver.person} of {giver.pooling_area} set nothing aside for {receiver.person} "
                f"of {receiver.pooling_area} as relation {relation.number}; list the relations of "
                "either",
                pooling_area=receiver.pooling_area,
                person=receiver.person,
            )
        return self._movements(relation.used, after_seq, limit)

    def _movements(self, key: CounterKey, after_seq: int, limit: int) -> list[Movement]:
        return [
            Movement(
                seq=each.seq,
                create_time=_EPOCH + timedelta(microseconds=each.create_time_us),
                kind=each.kind,
                entry=each.settlement,
                institution=each.institution,
                fen=each.delta,
                balance_fen=each.value,
            )
            for each in self.ledger.history(key, after_seq=after_seq, limit=limit)
        ]
