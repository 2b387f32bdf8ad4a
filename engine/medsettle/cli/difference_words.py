"""What the difference of two policies costs whom, in words, and all of it as JSON."""

from collections.abc import Iterator
from fractions import Fraction

from medsettle import limits
from medsettle.core.money import yuan_from_fen
from medsettle.policy.difference import Change
from medsettle.policy.difference_words import change_words, classes_words, value_words
from medsettle.policy.model import Unit
from medsettle.settle.effects import Bill, Effect, Effects


def effect_lines(found: Effects) -> Iterator[str]:
    """Yield what the changes cost or save whom at which bills."""
    yield f"What the person bears of a first settlement of the year, as of {found.since}"
    yield "  (the whole bill in scope, nothing from the account and beside the bill, sampled at the"
    yield "  edges of both):"
    if found.held:
        yield f"  (only {'; '.join(found.held)}: there are more classes than are compared)"
    if not found.changed:
        yield "  everybody bears the same at every sampled bill"
    for effect in found.changed[: limits.DIFFERENCE_GROUPS_SHOWN_MAX]:
        yield f"  {classes_words(effect.classes)}: {_verdict(effect)}"
        for bill in effect.bills:
            yield f"    {_bill_words(bill)}"
    if (more := len(found.changed) - limits.DIFFERENCE_GROUPS_SHOWN_MAX) > 0:
        yield f"  and {more} more groups; --json shows all of them"
    for classes in found.unchanged if found.changed else ():
        yield f"  {classes_words(classes)}: bears the same"


def _verdict(effect: Effect) -> str:
    """Return who gains or loses, at most how much, at the bills that were sampled."""
    gains = [(bill.before - bill.after, bill.total) for bill in effect.bills]
    words = []
    for sign, word in ((1, "gains"), (-1, "loses")):
        most, total = max((sign * gain, total) for gain, total in gains)
        if most > 0:
            last = ", the largest sampled" if total == effect.bills[-1].total else ""
            words.append(f"{word} up to {yuan_from_fen(most)}, at {yuan_from_fen(total)}{last}")
    return "; ".join(words)


def _bill_words(bill: Bill) -> str:
    total, before, after = (f"{yuan_from_fen(fen):>14}" for fen in bill)
    gain = bill.before - bill.after
    step = "the same"
    if gain:
        step = f"{'gains' if gain > 0 else 'loses'} {yuan_from_fen(abs(gain))}"
    return f"of {total}: {before} -> {after}  {step}"


def change_json(change: Change) -> dict[str, object]:
    """Return a change as a JSON object; rates and points as text, amounts in fen."""
    return {
        "topic": change.topic,
        "stage": change.stage,
        "what": change.what,
        "classes": {name: list(words) for name, words in change.classes},
        "band_fen": list(change.band) if change.band is not None else None,
        "unit": change.unit,
        "before": _value_json(change.before, change.unit),
        "after": _value_json(change.after, change.unit),
        "from": change.since.isoformat(),
        "until": change.until.isoformat() if change.until is not None else None,
        "places": [
            f"{place.file}:{place.line}" if place is not None else None for place in change.places
        ],
        "words": change_words(change),
    }


def _value_json(value: Fraction | str | None, unit: Unit | None) -> object:
    if isinstance(value, Fraction):
        exact = unit in {Unit.AMOUNT, Unit.COUNT}
        return int(value) if exact else value_words(value, unit)
    return value


def effects_json(found: Effects) -> dict[str, object]:
    """Return effects as a JSON object, all amounts in fen."""
    return {
        "from": found.since.isoformat(),
        "settlement": "first of the year, the whole bill in scope, nothing from the account or "
        "beside the bill",
        "held": list(found.held),
        "changed": [
            {
                "classes": {name: list(words) for name, words in effect.classes},
                "bills": [
                    {"total_fen": total, "before_fen": before, "after_fen": after}
                    for total, before, after in effect.bills
                ],
            }
            for effect in found.changed
        ],
        "unchanged": [
            {name: list(words) for name, words in classes} for classes in found.unchanged
        ],
    }
