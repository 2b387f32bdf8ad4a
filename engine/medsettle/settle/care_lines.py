"""What the routing of a visit asks of its lines at the place of care (就医地).

Two can answer: the catalogue itself where it is loaded, and the split of an engine that has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from medsettle import errors
from medsettle.core.dates import day_number
from medsettle.core.scopes import CareScope
from medsettle.core.settlement import Row
from medsettle.policy.area import Area
from medsettle.policy.catalogue import PPM_ONE, Catalogue
from medsettle.policy.rule_book import RuleBook


class CareOfLines(Protocol):
    """The lines of one visit by the catalogue of its place of care, each by its position."""

    def charge_type(self, at: int) -> str:
        """Return the charge type of a line, empty for an item that is not listed."""
        ...

    def is_outside(self, at: int, insurance_type: str) -> bool:
        """Return whether the catalogue leaves a line wholly to the person, in one scheme."""
        ...


@dataclass(frozen=True, slots=True)
class LoadedCare:
    """The lines of a visit by a catalogue that is loaded; `entries` has the row of each."""

    area: Area
    catalogue: Catalogue
    entries: NDArray[np.int32]

    def charge_type(self, at: int) -> str:
        """Return the charge type of a line, empty for an item that is not listed."""
        entry = int(self.entries[at])
        return self.catalogue.charge_types[entry] if entry >= 0 else ""

    def is_outside(self, at: int, insurance_type: str) -> bool:
        """Return whether the catalogue leaves a line wholly to the person, in one scheme.

        Of a scheme without ratios only unlisted items are known.
        """
        entry = self.entries[at : at + 1]
        column = self.area.pre_self_pay_as.get(insurance_type, insurance_type)
        if column not in self.catalogue.schemes:
            return bool(entry[0] < 0)
        scheme = np.array([self.catalogue.schemes.index(column)])
        return bool(outside_scheme(self.catalogue, entry, scheme)[0])


@dataclass(frozen=True, slots=True)
class StatedCare:
    """The lines of a visit as the engine of their place of care says them."""

    scope: CareScope

    def charge_type(self, at: int) -> str:
        """Return the charge type of a line, empty for an item that is not listed."""
        return self.scope.charge_types[at]

    def is_outside(self, at: int, insurance_type: str) -> bool:
        """Return whether the catalogue leaves a line wholly to the person, in one scheme.

        Of a scheme without a split only unlisted items are known, by their missing charge type.
        """
        own = self.scope.by_type.get(insurance_type)
        return not self.scope.charge_types[at] if own is None else bool(own.outside[at])


def outside_scheme(
    catalogue: Catalogue, entry: NDArray[np.int32], scheme: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Return whether a catalogue leaves each line wholly to the person, whatever its class.

    Args:
        catalogue: The catalogue.
        entry: Shape (n,), row of each line, negative for none.
        scheme: Shape (n,) or (1,), the ratio column of each.
    """
    whole = catalogue.pre_self_pay_ppm[np.maximum(entry, 0), scheme] == PPM_ONE
    found: NDArray[np.bool_] = (entry < 0) | whole
    return found


def loaded_care(lines: Sequence[Row], area: Area, catalogue: Catalogue) -> LoadedCare:
    """Return the lines of a visit by the catalogue of an area."""
    items = [str(line["item_code"]) for line in lines]
    days = np.array([_day(line) for line in lines], dtype=np.int32)
    prices = np.array([line["unit_price_e6"] for line in lines], dtype=np.int64)
    return LoadedCare(area, catalogue, catalogue.rows(items, days, prices))


def care_of_visit(book: RuleBook, claim: Row, scope: CareScope | None) -> CareOfLines:
    """Return the lines of a visit by their split, if another engine made one, or by the rule book.

    Args:
        book: The rule book.
        claim: The visit as checked row.
        scope: The split of its lines; None where they are split here.

    Raises:
        ClassNotCovered: They are to be split here, and the place of care is not loaded.
    """
    if scope is not None:
        return StatedCare(scope)
    code = str(claim["care_area"] or claim["pooling_area"])
    area = book.areas.get(code)
    if area is None:
        raise errors.ClassNotCovered(
            f"no area {code!r} is loaded, whose catalogue would split the lines; load its folder, "
            "or correct care_area",
            care_area=code,
        )
    lines: Sequence[Row] = claim["lines"]  # type: ignore[assignment]
    return loaded_care(lines, area, book.catalogues[code])


def _day(line: Row) -> int:
    day = line["fee_date"]
    assert isinstance(day, date)
    return day_number(day)
