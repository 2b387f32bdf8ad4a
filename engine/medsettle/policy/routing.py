"""What a `routing.yaml` says: which scheme settles which line of a visit. Read-only."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from medsettle.policy.registration_kinds import RegistrationKind


class Outside(StrEnum):
    """What becomes of a line that a scheme's own catalogue does not cover."""

    STAYS = "stays"
    NEXT_SCHEME = "next_scheme"


class Unconfirmed(StrEnum):
    """What becomes of a line that needs a confirmation and has none."""

    NEXT_SCHEME = "next_scheme"
    REFUSED = "refused"


class SharedTo(StrEnum):
    """Who takes the lines that all schemes of a visit share; or the name of a scheme."""

    MAIN_DIAGNOSIS = "main_diagnosis"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True)
class LineRule:
    """Which lines a scheme takes: by diagnosis, item or charge type; any of them is enough.

    `registered` says that the diagnoses are those of the registration. `rest` takes every line
    that no scheme before took.
    """

    diagnoses: tuple[str, ...] = ()
    registered: bool = False
    items: frozenset[str] = frozenset()
    charge_types: frozenset[str] = frozenset()
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Lines of these charge types need a registration of this kind that lists their item."""

    charge_types: frozenset[str]
    kind: str
    otherwise: Unconfirmed


@dataclass(frozen=True, slots=True)
class Window:
    """Lines of these days carry a mark, where the application came late.

    The days run from one date of the registration to the day before another.
    """

    start: str
    end: str
    timeliness: str
    earmark: str
    clause: str


@dataclass(frozen=True, slots=True)
class SchemeRoute:
    """One scheme: the registrations it asks for, the lines it takes, how its part is claimed.

    `insurance_type` is that of its part, None for the visit's own; `visit_types` maps the visit's
    type to the part's where they differ. `needs` are kinds of which one must hold on the day of the
    line; empty where none is needed.
    """

    name: str
    title: str
    insurance_type: str | None
    visit_types: dict[str, str]
    needs: tuple[str, ...]
    lines: LineRule
    outside: Outside
    confirmations: tuple[Confirmation, ...]
    window: Window | None
    clause: str


@dataclass(frozen=True, slots=True)
class Shared:
    """Lines that no single diagnosis explains, such as bed and nursing, and who takes them."""

    charge_types: frozenset[str]
    items: frozenset[str]
    goes_to: str
    clause: str


@dataclass(frozen=True, slots=True)
class RoutingVersion:
    """How visits are routed from a day on; the last scheme takes the rest."""

    start: date
    schemes: tuple[SchemeRoute, ...]
    shared: Shared | None


@dataclass(frozen=True, slots=True)
class Routing:
    """The routing of one area: its kinds of registration and its versions, earliest first."""

    area: str
    kinds: dict[str, RegistrationKind]
    versions: tuple[RoutingVersion, ...]
    digest: str

    def on(self, day: date) -> RoutingVersion | None:
        """Return the version in force on a day, None before the first."""
        found = [each for each in self.versions if each.start <= day]
        return found[-1] if found else None
