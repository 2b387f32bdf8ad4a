"""Whom claims concern: what a write keeps from other processes before it reads anything."""

from collections.abc import Iterable

from medsettle.core.claims import ClaimBatch
from medsettle.core.visits import institution_holder
from medsettle.ledger.entries import Holder, card_holder
from medsettle.policy.rule_book import RuleBook


def concerned(
    claims: ClaimBatch, rows: Iterable[int], rulebook: RuleBook
) -> tuple[set[Holder], set[Holder]]:
    """Return whose entries and counters claims change, and whom they are decided by besides.

    Those besides are looked at and stay as they are: cards, and institutions whose registrations
    are asked for. Whoever is missing is noticed when the claims are recorded, at the price of
    deciding them twice.

    Args:
        claims: The batch.
        rows: Positions of those without faults.
        rulebook: Its areas keep cards, and ask for registrations, or do not.
    """
    holders, reading = set[Holder](), set[Holder]()
    names = ("pooling_area", "person", "card", "institution")
    areas, persons, cards, institutions = map(claims.column, names)
    for row in rows:
        area = str(areas[row])
        holders.add((area, str(persons[row])))
        if cards[row] is not None and area in rulebook.cards:
            reading.add((area, card_holder(str(cards[row]))))
        if area in rulebook.exclusions:
            reading.add((area, institution_holder(str(institutions[row]))))
    return holders, reading
