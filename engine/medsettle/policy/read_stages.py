"""Read the stages of a rule document: each payer's five questions."""

from dataclasses import dataclass, field

from medsettle import limits
from medsettle.core import codes
from medsettle.core.money import Rounding, rate_text
from medsettle.policy import keys
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.keys import SETTLEMENT, TOTAL_NAMES
from medsettle.policy.model import (
    Bands,
    BandsAlong,
    Base,
    Cap,
    CapOn,
    Counter,
    Deductible,
    Dimension,
    Excess,
    Rate,
    RateSide,
    RoundingPoint,
    RoundingSide,
    Source,
    Stage,
    StageRounding,
    Unit,
)
from medsettle.policy.named_amounts import AmountNames
from medsettle.policy.read_facts import cited
from medsettle.policy.read_tables import TableReader, denominator
from medsettle.policy.tree import Map, Place, Text, Value
from medsettle.policy.vocabulary import canonical, quoted

__all__ = ["TOTAL_NAMES", "StageReader", "stage_names"]

_ACCOUNT_PAYER = "account"


def stage_names(check: Checker, value: Value | None) -> tuple[str, ...]:
    """Return the names of all stages in order, blank where a stage has none."""
    found = []
    for item in check.items(value, "stages in the order of payment"):
        entries = item if isinstance(item, Map) else ()
        named = [entry.value for entry in entries if canonical(entry.key.value) == "stage"]
        found.append(named[0].value.strip() if named and isinstance(named[0], Text) else "")
    return tuple(found)


@dataclass
class StageReader:
    """Reads the stages in order; a stage may only name what stands before it."""

    check: Checker
    tables: TableReader
    counters: dict[str, Counter]
    dimensions: dict[str, Dimension]
    sources: dict[str, Source]
    amounts: AmountNames
    stages: list[Stage] = field(default_factory=list)

    def read(self, value: Value | None) -> tuple[Stage, ...]:
        """Return the stages in the order of payment."""
        items = value.items if value is not None and not isinstance(value, Text | Map) else ()
        if isinstance(value, Text) and value.value:
            self.check.refuse(value.place, f"found {quoted(value.value)}; list the stages")
        if len(items) > limits.STAGES_PER_POLICY_MAX and value is not None:
            most = limits.STAGES_PER_POLICY_MAX
            self.check.refuse(value.place, f"{len(items)} stages, more than {most}; join some")
        for item in items:
            parts = self.check.record(item, keys.STAGE)
            if parts:
                self.stages.append(self._stage(item, parts))
            self.amounts.known += 1
        return tuple(self.stages)

    def _stage(self, item: Value, parts: dict[str, Value]) -> Stage:
        check = self.check
        name = self._name(parts.get("stage"))
        payer = check.known(parts.get("payer"), codes.PAYER_NAMES, "payer")
        rate = self._rate(parts.get("rate"))
        target = "rate" in parts and rate is not None and rate.side is RateSide.TARGET
        caps = tuple(
            self._cap(entry, has_rate="rate" in parts, target=target)
            for entry in check.items(parts.get("caps"), "caps")
        )
        self._refuse_mixed_excess(parts.get("caps"), caps)
        bands = self._bands(parts.get("bands"), has_deductible="deductible" in parts)
        self._refuse_unbanded(item, parts, rate)
        check.text(parts.get("note"))
        return Stage(
            name=name,
            payer=payer or codes.PAYER_NAMES[0],
            title=check.text(parts.get("title")) or name,
            source=cited(check, parts.get("source"), self.sources) or "",
            base=self._base(parts.get("base")),
            when=self._when(parts.get("when")),
            keep_back=self._keep_back(parts.get("keep_back")),
            deductible=self._deductible(parts.get("deductible")),
            bands=bands,
            rate=rate,
            caps=tuple(cap for cap in caps if cap is not None),
            rounding=self._rounding(item, parts, rate),
            account_limited=self._limit(item, parts.get("limit"), payer),
            place=item.place,
        )

    def _name(self, value: Value | None) -> str:
        name = self.check.text(value)
        if value is None or not name:
            return name
        self.check.check_name(name, value.place)
        if (other := same_name(name, [stage.name for stage in self.stages])) is not None:
            self.check.refuse(
                value.place, f"{quoted(other)} is the name of an earlier stage; rename one"
            )
        if (other := same_name(name, keys.RESERVED_NAMES)) is not None:
            self.check.refuse(
                value.place, f"{quoted(other)} is the name of an amount; rename the stage"
            )
        return name

    def _limit(self, item: Value, value: Value | None, payer: str | None) -> bool:
        limited = self.check.one_of(value, [keys.ACCOUNT_BALANCE]) is not None
        if payer == _ACCOUNT_PAYER and value is None:
            self.check.refuse(
                item.place,
                "the payer `account` pays from a balance; write `limit: account_balance`",
            )
        if payer not in {_ACCOUNT_PAYER, None} and value is not None:
            self.check.refuse(value.place, "only the payer `account` has a balance; delete `limit`")
        return limited

    # --- base and condition ------------------------------------------------------------------

    def _base(self, value: Value | None) -> Base:
        if not isinstance(value, Map):
            return Base(self.amounts.many(value), ())
        parts = self.check.record(value, keys.BASE)
        return Base(self.amounts.many(parts.get("plus")), self.amounts.many(parts.get("minus")))

    def _when(self, value: Value | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
        found = []
        for word, place, classes in self.check.entries(value, "dimensions with their classes"):
            name = self.check.known(Text(place, word), self.dimensions, "dimension")
            if name is not None and self.dimensions[name].values:
                known = self.dimensions[name].values
                chosen = self.check.known_all(classes, known, f"class of {name}")
                found.append((name, chosen))
        return tuple(found)

    # --- tables and counters -----------------------------------------------------------------

    def _table(self, value: Value | None, unit: Unit, *, banded: bool = False) -> str | None:
        name = self.check.known(value, self.tables.tables, "table")
        if name is None or value is None or name in self.tables.unitless:
            return name
        table = self.tables.tables[name]
        if table.unit is not unit:
            self.check.refuse(
                value.place,
                f"table {quoted(name)} holds {table.unit.value}s, and {unit.value}s are needed; "
                "name another table",
            )
            return None
        if table.banded and not banded:
            self.check.refuse(
                value.place,
                f"table {quoted(name)} has bands, and only the rate of a stage has; name a table "
                "without bands",
            )
        return name

    def _counter(self, value: Value | None, *, or_settlement: bool) -> str | None:
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

    def _refuse_above_one(self, table: str) -> None:
        """Refuse shares above the whole, at the cells that state them."""
        held = self.tables.tables[table]
        for version, places in zip(held.versions, self.tables.places[table], strict=True):
            for cell, place in zip(version.cells, places, strict=True):
                if cell > 1:
                    self.check.refuse(
                        place,
                        f"{rate_text(cell)} is above 100%, and a share is never more than the "
                        "whole; correct it",
                    )

    def _refuse_fine(self, place: Place, tables: list[str]) -> None:
        """Refuse rates that have no common denominator to compute with exactly."""
        divisor = 1
        for name in tables:
            divisor *= denominator(self.tables.tables[name])
        if divisor > limits.RATE_DIVISOR_MAX:
            most = f"{limits.RATE_DIVISOR_MAX:,}"
            self.check.refuse(
                place,
                f"the rates of {' and '.join(quoted(name) for name in tables)} together have no "
                f"common denominator up to {most}; write fewer different fractions, or percentages",
            )

    # --- the questions -----------------------------------------------------------------------

    def _keep_back(self, value: Value | None) -> str | None:
        name = self._table(value, Unit.RATE)
        if name is not None and value is not None:
            self._refuse_above_one(name)
            self._refuse_fine(value.place, [name])
        return name

    def _deductible(self, value: Value | None) -> Deductible | None:
        parts = self.check.record(value, keys.DEDUCTIBLE)
        self.check.text(parts.get("note"))
        table = self._table(parts.get("table"), Unit.AMOUNT)
        per = self._counter(parts.get("per"), or_settlement=True)
        if table is None or per is None:
            return None
        return Deductible(table, None if per == SETTLEMENT else per)

    def _bands(self, value: Value | None, *, has_deductible: bool) -> Bands | None:
        if value is None:
            return None
        check = self.check
        parts = check.record(value, keys.BANDS)
        if not parts:
            return None
        check.text(parts.get("note"))
        along = check.choice(parts.get("along"), BandsAlong, BandsAlong.SETTLEMENT)
        counter = self._counter(parts.get("counter"), or_settlement=False)
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
        return Bands(along, counter, inside)

    def _refuse_unbanded(self, item: Value, parts: dict[str, Value], rate: Rate | None) -> None:
        if rate is None:
            return
        banded = self.tables.tables[rate.table].banded
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

    def _rate(self, value: Value | None) -> Rate | None:
        check = self.check
        parts = check.record(value, keys.RATE)
        if value is None or not parts:
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
        table = self._table(parts[side.value], Unit.RATE, banded=True)
        factor = self._table(parts.get("own_factor"), Unit.RATE)
        counting = self.amounts.many(parts.get("counting"))
        if table is None:
            return None
        self._refuse_above_one(table)
        self._refuse_fine(parts[side.value].place, [table, *([factor] if factor else [])])
        return Rate(side, table, factor, counting)

    def _cap(self, value: Value, *, has_rate: bool, target: bool) -> Cap | None:
        check = self.check
        parts = check.record(value, keys.CAP)
        check.text(parts.get("note"))
        table = self._table(parts.get("table"), Unit.AMOUNT)
        on = check.choice(parts.get("on"), CapOn, CapOn.PAYMENT)
        per = self._counter(parts.get("per"), or_settlement=True)
        if on is CapOn.PAYMENT and "on" in parts and "excess" not in parts:
            says = "`back_solve` or `unpaid_share`: what becomes of a payment above the cap"
            check.refuse_missing(value.place, "excess", says)
        if on is CapOn.BASE and "excess" in parts:
            check.refuse(
                parts["excess"].place,
                "above a cap on the base nothing is paid that could exceed it; delete `excess`",
            )
        excess = check.choice(parts.get("excess"), Excess, Excess.UNPAID_SHARE)
        if excess is Excess.BACK_SOLVE and (target or not has_rate):
            why = "a target is a difference of shares" if target else "the stage has no rate"
            check.refuse(
                parts["excess"].place, f"nothing to solve back: {why}; write `unpaid_share`"
            )
        if table is None or per is None:
            return None
        return Cap(table, on, None if per == SETTLEMENT else per, excess)

    def _refuse_mixed_excess(self, value: Value | None, caps: tuple[Cap | None, ...]) -> None:
        rules = {cap.excess for cap in caps if cap is not None and cap.on is CapOn.PAYMENT}
        if len(rules) > 1 and value is not None:
            self.check.refuse(
                value.place, "all caps on payment of one stage have the same `excess`; choose one"
            )

    def _rounding(
        self, item: Value, parts: dict[str, Value], rate: Rate | None
    ) -> StageRounding | None:
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
