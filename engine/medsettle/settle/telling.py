"""The sentences and steps of an explanation, in English and Chinese, from traced numbers.

A sentence carries the numbers that a cardholder can check with a pencil: base, deductible, what
each band pays at which rate, what lies above a cap. The steps beside it say from which row of
which table each number comes, and where the table stands.
"""

from dataclasses import dataclass
from fractions import Fraction

from medsettle import limits
from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.core.settlement import Sentence, Step
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.model import (
    BandsAlong,
    BandsApply,
    CapOn,
    Excess,
    Rate,
    RateSide,
    Stage,
    Table,
    Version,
)
from medsettle.policy.rates import rate_divisor
from medsettle.policy.values import points_text
from medsettle.settle.phrases import (
    Part,
    Phrase,
    band_phrase,
    band_step,
    class_phrase,
    exact_step,
    exact_yuan,
    factor_phrase,
    points_phrase,
)

BEFORE = ("running total before", "account balance before")
"""Labels of steps that say what stood there before; they are no part of any sum."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells the traced numbers of one settlement as sentences and steps."""

    policy: CompiledPolicy
    inputs: dict[str, int]
    trace: dict[str, int]

    def payer(self, stage: Stage) -> Sentence:
        """Return why a stage pays what it pays."""
        paid, base = self._amount(stage, "paid"), self._exact(stage, "base")
        source = self.policy.policy.sources[stage.source]
        who = f"{stage.payer.replace('_', ' ').capitalize()} ({stage.title})"
        pays = Phrase(f"pays {yuan_from_fen(paid)} yuan", f"支付 {yuan_from_fen(paid)} 元")
        if not paid:
            pays = Phrase("pays nothing", "不支付")
        phrases = [self._why_no_base(stage)]
        if base:
            yuan = exact_yuan(base)
            pays = Phrase(f"{pays.english} of {yuan} yuan", f"{pays.chinese}，计算基数 {yuan} 元")
            phrases = self._phrases(stage)
        english = "; ".join(phrase.english for phrase in phrases)
        chinese = "，".join(phrase.chinese for phrase in phrases)
        return Sentence(
            payer=stage.payer,
            stage=stage.name,
            text_en=f"{who} {pays.english}: {english}. Source: {source.title}.",
            text_zh=f"{stage.title}{pays.chinese}：{chinese}。依据：{source.title}。",
            amount_fen=paid,
            clause=f"{source.title} ({source.where}; {source.confidence})",
            steps=tuple(self._steps(stage)),
        )

    # --- numbers ---------------------------------------------------------------------------

    def _amount(self, stage: Stage, part: str) -> int:
        return self.trace[f"stage:{stage.name}.{part}"]

    def _detail(self, stage: Stage, part: str) -> int:
        return self.trace.get(f"detail:{stage.name}.{part}", 0)

    def _exact(self, stage: Stage, part: str) -> int:
        """Return an amount in 1/SUBFEN fen: what was traced so, else whole fen."""
        exact = self.trace.get(f"detail:{stage.name}.{part}_e4")
        return self._amount(stage, part) * limits.SUBFEN if exact is None else exact

    def _all_left(self, stage: Stage) -> int | None:
        """Return what was left to pay where that is all a stage could pay of its share, in fen."""
        left = self.inputs["total"]
        for earlier in self.policy.policy.stages:
            if earlier == stage:
                break
            left -= self._amount(earlier, "paid")
        paid = self._amount(stage, "paid")
        return left if paid == left < self._detail(stage, "share") else None

    def _counter(self, name: str) -> int:
        return self.inputs.get(f"counter:{name}", 0)

    def _version(self, table: Table) -> Version:
        """Return the version of a table that was in force."""
        epoch = self.policy.epochs[self.inputs["epoch"]]
        return [version for version in table.versions if version.start.toordinal() <= epoch][-1]

    def _class(self, name: str) -> str:
        """Return the class of this claim in a dimension, by its name in the document."""
        dimension = self.policy.policy.dimensions[name]
        if dimension.kind == "counter":
            before = self._counter(dimension.column)
            number = sum(before >= threshold for threshold in dimension.thresholds[1:])
        else:
            number = self.inputs[f"dimension:{name}"]
        return dimension.values[number]

    def _parts(self, stage: Stage) -> list[Part]:
        """Return the bands of a stage that hold anything of this claim, in order."""
        if stage.rate is None:
            return []
        table = self.policy.policy.tables[stage.rate.table]
        divisor = rate_divisor(self.policy.policy.tables, stage.rate)
        bounds = self._version(table).limits_fen
        columns, parts, floor, number = range(len(bounds)), [], 0, 0
        whole = stage.bands is not None and stage.bands.apply is BandsApply.WHOLE
        if whole:
            # One band decides for the whole amount, which is traced as the only one.
            number = self._detail(stage, "band_number")
            floor = (bounds[number - 1] or 0) if number else 0
            bounds, columns = bounds[number : number + 1], range(1)
        for column, limit in zip(columns, bounds, strict=True):
            whole_fen = self._detail(stage, f"band_{column}") * limits.SUBFEN
            amount = self.trace.get(f"detail:{stage.name}.band_{column}_e4", whole_fen)
            if whole or not table.banded:
                amount = self._exact(stage, "net")
            fits = self.trace.get(f"detail:{stage.name}.fit_{column}_e4", amount)
            rate = Fraction(self._detail(stage, f"pays_{column}"), divisor)
            share = self._detail(stage, f"share_{column}")
            if fits < amount:
                # What fits was cut off below its last decimal; half up gives the room again.
                share = int(fits * rate / limits.SUBFEN + Fraction(1, 2))
            if amount:
                factored = self._factored(stage.rate, number if whole else column)
                parts.append(Part(floor, limit, amount, fits, rate, share, whole, factored))
            floor = limit or floor
        return parts

    def _factored(self, rate: Rate, column: int) -> tuple[Fraction, Fraction] | None:
        """Return the stated own rate of a band and the factor on it, where it changes anything."""
        if rate.own_factor is None or self._cell(rate.own_factor) == 1:
            return None
        stated = self._cell(rate.table, column)
        own = stated if rate.side is RateSide.OWN else 1 - stated
        return own, self._cell(rate.own_factor)

    def _counted(self, stage: Stage) -> int:
        """Return what others paid towards the target of a stage."""
        assert stage.rate is not None
        return sum(
            self.trace.get(f"stage:{name}", self.inputs.get(f"pot:{name}", 0))
            for name in stage.rate.counting
        )

    # --- sentences -------------------------------------------------------------------------

    def _phrases(self, stage: Stage) -> list[Phrase]:
        """Return what a sentence says of a base that is not nothing."""
        found = [*self._kept_back_phrases(stage), *self._deductible_phrases(stage)]
        parts = self._parts(stage)
        together = stage.rate is not None and stage.rate.side is RateSide.TARGET
        if parts and stage.rate is not None:
            found += self._rate_phrases(stage.rate)
        found += [band_phrase(part, together=together) for part in parts]
        if together:
            counted = yuan_from_fen(self._counted(stage))
            found.append(Phrase(f"less {counted} paid before", f"减去此前已支付 {counted} 元"))
        found += self._over_phrases(stage)
        if stage.account_limited:
            found.append(self._account_phrase())
        if (left := self._all_left(stage)) is not None:
            yuan = yuan_from_fen(left)
            found.append(Phrase(f"{yuan} is all that is left to pay", f"仅余 {yuan} 元待支付"))
        return found or [Phrase("all of it", "全额支付")]

    def _kept_back_phrases(self, stage: Stage) -> list[Phrase]:
        kept = exact_yuan(self._exact(stage, "kept_back"))
        if stage.keep_back is None:
            return []
        return [Phrase(f"{kept} kept back first", f"先行扣除 {kept} 元")]

    def _deductible_phrases(self, stage: Stage) -> list[Phrase]:
        if stage.deductible is None:
            return []
        met = self._exact(stage, "deductible")
        yuan = exact_yuan(met)
        if met:
            return [Phrase(f"{yuan} deductible", f"起付线 {yuan} 元")]
        standard = yuan_from_fen(self._detail(stage, "deductible_standard"))
        return [Phrase(f"deductible of {standard} met before", f"起付标准 {standard} 元此前已满足")]

    def _rate_phrases(self, rate: Rate) -> list[Phrase]:
        """Return what is said of the changes to a rate; one that changes nothing is left out."""
        changes = [points_phrase(self._cell(name)) for name in rate.points]
        if rate.pays_factor is not None:
            changes.append(factor_phrase(self._cell(rate.pays_factor)))
        return [change for change in changes if change is not None]

    def _cell(self, name: str, column: int = 0) -> Fraction:
        """Return the cell of a table that was read for this claim, in one of its bands."""
        table, row = self.policy.policy.tables[name], 0
        for word in table.by:
            values = self.policy.policy.dimensions[word].values
            row = row * len(values) + values.index(self._class(word))
        version = self._version(table)
        return version.cells[row * len(version.limits_fen) + column]

    def _over_phrases(self, stage: Stage) -> list[Phrase]:
        """Return what is said of the amounts above bands and caps, each kind for itself."""
        found = []
        if above := self._above_bands(stage):
            yuan = exact_yuan(above)
            found.append(Phrase(f"{yuan} above the last band", f"超过最高分段 {yuan} 元"))
        if above := self._above_base_caps(stage):
            yuan = exact_yuan(above)
            found.append(Phrase(f"{yuan} above the limit", f"超过限额 {yuan} 元"))
        if above := self._above_payment_caps(stage):
            yuan = exact_yuan(above)
            back = any(cap.excess is Excess.BACK_SOLVE for cap in stage.caps)
            words = Phrase(f"{yuan} not paid because of the cap", f"因封顶少支付 {yuan} 元")
            found.append(
                Phrase(f"{yuan} above the cap", f"超过封顶线 {yuan} 元") if back else words
            )
        return found

    def _above_bands(self, stage: Stage) -> int:
        """Return what of the net amount lies above the last band, in 1/SUBFEN fen."""
        if stage.rate is None:
            return 0
        version = self._version(self.policy.policy.tables[stage.rate.table])
        if version.limits_fen[-1] is None:
            return 0
        banded = sum(part.amount for part in self._parts(stage))
        over = self._exact(stage, "over_cap")
        return min(over, max(0, self._exact(stage, "net") - banded))

    def _above_base_caps(self, stage: Stage) -> int:
        """Return what of the base lies above the caps on it, in 1/SUBFEN fen."""
        if not any(cap.on is CapOn.BASE for cap in stage.caps):
            return 0
        inside = sum(self._exact(stage, part) for part in ("kept_back", "deductible", "net"))
        return max(0, self._exact(stage, "base") - inside)

    def _above_payment_caps(self, stage: Stage) -> int:
        """Return what caps on payment cut off, of the base or of the share, in 1/SUBFEN fen."""
        if not any(cap.on is CapOn.PAYMENT for cap in stage.caps):
            return 0
        others = self._above_bands(stage) + self._above_base_caps(stage)
        return max(0, self._exact(stage, "over_cap") - others)

    def _account_phrase(self) -> Phrase:
        if not self.inputs["account_used"]:
            return Phrase("the account is not to be used", "未使用个人账户")
        balance = yuan_from_fen(self._counter(self.policy.account_counter))
        return Phrase(f"the balance was {balance}", f"账户余额 {balance} 元")

    def _why_no_base(self, stage: Stage) -> Phrase:
        for name, classes in stage.when:
            held = self._class(name)
            if held not in classes:
                return class_phrase(self.policy.policy.dimensions[name], classes, held)
        return Phrase("nothing is left for it", "没有需要其支付的金额")

    # --- steps -----------------------------------------------------------------------------

    def _steps(self, stage: Stage) -> list[Step]:
        terms = " + ".join(stage.base.plus)
        terms += "".join(f" - {name}" for name in stage.base.minus)
        base = self._exact(stage, "base")
        steps = [exact_step("base", base, terms)]
        if not base:
            return steps
        if stage.keep_back is not None:
            kept = self._exact(stage, "kept_back")
            steps.append(exact_step("kept back", kept, self._cite(stage.keep_back)))
        steps += [*self._deductible_steps(stage), *self._band_steps(stage), *self._cap_steps(stage)]
        if stage.account_limited:
            balance = self._counter(self.policy.account_counter)
            used = "may be used" if self.inputs["account_used"] else "may not be used"
            steps.append(Step(BEFORE[1], balance, f"the account {used}"))
        if (left := self._all_left(stage)) is not None:
            steps.append(Step("paid", left, "never above what is left to pay"))
        return steps

    def _deductible_steps(self, stage: Stage) -> list[Step]:
        if stage.deductible is None:
            return []
        text = f"standard {yuan_from_fen(self._detail(stage, 'deductible_standard'))}"
        counter = stage.deductible.counter
        if counter is not None:
            text += f", met before {yuan_from_fen(self._counter(counter))}"
        text += f"; {self._cite(stage.deductible.table)}"
        return [exact_step("deductible", self._exact(stage, "deductible"), text)]

    def _band_steps(self, stage: Stage) -> list[Step]:
        if stage.rate is None:
            return []
        assert stage.rounding is not None
        banded = self.policy.policy.tables[stage.rate.table].banded
        steps = []
        if stage.bands is not None and stage.bands.along is BandsAlong.RUNNING_TOTAL:
            assert stage.bands.counter is not None
            held = self._counter(stage.bands.counter)
            steps.append(Step(BEFORE[0], held, stage.bands.counter))
        parts = self._parts(stage)
        steps += [band_step(part, banded=banded) for part in parts]
        if stage.rate.side is RateSide.TARGET:
            names = " + ".join(stage.rate.counting)
            steps.append(Step("paid before towards it", self._counted(stage), names))
        text = f"{self._cite(stage.rate.table)}; rounded {stage.rounding.mode}"
        text += f" per {stage.rounding.at}"
        if stage.rate.own_factor is not None:
            text += f"; {self._cite(stage.rate.own_factor)}"
        return [
            *steps,
            *self._rate_steps(stage.rate),
            Step("left to later payers", self._amount(stage, "own_share"), text),
            *self._rounding_steps(stage, parts),
        ]

    def _rounding_steps(self, stage: Stage, parts: list[Part]) -> list[Step]:
        """Return the remark that goes with parts of a fen: the two sides need not add up."""
        fine = f"detail:{stage.name}.net_e4" in self.trace
        if not fine and all(part.fits == part.amount for part in parts):
            return []
        text = "each side is rounded on its own, and cash closes the sum"
        return [Step("rounding", None, f"{text} (各方分别取整，尾差计入现金)")]

    def _rate_steps(self, rate: Rate) -> list[Step]:
        """Return a step for each change to a rate, in the order in which they are made."""
        steps = []
        for name in rate.points:
            sign = "-" if self._cell(name) < 0 else "+"
            text = f"{sign}{points_text(self._cell(name))}; {self._cite(name)}"
            steps.append(Step("points on the rate", None, text))
        for label, table in (("rate times", rate.pays_factor), ("rate at most", rate.at_most)):
            if table is not None:
                text = f"{rate_text(self._cell(table))}; {self._cite(table)}"
                steps.append(Step(label, None, text))
        return steps

    def _cap_steps(self, stage: Stage) -> list[Step]:
        """Return a step for each cap; several caps of a kind cut off one amount together."""
        steps: list[Step] = []
        if above := self._above_bands(stage):
            assert stage.rate is not None
            steps.append(exact_step("above the last band", above, self._cite(stage.rate.table)))
        cut = {
            CapOn.BASE: self._above_base_caps(stage),
            CapOn.PAYMENT: self._above_payment_caps(stage),
        }
        for cap in stage.caps:
            text = self._cite(cap.table)
            if cap.counter is not None:
                text += f"; {cap.counter} before {yuan_from_fen(self._counter(cap.counter))}"
            version = self._version(self.policy.policy.tables[cap.table])
            if len(version.cells) == 1:
                text = f"{yuan_from_fen(int(version.cells[0]))} on {cap.on}; {text}"
            cut_off = cut.pop(cap.on, None)
            label = "above the cap"
            steps.append(
                Step(label, None, text) if cut_off is None else exact_step(label, cut_off, text)
            )
        return steps

    def _cite(self, name: str) -> str:
        """Return which row of which version of a table was read, and where it stands."""
        table = self.policy.policy.tables[name]
        version = self._version(table)
        source = self.policy.policy.sources[version.source]
        place = f"{'/'.join(self.policy.policy.file.split('/')[-2:])}:{version.place.line}"
        rows = ", ".join(f"{dimension} {self._row_word(dimension)}" for dimension in table.by)
        row = f" for {rows}" if rows else ""
        return f"{name}{row} from {version.start} ({place}; {source.title}, {version.confidence})"

    def _row_word(self, name: str) -> str:
        """Return the class of this claim, with what was counted where counting decides it."""
        dimension = self.policy.policy.dimensions[name]
        if dimension.kind != "counter":
            return self._class(name)
        # Settlements were counted here, not fen.
        return f"{self._class(name)} ({self._counter(dimension.column)} before)"
