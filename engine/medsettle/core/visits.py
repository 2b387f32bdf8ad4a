"""One visit settled over several schemes, and the registrations that open a scheme to a person.

A *registration* is what an authority decided or noted about a person (认定、登记、备案): that an
injury is one of work, that a relapse needs treatment, that a device is confirmed, that a pregnancy
is registered. A *visit* is a claim whose lines are routed to schemes before they are settled; each
scheme settles its part as a claim of its own, and all parts stand or fall together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum

from medsettle.core.claim_faults import checked_row
from medsettle.core.registration_columns import REGISTRATION
from medsettle.core.settlement import Row, Settlement
from medsettle.errors import Fault, InvalidRequest


@dataclass(frozen=True, slots=True)
class Registration:
    """What an authority decided about a person; the fields are the columns of REGISTRATION.

    It holds from `valid_from` until the day before `valid_until`. What is recorded later under the
    same kind and number takes its place.
    """

    kind: str
    number: str
    valid_from: date
    valid_until: date | None = None
    diagnoses: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    benefit_groups: tuple[str, ...] = ()
    injured_part: str | None = None
    event_date: date | None = None
    accepted_date: date | None = None
    timeliness: str | None = None
    continues: str | None = None
    institution: str | None = None

    def holds_on(self, day: date) -> bool:
        """Return whether it holds on a day.

        >>> from datetime import date
        >>> until = Registration("pregnancy", "1", date(2024, 1, 1), date(2024, 6, 1))
        >>> until.holds_on(date(2024, 5, 31)), until.holds_on(date(2024, 6, 1))
        (True, False)
        """
        return self.valid_from <= day and (self.valid_until is None or day < self.valid_until)

    def row(self) -> Row:
        """Return the registration keyed by its columns."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @property
    def subject(self) -> str:
        """Kind and number, by which the registrations of a person are told apart."""
        return f"{self.kind}/{self.number}"


def registration_of(row: Mapping[str, object]) -> Registration:
    """Return the registration of a row keyed by the columns of REGISTRATION.

    Raises:
        InvalidRequest: Columns are missing, unknown or out of bounds; carries all faults.
    """
    faults: list[Fault] = []
    checked = checked_row(row, REGISTRATION, set(), "registration.", faults)
    start, end = checked["valid_from"], checked["valid_until"]
    if not faults and isinstance(start, date) and isinstance(end, date) and end < start:
        message = f"{end} lies before valid_from {start}; the same day says that it never held"
        faults.append(Fault("registration.valid_until", message))
    event, accepted = checked["event_date"], checked["accepted_date"]
    if not faults and isinstance(event, date) and isinstance(accepted, date) and accepted < event:
        message = f"{accepted} lies before event_date {event}; correct one of the two"
        faults.append(Fault("registration.accepted_date", message))
    if faults:
        raise InvalidRequest(faults)
    tuples = {name: tuple(each) for name, each in checked.items() if isinstance(each, list)}
    return Registration(**(checked | tuples))  # type: ignore[arg-type]


_INSTITUTION = "institution "


def institution_holder(institution: str) -> str:
    """Return under which name the registrations of an institution are kept among those of persons.

    No token of a person has a blank in it, so the two are never taken for one another.

    >>> institution_holder("H1")
    'institution H1'
    """
    return _INSTITUTION + institution


def institution_of(holder: str) -> str:
    """Return the institution that registrations kept under a name are about; empty for a person.

    >>> institution_of("institution H1"), institution_of("P1")
    ('H1', '')
    """
    return holder.removeprefix(_INSTITUTION) if holder.startswith(_INSTITUTION) else ""


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """A request to record a registration of a person, or one about an institution.

    `institution` is who sends it. A registration about an institution names it in `about`, and
    `person` is empty. `credential_type` and `card` are what identifies the person; where they are
    stated, they have to count as they would for a claim of that moment.
    """

    institution: str
    request_id: str
    pooling_area: str
    person: str
    registration: Registration
    about: str = ""
    credential_type: str | None = None
    card: str | None = None

    @property
    def holder(self) -> str:
        """Under which name the ledger keeps it."""
        return institution_holder(self.about) if self.about else self.person


@dataclass(frozen=True, slots=True)
class RegistrationState:
    """A registration as recorded, `holder` being whom it is kept under in the ledger.

    `seq` is its place in the ledger. One about an institution has no `person`.
    """

    pooling_area: str
    holder: str
    registration: Registration
    seq: int
    create_time: datetime
    duplicate: bool = False
    credential_type: str | None = None
    card: str | None = None

    @property
    def person(self) -> str:
        """The person it is about; empty for an institution."""
        return "" if self.about else self.holder

    @property
    def about(self) -> str:
        """The institution it is about; empty for a person."""
        return institution_of(self.holder)


class RoutedBy(StrEnum):
    """What decided to which scheme a line goes."""

    DIAGNOSIS = "diagnosis"
    ITEM = "item"
    CHARGE_TYPE = "charge_type"
    SHARED = "shared"
    REST = "rest"
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Route:
    """Where one line of a visit goes, and why.

    `part` counts the linked settlements from 1. `diagnosis` and `registration` (kind/number) are
    those that justify it, empty where none does; `earmark` marks a line that the scheme's own fund
    does not owe; `clause` is the source of the rule.
    """

    line_id: str
    scheme: str
    insurance_type: str
    part: int
    by: RoutedBy
    diagnosis: str
    registration: str
    earmark: str
    clause: str

    @property
    def reason(self) -> str:
        """Why, in one phrase."""
        ground = {
            RoutedBy.DIAGNOSIS: f"diagnosis {self.diagnosis}",
            RoutedBy.ITEM: "item",
            RoutedBy.CHARGE_TYPE: "charge type",
            RoutedBy.SHARED: "shared line",
            RoutedBy.REST: "no other scheme",
            RoutedBy.ORIGINAL: "as the line it takes back",
        }[self.by]
        under = f", {self.registration}" if self.registration else ""
        mark = f", marked {self.earmark}" if self.earmark else ""
        return f"{self.scheme}: {ground}{under}{mark} ({self.clause})"


@dataclass(frozen=True, slots=True)
class Visit:
    """The linked settlements of one visit, or the record that takes them back.

    `settlements` are in the order of the schemes, each balanced for itself; `routes` has one row
    for each line of the visit in its order. A preview has no `visit`, `seq` or `create_time`. A
    reversal names the request id that it takes back as `reversed_request`.
    """

    visit: str | None
    kind: str
    original: str | None
    pooling_area: str
    institution: str
    request_id: str
    person: str
    seq: int | None
    create_time: datetime | None
    settlements: tuple[Settlement, ...]
    routes: tuple[Route, ...]
    notices: tuple[str, ...] = ()
    duplicate: bool = False
    reversed_request: str | None = None

    def fen(self, column: str) -> int:
        """Return the sum of an amount column over the settlements, such as `cash_fen`."""
        return sum(each.fen(column) for each in self.settlements)
