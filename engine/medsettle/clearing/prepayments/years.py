"""Which lines are behind: money stands on them, and the year was not recalculated.

Prepayments are recalculated once a year. A line that cleared nothing in the months that count may
be missing from the table that a year was computed from, and its money would stand for ever. Source:
`clearing.md` §3.4.
"""

from dataclasses import dataclass

from medsettle.clearing.prepayments.prepayment import Line
from medsettle.clearing.prepayments.store import PrepaymentStore, key_of
from medsettle.core.money import yuan_from_fen
from medsettle.ledger.side_file import rows_of, unavailable


@dataclass(frozen=True, slots=True)
class Behind:
    """A line that was not recalculated for `year`; `last` is the year it was, None for none."""

    line: Line
    year: int
    last: int | None
    standing_fen: int

    @property
    def reason(self) -> str:
        """What is to be done, in one sentence."""
        last = "never recalculated" if self.last is None else f"last recalculated for {self.last}"
        return (
            f"{last}, and {yuan_from_fen(self.standing_fen)} yuan stand; recalculate it for "
            f"{self.year}, with 0 for months that cleared nothing"
        )


def lines_behind(store: PrepaymentStore, year: int) -> list[Behind]:
    """Return the lines on which money stands that were not recalculated for a year, in order."""
    found = []
    for line in store.lines():
        with unavailable(store.path, "use"):
            sql = "select max(year) from requirements where insured = ? and care = ? and fund = ?"
            last = rows_of(store.connection, sql, *key_of(line))[0][0]
        standing_fen = store.standing_fen(line)
        if standing_fen and (last is None or last < year):
            found.append(Behind(line, year, last, standing_fen))
    return found
