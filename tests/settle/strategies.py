"""Random rule documents, built from the records of the model as the checker accepts them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from hypothesis import strategies as st
from medsettle.core.codes import FUND_NAMES, Debtor, Payee
from medsettle.core.dates import YearStart
from medsettle.core.money import Rounding
from medsettle.policy.amount_of import Base
from medsettle.policy.keys import RULE_DATES
from medsettle.policy.model import (
    STAGE_AMOUNTS,
    Bands,
    BandsAlong,
    BandsApply,
    Cap,
    CapOn,
    Ceiling,
    Deductible,
    Excess,
    Floor,
    Gap,
    Policy,
    Rate,
    RateSide,
    RoundingPoint,
    RoundingSide,
    ShareOf,
    Source,
    Stage,
    StageRounding,
    Unit,
)

from tests.settle.drawn_amounts import (
    AMOUNTS,
    FACTORS,
    FIRST_DAY,
    LARGE_AMOUNTS,
    POINTS,
    RATES,
    DrawnAmounts,
)
from tests.settle.drawn_facts import PLACE, SUM_COUNTERS, added_up, condition, counters
from tests.settle.nowhere import AREA, POTS

_NAMES = ("total", "remaining", "in_scope_total", *POTS)
_PAYERS = ("pooled_fund", "large_amount", "civil_servant", "assistance", "account", "mutual_aid")


class _Drafts:
    """The stages of a document while it is drawn."""

    def __init__(self, draw: st.DrawFn, stated: DrawnAmounts) -> None:
        self.draw = draw
        self.stated = stated

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
        if rate is not None and self.stated.tables[rate.table].banded:
            bands = self._bands(rate.table, inside=deductible is not None and draw(st.booleans()))
        if rate is not None and not target and not draw(st.integers(0, 3)):
            own = [f"{name}.{part}" for part in ("base", "kept_back", "deductible", "net")]
            of = self._base([*known, *own])
            rate = replace(rate, floor=Floor(self.stated.table(RATES), of))
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
            when=condition(draw, self.stated.dimensions),
            keep_back=None if draw(st.integers(0, 3)) else self.stated.table(RATES),
            deductible=deductible,
            bands=bands,
            rate=rate,
            caps=self._caps(solvable=solvable),
            rounding=rounding,
            account_limited=payer in {"account", "mutual_aid"},
            advance_for=self._debtor(payer),
            place=PLACE,
        )

    def _debtor(self, payer: str) -> Debtor | None:
        # Only a fund pays in advance.
        return None if payer not in FUND_NAMES else self.draw(st.none() | st.sampled_from(Debtor))

    def _deductible(self, known: Sequence[str]) -> Deductible:
        draw = self.draw
        share_of, at_most = None, None
        if not draw(st.integers(0, 2)):
            share_of = ShareOf(self._base(known), self.stated.table(RATES))
        if not draw(st.integers(0, 2)):
            at_most = Ceiling(self.stated.amount_table(), self._counter())
        return Deductible(self.stated.amount_of(limited=False), self._counter(), share_of, at_most)

    def payout(self, name: str, known: Sequence[str]) -> Stage:
        """Return a payout: a stage beside the bill, of an amount or of what others left."""
        draw, stated = self.draw, self.stated
        stage = replace(self.stage(name, known), payer="pooled_fund", account_limited=False)
        amount, base = None, Base((), ())
        if draw(st.integers(0, 2)):
            amount = stated.bounded(stated.amount_of(limited=True))
        else:
            base = stated.sum_of([*known, *stated.facts])
        paid = [name for name in known if name.endswith(".paid") and name not in stated.replaced]
        instead = draw(st.lists(st.sampled_from(paid), max_size=2, unique=True)) if paid else []
        stated.replaced |= {*instead}
        payee = draw(st.sampled_from(Payee))
        return replace(stage, payee=payee, amount=amount, base=base, instead_of=tuple(instead))

    def _base(self, known: Sequence[str]) -> Base:
        """Return a sum that mostly has something in it: scope, or what the last stage left."""
        draw = self.draw
        left = [name for name in known if name.endswith((".own_share", ".over_cap", ".net"))]
        likely = st.sampled_from(["in_scope", "remaining", *left])
        plus = added_up(draw, likely | st.sampled_from(known), 3)
        minus = draw(st.lists(st.sampled_from(known), max_size=1)) if draw(st.booleans()) else []
        return Base(plus, tuple(minus))

    def _counter(self) -> str | None:
        return self.draw(st.none() | st.sampled_from(SUM_COUNTERS))

    def _bands(self, table: str, *, inside: bool) -> Bands:
        # Only where every last band is open may one band decide for the whole amount.
        opened = all(
            version.limits_fen[-1] is None for version in self.stated.tables[table].versions
        )
        apply = BandsApply.MARGINAL
        if opened:
            apply = self.draw(st.sampled_from(BandsApply))
        along = self.draw(st.sampled_from(BandsAlong))
        counter = None
        if along is BandsAlong.RUNNING_TOTAL:
            counter = self.draw(st.sampled_from(SUM_COUNTERS))
        return Bands(along, apply, counter, inside)

    def _rate(self, known: Sequence[str]) -> Rate:
        draw = self.draw
        side = draw(st.sampled_from(RateSide))
        table = self.stated.table(RATES, banded=draw(st.booleans()))
        if side is RateSide.TARGET:
            counting = added_up(draw, st.sampled_from(known), 2)
            return self._changed(Rate(side, table, counting=counting))
        factor = self.stated.table(FACTORS) if draw(st.booleans()) else None
        return self._changed(Rate(side, table, factor))

    def _changed(self, rate: Rate) -> Rate:
        """Return a rate with some of the changes that may be made to it."""
        draw = self.draw
        if draw(st.booleans()):
            return rate
        points = [
            self.stated.table(POINTS, unit=Unit.POINTS) for _ in range(draw(st.integers(0, 2)))
        ]
        return replace(
            rate,
            points=tuple(points),
            points_times=self._points_times(),
            pays_factor=self.stated.table(FACTORS) if draw(st.booleans()) else None,
            at_most=self.stated.table(RATES) if draw(st.booleans()) else None,
        )

    def _points_times(self) -> tuple[tuple[str, str], ...]:
        if self.draw(st.integers(0, 2)):
            return ()
        times = self.draw(st.sampled_from(sorted(self.stated.quantities)))
        return ((self.stated.table(POINTS, unit=Unit.POINTS), times),)

    def _caps(self, *, solvable: bool) -> tuple[Cap, ...]:
        draw = self.draw
        excess = Excess.UNPAID_SHARE
        if solvable and draw(st.booleans()):
            excess = Excess.BACK_SOLVE
        caps = []
        for _ in range(draw(st.integers(0, 2))):
            on = draw(st.sampled_from([CapOn.PAYMENT, CapOn.PAYMENT, CapOn.BASE]))
            kind = excess if on is CapOn.PAYMENT else Excess.UNPAID_SHARE
            caps.append(Cap(self.stated.amount_of(limited=True), on, self._counter(), kind))
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
    stated = DrawnAmounts(draw, LARGE_AMOUNTS if large else AMOUNTS)
    drafts = _Drafts(draw, stated)
    known = list(_NAMES)
    stages, payouts = [], []
    for number in range(draw(st.integers(1, stages_max))):
        stages.append(drafts.stage(f"s{number}", known))
        known += [f"s{number}.{part}" for part in STAGE_AMOUNTS]
        stated.facts += [f"s{number}.{part}" for part in ("paid", "own_share", "deductible")]
    for number in range(draw(st.integers(0, 2))):
        payouts.append(drafts.payout(f"p{number}", known))
        known += [f"p{number}.{part}" for part in STAGE_AMOUNTS]
    gaps = draw(st.lists(st.sampled_from(known), max_size=1))
    random = stated.random
    policy = Policy(
        name="random",
        title="random",
        pooling_area=AREA.code,
        insurance_type="310",
        visit_types=("21",),
        in_force_from=FIRST_DAY,
        in_force_until=random.choice((None, date(2030, 1, 1))),
        rule_date=random.choice(RULE_DATES),
        year_start=random.choice((YearStart(), YearStart(7, 1), YearStart(8, 31))),
        sources={"source": Source("source", "notice", "nowhere", "invented")},
        dimensions=stated.dimensions,
        quantities=stated.quantities,
        counters=counters(draw, random, known, stated.dimensions),
        tables=stated.tables,
        stages=tuple(stages),
        payouts=tuple(payouts),
        gaps=tuple(Gap(amount, "unknown") for amount in gaps),
        file="random.yaml",
    )
    return _without_unused(policy)


def _without_unused(policy: Policy) -> Policy:
    """Return a document without what nothing in it looks at, which the checker refuses."""
    asked = {name for table in policy.tables.values() for name in table.by}
    conditions = [stage.when for stage in policy.all_stages]
    for counter in policy.counters.values():
        conditions.append(counter.when)
        asked |= {*counter.split_by}
    asked |= {name for condition in conditions for name, _ in condition}
    dimensions = {name: each for name, each in policy.dimensions.items() if name in asked}
    used = {each.column for each in dimensions.values() if each.kind == "quantity"}
    for stage in policy.all_stages:
        used |= {name for amount in stage.amounts() for name in amount.quantities()}
        used |= {name for _, name in stage.rate.points_times} if stage.rate else set()
    quantities = {name: each for name, each in policy.quantities.items() if name in used}
    return replace(policy, dimensions=dimensions, quantities=quantities)


def sharing(policy: Policy, other: Policy) -> Policy:
    """Return a document that counts its counters as another one of the same scheme does.

    What they add up, and when, stays its own.
    """
    counters = {
        name: replace(
            other.counters[name],
            sums=counter.sums,
            when=counter.when,
            dated_by=counter.dated_by,
        )
        for name, counter in policy.counters.items()
    }
    shared = replace(
        policy,
        year_start=other.year_start,
        dimensions=other.dimensions | policy.dimensions,
        quantities=other.quantities | policy.quantities,
        counters=counters,
    )
    return _without_unused(shared)
