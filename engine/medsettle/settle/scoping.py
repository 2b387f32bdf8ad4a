"""Split the lines of claims whose benefits another engine decides: the work of the place of care.

No policy is asked here, and no mark of the institution: both are the business of the place of
insurance, which goes on from these splits (`medsettle.settle.care_splits`). What the catalogue says
of an item, and what is left of one whose quantity is limited, is decided here alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from medsettle.core import codes
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey, CounterValues
from medsettle.core.dates import YearStart, day_number
from medsettle.core.outcome import Rejection
from medsettle.core.scopes import CareScope, Scope
from medsettle.policy.area import Area
from medsettle.policy.catalogue import Catalogue
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.care_lines import outside_scheme
from medsettle.settle.claim_lines import ScopedLines, item_classes, lines_of_claims, looked_up
from medsettle.settle.item_use import ItemUse
from medsettle.settle.line_columns import LineColumns
from medsettle.settle.line_source import LineSource, OfClaim, line_columns
from medsettle.settle.place_of_care import Place, of_area, place_of_care
from medsettle.settle.refunds import NetLines, net_lines
from medsettle.settle.scope import split_lines

ALL_TYPES: Final = "all"


@dataclass(frozen=True, slots=True)
class Scoped:
    """A claim whose lines are split, with what it uses up of items whose quantity is limited."""

    scope: CareScope
    used: tuple[tuple[CounterKey, int], ...]


def scoped_claims(
    book: RuleBook,
    batch: ClaimBatch,
    rows: Sequence[int],
    counters: CounterValues,
    insurance_types: Literal["all"] | None = None,
) -> dict[int, Scoped | Rejection]:
    """Return the split of each claim by the catalogue of its place of care, or why there is none.

    What the policy of the place of insurance would say is not known here. So the benefit year of a
    limited item is the calendar year, and where the columns of a population hang on age, the age is
    that on the service date.

    Args:
        book: The rule book, with the areas of care.
        batch: The batch.
        rows: Positions of claims without faults, rising; they use up limited items in this order.
        counters: Reads what was used before of items whose quantity is limited.
        insurance_types: None splits for the insurance type of each claim. `ALL_TYPES` splits for
            each one for which the catalogue has ratios, as a visit over several schemes needs it;
            limited items are used up once, as the claim's own type has it.
    """
    found: dict[int, Scoped | Rejection] = {}
    by_area: dict[str, dict[int, Place]] = {}
    for row in rows:
        claim = batch.rows[row]
        code = str(claim["care_area"] or claim["pooling_area"])
        asked = str(claim["institution_level"]), str(claim["insurance_type"])
        place = place_of_care(book, code, *asked, of_area(code))
        if isinstance(place, Rejection):
            found[row] = place
        else:
            by_area.setdefault(code, {})[row] = place
    net = net_lines(batch)
    for code, places in by_area.items():
        splitter = _Splitter(book.areas[code], book.catalogues[code], batch, net, places)
        found |= splitter.scoped(counters, every=insurance_types == ALL_TYPES)
    return {row: found[row] for row in rows}


class _Splitter:
    """Splits the lines of the claims of one place of care."""

    def __init__(
        self,
        care: Area,
        catalogue: Catalogue,
        batch: ClaimBatch,
        net: NetLines,
        places: Mapping[int, Place],
    ) -> None:
        self._care, self._catalogue = care, catalogue
        self._batch, self._places = batch, places
        self._source = LineSource(batch, net, lines_of_claims(batch, [*places]))
        self._claim_of = batch.line_claim[self._source.chosen]

    def scoped(self, counters: CounterValues, *, every: bool) -> dict[int, Scoped | Rejection]:
        """Return the claims split, for their own insurance types or for every one."""
        rejections: dict[int, Rejection] = {}
        own = self._of_claims({row: place.scheme for row, place in self._places.items()})
        looked = looked_up(self._source, own, self._care, self._catalogue, rejections)
        use = ItemUse(counters, ())
        lines = looked.lines
        if self._catalogue.limits_quantities:
            starts = {row: YearStart() for row in self._places if row not in rejections}
            lines = use.covered(lines, self._source, self._catalogue, starts)
            rejections |= use.rejections
        looked = replace(looked, lines=lines)
        splits = self._of_every_type(looked) if every else {}
        whole = None if every else self._split(looked, lines, self._own_schemes())
        found: dict[int, Scoped | Rejection] = {**rejections}
        for row in self._places:
            if row in rejections:
                continue
            first, last = np.searchsorted(self._claim_of, [row, row + 1]).tolist()
            at = range(first, last)
            own_type = str(self._batch.rows[row]["insurance_type"])
            by_type = splits if whole is None else {own_type: whole}
            scope = CareScope(
                care_area=self._care.code,
                catalogue_digest=self._catalogue.digest,
                charge_types=tuple(self._charge_types(looked.entry[first:last])),
                by_type={name: each.chosen(at) for name, each in by_type.items()},
            )
            found[row] = Scoped(scope, use.moved.get(row, ()))
        return found

    def _of_claims(self, schemes: Mapping[int, int]) -> list[OfClaim | None]:
        """Return what each claim is in the catalogue, with these ratio columns."""
        found: list[OfClaim | None] = [None] * len(self._batch)
        for row, place in self._places.items():
            day = 0
            if self._care.lines.populations:
                day = day_number(self._batch.rows[row]["service_date"])  # type: ignore[arg-type]
            found[row] = (schemes[row], place.price_level, day)
        return found

    def _own_schemes(self) -> NDArray[np.int64]:
        """Return the ratio column of each line, by the insurance type of its claim."""
        schemes = np.zeros(len(self._batch), dtype=np.int64)
        for row, place in self._places.items():
            schemes[row] = place.scheme
        return schemes[self._claim_of]

    def _of_every_type(self, looked: ScopedLines) -> dict[str, Scope]:
        """Return the split of all lines for each insurance type that has ratios."""
        found: dict[str, Scope] = {}
        by_column: dict[int, Scope] = {}
        for insurance_type in codes.INSURANCE_TYPES:
            column = self._care.pre_self_pay_as.get(insurance_type, insurance_type)
            if column not in self._catalogue.schemes:
                continue
            scheme = self._catalogue.schemes.index(column)
            # Types of one column differ only where populations are of some types.
            if scheme in by_column and not self._care.lines.populations:
                found[insurance_type] = by_column[scheme]
                continue
            lines = self._lines_for(insurance_type, scheme, looked)
            split = self._split(looked, lines, np.array([scheme]))
            found[insurance_type] = by_column[scheme] = split
        return found

    def _lines_for(self, insurance_type: str, scheme: int, looked: ScopedLines) -> LineColumns:
        """Return the lines as they are in the catalogue for one insurance type."""
        source = self._source
        if self._care.lines.populations:
            rows = [row | {"insurance_type": insurance_type} for row in self._batch.rows]
            source = replace(source, batch=replace(self._batch, rows=rows, _columns={}))
        of_claims = self._of_claims(dict.fromkeys(self._places, scheme))
        lines = line_columns(source, looked.entry, of_claims, self._care, self._catalogue)
        return replace(lines, covered_e4=looked.lines.covered_e4)

    def _split(self, looked: ScopedLines, lines: LineColumns, schemes: NDArray[np.int64]) -> Scope:
        return Scope(
            parts=split_lines(lines, self._catalogue).parts,
            item_class=item_classes(self._catalogue, looked.entry),
            outside=outside_scheme(self._catalogue, looked.entry, schemes),
        )

    def _charge_types(self, entries: NDArray[np.int32]) -> Iterator[str]:
        for entry in entries.tolist():
            yield self._catalogue.charge_types[entry] if entry >= 0 else ""
