"""How an area pays its hospitals: the values of a terms document, checked.

Source of the parts: immediate settlement (即时结算) with a rate set locally, sometimes by
performance grade; a reserve (质量保证金) withheld from the month and released after the yearly
assessment; a fund advance (基金预付) of about a month of spending (`clearing.md` §3.6).
"""

from dataclasses import dataclass
from datetime import date

from medsettle.core.money import Rounding

EVERY_MONTH = frozenset(range(1, 13))


@dataclass(frozen=True, slots=True)
class InstantRule:
    """What is paid at once of some claims, and how soon.

    `grades` is empty where the grade of the institution does not matter. `months` are those of the
    day of settlement. `payers` are the funds of which a slice is paid; `elsewhere` says whether
    persons insured in another area are among them. `days_after` counts days of the calendar.
    """

    insurance_types: frozenset[str]
    clearing_classes: frozenset[str]
    grades: frozenset[str]
    payers: frozenset[str]
    months: frozenset[int]
    elsewhere: bool
    rate_bps: int
    days_after: int

    def meets(self, other: "InstantRule") -> bool:
        """Return whether some claim of some institution falls under both."""
        return bool(
            self.insurance_types & other.insurance_types
            and self.clearing_classes & other.clearing_classes
            and (not self.grades or not other.grades or self.grades & other.grades)
            and self.payers & other.payers
            and self.months & other.months
        )


@dataclass(frozen=True, slots=True)
class HospitalTerms:
    """The terms of one area from a day on.

    `released_bps` says by grade how much of the reserve a good year gives back; it is empty, as
    `reserve_bps` is 0, where nothing is withheld. `advance_months` is how many months of average
    spending a fund may advance at most; 0 where it advances nothing.
    """

    start: date
    rounding: Rounding
    instant: tuple[InstantRule, ...]
    reserve_bps: int
    released_bps: dict[str, int]
    advance_months: int


@dataclass(frozen=True, slots=True)
class TermsBook:
    """All versions of an area's terms, in the order of their first days.

    `document` is the SHA-256 of the file that says so.
    """

    area: str
    versions: tuple[HospitalTerms, ...]
    document: str = ""

    def on(self, day: date) -> HospitalTerms | None:
        """Return the terms in force on a day, None before the first."""
        return next((each for each in reversed(self.versions) if each.start <= day), None)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a rule looks at: insurance type, clearing class, payer and day of a claim, and whose."""

    insurance_type: str
    clearing_class: str
    payer: str
    elsewhere: bool
    day: date
    grade: str


def rule_of(terms: HospitalTerms, claimed: Claimed) -> InstantRule | None:
    """Return the rule that pays a claim at once, None where none does; there is never a second."""
    return next(
        (
            rule
            for rule in terms.instant
            if claimed.insurance_type in rule.insurance_types
            and claimed.clearing_class in rule.clearing_classes
            and (not rule.grades or claimed.grade in rule.grades)
            and claimed.payer in rule.payers
            and claimed.day.month in rule.months
            and (rule.elsewhere or not claimed.elsewhere)
        ),
        None,
    )
