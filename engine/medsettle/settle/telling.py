"""The sentences and steps of an explanation, in English and Chinese, from traced numbers.

A sentence carries the numbers that a cardholder can check with a pencil: base, deductible, what
each band pays at which rate, what lies above a cap. The steps beside it say from which row of
which table each number comes, and where the table stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from medsettle.core.codes import BILL
from medsettle.core.counters import MUTUAL_AID
from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.core.settlement import Row, Sentence, Step
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.model import BandsAlong, CapOn, Deductible, Excess, Rate, RateSide, Stage
from medsettle.policy.stage_leaves import base_words
from medsettle.policy.values import points_text
from medsettle.settle.amount_phrases import (
    amount_phrases,
    amount_text,
    in_brackets,
    stated_fen,
)
from medsettle.settle.phrases import (
    Part,
    Phrase,
    band_phrase,
    band_step,
    class_phrase,
    exact_step,
    exact_yuan,
    factor_phrase,
    pays_phrase,
    points_phrase,
)
from medsettle.settle.traced_numbers import Numbers

BEFORE = ("running total before", "account balance before", "relatives' limits before")
"""Labels of steps that say what stood there before; they are no part of any sum."""

INSTEAD = "in place of"
"""Label of a step that says which share of the bill a payout replaces."""


@dataclass(slots=True)
class Teller:
    """Tells the traced numbers of one settlement as sentences and steps.

    With `brief`, steps cite tables by name alone; with `alone`, nothing is told of what stood there
    before this claim.
    """

    policy: CompiledPolicy
    inputs: dict[str, int]
    trace: dict[str, int]
    brief: bool = False
    alone: bool = False
    relatives: Sequence[Row] = ()
    numbers: Numbers = field(init=False)

    def __post_init__(self) -> None:
        """Look the numbers up in what was traced."""
        self.numbers = Numbers(self.policy, self.inputs, self.trace, self.brief, self.alone)

    def payer(self, stage: Stage) -> Sentence:
        """Return why a stage pays what it pays."""
        paid, base = self.numbers.amount(stage, "paid"), self.numbers.exact(stage, "base")
        source = self.policy.policy.sources[stage.source]
        who = f"{stage.payer.replace('_', ' ').capitalize()} ({stage.title})"
        pays = pays_phrase(stage, paid)
        phrases = [self._why_no_base(stage)]
        if base or paid:
            yuan = exact_yuan(base)
            how = self._amount_phrase(stage)
            pays = Phrase(
                f"{pays.english} of {yuan} yuan{how.english}",
                f"{pays.chinese}，计算基数 {yuan} 元{how.chinese}",
            )
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
            payee=BILL if stage.payee is None else str(stage.payee),
            rate=self._rate(stage),
        )

    def _rate(self, stage: Stage) -> Fraction | None:
        """Return the rate of every band that holds anything, None where they differ."""
        if stage.rate is None or stage.rate.side is RateSide.TARGET:
            return None
        rates = {part.rate for part in self.numbers.parts(stage)}
        return rates.pop() if len(rates) == 1 else None

    # --- sentences -------------------------------------------------------------------------

    def _amount_phrase(self, stage: Stage) -> Phrase:
        """Return how the amount of a payout came about, in brackets; nothing for a base."""
        if stage.amount is None:
            return Phrase("", "")
        return in_brackets(amount_phrases(self.numbers, stage.amount))

    def _phrases(self, stage: Stage) -> list[Phrase]:
        """Return what a sentence says of a base that is not nothing."""
        found = [*self._kept_back_phrases(stage), *self._deductible_phrases(stage)]
        parts = self.numbers.parts(stage)
        together = stage.rate is not None and stage.rate.side is RateSide.TARGET
        if parts and stage.rate is not None:
            found += self._rate_phrases(stage.rate)
        found += [band_phrase(part, together=together) for part in parts]
        if together and not self.alone:
            counted = yuan_from_fen(self.numbers.counted(stage))
            found.append(Phrase(f"less {counted} paid before", f"减去此前已支付 {counted} 元"))
        found += [*self._floor_phrases(stage), *self._over_phrases(stage)]
        if stage.account_limited:
            found.append(self._balance_phrase(stage))
        if (left := self.numbers.all_left(stage)) is not None:
            yuan = yuan_from_fen(left)
            found.append(Phrase(f"{yuan} is all that is left to pay", f"仅余 {yuan} 元待支付"))
        return found or [Phrase("all of it", "全额支付")]

    def _kept_back_phrases(self, stage: Stage) -> list[Phrase]:
        kept = exact_yuan(self.numbers.exact(stage, "kept_back"))
        if stage.keep_back is None:
            return []
        return [Phrase(f"{kept} kept back first", f"先行扣除 {kept} 元")]

    def _deductible_phrases(self, stage: Stage) -> list[Phrase]:
        if stage.deductible is None or not self.numbers.amount(stage, "base"):
            return []
        met = self.numbers.exact(stage, "deductible")
        yuan = exact_yuan(met)
        if met:
            how = self._standard_phrase(stage, stage.deductible)
            english, chinese = f"{yuan} deductible", f"起付线 {yuan} 元"
            return [Phrase(f"{english}{how.english}", f"{chinese}{how.chinese}")]
        if self.alone:
            return [Phrase("no deductible", "无起付线")]
        standard = yuan_from_fen(self.numbers.detail(stage, "deductible_standard"))
        return [Phrase(f"deductible of {standard} met before", f"起付标准 {standard} 元此前已满足")]

    def _standard_phrase(self, stage: Stage, deductible: Deductible) -> Phrase:
        """Return how the standard came about, in brackets; nothing where a table states it."""
        least = []
        if deductible.share_of is not None:
            amount = yuan_from_fen(stated_fen(self.numbers, deductible.amount))
            share = yuan_from_fen(self.numbers.detail(stage, "deductible_share"))
            rate = rate_text(self.numbers.cell(deductible.share_of.rate))
            english = f"{rate} is {share}, at least {amount}"
            least.append(Phrase(english, f"{rate} 为 {share} 元，最低 {amount} 元"))
        found = amount_phrases(self.numbers, deductible.amount, least)
        if deductible.at_most is not None:
            most = yuan_from_fen(int(self.numbers.cell(deductible.at_most.table)))
            found.append(Phrase(f"at most {most} in all", f"合计最高 {most} 元"))
        return in_brackets(found)

    def _rate_phrases(self, rate: Rate) -> list[Phrase]:
        """Return what is said of the changes to a rate; one that changes nothing is left out."""
        changes = [points_phrase(self.numbers.cell(name)) for name in rate.points]
        changes += [
            points_phrase(self.numbers.cell(name) * self.numbers.quantity(quantity))
            for name, quantity in rate.points_times
        ]
        if rate.pays_factor is not None:
            changes.append(factor_phrase(self.numbers.cell(rate.pays_factor)))
        return [change for change in changes if change is not None]

    def _floor_phrases(self, stage: Stage) -> list[Phrase]:
        """Return what is said of a guaranteed payment that is more than the rates give."""
        floor = stage.rate.floor if stage.rate else None
        if floor is None or not self.numbers.detail(stage, "floor_adds"):
            return []
        rate = rate_text(self.numbers.cell(floor.rate))
        least = yuan_from_fen(self.numbers.detail(stage, "floor"))
        more = yuan_from_fen(self.numbers.detail(stage, "floor_adds"))
        return [
            Phrase(
                f"{more} more to reach the guaranteed {rate}, {least}",
                f"按保底 {rate} 计 {least} 元，补足 {more} 元",
            )
        ]

    def _over_phrases(self, stage: Stage) -> list[Phrase]:
        """Return what is said of the amounts above bands and caps, each kind for itself."""
        found = []
        if above := self.numbers.above_bands(stage):
            yuan = exact_yuan(above)
            found.append(Phrase(f"{yuan} above the last band", f"超过最高分段 {yuan} 元"))
        if above := self.numbers.above_base_caps(stage):
            yuan = exact_yuan(above)
            found.append(Phrase(f"{yuan} above the limit", f"超过限额 {yuan} 元"))
        if above := self.numbers.above_payment_caps(stage):
            yuan = exact_yuan(above)
            back = any(cap.excess is Excess.BACK_SOLVE for cap in stage.caps)
            words = Phrase(f"{yuan} not paid because of the cap", f"因封顶少支付 {yuan} 元")
            found.append(
                Phrase(f"{yuan} above the cap", f"超过封顶线 {yuan} 元") if back else words
            )
        return found

    def _balance_phrase(self, stage: Stage) -> Phrase:
        """Return what the account or the limits of relatives held."""
        if not self.inputs["account_used"]:
            return Phrase("the account is not to be used", "未使用个人账户")
        if self.alone:
            return Phrase("as far as it goes", "以可用余额为限")
        balance = yuan_from_fen(self.numbers.counter(stage.payer))
        if stage.payer == MUTUAL_AID:
            return Phrase(f"the limits of relatives held {balance}", f"亲属授权额度 {balance} 元")
        return Phrase(f"the balance was {balance}", f"账户余额 {balance} 元")

    def _why_no_base(self, stage: Stage) -> Phrase:
        for name, classes in stage.when:
            held = self.numbers.class_of(name)
            if held not in classes:
                dimension = self.policy.policy.dimensions[name]
                counted = dimension.kind == "counter" and self.alone
                return class_phrase(dimension, classes, None if counted else held)
        return Phrase("nothing is left for it", "没有需要其支付的金额")

    # --- steps -----------------------------------------------------------------------------

    def _steps(self, stage: Stage) -> list[Step]:
        return [step for steps in self.questions(stage).values() for step in steps]

    def questions(self, stage: Stage) -> dict[str, list[Step]]:
        """Return the steps of a stage by the question they answer, in the order of the questions.

        A stage that looks at nothing and pays nothing was asked its base alone.
        """
        base, terms = self.numbers.exact(stage, "base"), base_words(stage.base)
        if stage.amount is not None:
            terms = amount_text(self.numbers, stage.amount)
        found = {"base": [exact_step("base", base, terms)]}
        if not base and not self.numbers.amount(stage, "paid"):
            return found
        if stage.keep_back is not None:
            kept = self.numbers.exact(stage, "kept_back")
            found["keep_back"] = [exact_step("kept back", kept, self.numbers.cite(stage.keep_back))]
        found["deductible"] = self._deductible_steps(stage)
        found["rate"] = self._band_steps(stage)
        found["caps"] = self._cap_steps(stage)
        if stage.account_limited and not self.alone:
            found["limit"] = self._balance_steps(stage)
        found["instead_of"] = [
            Step(INSTEAD, self.trace[f"replaced:{stage.name}"], f"{names}, in whose place it is")
            for names in filter(None, [" + ".join(stage.instead_of)])
        ]
        if (left := self.numbers.all_left(stage)) is not None:
            found["remaining"] = [Step("paid", left, "never above what is left to pay")]
        return {question: steps for question, steps in found.items() if steps}

    def _balance_steps(self, stage: Stage) -> list[Step]:
        """Return what was held before, and from which relative each fen came."""
        balance = self.numbers.counter(stage.payer)
        used = "may be used" if self.inputs["account_used"] else "may not be used"
        if stage.payer != MUTUAL_AID:
            return [Step(BEFORE[1], balance, f"the account {used}")]
        steps = [Step(BEFORE[2], balance, f"set aside by relatives; {used}")]
        for row in self.relatives:
            if row["stage"] == stage.name:
                left = yuan_from_fen(int(str(row["limit_left_fen"])))
                text = f"{row['giver']} of {row['giver_area']}, bound as number {row['relation']}"
                text = f"{text}; {left} left of the limit"
                steps.append(Step("from a relative", int(str(row["paid_fen"])), text))
        return steps

    def _deductible_steps(self, stage: Stage) -> list[Step]:
        if stage.deductible is None:
            return []
        text = f"standard {yuan_from_fen(self.numbers.detail(stage, 'deductible_standard'))}"
        counter = stage.deductible.counter
        if counter is not None and not self.alone:
            text += f", met before {yuan_from_fen(self.numbers.counter(counter))}"
        for table in stage.deductible.tables():
            text += f"; {self.numbers.cite(table)}"
        ceiling = stage.deductible.at_most
        if ceiling is not None and ceiling.counter is not None and not self.alone:
            held = yuan_from_fen(self.numbers.counter(ceiling.counter))
            text += f"; {ceiling.counter} before {held}"
        return [exact_step("deductible", self.numbers.exact(stage, "deductible"), text)]

    def _band_steps(self, stage: Stage) -> list[Step]:
        if stage.rate is None:
            return []
        assert stage.rounding is not None
        banded = self.policy.policy.tables[stage.rate.table].banded
        steps = []
        if stage.bands is not None and stage.bands.along is BandsAlong.RUNNING_TOTAL:
            # In which band of a running total a claim lies says what was there before.
            banded = banded and not self.alone
            assert stage.bands.counter is not None
            held = self.numbers.counter(stage.bands.counter)
            steps += [] if self.alone else [Step(BEFORE[0], held, stage.bands.counter)]
        parts = self.numbers.parts(stage)
        steps += [band_step(part, banded=banded) for part in parts]
        if stage.rate.side is RateSide.TARGET and not self.alone:
            names = " + ".join(stage.rate.counting)
            steps.append(Step("paid before towards it", self.numbers.counted(stage), names))
        text = f"{self.numbers.cite(stage.rate.table)}; rounded {stage.rounding.mode}"
        text += f" per {stage.rounding.at}"
        if stage.rate.own_factor is not None:
            text += f"; {self.numbers.cite(stage.rate.own_factor)}"
        return [
            *steps,
            *self._rate_steps(stage.rate),
            Step("left to later payers", self.numbers.amount(stage, "own_share"), text),
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
            sign = "-" if self.numbers.cell(name) < 0 else "+"
            text = f"{sign}{points_text(self.numbers.cell(name))}; {self.numbers.cite(name)}"
            steps.append(Step("points on the rate", None, text))
        for name, quantity in rate.points_times:
            each, times = self.numbers.cell(name), self.numbers.quantity(quantity)
            text = f"{'-' if each < 0 else '+'}{points_text(each)} x {times} ({quantity})"
            steps.append(Step("points on the rate", None, f"{text}; {self.numbers.cite(name)}"))
        if rate.floor is not None:
            least = rate_text(self.numbers.cell(rate.floor.rate))
            text = f"{least} of {base_words(rate.floor.of)}"
            text += f"; {self.numbers.cite(rate.floor.rate)}"
            steps.append(Step("pays at least", None, text))
        for label, table in (("rate times", rate.pays_factor), ("rate at most", rate.at_most)):
            if table is not None:
                text = f"{rate_text(self.numbers.cell(table))}; {self.numbers.cite(table)}"
                steps.append(Step(label, None, text))
        return steps

    def _cap_steps(self, stage: Stage) -> list[Step]:
        """Return a step for each cap; several caps of a kind cut off one amount together."""
        steps: list[Step] = []
        if above := self.numbers.above_bands(stage):
            assert stage.rate is not None
            steps.append(
                exact_step("above the last band", above, self.numbers.cite(stage.rate.table))
            )
        cut = {
            CapOn.BASE: self.numbers.above_base_caps(stage),
            CapOn.PAYMENT: self.numbers.above_payment_caps(stage),
        }
        for cap in stage.caps:
            text = amount_text(self.numbers, cap.amount)
            if cap.counter is not None and not self.alone:
                text += f"; {cap.counter} before {yuan_from_fen(self.numbers.counter(cap.counter))}"
            limit = self.numbers.detail(stage, f"cap_{stage.caps.index(cap)}")
            text = f"{yuan_from_fen(limit)} on {cap.on}; {text}"
            cut_off = cut.pop(cap.on, None)
            label = "above the cap"
            steps.append(
                Step(label, None, text) if cut_off is None else exact_step(label, cut_off, text)
            )
        return steps
