"""Batches of whole persons out of pieces of the tables of a history, in bounded memory.

Pieces come in the order of their first claim. So when one comes that begins with some claim, all
rows of the claims before that one are there; what is there is cut where a person begins. A person
with more than a batch is waited for and handed out alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest
from medsettle.replay.part_columns import Column

_CLAIM: Final = "claim"
_CLAIMS: Final = "claims"
_LINES: Final = "lines"
_WHOSE: Final = ("pooling_area", "person")
_END: Final = limits.INT64_MAX


@dataclass(frozen=True, slots=True)
class BatchSize:
    """The most claims and lines of a batch; one person may have more."""

    claims: int = limits.REPLAY_BATCH_CLAIMS
    lines: int = limits.REPLAY_BATCH_LINES

    def __post_init__(self) -> None:
        """Check both.

        Raises:
            InvalidRequest: One is not within its bounds.
        """
        bounds = {
            _CLAIMS: (self.claims, limits.REPLAY_BATCH_CLAIMS),
            _LINES: (self.lines, limits.REPLAY_BATCH_LINES),
        }
        faults = [
            Fault(f"batch.{name}", f"{asked} {name} at a time; ask for 1 to {most}")
            for name, (asked, most) in bounds.items()
            if not 1 <= asked <= most
        ]
        if faults:
            raise InvalidRequest(faults)


@dataclass(slots=True)
class _Rows:
    """The rows of a table that are not handed out yet, and the last claim that it has told of."""

    pieces: list[pa.Table] = field(default_factory=list)
    numbers: list[Column] = field(default_factory=list)
    last: int = -1

    def claims(self) -> Column:
        """Return the number of the claim of each row, rising."""
        if len(self.numbers) > 1:
            self.numbers = [np.concatenate(self.numbers)]
        return self.numbers[0] if self.numbers else np.zeros(0, dtype=np.int64)

    def take(self, end: int) -> pa.Table | None:
        """Take the rows of the claims before one; None where there are none."""
        count = int(np.searchsorted(self.claims(), end))
        if not count:
            return None
        # A column that a piece has no values of is missing there.
        whole = pa.concat_tables(self.pieces, promote_options="default")
        self.pieces = [whole.slice(count)] if count < len(whole) else []
        self.numbers = [self.numbers[0][count:]] if count < len(whole) else []
        return whole.slice(0, count)


@dataclass(slots=True)
class WholePersons:
    """Cuts what comes into batches of whole persons.

    Args:
        size: How large a batch may be.
    """

    size: BatchSize = field(default_factory=BatchSize)
    _tables: dict[str, _Rows] = field(default_factory=dict)

    def add(self, name: str, piece: pa.Table) -> Iterator[dict[str, pa.Table]]:
        """Take a piece of a table, and yield the batches that are full.

        Args:
            name: Of the table, by `history.COLUMNS`.
            piece: Some rows with a column `claim` that does not fall; those of `moves` have the
                first claim of their person. Pieces of all tables come in the order of their first
                claim, those of one table in the order of their rows.

        Raises:
            InvalidRequest: Rows are not in order.
        """
        numbers = piece[_CLAIM].to_numpy()
        rows = self._tables.setdefault(name, _Rows())
        again = name == _CLAIMS and int(numbers[0]) == rows.last
        if again or numbers[0] < rows.last or (np.diff(numbers) < int(name == _CLAIMS)).any():
            message = f"the claims of {name} do not rise over its files after {rows.last}"
            raise InvalidRequest([Fault(f"history.{name}", f"{message}; make the history again")])
        rows.pieces.append(piece.drop_columns([_CLAIM]) if name == "moves" else piece)
        rows.numbers.append(numbers)
        rows.last = int(numbers[-1])
        yield from self._full(int(numbers[0]))

    def rest(self) -> Iterator[dict[str, pa.Table]]:
        """Yield what is left, once nothing comes any more.

        Raises:
            InvalidRequest: Some rows are of claims that are not there.
        """
        yield from self._full(_END)
        left = self._taken(_END)
        if _CLAIMS in left:
            yield left
        elif left:
            name = next(iter(left))
            message = "has rows of claims that are not there; make the history again"
            raise InvalidRequest([Fault(f"history.{name}", message)])

    def _full(self, known: int) -> Iterator[dict[str, pa.Table]]:
        """Yield full batches of claims before one; before it all rows are there."""
        while self._counted(_CLAIMS, known) > self.size.claims or (
            self._counted(_LINES, known) > self.size.lines
        ):
            end = self._end(known)
            if end is None:
                return
            yield self._taken(end)

    def _counted(self, name: str, end: int) -> int:
        """Return how many rows of a table are of claims before one."""
        rows = self._tables.get(name)
        return 0 if rows is None else int(np.searchsorted(rows.claims(), end))

    def _end(self, known: int) -> int | None:
        """Return the claim before which a batch ends; None where one person is not whole yet."""
        begins = self._begins()
        begins = begins[(begins > begins[:1]) & (begins <= known)]
        if not len(begins):
            return None
        fits = np.ones(len(begins), dtype=np.bool_)
        for name, most in ((_CLAIMS, self.size.claims), (_LINES, self.size.lines)):
            if name in self._tables:
                fits &= np.searchsorted(self._tables[name].claims(), begins) <= most
        # What fits grows with the claims, so the last that does is as large as may be.
        return int(begins[max(int(fits.sum()) - 1, 0)])

    def _begins(self) -> Column:
        """Return the first claim of each person that is here."""
        rows = self._tables.get(_CLAIMS)
        if rows is None or not rows.pieces:
            return np.zeros(0, dtype=np.int64)
        begins = np.ones(len(rows.claims()), dtype=np.bool_)
        differs = np.zeros(len(begins) - 1, dtype=np.bool_)
        for name in _WHOSE:
            codes = pa.chunked_array([chunk for each in rows.pieces for chunk in each[name].chunks])
            codes = codes.combine_chunks()
            differs |= pc.not_equal(codes[1:], codes[:-1]).to_numpy(zero_copy_only=False)
        begins[1:] = differs
        return rows.claims()[begins]

    def _taken(self, end: int) -> dict[str, pa.Table]:
        """Take all rows of the claims before one."""
        taken = {name: rows.take(end) for name, rows in self._tables.items()}
        return {name: table for name, table in taken.items() if table is not None}
