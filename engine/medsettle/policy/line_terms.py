"""What an area says about the lines of a bill beside its catalogue: switches, populations, pots.

The catalogue says what an item is worth; these terms say how the worth is worked out, whose columns
of the catalogue count for whom, and into which pot the in-scope part of a line falls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from medsettle import limits
from medsettle.core.codes import INSURANCE_TYPES
from medsettle.policy import area_keys, keys
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.model import Condition, Dimension
from medsettle.policy.read_facts import read_when
from medsettle.policy.tree import Value
from medsettle.policy.vocabulary import quoted, suggestion

_CLASS_NUMBERS: Final = {"class_a": 1, "class_b": 2}


OWN_EXPENSE: Final = "own_expense"
"""The pot of a mark whose lines nobody but the person, or who answers for them, pays."""


@dataclass(frozen=True, slots=True)
class Population:
    """Persons for whom the catalogue has columns of its own: who meets `when`, of some schemes.

    `insurance_types` is empty where every scheme counts.
    """

    name: str
    insurance_types: tuple[str, ...]
    when: Condition


@dataclass(frozen=True, slots=True)
class Earmark:
    """A word by which an institution, or a visit's routing, marks a line that others pay (L9).

    The in-scope part goes to `pot`, or, where that is `OWN_EXPENSE`, no part of the line is in
    scope and all of it is own expense, as on days that an employer answers for. `pre_self_pay_as`
    is the insurance type whose first-self-pay ratio counts for the line, None for that of the
    claim.
    """

    pot: str
    pre_self_pay_as: str | None


@dataclass(frozen=True, slots=True)
class LineTerms:
    """The terms of one area's catalogue.

    - `pots`: the special pots, in the order of their numbers;
    - `full_price`: first-self-pay is taken from the price before ceilings, not below them (L3);
    - `per_settlement`: first-self-pay is rounded once a settlement, not once a line (O3);
    - `class_pots`: the pot of the in-scope part by item class, 1 for A and 2 for B, where the
      catalogue names none (L12).
    """

    pots: tuple[str, ...]
    full_price: bool
    per_settlement: bool
    populations: tuple[Population, ...] = ()
    class_pots: Mapping[int, str] = field(default_factory=dict)
    earmarks: Mapping[str, Earmark] = field(default_factory=dict)


def read_line_terms(
    check: Checker,
    parts: dict[str, Value],
    pots: tuple[str, ...],
    dimensions: dict[str, Dimension],
) -> LineTerms:
    """Return the terms that an `area.yaml` states; faults go to `check`.

    Args:
        check: Collects the faults.
        parts: The values of the area by keyword.
        pots: Its special pots.
        dimensions: Its dimensions.
    """
    on = check.one_of(parts.get("pre_self_pay_on"), area_keys.PRE_SELF_PAY_ON)
    rounding = check.one_of(parts.get("pre_self_pay_rounding"), area_keys.PRE_SELF_PAY_ROUNDING)
    return LineTerms(
        pots=pots,
        full_price=on == "full_price",
        per_settlement=rounding == "settlement",
        populations=_populations(check, parts.get("populations"), dimensions),
        class_pots=_class_pots(check, parts.get("class_pots"), pots),
        earmarks=_earmarks(check, parts.get("earmarks"), pots),
    )


def _populations(
    check: Checker, value: Value | None, dimensions: dict[str, Dimension]
) -> tuple[Population, ...]:
    found: list[Population] = []
    for name, place, body in check.named(value, "populations"):
        parts = check.record(body, area_keys.POPULATION)
        types = parts.get("insurance_type")
        check.text(parts.get("note"))
        found.append(
            Population(
                name=name,
                insurance_types=check.known_all(types, INSURANCE_TYPES, "insurance type"),
                when=read_when(check, parts.get("when"), dimensions),
            )
        )
        if len(found) == limits.POPULATIONS_MAX + 1:
            most = limits.POPULATIONS_MAX
            check.refuse(place, f"more than {most} populations; put some of them together")
    return tuple(found)


def _class_pots(check: Checker, value: Value | None, pots: tuple[str, ...]) -> dict[int, str]:
    found = {}
    for word, place, pot in check.entries(value, "item classes"):
        name = same_name(word, _CLASS_NUMBERS)
        if name is None:
            hint = suggestion(word, tuple(_CLASS_NUMBERS))
            check.refuse(place, f"{quoted(word)} is no class with an in-scope part; {hint}")
            continue
        found[_CLASS_NUMBERS[name]] = check.known(pot, pots, "special pot") or ""
    return found


def _earmarks(check: Checker, value: Value | None, pots: tuple[str, ...]) -> dict[str, Earmark]:
    found = {}
    for name, place, body in check.named(value, "earmarks", keys.CODE_PATTERN):
        parts = check.record(body, area_keys.EARMARK)
        check.text(parts.get("note"))
        if len(name) > limits.CODE_CHARS_MAX:
            check.refuse(place, f"more than {limits.CODE_CHARS_MAX} characters; shorten the name")
        found[name] = Earmark(
            pot=check.known(parts.get("pot"), (*pots, OWN_EXPENSE), "special pot") or "",
            pre_self_pay_as=check.known(
                parts.get("pre_self_pay_as"), INSURANCE_TYPES, "insurance type"
            ),
        )
    return found
