"""Read the quantities of a rule document: days, persons, months since a date."""

from typing import Final

from medsettle import limits
from medsettle.core import schema
from medsettle.core.columns import Kind
from medsettle.core.dates import MONTHS_PER_YEAR
from medsettle.policy import keys, values
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.quantity import Quantity, QuantityKind
from medsettle.policy.tree import Value
from medsettle.policy.vocabulary import quoted

NUMBER_COLUMNS: Final = tuple(column.name for column in schema.CLAIM if column.kind is Kind.INTEGER)
"""The columns of a claim that are numbers of something."""

DATE_COLUMNS: Final = tuple(column.name for column in schema.CLAIM if column.kind is Kind.DATE)
"""The columns of a claim that are dates."""

CODES_COLUMNS: Final = tuple(column.name for column in schema.CLAIM if column.kind is Kind.CODES)
"""The columns of a claim that are lists of codes."""

_SINCE: Final = ("years_since", "months_since", "days_since")


def read_quantities(check: Checker, value: Value | None) -> dict[str, Quantity]:
    """Return the quantities by name."""
    found: dict[str, Quantity] = {}
    entries = check.named(value, "quantities")
    if len(entries) > limits.QUANTITIES_PER_POLICY_MAX and value is not None:
        most = limits.QUANTITIES_PER_POLICY_MAX
        check.refuse(value.place, f"{len(entries)} quantities, more than {most}; delete some")
    for name, place, body in entries:
        if (other := same_name(name, keys.RESERVED_NAMES)) is not None:
            check.refuse(place, f"{quoted(other)} is the name of an amount; rename the quantity")
        parts = check.record(body, keys.QUANTITY)
        check.text(parts.get("note"))
        kinds = [kind for kind in QuantityKind if kind.value in parts]
        if len(kinds) != 1:
            if parts or check.is_blank(body):
                given = f"found {' and '.join(kinds)}" if kinds else "found none"
                known = ", ".join(QuantityKind)
                check.refuse(body.place, f"a quantity has one of {known}; {given}")
            continue
        found[name] = _quantity(check, name, kinds[0], parts)
    return found


def _most(kind: QuantityKind, column: str) -> int:
    """Return the most a quantity can be where nothing is said."""
    stated = next((each.most for each in schema.CLAIM if each.name == column), 0)
    years = limits.AGE_YEARS_MAX
    return {
        QuantityKind.NUMBER: stated,
        QuantityKind.COUNT: stated,
        QuantityKind.YEARS_SINCE: years,
        QuantityKind.MONTHS_SINCE: years * MONTHS_PER_YEAR,
        QuantityKind.MONTH_OF: MONTHS_PER_YEAR,
        QuantityKind.DAYS_SINCE: limits.QUANTITY_MAX,
    }[kind]


def _quantity(check: Checker, name: str, kind: QuantityKind, parts: dict[str, Value]) -> Quantity:
    value = parts[kind.value]
    if kind is QuantityKind.MONTH_OF:
        column = check.one_of(value, ["benefit_year"]) or ""
    elif kind is QuantityKind.NUMBER:
        column = check.known(value, NUMBER_COLUMNS, "number of a claim") or ""
    elif kind is QuantityKind.COUNT:
        column = check.known(value, CODES_COLUMNS, "list of codes of a claim") or ""
    else:
        column = check.known(value, DATE_COLUMNS, "date of a claim") or ""
    every = check.parsed(parts.get("every"), values.quantity, 1)
    if not every:
        check.refuse(parts["every"].place, "nothing makes one of nothing; write `every` from 1 on")
    return Quantity(
        name,
        kind,
        column,
        less=check.parsed(parts.get("less"), values.quantity, 0),
        at_most=check.parsed(parts.get("at_most"), values.quantity, _most(kind, column)),
        every=max(every, 1),
    )
