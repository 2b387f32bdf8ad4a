"""What a change of a relative's limit must keep to: insurance, balances, bounds, and how many."""

from medsettle import errors, limits
from medsettle.core.counters import CounterKey
from medsettle.core.relatives import Person, Relation
from medsettle.ledger.entries import LedgerReader


def insured(ledger: LedgerReader, person: Person) -> bool:
    """Return whether a person is insured, as far as is known: until the end was told."""
    return not ledger.counters([person.insurance_ended]).get(person.insurance_ended, 0)


def check_insured(ledger: LedgerReader, *persons: Person) -> None:
    """Refuse whom the end of the insurance relation was told of.

    Raises:
        NotInsured: The first of them.
    """
    for person in persons:
        if not insured(ledger, person):
            raise errors.NotInsured(
                f"the insurance of {person.person} of {person.pooling_area} has ended, and with "
                "it giving and receiving; begin it again first",
                pooling_area=person.pooling_area,
                person=person.person,
            )


def check_holds(ledger: LedgerReader, person: Person, key: CounterKey, fen: int, what: str) -> None:
    """Refuse to take more out of a counter than it holds.

    Args:
        ledger: Where it stands.
        person: Whose it is.
        key: The counter.
        fen: What is to leave it.
        what: What it is called: `account` or `limit`.

    Raises:
        BalanceTooLow: It holds less.
    """
    held = ledger.counters([key]).get(key, 0)
    if held < fen:
        raise errors.BalanceTooLow(
            f"the {what} of {person.person} holds {held} fen, less than {fen}; "
            f"ask for {held} at most",
            pooling_area=person.pooling_area,
            person=person.person,
            held_fen=str(held),
        )


def check_fits(ledger: LedgerReader, relation: Relation, fen: int) -> None:
    """Refuse to raise a limit above what any amount may be: one bill may take all of it.

    Raises:
        CounterFull: It would pass the bound.
    """
    held, most = ledger.counters([relation.limit]).get(relation.limit, 0), limits.AMOUNT_FEN_MAX
    if held > most - fen:
        raise errors.CounterFull(
            f"the limit stands at {held} fen; with {fen} more it would pass {most}. Ask for "
            f"{most - held} at most",
            counter=relation.limit.counter,
            value=str(held),
        )


def check_room(person: Person, bound: int, most: int) -> None:
    """Refuse one relation more than a person may have.

    Raises:
        TooManyRelatives: The person is bound to `most` already.
    """
    if bound >= most:
        raise errors.TooManyRelatives(
            f"{person.person} of {person.pooling_area} is bound to {bound} relatives, and may be "
            f"to {most}; dissolve a relation first",
            pooling_area=person.pooling_area,
            person=person.person,
        )
