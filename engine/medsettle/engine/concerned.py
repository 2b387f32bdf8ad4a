"""Whom claims concern: what a write keeps from other processes before it reads anything."""

from collections.abc import Sequence

from medsettle.core.settlement import Row
from medsettle.core.visits import institution_holder
from medsettle.ledger.entries import Holder, card_holder
from medsettle.policy.rule_book import RuleBook


def concerned(claims: Sequence[Row], rulebook: RuleBook) -> tuple[set[Holder], set[Holder]]:
    """Return whose entries and counters claims change, and whom they are decided by besides.

    Those besides are looked at and stay as they are: cards, and institutions whose registrations
    are asked for. Whoever is missing is noticed when the claims are recorded, at the price of
    deciding them twice.

    Args:
        claims: Without faults.
        rulebook: Its areas keep cards, and ask for registrations, or do not.
    """
    holders, reading = set[Holder](), set[Holder]()
    for claim in claims:
        area = str(claim["pooling_area"])
        holders.add((area, str(claim["person"])))
        if claim["card"] is not None and area in rulebook.cards:
            reading.add((area, card_holder(str(claim["card"]))))
        if area in rulebook.exclusions:
            reading.add((area, institution_holder(str(claim["institution"]))))
    return holders, reading
