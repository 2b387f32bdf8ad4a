"""Random rule documents, built from the records of the model as the checker accepts them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from math import prod

from hypothesis import strategies as st
from medsettle import limits
from medsettle.core.dates import Period, YearStart
from medsettle.core.money import Rounding
from medsettle.core.schema import CLAIM_AMOUNTS
from medsettle.policy.amount_of import AmountOf, AmountRounding, Base, Bound
from medsettle.policy.model import (
    STAGE_AMOUNTS,
    Bands,
    BandsAlong,
    BandsApply,
    Cap,
    CapOn,
    Ceiling,
    Counter,
    Deductible,
    Excess,
    Floor,
    Gap,
    Payee,
    Policy,
    Rate,
    RateSide,
    RoundingPoint,
    RoundingSide,
    ShareOf,
    Stage,
    StageRounding,
    Table,
    Unit,
    Version,
)
from medsettle.policy.tree import Place

from tests.settle.nowhere import AREA, DIMENSIONS, POTS, QUANTITIES

_NAMES = ("total", "remaining", "in_scope_total", *POTS)
_PLACE = Place("random.yaml", 1, 1, "")
_FROM = date(2020, 1, 1)
_SECOND_VERSION = date(2022, 7, 1)

_PERIODS = [period for period in Period if period is not Period.TREATMENT_YEAR]
_SUM_COUNTERS = ("spent", "paid", "met")
_BEFORE = ("account", *_SUM_COUNTERS)
_PAYERS = ("pooled_fund", "large_amount", "civil_servant", "assistance", "account", "mutual_aid")

# Tiny amounts meet every tie of rounding.
_AMOUNTS = st.one_of(
    st.sampled_from([0, 1, 2, 7, 50, 100, 999, 65_000, 130_000, 3_000_000, 10_000_000]),
    st.integers(0, 2_000),
    st.integers(0, 50_000_000),
)
_LARGE_AMOUNTS = st.one_of(
    st.integers(10**9, limits.AMOUNT_FEN_MAX),
    st.integers(10**11, limits.AMOUNT_FEN_MAX),
    st.sampled_from([limits.AMOUNT_FEN_MAX // 2, limits.AMOUNT_FEN_MAX - 1, limits.AMOUNT_FEN_MAX]),
    st.integers(0, 1_000_000),
)
_RATES = st.one_of(
    st.sampled_from([Fraction(n, 100) for n in (0, 3, 5, 10, 15, 20, 50, 60, 85, 90, 97, 100)]),
    st.sampled_from([Fraction(1, 3), Fraction(2, 3), Fraction(955, 1000), Fraction(1, 7)]),
    st.integers(0, 1000).map(lambda n: Fraction(n, 1000)),
)
_FACTORS = st.sampled_from([Fraction(n, 10) for n in (0, 5, 6, 8, 10, 12, 20)])
_POINTS = st.sampled_from(
    [Fraction(n, 1000) for n in (-1000, -200, -100, -25, 0, 20, 50, 100, 900)]
)


class _Drafts:
    """A document while it is drawn: its tables so far."""

    def __init__(self, draw: st.DrawFn, amounts: st.SearchStrategy[int]) -> None:
        self.draw = draw
        self.amounts = amounts
        self.tables: dict[str, Table] = {}
        # What an amount may be `of`: grows with the stages.
        self.facts: list[str] = [*CLAIM_AMOUNTS, *(f"{n}.before" for n in _BEFORE)]

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
        by = draw(st.lists(st.sampled_from(sorted(DIMENSIONS)), max_size=2, unique=True))
        rows = prod(len(DIMENSIONS[name].values) for name in by)
        versions = []
        for start in (_FROM, _SECOND_VERSION)[: draw(st.integers(1, 2))]:
            bounds = self._bounds() if banded else (None,)
            count = rows * len(bounds)
            drawn = tuple(draw(st.lists(cells, min_size=count, max_size=count)))
            versions.append(Version(start, drawn, bounds, "source", "invented", "", start, _PLACE))
        name = f"table_{len(self.tables)}"
        self.tables[name] = Table(name, unit, tuple(by), banded, tuple(versions), _PLACE)
        return name

    def _bounds(self) -> tuple[int | None, ...]:
        closed = self.draw(st.sets(self.amounts.filter(bool), max_size=3).map(sorted))
        opened = not closed or self.draw(st.booleans())
        return (*closed, None) if opened else tuple(closed)

    def stage(self, name: str, known: Sequence[str]) -> Stage:
        """Return a stage that names only what stands before it."""
        draw = self.draw
        payer = draw(st.sampled_from(_PAYERS))
        rate = self._rate(known) if draw(st.integers(0, 4)) else None
        target = rate is not None and rate.side is RateSide.TARGET
        deductible = None
        if draw(st.booleans()):
            deductible = self._deductible(known)
        bands = None
        if rate is not None and self.tables[rate.table].banded:
            bands = self._bands(rate.table, inside=deductible is not None and draw(st.booleans()))
        if rate is not None and not target and not draw(st.integers(0, 3)):
            own = [f"{name}.{part}" for part in ("base", "kept_back", "deductible", "net")]
            of = self._base([*known, *own])
            rate = replace(rate, floor=Floor(self.table(_RATES), of))
        solvable = rate is not None and not target and rate.floor is None
        rounding = None
        if rate is not None or draw(st.booleans()):
            rounding = self._rounding(payer_only=target)
        return Stage(
            name=name,
            payer=payer,
            title=name,
            source="source",
            base=self._base(known),
            when=self.when(),
            keep_back=None if draw(st.integers(0, 3)) else self.table(_RATES),
            deductible=deductible,
            bands=bands,
            rate=rate,
            caps=self._caps(solvable=solvable),
            rounding=rounding,
            account_limited=payer in {"account", "mutual_aid"},
            place=_PLACE,
        )

    def _deductible(self, known: Sequence[str]) -> Deductible:
        draw = self.draw
        share_of, at_most = None, None
        if not draw(st.integers(0, 2)):
            share_of = ShareOf(self._base(known), self.table(_RATES))
        if not draw(st.integers(0, 2)):
            at_most = Ceiling(self.amount_table(), self._counter())
        amount = replace(self.amount_of(), at_most=None)
        return Deductible(amount, self._counter(), share_of, at_most)

    def amount_of(self) -> AmountOf:
        """Return an amount, one in three with some of what may change it."""
        draw = self.draw
        table = None if not draw(st.integers(0, 3)) else self.amount_table()
        of = None if table is not None else self._sum(self.facts)
        if draw(st.integers(0, 2)):
            return AmountOf(table, of=of)
        quantities = st.sampled_from(sorted(QUANTITIES))
        count = draw(st.integers(0, 2))
        return AmountOf(
            table,
            times=draw(st.none() | quantities),
            factor=self.table(_FACTORS) if draw(st.booleans()) else None,
            plus=tuple((self.amount_table(), draw(st.none() | quantities)) for _ in range(count)),
            at_most=self.amount_table() if draw(st.booleans()) else None,
            of=of,
        )

    def _limited(self, amount: AmountOf) -> AmountOf:
        """Return an amount with bounds, counts and a rounding of its own, some of the time."""
        draw = self.draw
        least, most = (self._bound() if draw(st.booleans()) else None for _ in range(2))
        amount = replace(amount, least=least, most=most)
        if draw(st.booleans()):
            quantities = st.none() | st.sampled_from(sorted(QUANTITIES))
            count = draw(st.integers(1, 2))
            counts = tuple((self._count_table(), draw(quantities)) for _ in range(count))
            amount = replace(amount, times=None, counts=counts)
        each = draw(st.booleans()) and amount.factor is not None
        to_fen, mode = draw(st.sampled_from((1, 100))), draw(st.sampled_from(Rounding))
        return replace(amount, rounding=AmountRounding(each, to_fen, mode))

    def _bound(self) -> Bound:
        factor = self.table(_FACTORS) if self.draw(st.booleans()) else None
        return Bound(self.amount_table(), factor)

    def _count_table(self) -> str:
        return self.table(st.integers(0, 98).map(Fraction), unit=Unit.COUNT)

    def payout(self, name: str, known: Sequence[str]) -> Stage:
        """Return a payout: a stage beside the bill, of an amount or of what others left."""
        draw = self.draw
        stage = replace(self.stage(name, known), payer="pooled_fund", account_limited=False)
        amount = self._limited(self.amount_of()) if draw(st.integers(0, 2)) else None
        base = Base((), ()) if amount is not None else self._sum([*known, *self.facts])
        paid = [name for name in known if name.endswith(".paid")]
        instead = draw(st.lists(st.sampled_from(paid), max_size=2, unique=True)) if paid else []
        payee = draw(st.sampled_from(Payee))
        return replace(stage, payee=payee, amount=amount, base=base, instead_of=tuple(instead))

    def _sum(self, names: Sequence[str]) -> Base:
        draw = self.draw
        plus = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        minus = draw(st.lists(st.sampled_from(names), max_size=1)) if draw(st.booleans()) else []
        return Base(tuple(plus), tuple(minus))

    def _base(self, known: Sequence[str]) -> Base:
        """Return a sum that mostly has something in it: scope, or what the last stage left."""
        draw = self.draw
        left = [name for name in known if name.endswith((".own_share", ".over_cap", ".net"))]
        likely = st.sampled_from(["in_scope", "remaining", *left])
        plus = draw(st.lists(likely | st.sampled_from(known), min_size=1, max_size=3, unique=True))
        minus = draw(st.lists(st.sampled_from(known), max_size=1)) if draw(st.booleans()) else []
        return Base(tuple(plus), tuple(minus))

    def when(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        draw = self.draw
        if draw(st.integers(0, 3)):
            return ()
        name = draw(st.sampled_from(sorted(DIMENSIONS)))
        values = DIMENSIONS[name].values
        chosen = draw(st.lists(st.sampled_from(values), min_size=1, unique=True))
        return ((name, tuple(chosen)),)

    def _counter(self) -> str | None:
        return self.draw(st.none() | st.sampled_from(_SUM_COUNTERS))

    def _bands(self, table: str, *, inside: bool) -> Bands:
        # Only where every last band is open may one band decide for the whole amount.
        opened = all(version.limits_fen[-1] is None for version in self.tables[table].versions)
        apply = BandsApply.MARGINAL
        if opened:
            apply = self.draw(st.sampled_from(BandsApply))
        along = self.draw(st.sampled_from(BandsAlong))
        counter = None
        if along is BandsAlong.RUNNING_TOTAL:
            counter = self.draw(st.sampled_from(_SUM_COUNTERS))
        return Bands(along, apply, counter, inside)

    def _rate(self, known: Sequence[str]) -> Rate:
        draw = self.draw
        side = draw(st.sampled_from(RateSide))
        table = self.table(_RATES, banded=draw(st.booleans()))
        if side is RateSide.TARGET:
            counting = draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
            return self._changed(Rate(side, table, counting=tuple(counting)))
        factor = self.table(_FACTORS) if draw(st.booleans()) else None
        return self._changed(Rate(side, table, factor))

    def _changed(self, rate: Rate) -> Rate:
        """Return a rate with some of the changes that may be made to it."""
        draw = self.draw
        if draw(st.booleans()):
            return rate
        points = [self.table(_POINTS, unit=Unit.POINTS) for _ in range(draw(st.integers(0, 2)))]
        return replace(
            rate,
            points=tuple(points),
            points_times=((self.table(_POINTS, unit=Unit.POINTS), "days"),)
            if not draw(st.integers(0, 2))
            else (),
            pays_factor=self.table(_FACTORS) if draw(st.booleans()) else None,
            at_most=self.table(_RATES) if draw(st.booleans()) else None,
        )

    def _caps(self, *, solvable: bool) -> tuple[Cap, ...]:
        draw = self.draw
        excess = Excess.UNPAID_SHARE
        if solvable and draw(st.booleans()):
            excess = Excess.BACK_SOLVE
        caps = []
        for _ in range(draw(st.integers(0, 2))):
            on = draw(st.sampled_from([CapOn.PAYMENT, CapOn.PAYMENT, CapOn.BASE]))
            kind = excess if on is CapOn.PAYMENT else Excess.UNPAID_SHARE
            caps.append(Cap(self.amount_of(), on, self._counter(), kind))
        return tuple(caps)

    def _rounding(self, *, payer_only: bool) -> StageRounding:
        draw = self.draw
        side = RoundingSide.PAYER if payer_only else draw(st.sampled_from(RoundingSide))
        at, mode = draw(st.sampled_from(RoundingPoint)), draw(st.sampled_from(Rounding))
        return StageRounding(at, side, mode)


@st.composite
def policies(draw: st.DrawFn, stages_max: int = 4, *, large: bool = False) -> Policy:
    """Return a random document of a few stages over every question of the language.

    With `large`, its limits, caps and deductibles reach up to the largest amount there is.
    """
    drafts = _Drafts(draw, _LARGE_AMOUNTS if large else _AMOUNTS)
    known = list(_NAMES)
    stages = []
    for number in range(draw(st.integers(1, stages_max))):
        stages.append(drafts.stage(f"s{number}", known))
        known += [f"s{number}.{part}" for part in STAGE_AMOUNTS]
        drafts.facts += [f"s{number}.{part}" for part in ("paid", "own_share", "deductible")]
    payouts = []
    for number in range(draw(st.integers(0, 2))):
        payouts.append(drafts.payout(f"p{number}", known))
        known += [f"p{number}.{part}" for part in STAGE_AMOUNTS]
    counters = {"admissions": Counter("admissions", Period.BENEFIT_YEAR, (), _PLACE)}
    for name in _SUM_COUNTERS:
        sums = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))
        period = draw(st.sampled_from(_PERIODS))
        when = drafts.when()
        counters[name] = Counter(name, period, tuple(sums), _PLACE, when)
    gaps = draw(st.lists(st.sampled_from(known), max_size=1))
    return Policy(
        name="random",
        title="random",
        pooling_area=AREA.code,
        insurance_type="310",
        visit_types=("21",),
        in_force_from=_FROM,
        in_force_until=None,
        rule_date="service_date",
        year_start=draw(st.sampled_from([YearStart(), YearStart(7, 1)])),
        sources={},
        dimensions=DIMENSIONS,
        quantities=QUANTITIES,
        counters=counters,
        tables=drafts.tables,
        stages=tuple(stages),
        payouts=tuple(payouts),
        gaps=tuple(Gap(amount, "unknown") for amount in gaps),
        file="random.yaml",
    )
