"""Divide what relatives pay: which limit each fen came from, in the order of binding.

The waterfall sees the limits of a receiver as one sum. What a stage took of it is divided here,
claims in the order of the batch and stages in the order of payment, each limit being used up before
the next one is touched; so the parts add up to the fen, and the same claims in one batch or one by
one come from the same givers.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import MUTUAL_AID, CounterKey
from medsettle.core.relatives import Granted, LimitsOf, Person, Relation
from medsettle.core.settlement import Row
from medsettle.limits import AMOUNT_FEN_MAX
from medsettle.settle.waterfall import Work


@dataclass(frozen=True, slots=True)
class Share:
    """What one stage of a claim takes of one limit, and what the limit holds afterwards."""

    stage: str
    relation: Relation
    paid_fen: int
    left_fen: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The relatives' limits of a batch's persons, as they were before it."""

    held: Mapping[Person, Sequence[Granted]]

    def sums(self) -> dict[CounterKey, int]:
        """Return what the limits of each person hold together, no more than a bill can be."""
        return {
            CounterKey(*person, MUTUAL_AID, 0): min(
                sum(limit.fen for limit in limits), AMOUNT_FEN_MAX
            )
            for person, limits in self.held.items()
        }

    def divided(self, works: Sequence[Work], claims: ClaimBatch) -> dict[int, tuple[Share, ...]]:
        """Return the shares of each claim that takes something, by its row.

        A claim with an amount its policy cannot decide uses nothing up, as in the waterfall.
        """
        left = {person: [limit.fen for limit in limits] for person, limits in self.held.items()}
        found = {}
        for row, work, position in sorted(_rows(works), key=lambda each: each[0]):
            person = person_of(claims.rows[row])
            if person not in left:
                continue
            before = list(left[person])
            shares = tuple(self._taken(person, left[person], work, position))
            if shares:
                found[row] = shares
            if any(work.results[gap][position] for gap in work.policy.gaps):
                left[person] = before
        return found

    def _taken(self, person: Person, left: list[int], work: Work, position: int) -> Iterator[Share]:
        """Yield what the stages of one claim take, and lessen what is left."""
        for stage in work.policy.aid_stages:
            open_fen = int(work.results[f"stage:{stage}.paid"][position])
            for number, (relation, _) in enumerate(self.held[person]):
                paid = min(open_fen, left[number])
                if paid:
                    open_fen -= paid
                    left[number] -= paid
                    yield Share(stage, relation, paid, left[number])
            assert open_fen == 0, "the waterfall took more than the limits hold"


def limits_for(claims: ClaimBatch, rows: Collection[int], limits_of: LimitsOf) -> Limits:
    """Return the limits of the persons of some claims; nobody is asked about where there is none.

    Args:
        claims: The batch.
        rows: The claims whose policies let relatives pay.
        limits_of: Reads the limits before the batch.
    """
    persons = list(dict.fromkeys(person_of(claims.rows[row]) for row in rows))
    return Limits(limits_of(persons) if persons else {})


def person_of(claim: Mapping[str, object]) -> Person:
    """Return whose claim it is."""
    return Person(str(claim["pooling_area"]), str(claim["person"]))


def share_rows(shares: Sequence[Share]) -> tuple[Row, ...]:
    """Return the RELATIVE_SHARE rows of a settlement."""
    return tuple(
        {
            "seq": None,
            "settlement": None,
            "position": position,
            "stage": share.stage,
            "giver_area": share.relation.giver.pooling_area,
            "giver": share.relation.giver.person,
            "relation": share.relation.number,
            "paid_fen": share.paid_fen,
            "booked_on": "limit",
            "limit_left_fen": share.left_fen,
        }
        for position, share in enumerate(shares)
    )


def moved_by(shares: Sequence[Share]) -> tuple[tuple[CounterKey, int], ...]:
    """Return how shares move the counters of their relations."""
    moved: dict[CounterKey, int] = {}
    for share in shares:
        for key, delta in (
            (share.relation.limit, -share.paid_fen),
            (share.relation.used, share.paid_fen),
        ):
            moved[key] = moved.get(key, 0) + delta
    return tuple(moved.items())


def _rows(works: Sequence[Work]) -> Iterator[tuple[int, Work, int]]:
    """Yield the claims that relatives may pay for: row, work and position in it."""
    for work in works:
        if work.policy.aid_stages:
            yield from ((row, work, position) for position, row in enumerate(work.rows.tolist()))
