"""The key of a counter: whose, which, and in which period."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

ACCOUNT: Final = "account"
"""The counter that holds the balance of the personal account (个人账户) in fen; period 0."""

MUTUAL_AID: Final = "mutual_aid"
"""What relatives' limits hold together, in fen; period 0. It is made of the limits of
`medsettle.core.relatives`, and never posted to."""

BALANCES: Final = (ACCOUNT, MUTUAL_AID)
"""Counters that hold money: what a claim takes of them makes them less."""


class CounterKey(NamedTuple):
    """Whose counter, which one, and the period it counts in (`medsettle.core.dates.period_key`).

    Counters of a policy are named with their insurance type in front, `310.pooled_paid`, so that
    two schemes of one area never share one by accident.
    """

    pooling_area: str
    person: str
    counter: str
    period: int


CounterValues: TypeAlias = Callable[[Sequence[CounterKey]], Mapping[CounterKey, int]]
"""Returns the values of counters; a missing key means 0."""
