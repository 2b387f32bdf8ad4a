"""The parts of a sentence in both languages: what a band of a claim holds, and at which rate."""

from fractions import Fraction
from typing import NamedTuple

from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.core.settlement import Step
from medsettle.policy.values import points_text


class Phrase(NamedTuple):
    """A part of a sentence in both languages."""

    english: str
    chinese: str


class Part(NamedTuple):
    """What one band holds of a claim: its amount, what of it fits under a cap, the rate, the share.

    `share` is rounded for itself, as the steps show it; where the rule rounds once, the shares of
    several bands may differ from their sum by a fen. With `whole`, the band it ends in
    decides for all of it.
    """

    floor: int
    limit: int | None
    amount: int
    fits: int
    rate: Fraction
    share: int
    whole: bool


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
    fits, rate = yuan_from_fen(part.fits), rate_text(part.rate)
    english, chinese = f"{fits} at {rate}", f"{fits} 元按 {rate}"
    if part.fits < part.amount:
        amount = yuan_from_fen(part.amount)
        english, chinese = f"{fits} of {amount} at {rate}", f"{amount} 元中的 {chinese}"
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
    text = f"{where}{yuan_from_fen(part.amount)} at {rate_text(part.rate)}"
    if part.fits < part.amount:
        amounts = f"{yuan_from_fen(part.fits)} of {yuan_from_fen(part.amount)}"
        text = f"{where}{amounts} fits under the cap, at {rate_text(part.rate)}"
    return Step("share", part.share, text)
