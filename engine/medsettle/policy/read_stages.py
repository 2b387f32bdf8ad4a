"""Read the stages of a rule document: each payer's five questions."""

from dataclasses import dataclass, field

from medsettle import limits
from medsettle.core import codes
from medsettle.core.money import Rounding
from medsettle.policy import model
from medsettle.policy.checker import Checker
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
    Table,
    Unit,
)
from medsettle.policy.tree import Map, Place, Value

TOTAL_NAMES = ("total", "remaining", "in_scope_total")
"""Named amounts besides pots and stage amounts: the bill, what nobody has paid yet, and the
in-scope sum with the special pots."""


@dataclass
class StageReader:
    """Reads the stages in order; a stage may only name what stands before it."""

    check: Checker
    tables: dict[str, Table]
    counters: dict[str, Counter]
    dimensions: dict[str, Dimension]
    sources: dict[str, Source]
    pots: tuple[str, ...]
    stages: list[Stage] = field(default_factory=list)

    def amounts(self) -> list[str]:
        """Return every named amount that exists after the stages read so far."""
        own = [f"{stage.name}.{part}" for stage in self.stages for part in model.STAGE_AMOUNTS]
        return [*TOTAL_NAMES, *codes.POT_NAMES, *self.pots, *own]

    def read(self, value: Value | None) -> tuple[Stage, ...]:
        """Return the stages in the order of payment."""
        items = self.check.items(value, "stages")
        if len(items) > limits.STAGES_PER_POLICY_MAX and value is not None:
            most = limits.STAGES_PER_POLICY_MAX
            self.check.refuse(value.place, f"{len(items)} stages, more than {most}")
        for item in items:
            required = {"stage", "payer", "source", "base"}
            optional = {"title", "when", "keep_back", "deductible", "bands", "rate", "caps"}
            parts = self.check.fields(item, required, optional | {"rounding", "limit"})
            if {"stage", "payer"} <= set(parts):
                self._read_stage(item, parts)
        return tuple(self.stages)

    def _read_stage(self, item: Value, parts: dict[str, Value]) -> None:
        check = self.check
        name = check.text(parts["stage"])
        if name in {stage.name for stage in self.stages} or "." in name:
            check.refuse(parts["stage"].place, f"stage {name!r}: names are unique, without dots")
        payer = check.known(parts["payer"], codes.PAYER_NAMES, "payer") or codes.PAYER_NAMES[0]
        rate = self._rate(parts.get("rate"))
        caps = tuple(
            cap
            for entry in check.items(parts.get("caps"), "caps")
            if (cap := self._cap(entry, has_rate=rate is not None)) is not None
        )
        self._refuse_mixed_excess(item, caps)
        bands = self._bands(parts.get("bands"), has_deductible="deductible" in parts)
        self._refuse_unbanded(item, bands, rate)
        limited = check.known(parts.get("limit"), ["account_balance"], "limit") is not None
        if limited != (payer == "account"):
            check.refuse(item.place, "`limit: account_balance` belongs to the payer account")
        self.stages.append(
            Stage(
                name=name,
                payer=payer,
                title=check.text(parts.get("title")) or name,
                source=check.known(parts.get("source"), self.sources, "source") or "",
                base=self._base(parts.get("base")),
                when=self._when(parts.get("when")),
                keep_back=self._table(parts.get("keep_back"), Unit.RATE),
                deductible=self._deductible(parts.get("deductible")),
                bands=bands,
                rate=rate,
                caps=caps,
                rounding=self._rounding(item, parts.get("rounding"), rate),
                account_limited=limited,
                place=item.place,
            )
        )

    def _refuse_mixed_excess(self, item: Value, caps: tuple[Cap, ...]) -> None:
        if len({cap.excess for cap in caps if cap.on is CapOn.PAYMENT}) > 1:
            self.check.refuse(item.place, "the caps on payment of one stage share one excess rule")

    def _refuse_unbanded(self, item: Value, bands: Bands | None, rate: Rate | None) -> None:
        banded = rate is not None and rate.table in self.tables and self.tables[rate.table].banded
        if banded and bands is None:
            self.check.refuse(
                item.place, "'bands' is missing; say along what the bands of the rate table run"
            )
        if bands is not None and not banded:
            self.check.refuse(item.place, "'bands' needs a rate table with bands")

    def _base(self, value: Value | None) -> Base:
        if value is None:
            return Base((), ())
        if not isinstance(value, Map):
            return Base(self.check.known_all(value, self.amounts(), "named amount"), ())
        parts = self.check.fields(value, {"plus"}, {"minus"})
        plus = self.check.known_all(parts.get("plus"), self.amounts(), "named amount")
        minus = self.check.known_all(parts.get("minus"), self.amounts(), "named amount")
        return Base(plus, minus)

    def _when(self, value: Value | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
        found = []
        for name, place, classes in self.check.entries(value, "dimensions"):
            if name not in self.dimensions:
                self.check.refuse(place, f"no dimension is called {name!r}")
                continue
            known = self.dimensions[name].values
            found.append((name, self.check.known_all(classes, known, f"class of {name!r}")))
        return tuple(found)

    def _table(self, value: Value | None, unit: Unit) -> str | None:
        name = self.check.known(value, self.tables, "table")
        if name is not None and self.tables[name].unit is not unit and value is not None:
            held = self.tables[name].unit.value
            self.check.refuse(value.place, f"table {name!r} holds {held}s, not {unit.value}s")
        return name

    def _counter(self, value: Value | None) -> str | None:
        return self.check.known(value, self.counters, "counter")

    def _deductible(self, value: Value | None) -> Deductible | None:
        if value is None:
            return None
        parts = self.check.fields(value, {"table", "per"}, set())
        table = self._table(parts.get("table"), Unit.AMOUNT)
        names = ["settlement", *self.counters]
        per = self.check.known(parts.get("per"), names, "counter (or `settlement`)")
        if table is None or per is None:
            return None
        return Deductible(table, None if per == "settlement" else per)

    def _bands(self, value: Value | None, *, has_deductible: bool) -> Bands | None:
        if value is None:
            return None
        required = {"along"} | ({"deductible"} if has_deductible else set())
        parts = self.check.fields(value, required, {"counter"})
        along = self.check.choice(parts.get("along"), BandsAlong, BandsAlong.SETTLEMENT)
        counter = self._counter(parts.get("counter"))
        if (along is BandsAlong.RUNNING_TOTAL) != ("counter" in parts):
            self.check.refuse(value.place, "a running total, and only that, names its counter")
        choices = ["inside", "outside"]
        inside = self.check.known(parts.get("deductible"), choices, "choice") == "inside"
        return Bands(along, counter, inside)

    def _rate(self, value: Value | None) -> Rate | None:
        if value is None:
            return None
        sides = {side.value for side in RateSide}
        parts = self.check.fields(value, set(), sides | {"own_factor", "counting"})
        chosen = sides & set(parts)
        if len(chosen) != 1:
            self.check.refuse(value.place, "a rate states exactly one of own, pays, target")
            return None
        side = RateSide(chosen.pop())
        if (side is RateSide.TARGET) != ("counting" in parts):
            self.check.refuse(value.place, "a target, and only that, names what it is counting")
        table = self._table(parts[side.value], Unit.RATE)
        factor = self._table(parts.get("own_factor"), Unit.RATE)
        counting = self.check.known_all(parts.get("counting"), self.amounts(), "named amount")
        if table is None:
            return None
        self._refuse_above_one(parts[side.value].place, table)
        if side is RateSide.TARGET and factor is not None:
            self.check.refuse(value.place, "a target has no own share for a factor to change")
        return Rate(side, table, factor, counting)

    def _refuse_above_one(self, place: Place, table: str) -> None:
        for version in self.tables[table].versions:
            if any(cell > 1 for cell in version.cells):
                self.check.refuse(place, f"table {table!r} from {version.start} passes 100%")

    def _cap(self, value: Value, *, has_rate: bool) -> Cap | None:
        parts = self.check.fields(value, {"table", "on", "per"}, {"excess"})
        table = self._table(parts.get("table"), Unit.AMOUNT)
        on = self.check.choice(parts.get("on"), CapOn, CapOn.PAYMENT)
        names = ["settlement", *self.counters]
        per = self.check.known(parts.get("per"), names, "counter (or `settlement`)")
        if (on is CapOn.PAYMENT) != ("excess" in parts):
            self.check.refuse(
                value.place,
                "a cap on payment, and only that, says with 'excess' what lies above it: "
                "back_solve or unpaid_share",
            )
        excess = self.check.choice(parts.get("excess"), Excess, Excess.UNPAID_SHARE)
        if excess is Excess.BACK_SOLVE and not has_rate:
            self.check.refuse(value.place, "nothing to back-solve: the stage has no rate")
        if table is None or per is None:
            return None
        return Cap(table, on, None if per == "settlement" else per, excess)

    def _rounding(
        self, item: Value, value: Value | None, rate: Rate | None
    ) -> StageRounding | None:
        if value is None:
            if rate is not None:
                self.check.refuse(item.place, "'rounding' is missing; it has no default")
            return None
        parts = self.check.fields(value, {"at", "side", "mode"}, set())
        side = self.check.choice(parts.get("side"), RoundingSide, RoundingSide.PAYER)
        if rate is not None and rate.side is RateSide.TARGET and side is RoundingSide.OWN:
            self.check.refuse(value.place, "a target rounds the payer's side (shape O5)")
        return StageRounding(
            self.check.choice(parts.get("at"), RoundingPoint, RoundingPoint.STAGE),
            side,
            self.check.choice(parts.get("mode"), Rounding, Rounding.HALF_UP),
        )
