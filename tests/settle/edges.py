"""Random claims that stand at the edges of a document.

They come from a seed and the numbers a document holds: nothing, one fen, every limit, cap and
deductible and one fen to either side, sums of two of them, and anything in between.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from medsettle import limits
from medsettle.core.schema import CLAIM_AMOUNTS
from medsettle.policy.model import Policy, Unit

from tests.reference_facts import Facts


def edges_of(policy: Policy) -> list[int]:
    """Return the amounts at which a document changes its mind, rising."""
    found = {0, 1, 100}
    for table in policy.tables.values():
        for version in table.versions:
            found |= {limit for limit in version.limits_fen if limit is not None}
            if table.unit is Unit.AMOUNT:
                found |= {int(cell) for cell in version.cells}
    return sorted(found)


def amount_at(random: Random, edges: Sequence[int]) -> int:
    """Return an amount at an edge, a fen beside it, at the sum of two, or anywhere between."""
    kind = random.randrange(8)
    if kind < 3:
        amount = random.choice(edges) + random.choice((-1, 0, 0, 1))
    elif kind == 3:
        amount = random.choice(edges) + random.choice(edges) + random.choice((-1, 0, 1))
    elif kind == 4:
        amount = random.randrange(300)
    else:
        amount = random.randrange(2 ** random.randrange(1, (3 * edges[-1]).bit_length() + 1))
    return min(max(amount, 0), limits.AMOUNT_FEN_MAX)


_BEGUN_DAYS = (-1500, -1096, -731, -366, -365, -364, -31, -1, 0, 1, 200)


def stated_at(random: Random, rule_date: str, since: date, day: date) -> dict[str, object]:
    """Return dates and identifiers of a claim whose rule date is a day: few, so that they meet.

    What began before it began around one day, so that claims of different days share a beginning.
    """
    stay = timedelta(days=random.choice((0, 0, 1, 40, 400)))
    admitted, discharged = (day - stay, day)
    if rule_date == "admission_date":
        admitted, discharged = (day, day + stay)
    first = date(limits.SERVICE_YEAR_MIN, 1, 1)

    def begun() -> date | None:
        begun = since + timedelta(days=random.choice(_BEGUN_DAYS))
        return random.choice((None, max(begun, first), date(2020, 2, 29)))

    return {
        "request_id": f"R{random.randrange(10**12)}",
        # Some look like others put together, and have to be told from them all the same.
        "institution": random.choice(("H1", "H1", "H2", "H1.M1", "M1")),
        "encounter": random.choice((None, "E1", "E2", "R1", "E1.M1")),
        "episode": random.choice((None, None, "E1", "Z", "H1:E1", "M1.M1")),
        "disease": random.choice((None, "M1", "M2", "M1.H1", "M1.M1")),
        "admission_date": max(admitted, first),
        "service_date": discharged,
        "birth_date": random.choice((date(1950, 2, 28), date(1952, 2, 29), date(1999, 12, 31))),
        "approval_date": begun(),
        "filing_date": begun(),
        "benefit_start_date": begun(),
        "retirement_date": begun(),
    }


def claims_at(policy: Policy, pots: Sequence[str], seed: int, count: int) -> list[Facts]:
    """Return `count` claims around the edges of a document; equal seeds give equal claims."""
    random = Random(seed)
    edges = edges_of(policy)
    days = [policy.in_force_from]
    for table in policy.tables.values():
        days += [version.start for version in table.versions]
    days = [max(day, policy.in_force_from) for day in days]
    found = []
    for _ in range(count):
        amounts = dict.fromkeys(pots, 0)
        left = limits.AMOUNT_FEN_MAX
        for pot in sorted(pots, key="in_scope".__ne__):
            if pot == "in_scope" or not random.randrange(3):
                amounts[pot] = min(amount_at(random, edges), left)
                left -= amounts[pot]
        classes = {
            name: random.randrange(len(dimension.values))
            for name, dimension in policy.dimensions.items()
            if dimension.kind not in {"counter", "quantity"}
        }
        quantities = {
            name: random.choice((0, 1, random.randrange(each.most + 1), each.most))
            for name, each in policy.quantities.items()
        }
        counters = {"account": amount_at(random, edges) * random.randrange(2)}
        for name, counter in policy.counters.items():
            counters[name] = amount_at(random, edges) if counter.sums else random.randrange(5)
        day = random.choice(days) + timedelta(days=random.choice((-1, 0, 1, 40, 400)))
        day = max(day, policy.in_force_from)
        used = random.randrange(4) > 0
        stated = stated_at(random, policy.rule_date, policy.in_force_from, day)
        most = limits.CLAIM_TOTAL_FEN_MAX
        claimed = {
            name: min(amount_at(random, edges), most)
            for name in CLAIM_AMOUNTS
            if random.randrange(4)
        }
        found.append(Facts(amounts, classes, day, counters, used, quantities, stated, claimed))
    return found


def extreme_claims(policy: Policy, pots: Sequence[str], seed: int, count: int) -> list[Facts]:
    """Return claims of the largest total and counters the bounds allow, or one fen less."""
    random = Random(seed)
    bound = limits.AMOUNT_FEN_MAX
    found = []
    for facts in claims_at(policy, pots, seed, count):
        pot = random.choice(("in_scope", "in_scope", *pots))
        amounts = dict.fromkeys(pots, 0) | {pot: bound - random.randrange(2)}
        counters = {
            name: value if random.randrange(2) else bound - random.randrange(2)
            for name, value in facts.counters.items()
        }
        found.append(replace(facts, pots=amounts, counters=counters))
    return found
