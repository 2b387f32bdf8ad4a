"""A year in numba for this one policy: claims sorted by person by counting, then one loop.

Counting sort puts the row of every claim behind those of the persons before it, in order of time
within a person. Columns are put in that order, the loop walks one person after another with four
counters in registers, and the shares go back to where their claims came from: a column at a time,
which keeps more misses of the cache in flight than a claim at a time.
"""

from typing import Final, TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.anchor.claims import Columns, FenArray
from benchmarks.anchor.numba_loop import settle
from benchmarks.anchor.policy import Shares
from benchmarks.year.history import History

# The columns of a claim that are not carried from the one before.
_OWN: Final = (
    *("total_fen", "own_expense_fen", "over_limit_fen", "pre_self_pay_fen", "level", "retired"),
)

Rows: TypeAlias = NDArray[np.int32]
Prepared: TypeAlias = tuple[tuple[FenArray, ...], FenArray, FenArray]


@numba.njit(cache=True)
def _by_person(person: FenArray, people: int) -> tuple[FenArray, Rows]:
    """Return where the claims of each person begin, and the rows in that order."""
    begins = np.zeros(people + 1, np.int64)
    for row in range(len(person)):
        begins[person[row] + 1] += 1
    for number in range(people):
        begins[number + 1] += begins[number]
    place = begins[:-1].copy()
    order = np.empty(len(person), np.int32)
    for row in range(len(person)):
        owner = person[row]
        order[place[owner]] = row
        place[owner] += 1
    return begins, order


@numba.njit(cache=True)
def _gather(column: FenArray, order: Rows, sorted_column: FenArray) -> None:
    for place in range(len(order)):
        sorted_column[place] = column[order[place]]


@numba.njit(cache=True)
def _scatter(sorted_column: FenArray, order: Rows, column: FenArray) -> None:
    for place in range(len(order)):
        column[order[place]] = sorted_column[place]


# Not cached: the cache would go on with the old `settle` after that had changed.
@numba.njit
def _walk(claims: FenArray, begins: FenArray, balance_fen: FenArray, shares: FenArray) -> None:
    for person in range(len(begins) - 1):
        later = pooled_used = large_used = 0
        balance = balance_fen[person]
        for row in range(begins[person], begins[person + 1]):
            found = settle(
                claims[0, row],
                claims[1, row],
                claims[2, row],
                claims[3, row],
                claims[4, row],
                claims[5, row],
                later,
                pooled_used,
                large_used,
                balance,
            )
            later = 1
            pooled_used += found[2]
            large_used += found[3]
            balance -= found[4]
            for share in range(6):
                shares[share, row] = found[share]


def prepare(history: History) -> Prepared:
    """Return the columns as they are."""
    claims = tuple(history.columns[name] for name in _OWN)
    return claims, history.person, history.balance_fen


def run(prepared: Prepared) -> FenArray:
    """Return the shares, shape (6, claims), in the order of the claims."""
    claims, person, balance_fen = prepared
    begins, order = _by_person(person, len(balance_fen))
    own = np.empty((len(claims), len(person)), np.int64)
    for column, sorted_column in zip(claims, own, strict=True):
        _gather(column, order, sorted_column)
    settled = np.empty((len(Shares._fields), len(person)), np.int64)
    _walk(own, begins, balance_fen, settled)
    shares = np.empty_like(settled)
    for column, sorted_column in zip(shares, settled, strict=True):
        _scatter(sorted_column, order, column)
    return shares


def columns_of(shares: FenArray) -> Columns:
    """Return the shares as int64 columns."""
    return dict(zip(Shares._fields, shares, strict=True))
