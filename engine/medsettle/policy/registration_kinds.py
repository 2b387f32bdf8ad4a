"""The kinds of registration that an area's documents declare. Read-only."""

from dataclasses import dataclass
from enum import StrEnum


class About(StrEnum):
    """Whom a registration is about."""

    PERSON = "person"
    INSTITUTION = "institution"


@dataclass(frozen=True, slots=True)
class RegistrationKind:
    """A kind of registration: its title, the kind it goes on from, and whom it is about."""

    name: str
    title: str
    continues: str | None
    about: About = About.PERSON
