"""Rule books of engines that know one area each, and of one engine that knows them all."""

from functools import cache
from pathlib import Path
from typing import Any

from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Rejection
from medsettle.core.scopes import CareScope, Scope
from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.item_use import no_values
from medsettle.settle.run import Settled
from medsettle.settle.scoping import ALL_TYPES, Scoped, scoped_claims

_SHAPES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"
_APART = Path(__file__).parent / "apart"

CARE = "999981"
"""Insures nobody; its catalogue does everything that a catalogue can."""


@cache
def book_of(*areas: str) -> RuleBook:
    """Return the rule book of some areas; it is read-only, so one serves every test."""
    found = [load_rule_book(_APART if area == CARE else _SHAPES, only=[area]) for area in areas]
    return RuleBook(
        areas={code: area for book in found for code, area in book.areas.items()},
        catalogues={code: each for book in found for code, each in book.catalogues.items()},
        policies=tuple(policy for book in found for policy in book.policies),
        routings={code: each for book in found for code, each in book.routings.items()},
        cards={code: each for book in found for code, each in book.cards.items()},
    )


def care_split(batch: ClaimBatch, care: str = CARE, *, every: bool = True) -> dict[int, Scoped]:
    """Return the claims of a batch from a place of care as an engine of that area splits them."""
    rows = [row for row, claim in enumerate(batch.rows) if claim["care_area"] == care]
    found = scoped_claims(book_of(care), batch, rows, no_values, ALL_TYPES if every else None)
    assert not [each for each in found.values() if isinstance(each, Rejection)], found
    return {row: each for row, each in found.items() if isinstance(each, Scoped)}


def scoped(batch: ClaimBatch, care: str = CARE, *, every: bool = True) -> ClaimBatch:
    """Return the batch as the engine of home has it, split by that of the place of care."""
    splits = care_split(batch, care, every=every)
    return batch.scoped({row: each.scope for row, each in splits.items()})


def changed(scope: CareScope, insurance_type: str, **changes: Any) -> CareScope:  # noqa: ANN401
    """Return a split with other `parts`, `item_class` or `outside` for one insurance type."""
    own = scope.by_type[insurance_type]
    held: dict[str, Any] = {
        "parts": own.parts,
        "item_class": own.item_class,
        "outside": own.outside,
    }
    by_type = {**scope.by_type, insurance_type: Scope(**(held | changes))}
    return CareScope(scope.care_area, scope.catalogue_digest, scope.charge_types, by_type)


def assert_same(together: Settled, apart: Settled, used: object = ()) -> None:
    """Assert that one engine settled as two did, but for how the place of care books it."""
    one, two = together.settlement, apart.settlement
    assert one.columns == two.columns
    assert [*one.lines] == [*two.lines]
    assert [row | {"care_fund_pay_type": None} for row in two.payers] == [*one.payers]
    assert (one.amounts, one.notices, one.relatives) == (two.amounts, two.notices, two.relatives)
    assert together.inputs == apart.inputs
    assert isinstance(used, tuple)
    assert {*together.moved} == {*apart.moved, *used}
