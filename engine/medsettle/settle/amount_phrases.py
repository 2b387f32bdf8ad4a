"""How an amount came about (`medsettle.policy.amount_of`), for the sentences of an explanation."""

from collections.abc import Iterable, Iterator

from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.policy.amount_of import AmountOf, Base, Bound
from medsettle.policy.model import BEFORE
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
    factor = list(_factor(numbers, amount))
    found = list(_source(numbers, amount))
    if amount.rounding.each:
        found += factor
    if amount.times is not None or amount.counts:
        times = _times(numbers, amount)
        if found:
            found.append(Phrase(f"times {times}", f"乘以 {times}"))
        else:
            stated = yuan_from_fen(stated_fen(numbers, amount))
            found.append(Phrase(f"{stated} x {times}", f"{stated} 元乘以 {times}"))
    found += least
    if not amount.rounding.each:
        found += factor
    for name, quantity in amount.plus:
        more, times_en, times_zh = yuan_from_fen(int(numbers.cell(name))), "", ""
        if quantity is not None:
            count = numbers.quantity(quantity)
            times_en, times_zh = f" x {count}", f"乘以 {count}"
        found.append(Phrase(f"plus {more}{times_en}", f"加 {more} 元{times_zh}"))
    if amount.at_most is not None:
        most = yuan_from_fen(int(numbers.cell(amount.at_most)))
        found.append(Phrase(f"at most {most}", f"最高 {most} 元"))
    return found


def stated_fen(numbers: Numbers, amount: AmountOf) -> int:
    """Return what an amount is before anything changes it: a cell, or a sum of named amounts."""
    if amount.of is not None:
        return numbers.sum(amount.of)
    assert amount.table is not None
    return int(numbers.cell(amount.table))


def _source(numbers: Numbers, amount: AmountOf) -> Iterator[Phrase]:
    """Yield what an amount is made of, where no table states it, and its bounds."""
    if amount.of is not None and not (numbers.alone and tells_before(amount.of)):
        yuan = yuan_from_fen(numbers.sum(amount.of))
        names = " + ".join(amount.of.plus) + "".join(f" - {name}" for name in amount.of.minus)
        yield Phrase(f"{names} {yuan}", f"{names} {yuan} 元")
    for bound, english, chinese in (
        (amount.least, "at least", "不低于"),
        (amount.most, "at most", "不高于"),
    ):
        if bound is not None:
            text = _bound_text(numbers, bound)
            yield Phrase(f"{english} {text}", f"{chinese} {text} 元")


def tells_before(base: Base) -> bool:
    """Whether an amount is made of something that stood there before the claim."""
    return any(name.rpartition(".")[2] == BEFORE for name in (*base.plus, *base.minus))


def _bound_text(numbers: Numbers, bound: Bound) -> str:
    stated = yuan_from_fen(int(numbers.cell(bound.table)))
    if bound.factor is None:
        return stated
    return f"{stated} x {rate_text(numbers.cell(bound.factor))}"


def _factor(numbers: Numbers, amount: AmountOf) -> Iterator[Phrase]:
    """Yield by which factor, and to what the product is rounded where that is not a fen."""
    if amount.factor is not None:
        factor = rate_text(numbers.cell(amount.factor))
        yield Phrase(f"times {factor}", f"乘以 {factor}")
    if amount.rounding.each:
        yield Phrase("rounded for each", "逐个取整")
    if amount.rounding.to_fen > 1:
        yield Phrase("rounded to whole yuan", "取整到元")


def _times(numbers: Numbers, amount: AmountOf) -> str:
    """Return what an amount is taken times: a quantity, or counts that are added up."""
    if amount.times is not None:
        return str(numbers.quantity(amount.times))
    terms = []
    for name, quantity in amount.counts:
        each = int(numbers.cell(name))
        terms.append(str(each) if quantity is None else f"{each} x {numbers.quantity(quantity)}")
    return terms[0] if len(terms) == 1 else f"({' + '.join(terms)})"


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
