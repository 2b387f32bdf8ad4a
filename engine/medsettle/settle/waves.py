"""In which order claims are settled many at a time, though a person's depend on one another.

A wave is a set of claims with nobody twice in it: they may be settled together. Compiled, for it
looks at every claim; importing this module makes it ready (`medsettle.native`).
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.native import Column, compiled

Order: TypeAlias = NDArray[np.uint32]

AS_THEY_STAND: Final[Order] = np.zeros(0, dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Waves:
    """Claims in the order of their waves: nobody twice in one, everybody's in order.

    `order` is of shape (n,), empty where the claims stand so already; wave w is the part of it from
    `edges[w]` to `edges[w + 1]`.
    """

    order: Order
    edges: Column

    def wave(self, rank: int) -> "Waves":
        """Return one wave alone."""
        return Waves(self.order, self.edges[rank : rank + 2])


def waves_of(persons: Column) -> Waves:
    """Return waves of a batch that no other goes between.

    Claims of many people in the order of time are cut, as they stand, where somebody comes again;
    that way no column is put into another order. Where people come again too soon the waves are all
    first claims, all second claims, and so on.

    Args:
        persons: Shape (n,), a dense number, none negative, for the person of each claim.
    """
    edges = np.empty(len(persons) // limits.RUN_ROWS_MIN + 3, dtype=np.int64)
    if runs := runs_without_repeats(persons, limits.INTERPRETER_ROWS, edges):
        return Waves(AS_THEY_STAND, edges[: runs + 1])
    ranks = np.empty(len(persons), dtype=np.uint32)
    return waves_by_rank(ranks, ranks_within(persons, ranks))


def waves_by_rank(ranks: Order, highest: int) -> Waves:
    """Return the waves of claims with the given ranks, none above `highest`; some may be empty."""
    if highest == 0:
        return Waves(AS_THEY_STAND, np.array([0, len(ranks)], dtype=np.int64))
    order, edges = np.empty_like(ranks), np.empty(highest + 2, dtype=np.int64)
    order_by_rank(ranks, order, edges)
    return Waves(order, edges)


@compiled("int64(int64[::1], int64, int64[::1])")
def runs_without_repeats(persons: Column, most: int, edges: Column) -> int:
    """Cut claims, as they stand, into runs in which nobody comes twice.

    Args:
        persons: Shape (n,), a dense number, none negative, for the person of each claim.
        most: The most claims of a run.
        edges: Filled with where the runs begin, and with n behind them.

    Returns:
        How many runs there are, or 0 where `edges` has no room for them.
    """
    people = 0
    for person in persons:
        people = max(people, person + 1)
    last = np.zeros(people, np.uint32)
    edges[0] = runs = start = 0
    for row in range(len(persons)):
        person = np.uint64(persons[row])
        if np.int64(last[person]) > start or row - start == most:
            runs += 1
            if runs >= len(edges) - 1:
                return 0
            edges[runs] = start = row
        last[person] = row + 1
    edges[runs + 1] = len(persons)
    return runs + 1


@compiled("int64(int64[::1], uint32[::1])")
def ranks_within(persons: Column, ranks: Order) -> int:
    """Fill `ranks` with how many earlier claims of the batch each claim's person has.

    Args:
        persons: Shape (n,), a dense number, none negative, for the person of each claim.
        ranks: Shape (n,).

    Returns:
        The highest rank, 0 for no claims.
    """
    people = 0
    for person in persons:
        people = max(people, person + 1)
    seen = np.zeros(people, np.uint32)
    highest = np.uint32(0)
    for row in range(len(persons)):
        person = np.uint64(persons[row])
        ranks[row] = seen[person]
        highest = max(highest, ranks[row])
        seen[person] += np.uint32(1)
    return int(highest)


@compiled("void(uint32[::1], uint32[::1], int64[::1])")
def order_by_rank(ranks: Order, order: Order, edges: Column) -> None:
    """Fill `order` with the positions of ranks from lowest to highest, equal ones as they stand.

    Args:
        ranks: Shape (n,), each below w.
        order: Shape (n,).
        edges: Shape (w + 1,), filled with where each rank begins in the order, and with n.
    """
    edges[:] = 0
    for rank in ranks:
        edges[np.uint64(rank) + np.uint64(1)] += 1
    for rank in range(len(edges) - 1):
        edges[rank + 1] += edges[rank]
    free = edges[:-1].copy()
    for row in range(len(ranks)):
        rank = np.uint64(ranks[row])
        order[free[rank]] = row
        free[rank] += 1
