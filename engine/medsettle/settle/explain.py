"""Say why: every amount of a settlement with its arithmetic and the clause behind it.

The recorded inputs run once more through the same program, with every detail as an output; the
amounts must equal the recorded ones, fen for fen, or this is a bug and says so. Sentences are made
from the traced numbers and the document, never from a second calculation.
"""

from dataclasses import dataclass
from fractions import Fraction

from medsettle.core import codes
from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.core.settlement import Explanation, Sentence, Settlement, Step
from medsettle.errors import InternalError
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.lookups import rate_divisor
from medsettle.policy.model import BandsAlong, Stage, Table, Version
from medsettle.settle.scalar import scalar_function

_POT_WORDS = {
    "own_expense": ("outside the catalogue", "目录外全自费"),
    "over_limit": ("above a ceiling price", "超限价自费"),
    "pre_self_pay": ("first-self-pay of class B items", "乙类先行自付"),
}


def explain(policy: CompiledPolicy, settlement: Settlement, inputs: dict[str, int]) -> Explanation:
    """Return the explanation of a recorded settlement.

    Args:
        policy: The revision that settled it.
        settlement: The settlement as recorded.
        inputs: The recorded inputs of the policy's program.

    Raises:
        InternalError: The recorded inputs give other amounts than the record.
    """
    trace = traced(policy, inputs)
    _assert_equal(settlement, trace)
    teller = _Teller(policy, inputs, trace)
    sentences = [teller.payer(stage) for stage in policy.policy.stages]
    sentences.append(teller.cash(settlement))
    told = sum(sentence.amount_fen for sentence in sentences)
    if told != settlement.fen("total_fen"):
        raise InternalError(f"an explanation of {told} fen for {settlement.fen('total_fen')} fen")
    return Explanation(str(settlement.columns["settlement"]), tuple(sentences))


def traced(policy: CompiledPolicy, inputs: dict[str, int]) -> dict[str, int]:
    """Return every output of a policy's program for one claim, the details of bands included."""
    names = list(policy.program.outputs)
    values = scalar_function(policy.program, names)(inputs)
    return dict(zip(names, values, strict=True))


def _assert_equal(settlement: Settlement, trace: dict[str, int]) -> None:
    for name, amount in settlement.amounts.items():
        if trace[f"stage:{name}"] != amount:
            raise InternalError(f"{name} is {trace[f'stage:{name}']} fen, recorded {amount} fen")
    if trace["cash"] != settlement.fen("cash_fen"):
        raise InternalError("settled again, the cash differs from the recorded cash")


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells the traced numbers of one settlement as sentences and steps."""

    policy: CompiledPolicy
    inputs: dict[str, int]
    trace: dict[str, int]

    def payer(self, stage: Stage) -> Sentence:
        paid = self._amount(stage, "paid")
        base = self._amount(stage, "base")
        yuan, base_yuan = yuan_from_fen(paid), yuan_from_fen(base)
        english = f"{stage.title} pays {yuan} yuan of a base of {base_yuan} yuan."
        chinese = f"{stage.title}支付 {yuan} 元, 计算基数 {base_yuan} 元."
        if not base:
            english = f"{stage.title} pays nothing: its base is zero{self._why_not(stage)}."
            chinese = f"{stage.title}不支付: 基数为零."
        return Sentence(
            payer=stage.payer,
            stage=stage.name,
            text_en=english,
            text_zh=chinese,
            amount_fen=paid,
            clause=self._clause(stage),
            steps=tuple(self._steps(stage)),
        )

    def cash(self, settlement: Settlement) -> Sentence:
        steps = [
            Step(words, settlement.fen(f"{pot}_fen"), chinese)
            for pot, (words, chinese) in _POT_WORDS.items()
            if settlement.fen(f"{pot}_fen")
        ]
        paid = sum(self.trace[f"payer:{payer}"] for payer in codes.PAYER_NAMES)
        total, cash = settlement.fen("total_fen"), self.trace["cash"]
        steps.append(
            Step("total less all payers", cash, f"{yuan_from_fen(total)} - {yuan_from_fen(paid)}")
        )
        return Sentence(
            payer="cash",
            stage="cash",
            text_en=f"The patient pays {yuan_from_fen(cash)} yuan, what nobody else pays.",
            text_zh=f"个人现金支付 {yuan_from_fen(cash)} 元, 即总费用减去各方支付.",
            amount_fen=cash,
            clause="the remainder, never computed by a rate",
            steps=tuple(steps),
        )

    # --- pieces ----------------------------------------------------------------------------

    def _amount(self, stage: Stage, part: str) -> int:
        return self.trace[f"stage:{stage.name}.{part}"]

    def _detail(self, stage: Stage, part: str) -> int | None:
        return self.trace.get(f"detail:{stage.name}.{part}")

    def _version(self, table: Table) -> Version:
        """Return the version of a table that was in force."""
        epoch = self.policy.epochs[self.inputs["epoch"]]
        return [version for version in table.versions if version.start.toordinal() <= epoch][-1]

    def _cite(self, name: str) -> str:
        version = self._version(self.policy.policy.tables[name])
        source = self.policy.policy.sources[version.source]
        place = f"{self.policy.policy.file.rsplit('/', 1)[-1]}:{version.place.line}"
        return f"{name} from {version.start} ({place}; {source.title}, {version.confidence})"

    def _clause(self, stage: Stage) -> str:
        source = self.policy.policy.sources[stage.source]
        return f"{source.title} ({source.where}; {source.confidence})"

    def _why_not(self, stage: Stage) -> str:
        for name, classes in stage.when:
            dimension = self.policy.policy.dimensions[name]
            held = self.inputs.get(f"dimension:{name}")
            if held is not None and dimension.values[held] not in classes:
                return f", because {name} is {dimension.values[held]}, not {' or '.join(classes)}"
        return ""

    def _steps(self, stage: Stage) -> list[Step]:
        terms = " + ".join(stage.base.plus)
        terms += "".join(f" - {name}" for name in stage.base.minus)
        steps = [Step("base", self._amount(stage, "base"), terms)]
        if not self._amount(stage, "base"):
            return steps
        if stage.keep_back is not None:
            steps.append(
                Step("kept back", self._amount(stage, "kept_back"), self._cite(stage.keep_back))
            )
        steps += self._deductible(stage)
        steps += self._bands(stage)
        steps += self._caps(stage)
        if stage.account_limited:
            balance = self.inputs[f"counter:{self.policy.account_counter}"]
            used = "may be used" if self.inputs["account_used"] else "may not be used"
            steps.append(Step("account balance before", balance, f"the account {used}"))
        steps.append(Step("paid", self._amount(stage, "paid"), "never above what is left to pay"))
        return steps

    def _deductible(self, stage: Stage) -> list[Step]:
        if stage.deductible is None:
            return []
        standard = self._detail(stage, "deductible_standard") or 0
        text = f"standard {yuan_from_fen(standard)}"
        counter = stage.deductible.counter
        if counter is not None:
            used = self.inputs.get(f"counter:{counter}", 0)
            text += f", met before {yuan_from_fen(used)}"
        text += f"; {self._cite(stage.deductible.table)}"
        return [Step("deductible", self._amount(stage, "deductible"), text)]

    def _bands(self, stage: Stage) -> list[Step]:
        if stage.rate is None:
            return []
        table = self.policy.policy.tables[stage.rate.table]
        divisor = rate_divisor(self.policy.policy, stage.rate)
        steps, floor = [], 0
        if stage.bands is not None and stage.bands.along is BandsAlong.RUNNING_TOTAL:
            held = self.inputs.get(f"counter:{stage.bands.counter}", 0)
            steps.append(Step("running total before", held, str(stage.bands.counter)))
        for column, limit in enumerate(self._version(table).limits_fen):
            width = self._detail(stage, f"band_{column}")
            amount = self._amount(stage, "net") if width is None else width
            pays = Fraction(self._detail(stage, f"pays_{column}") or 0, divisor)
            top = "above" if limit is None else f"to {yuan_from_fen(limit)}"
            where = f"band {yuan_from_fen(floor)} {top}: " if table.banded else ""
            share = self._detail(stage, f"share_{column}") or 0
            fit = self._detail(stage, f"fit_{column}")
            if amount:
                text = f"{where}{yuan_from_fen(amount)} at {rate_text(pays)}"
                if fit is not None and fit < amount:
                    own = self._detail(stage, f"fit_own_{column}") or 0
                    share = fit - own
                    fits = f"{where}{yuan_from_fen(fit)} of {yuan_from_fen(amount)}"
                    text = f"{fits} fits under the cap, at {rate_text(pays)}"
                steps.append(Step("share", share, text))
            floor = limit or floor
        rounding = stage.rounding
        assert rounding is not None
        text = f"{self._cite(stage.rate.table)}; rounded {rounding.mode} per {rounding.at}"
        if stage.rate.own_factor is not None:
            text += f"; {self._cite(stage.rate.own_factor)}"
        return [*steps, Step("left to later payers", self._amount(stage, "own_share"), text)]

    def _caps(self, stage: Stage) -> list[Step]:
        steps = []
        for cap in stage.caps:
            text = self._cite(cap.table)
            if cap.counter is not None:
                used = self.inputs.get(f"counter:{cap.counter}", 0)
                text += f"; {cap.counter} before {yuan_from_fen(used)}"
            version = self._version(self.policy.policy.tables[cap.table])
            if len(version.cells) == 1:
                text = f"{yuan_from_fen(int(version.cells[0]))} on {cap.on}; {text}"
            steps.append(Step("above the cap", self._amount(stage, "over_cap"), text))
        return steps
