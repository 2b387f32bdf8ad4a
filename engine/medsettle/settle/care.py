"""What a claim is for, to compare it with others, and by what something is found in it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from medsettle.core.visits import Registration


@dataclass(frozen=True)
class Care:
    """What one claim is for.

    `settlement` is the id that it has or will have, `visit` the visit it is a part of, `row` its
    place in the batch where it is not recorded.
    """

    settlement: str
    institution: str
    insurance_type: str
    visit_type: str
    encounter: str | None
    liability: str | None
    first: date
    last: date
    lines: Sequence[Mapping[str, object]] = ()
    row: int | None = None
    visit: str | None = None

    @cached_property
    def quantities(self) -> dict[tuple[str, date], int]:
        """Quantity in 1/10,000 of each item and day, less what negative lines take back."""
        found: Counter[tuple[str, date]] = Counter()
        for line in self.lines:
            key = (str(line["item_code"]), _date(line["fee_date"]))
            found[key] += int(str(line["quantity_e4"]))
        return {key: quantity for key, quantity in found.items() if quantity > 0}


@dataclass(frozen=True, slots=True)
class Ground:
    """By what something was found: other care, a registration, an item on a day, an answer."""

    care: Care | None = None
    registration: Registration | None = None
    item: str = ""
    day: date | None = None
    liability: str | None = None
    answer: str | None = None

    @property
    def record(self) -> str:
        """The settlement, or the registration as kind/number; empty for none."""
        if self.registration is not None:
            return self.registration.subject
        return "" if self.care is None else self.care.settlement


def care_of(
    claim: Mapping[str, object],
    settlement: str,
    *,
    row: int | None = None,
    visit: str | None = None,
) -> Care:
    """Return what a claim is for; its dates may be texts, as a record keeps them."""
    encounter, liability = claim.get("encounter"), claim.get("liability")
    lines = claim["lines"]
    assert isinstance(lines, Sequence)
    return Care(
        settlement=settlement,
        institution=str(claim["institution"]),
        insurance_type=str(claim["insurance_type"]),
        visit_type=str(claim["visit_type"]),
        encounter=None if encounter is None else str(encounter),
        liability=None if liability is None else str(liability),
        first=_date(claim["admission_date"]),
        last=_date(claim["service_date"]),
        lines=lines,
        row=row,
        visit=visit,
    )


def _date(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))
