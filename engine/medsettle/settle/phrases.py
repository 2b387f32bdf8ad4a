"""The parts of a sentence in both languages: what a band of a claim holds, and at which rate."""

from fractions import Fraction
from typing import NamedTuple

from medsettle import limits
from medsettle.core.codes import Debtor, Payee
from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.core.settlement import Step
from medsettle.policy.model import Dimension, Stage
from medsettle.policy.values import points_text

_TITLES = {
    "person_type": "人员类别",
    "institution_level": "医院等级",
    "insurance_type": "险种类型",
    "visit_type": "医疗类别",
    "birth_date": "年龄段",
    "benefit_groups": "身份",
}


class Phrase(NamedTuple):
    """A part of a sentence in both languages."""

    english: str
    chinese: str


class Part(NamedTuple):
    """What one band holds of a claim: its amount, what of it fits under a cap, the rate, the share.

    `amount` and `fits` are in 1/SUBFEN fen, as the program multiplies them; `floor`, `limit` and
    `share` are in fen. `share` is rounded for itself, as the steps show it; where the rule rounds
    once, the shares of several bands may differ from their sum by a fen. With `whole`, the band it
    ends in decides for all of it. `factored` is the stated own rate and the factor on it, where one
    changes the rate.
    """

    floor: int
    limit: int | None
    amount: int
    fits: int
    rate: Fraction
    share: int
    whole: bool
    factored: tuple[Fraction, Fraction] | None = None

    def rate_phrase(self) -> Phrase:
        """Return the rate, with the own rate and the factor behind it."""
        rate = rate_text(self.rate)
        if self.factored is None:
            return Phrase(rate, rate)
        own, factor = self.factored
        product = f"{rate_text(own)} × {rate_text(factor)}"
        english, chinese = "", ""
        if self.rate != 1 - min(own * factor, Fraction(1)):
            english, chinese = ", then changed", "，再作调整"
        return Phrase(f"{rate} (own {product}{english})", f"{rate}（自付 {product}{chinese}）")


_PAYEES = {
    Payee.PERSON: ("the person", "本人"),
    Payee.EMPLOYER: ("the employer", "用人单位"),
    Payee.INSTITUTION: ("the institution", "医疗机构"),
    Payee.ACCOUNT: ("into the account", "个人账户"),
}
_DEBTORS = {
    Debtor.THIRD_PARTY: ("the third party", "第三人"),
    Debtor.EMPLOYER: ("the employer", "用人单位"),
}


def pays_phrase(stage: Stage, paid: int) -> Phrase:
    """Return that a stage pays so much of the bill, or to whom it pays beside it."""
    if not paid:
        return Phrase("pays nothing", "不支付")
    yuan = yuan_from_fen(paid)
    advance = Phrase("", "")
    if stage.advance_for is not None:
        english, chinese = _DEBTORS[stage.advance_for]
        advance = Phrase(f" in advance, owed back by {english},", f"（先行支付，向{chinese}追偿）")
    if stage.payee is None:
        return Phrase(f"pays {yuan} yuan{advance.english}", f"支付 {yuan} 元{advance.chinese}")
    english, chinese = _PAYEES[stage.payee]
    return Phrase(
        f"pays {english} {yuan} yuan beside the bill{advance.english}",
        f"在账单之外拨付{chinese} {yuan} 元{advance.chinese}",
    )


def exact_yuan(subfen: int) -> str:
    """Return an amount in 1/SUBFEN fen as yuan with all the decimals it has, two at least.

    >>> exact_yuan(67_039_634_742), exact_yuan(65_000 * limits.SUBFEN)
    ('67,039.634742', '650.00')
    """
    fen, part = divmod(subfen, limits.SUBFEN)
    decimals = f"{part:04d}".rstrip("0")
    return f"{yuan_from_fen(fen)}{decimals}"


def exact_step(label: str, subfen: int, text: str) -> Step:
    """Return a step of an amount in 1/SUBFEN fen: in whole fen, beside it what it is exactly."""
    fen, part = divmod(subfen, limits.SUBFEN)
    if not part:
        return Step(label, fen, text)
    # Half up, as the record shows such an amount.
    fen += part >= limits.SUBFEN // 2
    return Step(label, fen, f"{exact_yuan(subfen)} exactly; {text}")


def class_phrase(dimension: Dimension, classes: tuple[str, ...], held: str | None) -> Phrase:
    """Return for which classes a stage is; of which this claim is instead, where that is told."""
    name = dimension.name
    title = "次数" if dimension.kind == "counter" else _TITLES.get(dimension.column, "字段")
    chosen = "或".join(f"“{word}”" for word in classes)
    english = f"only where {name} is {' or '.join(classes)}"
    chinese = f"仅适用于{title}“{name}”为{chosen}"
    if held is None:
        return Phrase(english, chinese)
    return Phrase(f"{english}, and it is {held}", f"{chinese}，本次为“{held}”")


def points_phrase(points: Fraction) -> Phrase | None:
    """Return by how many percentage points a rate was changed; None for none."""
    number = points_text(points)
    if points > 0:
        return Phrase(f"{number} points added to the rate", f"支付比例加 {number} 个百分点")
    if points < 0:
        return Phrase(f"{number} points off the rate", f"支付比例减 {number} 个百分点")
    return None


def factor_phrase(factor: Fraction) -> Phrase | None:
    """Return by which factor a rate was changed; None where it stayed what it was."""
    if factor == 1:
        return None
    text = rate_text(factor)
    return Phrase(f"the rate times {text}", f"支付比例乘以 {text}")


def band_phrase(part: Part, *, together: bool) -> Phrase:
    """Return what a band holds and at which rate."""
    fits, rate = exact_yuan(part.fits), part.rate_phrase()
    english, chinese = f"{fits} at {rate.english}", f"{fits} 元按 {rate.chinese}"
    if part.fits < part.amount:
        amount = exact_yuan(part.amount)
        english, chinese = f"{fits} of {amount} at {rate.english}", f"{amount} 元中的 {chinese}"
    if part.whole:
        english += " for the whole amount, by the band it ends in"
        chinese += "（全额按所在段）"
    return (
        Phrase(f"{english} together", f"{chinese} 合计") if together else Phrase(english, chinese)
    )


def band_step(part: Part, *, banded: bool) -> Step:
    """Return the share of a band, with where the band lies."""
    where = ""
    if banded and part.limit is None:
        where = f"band above {yuan_from_fen(part.floor)}: "
    elif banded and part.limit is not None:
        where = f"band {yuan_from_fen(part.floor)} to {yuan_from_fen(part.limit)}: "
    if part.whole:
        where = f"ends in the {where}"
    amount, rate = exact_yuan(part.amount), part.rate_phrase().english
    text = f"{where}{amount} at {rate}"
    if part.fits < part.amount:
        text = f"{where}{exact_yuan(part.fits)} of {amount} fits under the cap, at {rate}"
    return Step("share", part.share, text)
