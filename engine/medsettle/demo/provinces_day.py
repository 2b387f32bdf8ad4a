"""A day of two invented areas that treat each other's insured persons.

Claims are the files of `fixtures/provinces`, with institution, person and areas filled in; nothing
here knows an area. They lie among the fixtures and not under `rules/`, where everything is an area
that exists: the demonstration is of the program, and what it settles is made up.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from medsettle.core.settlement import Opening, Row
from medsettle.core.visits import RegistrationRequest, registration_of

ACCOUNT_FEN: Final = 300_000
"""What every invented person has in the account."""

_FILINGS: Final = ("long_term", "referred", "emergency", None)
_FILED_BEFORE: Final = timedelta(days=30)
_FILED_NOT: Final = "none"
_PERSONS: Final = 12
_RUSH_ELSEWHERE: Final = 10
_RUSH_AT_HOME: Final = 4


@dataclass(frozen=True, slots=True)
class Scripts:
    """Where the claims of the day lie, and below which the rules of both areas do."""

    folder: Path

    @classmethod
    def beside(cls, fixtures: Path) -> "Scripts":
        """Return the files below the fixtures of the project.

        Raises:
            FileNotFoundError: They are not there.
        """
        folder = fixtures / "provinces"
        if not (folder / "day").is_dir():
            raise FileNotFoundError(
                f"{str(folder)!r} has no day of two areas; run the demonstration in the project's "
                "folder, or name its fixtures with --fixtures"
            )
        return cls(folder)

    def row(self, name: str) -> dict[str, Any]:
        """Return the JSON object of a file."""
        found: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return found

    def registration(self, name: str) -> dict[str, Any]:
        """Return what an authority registered before a visit."""
        visits = json.loads((self.folder / "visits.json").read_text(encoding="utf-8"))
        found: dict[str, Any] = next(each for each in visits if each["name"] == name)
        return dict(found["registration"])


@dataclass(frozen=True, slots=True)
class Request:
    """A claim at a till of the place of care; `what` says in words what it is."""

    kind: Literal["settle", "visit"]
    care: str
    what: str
    claim: Row

    @property
    def request_id(self) -> str:
        """The id it is sent with, as often as it is sent."""
        return str(self.claim["request_id"])

    @property
    def institution(self) -> str:
        """Who sends it."""
        return str(self.claim["institution"])

    @property
    def home(self) -> str:
        """The area where the person is insured."""
        return str(self.claim["pooling_area"])

    @property
    def elsewhere(self) -> bool:
        """Whether another area decides it."""
        return self.care != self.home


@dataclass
class ProvincesDay:
    """Makes the requests of the day, each under an id of its own."""

    scripts: Scripts
    areas: tuple[str, str]
    _made: int = 0

    def openings(self) -> list[Opening]:
        """Return what persons bring along."""
        return [
            Opening(agency(area), f"open-{person}", area, person, ACCOUNT_FEN)
            for area in self.areas
            for person in self._persons(area)
        ]

    def registrations(self) -> list[RegistrationRequest]:
        """Return what authorities recorded before the two visits over several schemes."""
        found = []
        for name, home, _ in self._visits():
            told = self.scripts.registration(name) | {"pooling_area": home}
            area, person = str(told.pop("pooling_area")), str(told.pop("person"))
            registration = registration_of(told)
            found.append(
                RegistrationRequest(agency(area), f"register-{name}", area, person, registration)
            )
        return found

    def morning(self) -> list[Request]:
        """Return every kind of claim, at both areas, of persons of both."""
        found = [each for care in self.areas for each in self._morning_at(care)]
        for name, home, care in self._visits():
            row = self.scripts.row(f"claims/{name}.json")
            places = {"institution": hospital(care), "pooling_area": home, "care_area": care}
            claim = row | places | {"request_id": self._id(care)}
            found.append(Request("visit", care, f"visit, {name.split('-', 1)[0]}", claim))
        return found

    def _morning_at(self, care: str) -> Iterator[Request]:
        (other,) = (area for area in self.areas if area != care)
        at_home, there = self._persons(care), self._persons(other)
        for number in range(3):
            yield self._request("stay", care, at_home[number])
        for number in range(2):
            yield self._request("outpatient", care, at_home[number])
            yield self._request("outpatient", care, there[number], other)
        yield self._request("purchase", care, at_home[0])
        yield self._request("purchase", care, there[0], other)
        for number, filing in enumerate(_FILINGS):
            # Persons whose accounts are as they were brought along.
            person = there[-1 - number]
            yield self._request("stay", care, person, other, filing or _FILED_NOT)

    def rush(self) -> list[Request]:
        """Return many claims at once: most at the first area, of persons of the second."""
        first, second = self.areas
        found = []
        for number in range(_RUSH_ELSEWHERE):
            person = self._persons(second)[number % _PERSONS]
            found.append(self._request("outpatient", first, person, second))
            if number < _RUSH_AT_HOME:
                person = self._persons(first)[number]
                found.append(self._request("outpatient", second, person, first))
                found.append(self._request("purchase", second, self._persons(second)[number]))
                found.append(self._request("purchase", first, person))
        return found

    def at_home(self, area: str) -> Request:
        """Return one more local claim."""
        return self._request("outpatient", area, self._persons(area)[-1])

    def _visits(self) -> tuple[tuple[str, str, str], ...]:
        """Return visits over several schemes: the file, the place of insurance and that of care."""
        first, second = self.areas
        return (("delivery-elsewhere", second, first), ("injured-elsewhere", first, second))

    def _request(
        self, name: str, care: str, person: str, home: str | None = None, filing: str | None = None
    ) -> Request:
        claim = self.scripts.row(f"day/{name}.json")
        claim |= {
            "request_id": self._id(care),
            "institution": pharmacy(care) if name == "purchase" else hospital(care),
            "pooling_area": home or care,
            "care_area": care,
            "person": person,
        }
        if filing not in {None, _FILED_NOT}:
            day = date.fromisoformat(claim["admission_date"]) - _FILED_BEFORE
            claim |= {"filing": filing, "filing_date": day.isoformat()}
        what = name if filing is None else f"{name}, filed: {filing}"
        return Request("settle", care, what, claim)

    def _id(self, care: str) -> str:
        self._made += 1
        return f"{care}-{self._made:03d}"

    @staticmethod
    def _persons(area: str) -> list[str]:
        return [f"P{area}{number:02d}" for number in range(1, _PERSONS + 1)]


def hospital(area: str) -> str:
    """Return the hospital of an area."""
    return f"H{area}00001"


def pharmacy(area: str) -> str:
    """Return the pharmacy of an area."""
    return f"P{area}00001"


def agency(area: str) -> str:
    """Return who opens accounts and registers in an area."""
    return f"G{area}00001"
