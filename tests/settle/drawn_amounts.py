"""What random documents state: their tables, and amounts made of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from math import prod
from random import Random

from hypothesis import strategies as st
from medsettle import limits
from medsettle.core.money import Rounding
from medsettle.core.schema import CLAIM_AMOUNTS
from medsettle.policy.amount_of import AmountOf, AmountRounding, Base, Bound
from medsettle.policy.model import Table, Unit, Version

from tests.settle.drawn_facts import (
    PLACE,
    SUM_COUNTERS,
    added_up,
    dimensions,
    quantities,
)

FIRST_DAY = date(2020, 1, 1)
_SECOND_VERSION = date(2022, 7, 1)
_BEFORE = ("account", *SUM_COUNTERS)
# What counts may be for each of, so that all together stay what anything may be taken times.
_COUNTED_MOST = 30

# Tiny amounts meet every tie of rounding.
AMOUNTS = st.one_of(
    st.sampled_from([0, 1, 2, 7, 50, 100, 999, 65_000, 130_000, 3_000_000, 10_000_000]),
    st.integers(0, 2_000),
    st.integers(0, 50_000_000),
)
LARGE_AMOUNTS = st.one_of(
    st.integers(10**9, limits.AMOUNT_FEN_MAX),
    st.integers(10**11, limits.AMOUNT_FEN_MAX),
    st.sampled_from([limits.AMOUNT_FEN_MAX // 2, limits.AMOUNT_FEN_MAX - 1, limits.AMOUNT_FEN_MAX]),
    st.integers(0, 1_000_000),
)
RATES = st.one_of(
    st.sampled_from([Fraction(n, 100) for n in (0, 3, 5, 10, 15, 20, 50, 60, 85, 90, 97, 100)]),
    st.sampled_from([Fraction(1, 3), Fraction(2, 3), Fraction(955, 1000), Fraction(1, 7)]),
    st.integers(0, 1000).map(lambda n: Fraction(n, 1000)),
)
FACTORS = st.sampled_from([Fraction(n, 10) for n in (0, 5, 6, 8, 10, 12, 20)])
POINTS = st.sampled_from([Fraction(n, 1000) for n in (-1000, -200, -100, -25, 0, 20, 50, 100, 900)])


class DrawnAmounts:
    """What a document states while it is drawn, and what it looks at."""

    def __init__(self, draw: st.DrawFn, amounts: st.SearchStrategy[int]) -> None:
        self.draw = draw
        self.amounts = amounts
        # Drawn as a seed: what a document looks at is many small choices, and drawing is slow.
        self.random = Random(draw(st.integers(0, 2**20)))
        self.quantities = quantities(self.random)
        self.dimensions = dimensions(self.random, self.quantities)
        self.tables: dict[str, Table] = {}
        # Shares of the bill that a payout replaces already.
        self.replaced: set[str] = set()
        # What an amount may be `of`: grows with the stages.
        self.facts = [*CLAIM_AMOUNTS, *(f"{name}.before" for name in _BEFORE)]

    def amount_table(self) -> str:
        """Return the name of a new table of amounts."""
        return self.table(self.amounts.map(Fraction), unit=Unit.AMOUNT)

    def table(
        self,
        cells: st.SearchStrategy[Fraction],
        *,
        unit: Unit = Unit.RATE,
        banded: bool = False,
    ) -> str:
        """Return the name of a new table over up to two dimensions, in one or two versions."""
        draw = self.draw
        by = draw(st.lists(st.sampled_from(sorted(self.dimensions)), max_size=2, unique=True))
        rows = prod(len(self.dimensions[name].values) for name in by)
        versions = []
        for start in (FIRST_DAY, _SECOND_VERSION)[: draw(st.integers(1, 2))]:
            bounds = self._bounds() if banded else (None,)
            count = rows * len(bounds)
            drawn = tuple(draw(st.lists(cells, min_size=count, max_size=count)))
            versions.append(self._version(start, drawn, bounds))
        name = f"table_{len(self.tables)}"
        self.tables[name] = Table(name, unit, tuple(by), banded, tuple(versions), PLACE)
        return name

    def _version(
        self, start: date, cells: tuple[Fraction, ...], bounds: tuple[int | None, ...]
    ) -> Version:
        """Return a version, some with an end, and with what only people need to know."""
        random = self.random
        confidence, note = random.choice((("invented", ""), ("uncertain", "a guess")))
        issued = random.choice((start, start + timedelta(days=90)))
        # Some values are not known to hold for ever.
        until = None if random.randrange(30) else start + timedelta(days=700)
        return Version(start, cells, bounds, "source", confidence, note, issued, PLACE, until=until)

    def _bounds(self) -> tuple[int | None, ...]:
        closed = self.draw(st.sets(self.amounts.filter(bool), max_size=3).map(sorted))
        opened = not closed or self.draw(st.booleans())
        return (*closed, None) if opened else tuple(closed)

    def amount_of(self, *, limited: bool) -> AmountOf:
        """Return an amount, one in three with some of what may change it, a limit among it."""
        draw = self.draw
        table = self.amount_table() if draw(st.integers(0, 3)) else None
        of = None if table is not None else self.sum_of(self.facts)
        if draw(st.integers(0, 2)):
            return AmountOf(table, of=of)
        times = st.sampled_from(sorted(self.quantities))
        count = draw(st.integers(0, 2))
        return AmountOf(
            table,
            times=draw(st.none() | times),
            factor=self.table(FACTORS) if draw(st.booleans()) else None,
            plus=tuple((self.amount_table(), draw(st.none() | times)) for _ in range(count)),
            at_most=self.amount_table() if limited and draw(st.booleans()) else None,
            of=of,
        )

    def bounded(self, amount: AmountOf) -> AmountOf:
        """Return an amount with bounds, counts and a rounding of its own, some of the time."""
        draw = self.draw
        least, most = (self._bound() if draw(st.booleans()) else None for _ in range(2))
        amount = replace(amount, least=least, most=most)
        if draw(st.booleans()):
            few = [name for name, each in self.quantities.items() if each.most <= _COUNTED_MOST]
            quantities = st.none() | st.sampled_from(few) if few else st.none()
            count = draw(st.integers(1, 2))
            counts = tuple((self._count_table(), draw(quantities)) for _ in range(count))
            amount = replace(amount, times=None, counts=counts)
        many = amount.times is not None or bool(amount.counts)
        if many and draw(st.booleans()):
            amount = replace(amount, factor=amount.factor or self.table(FACTORS))
        each = many and amount.factor is not None and draw(st.booleans())
        to_fen, mode = draw(st.sampled_from((1, 100))), draw(st.sampled_from(Rounding))
        return replace(amount, rounding=AmountRounding(each, to_fen, mode))

    def sum_of(self, names: Sequence[str]) -> Base:
        """Return a sum of one or two amounts, perhaps less another."""
        draw = self.draw
        plus = added_up(draw, st.sampled_from(names), 2)
        minus = draw(st.lists(st.sampled_from(names), max_size=1)) if draw(st.booleans()) else []
        return Base(plus, tuple(minus))

    def _bound(self) -> Bound:
        factor = self.table(FACTORS) if self.draw(st.booleans()) else None
        return Bound(self.amount_table(), factor)

    def _count_table(self) -> str:
        return self.table(st.integers(0, 98).map(Fraction), unit=Unit.COUNT)
