"""The traced numbers of one settlement, and which cells of the document they come from."""

from dataclasses import dataclass
from fractions import Fraction

from medsettle import limits
from medsettle.core.codes import OUTSIDE_SCOPE
from medsettle.core.money import half_away
from medsettle.policy.amount_of import Base
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.model import (
    BEFORE,
    BandsApply,
    CapOn,
    Dimension,
    Rate,
    RateSide,
    Stage,
    Table,
    Version,
)
from medsettle.policy.rates import rate_divisor
from medsettle.settle.phrases import Part


@dataclass(frozen=True, slots=True)
class Numbers:
    """The inputs of a settlement and everything that the program made of them.

    With `brief`, tables are cited by name alone, for those who show their cells beside; with
    `alone`, nothing that was counted before the claim is told.
    """

    policy: CompiledPolicy
    inputs: dict[str, int]
    trace: dict[str, int]
    brief: bool = False
    alone: bool = False

    def amount(self, stage: Stage, part: str) -> int:
        """Return one of the amounts a stage left."""
        return self.trace[f"stage:{stage.name}.{part}"]

    def detail(self, stage: Stage, part: str) -> int:
        """Return a detail of a stage, 0 where it has none."""
        return self.trace.get(f"detail:{stage.name}.{part}", 0)

    def exact(self, stage: Stage, part: str) -> int:
        """Return an amount in 1/SUBFEN fen: what was traced so, else whole fen."""
        exact = self.trace.get(f"detail:{stage.name}.{part}_e4")
        return self.amount(stage, part) * limits.SUBFEN if exact is None else exact

    def all_left(self, stage: Stage) -> int | None:
        """Return what was left to pay where that is all a stage could pay of its share, in fen."""
        if stage.payee is not None:
            return None
        left = self.left_before(stage)
        paid = self.amount(stage, "paid")
        return left if paid == left < self.detail(stage, "share") else None

    def left_before(self, stage: Stage) -> int:
        """Return what nobody has paid when a stage comes, in fen."""
        left = self.inputs["total"]
        for earlier in self.policy.policy.stages:
            if earlier == stage:
                break
            left -= self.amount(earlier, "paid")
        return left

    def exact_named(self, name: str, stage: Stage) -> int:
        """Return an amount under the name that a stage gives it, in 1/SUBFEN fen."""
        if name == "remaining":
            return self.left_before(stage) * limits.SUBFEN
        exact = self.trace.get(f"detail:{name}_e4")
        return self.named(name) * limits.SUBFEN if exact is None else exact

    def factored(self, rate: Rate, column: int) -> tuple[Fraction, Fraction] | None:
        """Return the stated own rate of a band and the factor on it, where it changes anything."""
        if rate.own_factor is None or self.cell(rate.own_factor) == 1:
            return None
        stated = self.cell(rate.table, column)
        own = stated if rate.side is RateSide.OWN else 1 - stated
        return own, self.cell(rate.own_factor)

    def counter(self, name: str) -> int:
        """Return what a counter held before."""
        return self.inputs.get(f"counter:{name}", 0)

    def quantity(self, name: str) -> int:
        """Return a quantity of the claim."""
        return self.inputs.get(f"quantity:{name}", 0)

    def counted_in(self, dimension: Dimension) -> int:
        """Return the number that a dimension by a counter or a quantity looks at."""
        held = self.quantity if dimension.kind == "quantity" else self.counter
        return held(dimension.column)

    def version(self, table: Table) -> Version:
        """Return the version of a table that was in force."""
        epoch = self.policy.epochs[self.inputs["epoch"]]
        return [version for version in table.versions if version.start.toordinal() <= epoch][-1]

    def class_of(self, name: str) -> str:
        """Return the class of this claim in a dimension, by its name in the document."""
        dimension = self.policy.policy.dimensions[name]
        if dimension.kind in {"counter", "quantity"}:
            before = self.counted_in(dimension)
            number = sum(before >= threshold for threshold in dimension.thresholds[1:])
        else:
            number = self.inputs[f"dimension:{name}"]
        return dimension.values[number]

    def row(self, name: str) -> slice:
        """Return where in the cells of the version in force the row of this claim stands."""
        table, row = self.policy.policy.tables[name], 0
        for word in table.by:
            values = self.policy.policy.dimensions[word].values
            row = row * len(values) + values.index(self.class_of(word))
        width = len(self.version(table).limits_fen)
        return slice(row * width, (row + 1) * width)

    def cell(self, name: str, column: int = 0) -> Fraction:
        """Return the cell of a table that was read for this claim, in one of its bands."""
        version = self.version(self.policy.policy.tables[name])
        return version.cells[self.row(name)][column]

    def parts(self, stage: Stage) -> list[Part]:
        """Return the bands of a stage that hold anything of this claim, in order."""
        if stage.rate is None:
            return []
        table = self.policy.policy.tables[stage.rate.table]
        divisor = rate_divisor(self.policy.policy.tables, stage.rate)
        bounds = self.version(table).limits_fen
        columns, parts, floor, number = range(len(bounds)), [], 0, 0
        whole = stage.bands is not None and stage.bands.apply is BandsApply.WHOLE
        if whole:
            # One band decides for the whole amount, which is traced as the only one.
            number = self.detail(stage, "band_number")
            floor = (bounds[number - 1] or 0) if number else 0
            bounds, columns = bounds[number : number + 1], range(1)
        for column, limit in zip(columns, bounds, strict=True):
            whole_fen = self.detail(stage, f"band_{column}") * limits.SUBFEN
            amount = self.trace.get(f"detail:{stage.name}.band_{column}_e4", whole_fen)
            if whole or not table.banded:
                amount = self.exact(stage, "net")
            fits = self.trace.get(f"detail:{stage.name}.fit_{column}_e4", amount)
            rate = Fraction(self.detail(stage, f"pays_{column}"), divisor)
            share = self.detail(stage, f"share_{column}")
            if fits < amount:
                # What fits was cut off below its last decimal; half up gives the room again.
                share = half_away(fits * rate / limits.SUBFEN)
            if amount:
                factored = self.factored(stage.rate, number if whole else column)
                parts.append(Part(floor, limit, amount, fits, rate, share, whole, factored))
            floor = limit or floor
        return parts

    def counted(self, stage: Stage) -> int:
        """Return what others paid towards the target of a stage."""
        assert stage.rate is not None
        return sum(self.named(name) for name in stage.rate.counting)

    def named(self, name: str) -> int:
        """Return a named amount in whole fen: of a stage, the bill, the claim or a counter."""
        head, _, part = name.rpartition(".")
        if part == BEFORE:
            return self.counter(head)
        if name in {"total", "in_scope_total"}:
            pots = {pot: fen for pot, fen in self.inputs.items() if pot.startswith("pot:")}
            outside = {f"pot:{pot}" for pot in OUTSIDE_SCOPE} if name != "total" else set()
            return sum(fen for pot, fen in pots.items() if pot not in outside)
        found = (f"pot:{name}", f"claim:{name}")
        return self.trace.get(f"stage:{name}", sum(self.inputs.get(key, 0) for key in found))

    def sum(self, base: Base) -> int:
        """Return a sum of named amounts less others in whole fen, as `medsettle` rounds it."""
        plus = sum(self.named(name) for name in base.plus)
        return max(plus - sum(self.named(name) for name in base.minus), 0)

    def above_bands(self, stage: Stage) -> int:
        """Return what of the net amount lies above the last band, in 1/SUBFEN fen."""
        if stage.rate is None:
            return 0
        version = self.version(self.policy.policy.tables[stage.rate.table])
        if version.limits_fen[-1] is None:
            return 0
        banded = sum(part.amount for part in self.parts(stage))
        over = self.exact(stage, "over_cap")
        return min(over, max(0, self.exact(stage, "net") - banded))

    def above_base_caps(self, stage: Stage) -> int:
        """Return what of the base lies above the caps on it, in 1/SUBFEN fen."""
        if not any(cap.on is CapOn.BASE for cap in stage.caps):
            return 0
        inside = sum(self.exact(stage, part) for part in ("kept_back", "deductible", "net"))
        return max(0, self.exact(stage, "base") - inside)

    def above_payment_caps(self, stage: Stage) -> int:
        """Return what caps on payment cut off, of the base or of the share, in 1/SUBFEN fen."""
        if not any(cap.on is CapOn.PAYMENT for cap in stage.caps):
            return 0
        others = self.above_bands(stage) + self.above_base_caps(stage)
        return max(0, self.exact(stage, "over_cap") - others)

    def cite(self, name: str) -> str:
        """Return which row of which version of a table was read, and where it stands."""
        if self.brief:
            return name
        table = self.policy.policy.tables[name]
        version = self.version(table)
        source = self.policy.policy.sources[version.source]
        place = self.place(name)
        rows = ", ".join(f"{dimension} {self.row_word(dimension)}" for dimension in table.by)
        row = f" for {rows}" if rows else ""
        return f"{name}{row} from {version.start} ({place}; {source.title}, {version.confidence})"

    def place(self, name: str) -> str:
        """Return the file and line of the row of a table that was read; an overlay is one too."""
        version = self.version(self.policy.policy.tables[name])
        cells = version.cell_places[self.row(name)]
        place = cells[0] if cells else version.place
        return f"{'/'.join(place.file.split('/')[-2:])}:{place.line}"

    def row_word(self, name: str) -> str:
        """Return the class of this claim, with what was counted where counting decides it."""
        dimension = self.policy.policy.dimensions[name]
        if dimension.kind == "quantity":
            return f"{self.class_of(name)} ({self.quantity(dimension.column)})"
        if dimension.kind != "counter":
            return self.class_of(name)
        if self.alone:
            return "as counted"
        # Settlements were counted here, not fen.
        return f"{self.class_of(name)} ({self.counter(dimension.column)} before)"
