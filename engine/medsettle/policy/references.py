"""Look up the tables and counters that stages name, and hold their values against their use."""

from collections.abc import Iterable
from dataclasses import dataclass

from medsettle import limits
from medsettle.core.money import rate_text
from medsettle.policy.checker import Checker
from medsettle.policy.keys import SETTLEMENT
from medsettle.policy.model import Counter, Unit
from medsettle.policy.quantity import Quantity
from medsettle.policy.rates import denominator
from medsettle.policy.read_tables import TableReader
from medsettle.policy.tree import Place, Value
from medsettle.policy.vocabulary import quoted

_PLURALS = {
    Unit.AMOUNT: "amounts",
    Unit.RATE: "rates",
    Unit.POINTS: "percentage points",
    Unit.COUNT: "counts",
}


@dataclass(frozen=True)
class References:
    """The tables and counters of one document, as its stages name them."""

    check: Checker
    tables: TableReader
    counters: dict[str, Counter]
    quantities: dict[str, Quantity]

    def quantity(self, value: Value | None, most: int = limits.TIMES_MAX) -> str | None:
        """Return the quantity that a text names, which something is taken times."""
        name = self.check.known(value, self.quantities, "quantity")
        if name is not None and value is not None and self.quantities[name].most > most:
            self.check.refuse(
                value.place,
                f"quantity {quoted(name)} may be up to {self.quantities[name].most:,}, and nothing "
                f"is taken more than {most:,} times; give it `at_most`",
            )
            return None
        return name

    def table(self, value: Value | None, unit: Unit, *, banded: bool = False) -> str | None:
        """Return the table of a unit that a text names."""
        name = self.check.known(value, self.tables.tables, "table")
        if name is None or value is None or name in self.tables.unitless:
            return name
        table = self.tables.tables[name]
        if table.unit is not unit:
            self.check.refuse(
                value.place,
                f"table {quoted(name)} holds {_PLURALS[table.unit]}, and {_PLURALS[unit]} are "
                "needed; name another table",
            )
            return None
        if table.banded and not banded:
            self.check.refuse(
                value.place,
                f"table {quoted(name)} has bands, and only the rate of a stage has; name a table "
                "without bands",
            )
        return name

    def rate_table(self, value: Value | None) -> str | None:
        """Return a table of rates without bands that can be computed with exactly."""
        name = self.table(value, Unit.RATE)
        if name is not None and value is not None:
            divisor = denominator(self.tables.tables[name])
            self.refuse_fine(value.place, divisor, [name])
        return name

    def counter(self, value: Value | None, *, or_settlement: bool) -> str | None:
        """Return the counter of amounts that a text names."""
        own = [SETTLEMENT] if or_settlement else []
        what = "counter (or `settlement`)" if or_settlement else "counter"
        name = self.check.known(value, [*own, *self.counters], what)
        if name in self.counters and not self.counters[name].sums and value is not None:
            self.check.refuse(
                value.place,
                f"counter {quoted(name)} counts settlements, and amounts are needed; name a "
                "counter with `sums`",
            )
        return name

    def refuse_above_one(self, table: str) -> None:
        """Refuse shares above the whole, at the cells that state them."""
        held = self.tables.tables[table]
        for version, places in zip(held.versions, self.tables.places[table], strict=True):
            # One row may stand for many classes, and is told once.
            for cell, place in dict.fromkeys(zip(version.cells, places, strict=True)):
                if cell > 1:
                    self.check.refuse(
                        place,
                        f"{rate_text(cell)} is above 100%, and a share is never more than the "
                        "whole; correct it",
                    )

    def refuse_fine(self, place: Place, divisor: int, tables: Iterable[str]) -> None:
        """Refuse rates that have no common divisor to compute with exactly."""
        if divisor > limits.RATE_DIVISOR_MAX:
            most = f"{limits.RATE_DIVISOR_MAX:,}"
            self.check.refuse(
                place,
                f"the rates of {' and '.join(quoted(name) for name in tables)} together have no "
                f"common denominator up to {most}; write fewer different fractions, or percentages",
            )
