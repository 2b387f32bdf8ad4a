"""Money at risk: what one side claims of funds and accounts and another does not owe.

What counts is what funds, personal accounts and relatives pay; the patient's cash and what the
institution bears itself are nobody's claim. Two sides are compared payer by payer, since one fund's
debt is not paid with another's money: what one has more, or what it has less, whichever is larger.
So a settlement that is missing is at risk as a whole, and a split that differs by what is booked to
the wrong payer. Where a book does not have the payers (a text file of 3202), the fund total and the
accounts are compared. Of three sides, the two count that are farthest apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from medsettle.clearing.book import SHARES
from medsettle.clearing.odd_records import AT, Values

_PAYERS: Final = tuple(each.name for each in SHARES if each.name != "institution_share_fen")
_TOTALS: Final = ("fund_total_fen", "account_fen", "mutual_aid_fen")
_NEEDED: Final = tuple((name, AT[name]) for name in dict.fromkeys((*_PAYERS, *_TOTALS)))

Claim: TypeAlias = Mapping[str, int]
"""What is claimed of each payer, fen; without those that the book does not know."""


def claim_of(rows: Iterable[Values]) -> Claim:
    """Return what some rows of one book claim together; a payer that a row lacks is left out."""
    held = list(rows)
    sums: dict[str, int] = {}
    for name, place in _NEEDED:
        values = [row[place] for row in held]
        if all(isinstance(value, int) for value in values):
            sums[name] = sum(value for value in values if isinstance(value, int))
    return sums


def gap_fen(claims: Sequence[Claim | None]) -> int:
    """Return how much two of some sides are apart at most, fen; None is a side that has nothing.

    >>> gap_fen([{"fund_total_fen": 700}, {"fund_total_fen": 650}, None])
    700
    """
    pairs = ((one, other) for at, one in enumerate(claims) for other in claims[:at])
    return max((_apart(one, other) for one, other in pairs), default=0)


def whole_fen(claims: Iterable[Claim]) -> int:
    """Return the largest of some claims, whether they are claimed or taken back, fen."""
    return max((_apart(claim, None) for claim in claims), default=0)


def _apart(one: Claim | None, other: Claim | None) -> int:
    known = [claim for claim in (one, other) if claim is not None]
    payers = all(name in claim for claim in known for name in _PAYERS)
    names = [
        name for name in (_PAYERS if payers else _TOTALS) if all(name in claim for claim in known)
    ]
    more = less = 0
    for name in names:
        difference = (one or {}).get(name, 0) - (other or {}).get(name, 0)
        more += max(difference, 0)
        less += max(-difference, 0)
    return max(more, less)
