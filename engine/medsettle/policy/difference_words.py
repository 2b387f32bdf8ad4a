"""What two policies say differently, in words and figures."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from medsettle.core.money import yuan_from_fen
from medsettle.policy.difference import Change, Topic
from medsettle.policy.difference_classes import Classes
from medsettle.policy.model import Unit
from medsettle.policy.values import cell_text

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
    band = f", {band_words(change.band)}" if change.band is not None else ""
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


def band_words(band: tuple[int, int | None]) -> str:
    """Return a range of amounts in yuan, such as `to 1,300.00` or `above 30,000.00`."""
    low, high = band
    if high is None:
        return f"above {yuan_from_fen(low)}" if low else "at every amount"
    return f"{yuan_from_fen(low)} to {yuan_from_fen(high)}" if low else f"to {yuan_from_fen(high)}"
