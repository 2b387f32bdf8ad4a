"""Stated settlements: what a receipt, a page or another system prints, read to be checked.

Written like a worked example, in the words and units of a policy, but nothing of it is believed.
`amounts` are the printed ones. `calculations` are the rules printed beside them, each for one
amount. Where the claim is known too, `policy`, `pooling_area` and `visit` say how to settle it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Final

from medsettle.core.codes import PAYER_NAMES, POT_NAMES
from medsettle.policy import tree, values
from medsettle.policy.checker import Checker, canonical_name
from medsettle.policy.example_keys import STATED_VISIT
from medsettle.policy.examples import Visit, read_visit
from medsettle.policy.keys import CONFIDENCES, FORMAT, OPEN
from medsettle.policy.tree import Map, Text, Value
from medsettle.policy.vocabulary import canonical, quoted, suggestion

TOTALS: Final = ("total", "deductible", "fund_total", "person_total", "cash")
KNOWN: Final = (*TOTALS, *POT_NAMES, *PAYER_NAMES)
"""Names of amounts that the identities speak of; others stand in calculations only."""

_REQUIRED: Final = {"format", "settlement", "source", "confidence", "amounts"}
_CLAIM: Final = ("policy", "pooling_area", "visit")
_CALCULATION: Final = {
    "rate",
    "limits",
    "rates",
    "above",
    "own_factor",
    "times",
    "every",
    "at_most",
}


@dataclass(frozen=True, slots=True)
class Calculation:
    """How one amount follows from others, as printed.

    Its base is `plus` less `minus`. One rate, or one for each band up to its limit (None without an
    end); `above` is the amount that fills the lowest bands and earns nothing. `own_factor` is on
    what the rates leave to the person. `times` and `every` are a number of days, sessions or
    months, and how many of them the base is for.
    """

    amount: str
    plus: tuple[str, ...]
    minus: tuple[str, ...]
    rates: tuple[Fraction, ...]
    limits_fen: tuple[int | None, ...]
    above: str | None
    own_factor: Fraction
    times: int
    every: int
    at_most_fen: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A stated settlement: fen by name in the order printed, and the rules printed with them."""

    name: str
    source: str
    confidence: str
    amounts: dict[str, int]
    calculations: tuple[Calculation, ...]
    policy: str | None = None
    visit: Visit | None = None


class FaultyReceipt(ValueError):
    """A stated settlement that cannot be read; every fault is a line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def read_receipt(path: Path) -> Receipt:
    """Return the stated settlement of a file.

    Raises:
        FaultyReceipt: The file has faults; all of them, with their places.
        OSError: The file cannot be read.
    """
    document, violations = tree.read(path)
    check = Checker(violations)
    parts = check.fields(document, _REQUIRED, {"title", "note", "calculations", *_CLAIM})
    check.one_of(parts.get("format"), [FORMAT])
    amounts = _amounts(check, parts.get("amounts"))
    calculations = _calculations(check, parts.get("calculations"), amounts)
    _refuse_unused(check, parts.get("amounts"), calculations)
    policy, visit = _claim(check, document, parts)
    receipt = Receipt(
        name=check.text(parts.get("settlement")),
        source=check.text(parts.get("source")),
        confidence=check.known(parts.get("confidence"), CONFIDENCES, "label") or "",
        amounts=amounts,
        calculations=tuple(calculations),
        policy=policy,
        visit=visit,
    )
    if check.violations:
        raise FaultyReceipt([str(violation) for violation in check.violations])
    return receipt


def _amounts(check: Checker, value: Value | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, _, amount in check.named(value, "the printed amounts"):
        word = canonical_name(name)
        found[word] = check.parsed(amount, values.amount_fen, 0)
    return found


def _calculations(
    check: Checker, value: Value | None, amounts: dict[str, int]
) -> list[Calculation]:
    found: list[Calculation] = []
    for item in check.items(value, "calculations") if value is not None else ():
        parts = check.fields(item, {"amount", "base"}, {*_CALCULATION, "note"})
        known = [*amounts, *(calculation.amount for calculation in found)]
        if "in_scope" not in known:
            known.append("in_scope")
        plus, minus = _base(check, parts.get("base"), known)
        limits, rates = _bands(check, item, parts)
        times = check.parsed(parts.get("times"), values.quantity, 1)
        every = check.parsed(parts.get("every"), values.quantity, 1)
        if every == 0:
            check.refuse(
                parts["every"].place, "an amount for 0 of something; write 30天 or the like"
            )
        found.append(
            Calculation(
                amount=canonical_name(check.text(parts.get("amount"))),
                plus=plus,
                minus=minus,
                rates=rates,
                limits_fen=limits,
                above=check.known(parts.get("above"), known, "printed amount"),
                own_factor=check.parsed(parts.get("own_factor"), values.rate, Fraction(1)),
                times=times,
                every=max(every, 1),
                at_most_fen=check.parsed(parts.get("at_most"), values.amount_fen, 0)
                if "at_most" in parts
                else None,
            )
        )
    return found


def _base(
    check: Checker, value: Value | None, known: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not isinstance(value, Map):
        return check.known_all(value, known, "printed amount"), ()
    parts = check.fields(value, {"plus"}, {"minus"})
    plus = check.known_all(parts.get("plus"), known, "printed amount")
    return plus, check.known_all(parts.get("minus"), known, "printed amount")


def _bands(
    check: Checker, item: Value, parts: dict[str, Value]
) -> tuple[tuple[int | None, ...], tuple[Fraction, ...]]:
    """Return upper limits and rates; one rate for everything where no bands are printed."""
    if ("rates" in parts) != ("limits" in parts):
        check.refuse(item.place, "`limits` and `rates` belong together; write both or one `rate`")
    if "rates" in parts and "rate" in parts:
        check.refuse(parts["rate"].place, "`rate` and `rates` say the same; keep one of the two")
    if "rates" not in parts:
        return (None,), (check.parsed(parts.get("rate"), values.rate, Fraction(1)),)
    rates = [
        check.parsed(rate, values.rate, Fraction(0))
        for rate in check.items(parts["rates"], "rates")
    ]
    listed = check.items(parts.get("limits"), "limits") if "limits" in parts else ()
    limits = [_limit(check, limit) for limit in listed]
    if listed and len(limits) != len(rates):
        check.refuse(
            parts["rates"].place, f"{len(rates)} rates for {len(limits)} limits; write one for each"
        )
    if not _rising(limits):
        check.refuse(
            parts["limits"].place, "the limits do not rise; write them in order, open last"
        )
    return tuple(limits), tuple(rates)


def _limit(check: Checker, value: Value) -> int | None:
    if isinstance(value, Text) and canonical(value.value) == OPEN:
        return None
    return check.parsed(value, values.amount_fen, 0)


def _rising(limits: Iterable[int | None]) -> bool:
    return all(low is not None and (high is None or low < high) for low, high in pairwise(limits))


def _refuse_unused(
    check: Checker, value: Value | None, calculations: Iterable[Calculation]
) -> None:
    """Refuse names that nothing speaks of, which are slips of the pen."""
    used = {*KNOWN}
    for calculation in calculations:
        used |= {calculation.amount, *calculation.plus, *calculation.minus, calculation.above or ""}
    for name, place, _ in check.quietly_named(value):
        if canonical_name(name) not in used:
            hint = suggestion(name, KNOWN)
            check.refuse(
                place, f"nothing speaks of {quoted(name)}, neither identity nor calculation; {hint}"
            )


def _claim(
    check: Checker, document: Value, parts: dict[str, Value]
) -> tuple[str | None, Visit | None]:
    if not any(name in parts for name in _CLAIM):
        return None, None
    for name in _CLAIM:
        if name not in parts:
            check.refuse_missing(document.place, name, "to settle the claim as the policy does")
    area = check.text(parts.get("pooling_area"))
    visit = None
    if "visit" in parts:
        visit = read_visit(check, parts["visit"], area, "STATED", STATED_VISIT)
    return check.text(parts.get("policy")), visit
