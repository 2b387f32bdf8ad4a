"""How an amount came about (`medsettle.policy.amount_of`), for the sentences of an explanation."""

from collections.abc import Iterable

from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.policy.amount_of import AmountOf
from medsettle.settle.phrases import Phrase
from medsettle.settle.traced_numbers import Numbers


def amount_phrases(
    numbers: Numbers, amount: AmountOf, least: Iterable[Phrase] = ()
) -> list[Phrase]:
    """Return a phrase for each change of an amount, in the order in which they are made.

    Args:
        numbers: The traced numbers of the settlement.
        amount: The amount; one that a table states as it is has no phrases.
        least: What is said of a least amount, which is compared before the factor.
    """
    found = []
    if amount.times is not None:
        stated = yuan_from_fen(int(numbers.cell(amount.table)))
        times = numbers.quantity(amount.times)
        found.append(Phrase(f"{stated} x {times}", f"{stated} 元乘以 {times}"))
    found += least
    if amount.factor is not None:
        factor = rate_text(numbers.cell(amount.factor))
        found.append(Phrase(f"times {factor}", f"乘以 {factor}"))
    for name, quantity in amount.plus:
        more, times_en, times_zh = yuan_from_fen(int(numbers.cell(name))), "", ""
        if quantity is not None:
            times = numbers.quantity(quantity)
            times_en, times_zh = f" x {times}", f"乘以 {times}"
        found.append(Phrase(f"plus {more}{times_en}", f"加 {more} 元{times_zh}"))
    if amount.at_most is not None:
        most = yuan_from_fen(int(numbers.cell(amount.at_most)))
        found.append(Phrase(f"at most {most}", f"最高 {most} 元"))
    return found


def in_brackets(phrases: Iterable[Phrase]) -> Phrase:
    """Return phrases in brackets to stand behind an amount; nothing for none."""
    phrases = list(phrases)
    if not phrases:
        return Phrase("", "")
    english = ", ".join(phrase.english for phrase in phrases)
    chinese = "，".join(phrase.chinese for phrase in phrases)
    return Phrase(f" ({english})", f"（{chinese}）")


def amount_text(numbers: Numbers, amount: AmountOf) -> str:
    """Return how an amount came about and what was cited, as a step says it."""
    found = [in_brackets(amount_phrases(numbers, amount)).english.strip()]
    found += [numbers.cite(name) for name in amount.tables()]
    found += [f"{name} is {numbers.quantity(name)}" for name in amount.quantities()]
    return "; ".join(text for text in found if text)
