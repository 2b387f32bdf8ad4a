"""The amount of a deductible, a cap or a payment in registers (`medsettle.policy.amount_of`)."""

from medsettle import limits
from medsettle.core.money import Rounding
from medsettle.policy.amount_of import AmountOf
from medsettle.policy.lookups import Lookups
from medsettle.policy.program import Register
from medsettle.policy.rates import denominator


def amount_register(look: Lookups, amount: AmountOf, least: Register | None = None) -> Register:
    """Return an amount in fen with everything that changes it.

    Args:
        look: What the document states, in registers.
        amount: The amount.
        least: What it is at least, before the factor; a share of the bill is such (D15).

    Returns:
        Whole fen, not cut off at any bound but `at_most`: a factor may follow a large product.
    """
    build = look.builder
    found = look.amount_cell(amount.table)
    if amount.times is not None:
        found = build.mul(found, look.quantity(amount.times))
    if least is not None:
        found = build.max(found, least)
    if amount.factor is not None:
        table = look.policy.tables[amount.factor]
        whole = denominator(table)
        found = build.share(found, look.cells(table, 0, whole), whole, Rounding.HALF_UP)
    for name, quantity in amount.plus:
        more = look.amount_cell(name)
        if quantity is not None:
            more = build.mul(more, look.quantity(quantity))
        found = build.add(found, more)
    if amount.at_most is not None:
        found = build.min(found, look.amount_cell(amount.at_most))
    return found


def limit_register(look: Lookups, amount: AmountOf, least: Register | None = None) -> Register:
    """Return an amount as a limit; no claim looks at more than `BASE_FEN_MAX`, nor does it."""
    # The bound keeps finer scales in int64.
    found = amount_register(look, amount, least)
    return look.builder.min(found, look.builder.constant(limits.BASE_FEN_MAX))
