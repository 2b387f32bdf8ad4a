"""Read an amount and what changes it (`medsettle.policy.amount_of`)."""

from collections.abc import Mapping

from medsettle import limits
from medsettle.policy import keys
from medsettle.policy.amount_of import AmountOf
from medsettle.policy.model import Unit
from medsettle.policy.references import References
from medsettle.policy.tree import Map, Value


def read_amount(refs: References, parts: Mapping[str, Value]) -> AmountOf | None:
    """Return the amount that the keys of `keys.AMOUNT_OF` say; None where its table cannot be read.

    Args:
        refs: The tables and quantities of the document.
        parts: The values of a block by keyword; what is no part of an amount is not looked at.
    """
    table = refs.table(parts.get("table"), Unit.AMOUNT)
    times = refs.quantity(parts.get("times"))
    factor = refs.rate_table(parts.get("factor"))
    plus = _plus(refs, parts.get("plus"))
    at_most = refs.table(parts.get("at_most"), Unit.AMOUNT)
    return None if table is None else AmountOf(table, times, factor, plus, at_most)


def _plus(refs: References, value: Value | None) -> tuple[tuple[str, str | None], ...]:
    """Return the tables of amounts added, some with the quantity they are taken times."""
    found: list[tuple[str, str | None]] = []
    items = refs.check.items(value, "tables of amounts")
    if len(items) > limits.AMOUNT_TERMS_MAX and value is not None:
        most = limits.AMOUNT_TERMS_MAX
        refs.check.refuse(value.place, f"{len(items)} additions, more than {most}; join some")
    for item in items:
        if not isinstance(item, Map):
            name = refs.table(item, Unit.AMOUNT)
            found += [] if name is None else [(name, None)]
            continue
        parts = refs.check.record(item, keys.TIMES)
        table = refs.table(parts.get("table"), Unit.AMOUNT)
        times = refs.quantity(parts.get("times"))
        if table is not None and times is not None:
            found.append((table, times))
    return tuple(found)
