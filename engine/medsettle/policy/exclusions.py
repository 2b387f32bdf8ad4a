"""What an `exclusions.yaml` says: what is looked for in a claim before it is paid. Read-only."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from medsettle.policy.registration_kinds import RegistrationKind


class Finds(StrEnum):
    """What a check looks for, in order of precedence; the names are those of the outcomes."""

    LIABILITY_UNANSWERED = "liability_unanswered"
    OTHER_LIABLE = "other_liable"
    SUSPENDED_PERSON = "suspended_person"
    SUSPENDED_INSTITUTION = "suspended_institution"
    PAID_BY_HAND = "paid_by_hand"
    OVERLAPPING_STAY = "overlapping_stay"
    DOUBLE_INSURANCE = "double_insurance"
    DUPLICATE_ITEM = "duplicate_item"
    REPEATED_ITEM = "repeated_item"


OF_LIABILITY = frozenset({Finds.LIABILITY_UNANSWERED, Finds.OTHER_LIABLE})
"""What is asked of each scheme: the fund that is liable is asked to pay by its own part."""

IN_LEDGER = frozenset({Finds.OVERLAPPING_STAY, Finds.DOUBLE_INSURANCE, Finds.DUPLICATE_ITEM})
"""What is found by other settlements of the person."""

IN_REGISTRATIONS = frozenset(
    {Finds.SUSPENDED_PERSON, Finds.SUSPENDED_INSTITUTION, Finds.PAID_BY_HAND}
)
"""What is found by a registration of the person or the institution."""


class Action(StrEnum):
    """What becomes of a claim in which something is found."""

    REFUSE = "refuse"
    WARN = "warn"


class HeldOn(StrEnum):
    """On which day of a claim a registration has to hold to be found."""

    ADMISSION_DATE = "admission_date"
    SERVICE_DATE = "service_date"
    ANY_DAY = "any_day"


class Institutions(StrEnum):
    """Whose settlements a claim is compared with: anybody's, or other institutions' only."""

    ANY = "any"
    OTHERS = "others"


class TransferDay(StrEnum):
    """Whether two stays may share the day on which one ends and the other begins."""

    ALLOWED = "allowed"
    OVERLAPS = "overlaps"


class Span(StrEnum):
    """The calendar period in which a person has one insurance."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look for, in which claims, and what becomes of them.

    A claim is looked at where it has one of `visit_types` and of `insurance_types`; none listed is
    all. `answers` are names of the version's answers; `registration` is a kind; `beside` are the
    visit types of the settlements compared, none listed those of the check itself. An item is
    looked at where it begins with one of `items` (none listed: all) and none of `except_items`.
    `most_e4` is a quantity in 1/10,000.
    """

    name: str
    finds: Finds
    action: Action
    visit_types: tuple[str, ...] = ()
    insurance_types: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    registration: str = ""
    held_on: HeldOn = HeldOn.SERVICE_DATE
    institutions: Institutions = Institutions.ANY
    beside: tuple[str, ...] = ()
    transfer_day: TransferDay = TransferDay.ALLOWED
    period: Span = Span.DAY
    items: tuple[str, ...] = ()
    except_items: tuple[str, ...] = ()
    most_e4: int = 0
    remedy_en: str = ""
    remedy_zh: str = ""
    clause: str = ""

    def concerns(self, visit_type: str, insurance_type: str) -> bool:
        """Return whether claims of these types are looked at."""
        return (not self.visit_types or visit_type in self.visit_types) and (
            not self.insurance_types or insurance_type in self.insurance_types
        )

    def looks_at(self, item: str) -> bool:
        """Return whether an item is looked at.

        >>> check = Check("twice", Finds.DUPLICATE_ITEM, Action.WARN, items=("XA",),
        ...               except_items=("XA09",))
        >>> [check.looks_at(item) for item in ("XA01", "XA0901", "XB01")]
        [True, False, False]
        """
        wanted = not self.items or item.startswith(self.items)
        return wanted and not (self.except_items and item.startswith(self.except_items))


@dataclass(frozen=True, slots=True)
class ExclusionVersion:
    """The checks from a day on; `liability` names the answers that a claim's code may give."""

    start: date
    liability: dict[str, tuple[str, ...]]
    checks: tuple[Check, ...]

    def answer(self, code: str) -> str | None:
        """Return the name of the answer that a code gives, None for none."""
        return next((name for name, codes in self.liability.items() if code in codes), None)


@dataclass(frozen=True, slots=True)
class Exclusions:
    """The exclusions of one area: its kinds of registration and versions, earliest first."""

    area: str
    kinds: dict[str, RegistrationKind]
    versions: tuple[ExclusionVersion, ...]
    digest: str

    def on(self, day: date) -> ExclusionVersion | None:
        """Return the version in force on a day, None before the first."""
        found = [each for each in self.versions if each.start <= day]
        return found[-1] if found else None
