"""Every transaction there is, by its number."""

from collections.abc import Iterable, Mapping
from types import ModuleType

from medsettle.gateway.definitions import (
    catalogues,
    clearing,
    files,
    filings,
    inpatient,
    outpatient,
    persons,
    pharmacy,
    queries,
    reconciliation,
    reversal,
    settlement_list,
    signing,
)
from medsettle.gateway.transactions import Transaction

_FAMILIES: tuple[ModuleType, ...] = (
    signing,
    persons,
    catalogues,
    pharmacy,
    outpatient,
    inpatient,
    reversal,
    queries,
    settlement_list,
    reconciliation,
    files,
    clearing,
    filings,
)


def transactions() -> tuple[Transaction, ...]:
    """Return every transaction, in the order of the families."""
    return tuple(each for family in _FAMILIES for each in family.TRANSACTIONS)


def by_number(found: Iterable[Transaction]) -> Mapping[str, Transaction]:
    """Return transactions by number, variants among them."""
    numbered: dict[str, Transaction] = {}
    for each in found:
        for infno in (each.infno, *each.variants):
            assert infno not in numbered, f"{infno} is defined twice"
            numbered[infno] = each
    return numbered
