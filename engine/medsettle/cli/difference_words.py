"""The difference of two policies in words and figures, and as JSON."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from medsettle import limits
from medsettle.core.money import yuan_from_fen
from medsettle.policy.difference import Change, Topic
from medsettle.policy.difference_classes import Classes
from medsettle.policy.model import Unit
from medsettle.policy.values import cell_text
from medsettle.settle.effects import Bill, Effect, Effects

_HEADS = {
    Topic.SCOPE: "What it is for",
    Topic.STAGE: "Who pays",
    Topic.VALUE: "Values",
    Topic.CONDITION: "For whom",
    Topic.SWITCH: "How it is computed",
    Topic.COUNTER: "What is carried from one settlement to the next",
    Topic.CLASS: "Who belongs where",
    Topic.EVIDENCE: "Sources and confidence",
}
_NOTHING = "none"


def difference_lines(changes: Sequence[Change]) -> Iterator[str]:
    """Yield the changes as lines under a heading for each topic, those of a stage together."""
    for topic in Topic:
        own = [change for change in changes if change.topic is topic]
        if not own:
            continue
        yield f"{_HEADS[topic]}:"
        for change in own:
            yield f"  {change_words(change)}"
        yield ""


def change_words(change: Change) -> str:
    """Return a change as a sentence without its full stop."""
    where = " ".join(filter(None, (change.stage, change.what)))
    whom = f", {classes_words(change.classes)}" if change.classes else ""
    band = f", {_band_words(change.band)}" if change.band is not None else ""
    before, after = value_words(change.before, change.unit), value_words(change.after, change.unit)
    step = f"{before} -> {after}"
    if change.unit is not None and change.before is not None and change.after is not None:
        step = f"from {before} to {after}"
    until = f" until {change.until}" if change.until is not None else ""
    return f"{where}{whom}{band}: {step}, as of {change.since}{until}"


def classes_words(classes: Classes) -> str:
    """Return for whom something holds.

    >>> classes_words((("person", ("retired",)), ("place", ("hospital", "community"))))
    'person retired, place hospital or community'
    """
    if not classes:
        return "everybody"
    return ", ".join(f"{name} {' or '.join(words)}" for name, words in classes)


def value_words(value: Fraction | str | None, unit: Unit | None) -> str:
    """Return a value with its unit, as a notice prints it."""
    if value is None:
        return _NOTHING
    if isinstance(value, str):
        return value
    return cell_text(unit or Unit.RATE, value)


def _band_words(band: tuple[int, int | None]) -> str:
    low, high = band
    if high is None:
        return f"above {yuan_from_fen(low)}" if low else "at every amount"
    return f"{yuan_from_fen(low)} to {yuan_from_fen(high)}" if low else f"to {yuan_from_fen(high)}"


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
