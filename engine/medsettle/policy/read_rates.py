"""Read at which rate a stage pays: bands, rates, rounding."""

from dataclasses import dataclass

from medsettle import limits
from medsettle.core.money import Rounding, yuan_from_fen
from medsettle.policy import amount_keys, keys
from medsettle.policy.checker import Checker
from medsettle.policy.model import (
    Bands,
    BandsAlong,
    BandsApply,
    Floor,
    Rate,
    RateSide,
    RoundingPoint,
    RoundingSide,
    StageRounding,
    Table,
    Unit,
)
from medsettle.policy.named_amounts import AmountNames
from medsettle.policy.rates import denominator, rate_divisor
from medsettle.policy.references import References
from medsettle.policy.tree import Map, Value
from medsettle.policy.vocabulary import quoted

_KNOWN_BEFORE_RATES = ("base", "kept_back", "deductible", "net")


@dataclass(frozen=True)
class RateReader:
    """Reads bands, rate and rounding of the stages of one document."""

    check: Checker
    refs: References
    amounts: AmountNames

    def bands(self, value: Value | None, *, has_deductible: bool) -> Bands | None:
        """Return along what the bands of a stage run, None where it says nothing of them."""
        if value is None:
            return None
        check = self.check
        parts = check.record(value, keys.BANDS)
        if not parts:
            return None
        check.text(parts.get("note"))
        along = check.choice(parts.get("along"), BandsAlong, BandsAlong.SETTLEMENT)
        counter = self.refs.counter(parts.get("counter"), or_settlement=False)
        running = along is BandsAlong.RUNNING_TOTAL
        if running and "counter" not in parts:
            says = "the counter of the running total"
            check.refuse_missing(value.place, "counter", says)
        if not running and "counter" in parts and "along" in parts:
            check.refuse(
                parts["counter"].place,
                "bands along the settlement need no counter; delete it, or write "
                "`along: running_total`",
            )
        switch = parts.get("deductible")
        if has_deductible and switch is None:
            says = "`inside` or `outside`: whether the deductible fills the first band"
            check.refuse_missing(value.place, "deductible", says)
        if switch is not None and not has_deductible:
            check.refuse(
                switch.place, "this stage has no deductible; delete the key, or add the deductible"
            )
        inside = check.one_of(switch, keys.DEDUCTIBLE_SIDES) == keys.DEDUCTIBLE_SIDES[0]
        apply = check.choice(parts.get("apply"), BandsApply, BandsApply.MARGINAL)
        return Bands(along, apply, counter, inside)

    def refuse_unlike(
        self, item: Value, parts: dict[str, Value], bands: Bands | None, rate: Rate | None
    ) -> None:
        """Refuse bands of a stage that its rate table does not have, and the other way round."""
        if rate is None:
            return
        table = self.refs.tables.tables[rate.table]
        banded = table.banded
        if banded and bands is not None and bands.apply is BandsApply.WHOLE:
            self._refuse_closed(table)
        if banded and "bands" not in parts:
            self.check.refuse_missing(
                item.place, "bands", "along what the bands of the rate table run"
            )
        if not banded and "bands" in parts:
            self.check.refuse(
                parts["bands"].place,
                f"the rate table {quoted(rate.table)} has no bands; delete `bands` here, or write "
                "`bands: yes` in the table",
            )

    def _refuse_closed(self, table: Table) -> None:
        """Refuse a last band with an end where one band decides the rate of the whole amount."""
        for version in table.versions:
            last = version.limits_fen[-1]
            if last is not None:
                self.check.refuse(
                    version.place,
                    f"the last band ends at {yuan_from_fen(last)}元, and with `apply: whole` an "
                    "amount above it has no rate; write `open` as the last limit",
                )

    def rate(self, value: Value | None) -> Rate | None:
        """Return the rate of a stage, None where it has none that can be read."""
        check = self.check
        parts = check.record(value, keys.RATE)
        if value is None or not (parts or check.is_blank(value)):
            return None
        check.text(parts.get("note"))
        sides = [side for side in RateSide if side.value in parts]
        if len(sides) != 1:
            found = " and ".join(sides) if sides else "none"
            check.refuse(
                value.place, f"a rate has one of own, pays, target; found {found}; write one"
            )
            return None
        side = sides[0]
        if side is RateSide.TARGET and "counting" not in parts:
            check.refuse_missing(value.place, "counting", "what counts towards a target")
        if side is not RateSide.TARGET and "counting" in parts:
            check.refuse(parts["counting"].place, "only a target counts; delete `counting`")
        if side is RateSide.TARGET and "own_factor" in parts:
            check.refuse(
                parts["own_factor"].place, "a target has no own share to change; delete the factor"
            )
        table = self.refs.table(parts[side.value], Unit.RATE, banded=True)
        factor = self.refs.table(parts.get("own_factor"), Unit.RATE)
        counting = self.amounts.many(parts.get("counting"))
        points, points_times = self._points(parts.get("points"))
        pays_factor = self.refs.table(parts.get("pays_factor"), Unit.RATE)
        at_most = self.refs.table(parts.get("at_most"), Unit.RATE)
        if side is RateSide.TARGET and "floor" in parts:
            check.refuse(
                parts["floor"].place, "a target is met with what others pay; delete `floor`"
            )
        floor = self._floor(parts.get("floor"))
        if at_most is not None:
            self.refs.refuse_above_one(at_most)
        if table is None:
            return None
        self.refs.refuse_above_one(table)
        rate = Rate(
            side, table, factor, counting, points, points_times, pays_factor, at_most, floor
        )
        divisor = rate_divisor(self.refs.tables.tables, rate)
        self.refs.refuse_fine(parts[side.value].place, divisor, rate.tables())
        return rate

    def _floor(self, value: Value | None) -> Floor | None:
        parts = self.check.record(value, keys.FLOOR)
        # What is left after the deductible is known before anything is paid of it.
        self.amounts.own_parts = _KNOWN_BEFORE_RATES
        of = self.amounts.base(parts.get("of"))
        self.amounts.own_parts = ()
        table = self.refs.table(parts.get("rate"), Unit.RATE)
        if table is None:
            return None
        self.refs.refuse_above_one(table)
        divisor = denominator(self.refs.tables.tables[table])
        self.refs.refuse_fine(parts["rate"].place, divisor, [table])
        return Floor(table, of)

    def _points(self, value: Value | None) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """Return the tables of points, each named once, and those taken times a quantity."""
        found: list[str] = []
        times: list[tuple[str, str]] = []
        for item in self.check.items(value, "tables of percentage points"):
            if isinstance(item, Map):
                parts = self.check.record(item, amount_keys.TIMES)
                table = self.refs.table(parts.get("table"), Unit.POINTS)
                quantity = self.refs.quantity(parts.get("times"), limits.POINTS_TIMES_MAX)
                if table is not None and quantity is not None:
                    times.append((table, quantity))
                continue
            name = self.refs.table(item, Unit.POINTS)
            if name is not None and name in found:
                self.check.refuse(
                    item.place, f"{quoted(name)} is listed twice; keep one of the two"
                )
            elif name is not None:
                found.append(name)
        return tuple(found), tuple(times)

    def rounding(
        self, item: Value, parts: dict[str, Value], rate: Rate | None
    ) -> StageRounding | None:
        """Return where a stage rounds; a stage with a rate has to say it."""
        check = self.check
        value = parts.get("rounding")
        if value is None:
            if "rate" in parts:
                says = "where, on which side and how the share becomes whole fen"
                check.refuse_missing(item.place, "rounding", says)
            return None
        body = check.record(value, keys.ROUNDING)
        side = check.choice(body.get("side"), RoundingSide, RoundingSide.PAYER)
        if rate is not None and rate.side is RateSide.TARGET and side is RoundingSide.OWN:
            check.refuse(body["side"].place, "a target rounds what is paid; write `side: payer`")
        return StageRounding(
            check.choice(body.get("at"), RoundingPoint, RoundingPoint.STAGE),
            side,
            check.choice(body.get("mode"), Rounding, Rounding.HALF_UP),
        )
