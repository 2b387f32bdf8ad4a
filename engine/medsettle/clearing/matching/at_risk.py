"""Money at risk: what one side claims of funds and accounts and another does not owe.

What counts is what funds, personal accounts and relatives pay; the patient's cash and what the
institution bears itself are nobody's claim. Two sides are compared payer by payer, since one fund's
debt is not paid with another's money: what one has more, or what it has less, whichever is larger.
So a settlement that is missing is at risk as a whole, and a split that differs by what is booked to
the wrong payer. Where a book does not have the payers (a text file of 3202), the fund total and the
accounts are compared. Of three sides, the two count that are farthest apart.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Final, TypeAlias

from medsettle.clearing.matching.book import SHARES
from medsettle.clearing.matching.odd_records import AT, Values

_PAYERS: Final = tuple(each.name for each in SHARES if each.name != "institution_share_fen")
_TOTALS: Final = ("fund_total_fen", "account_fen", "mutual_aid_fen")
_NAMES: Final = tuple(dict.fromkeys((*_PAYERS, *_TOTALS)))
_picked: Final = itemgetter(*(AT[name] for name in _NAMES))
_PAYERS_AT: Final = tuple(_NAMES.index(name) for name in _PAYERS)
_TOTALS_AT: Final = tuple(_NAMES.index(name) for name in _TOTALS)

Claim: TypeAlias = Sequence[int | None]
"""What is claimed of each payer and all in all, fen; None for what the book does not know."""


def claim_of(rows: Iterable[Values]) -> Claim:
    """Return what some rows of one book claim together; unknown where it is unknown of one."""
    claims: list[Claim] = [_picked(row) for row in rows]
    if len(claims) == 1:
        return claims[0]
    return [
        None if None in values else sum(value for value in values if value is not None)
        for values in zip(*claims, strict=True)
    ]


def gap_fen(claims: Sequence[Claim | None]) -> int:
    """Return how much two of some sides are apart at most, fen; None is a side that has nothing."""
    pairs = ((one, other) for at, one in enumerate(claims) for other in claims[:at])
    return max((_apart(one, other) for one, other in pairs if one is not other), default=0)


def whole_fen(claims: Iterable[Claim]) -> int:
    """Return the largest of some claims, whether they are claimed or taken back, fen."""
    return max((_apart(claim, None) for claim in claims), default=0)


def _apart(one: Claim | None, other: Claim | None) -> int:
    known = [claim for claim in (one, other) if claim is not None]
    payers = all(claim[at] is not None for claim in known for at in _PAYERS_AT)
    more = less = 0
    for at in _PAYERS_AT if payers else _TOTALS_AT:
        has, had = 0 if one is None else one[at], 0 if other is None else other[at]
        if has is None or had is None or has == had:
            continue
        if has > had:
            more += has - had
        else:
            less += had - has
    return max(more, less)
