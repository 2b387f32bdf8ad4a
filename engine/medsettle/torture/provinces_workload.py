"""Invented requests at two areas that treat each other's insured persons.

Few persons are met at both areas, so that counters and accounts decided by one engine are moved
from two. Whoever asks, asks the engine of its own area; who decides is the person's.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from medsettle.core.relatives import LimitChange, Person
from medsettle.core.settlement import Opening, Row, Settlement
from medsettle.core.visits import Registration, RegistrationRequest, Visit
from medsettle.torture.requests import Answer, Kind, Request

AREAS: Final = ("999941", "999942")
"""The two areas whose rule documents the requests are made for."""

_BED, _SURGERY = "009902000004000000000000010", "009902000004000000000000030"
_DRUG_A, _DRUG_B = "XY04AAA001A001010100001", "XY04AAA002A001010100001"
_DEVICE, _OUTSIDE = "C9904000000000000001", "009914000004000000000000010"
_ONLY_THERE: Final = {
    AREAS[0]: "009902000004000000000000081",
    AREAS[1]: "009902000004000000000000082",
}
_FIRST_DAY: Final = date(2026, 1, 10)
_DAYS: Final = 330
_INJURED: Final = date(2026, 1, 1)
_ACCIDENT: Final = "22"

_ELSEWHERE: Final = 0.6
_PERSONS, _INSTITUTIONS = 3, 2

_WEIGHTS: Final[dict[Kind, int]] = {
    "settle": 50,
    "cancel": 20,
    "reverse": 10,
    "visit": 7,
    "visit_cancel": 4,
    "find": 5,
    "opening": 4,
    "grant": 4,
}


def area_of(request: Request) -> str:
    """Return the area whose engine a request is sent to."""
    return area_of_institution(request.institution)


def area_of_institution(institution: str) -> str:
    """Return the area where an institution or agency is.

    >>> area_of_institution("H99994101")
    '999941'
    """
    return institution[1:7]


def persons_of(area: str) -> tuple[str, ...]:
    """Return the persons insured in an area."""
    return tuple(f"P{area}{number}" for number in range(1, _PERSONS + 1))


@dataclass
class ProvincesWorkload:
    """Draws requests; `heard` tells it of answers, so that it can take back what was settled."""

    rng: Random
    _made: int = 0
    _settled: list[tuple[Kind, str, str]] = field(default_factory=list)
    _asked: list[tuple[str, str]] = field(default_factory=list)

    def beginning(self) -> list[Request]:
        """Return what is recorded before anybody comes: accounts, limits, recognised injuries."""
        return [request for area in AREAS for request in self._beginning_of(area)]

    def _beginning_of(self, area: str) -> list[Request]:
        agency, found = _agency(area), []
        for person in persons_of(area):
            opening = Opening(
                agency, f"O-{person}", area, person, self.rng.choice((0, 100_000, 900_000))
            )
            found.append(Request("opening", agency, opening.request_id, opening))
            recognition = Registration(
                kind="recognition",
                number=f"R-{person}",
                valid_from=_INJURED,
                diagnoses=("S82",),
                injured_part="leg",
                event_date=_INJURED,
                accepted_date=_INJURED + timedelta(days=5),
                timeliness="timely",
            )
            registered = RegistrationRequest(agency, f"I-{person}", area, person, recognition)
            found.append(Request("registration", agency, registered.request_id, registered))
        return found

    def heard(self, request: Request, answer: Answer) -> None:
        """Remember what was settled; it may be taken back by its institution from now on."""
        if not answer.done or request.kind not in {"settle", "visit"}:
            return
        told = answer.told
        entry = told.columns["settlement"] if isinstance(told, Settlement) else None
        if isinstance(told, Visit):
            entry = told.visit
        own = (request.kind, request.institution, str(entry))
        if own not in self._settled:
            self._settled.append(own)

    def request(self, kind: Kind | None = None) -> Request:
        """Return a new request under an id of its own, of any kind unless one is named."""
        if kind is None:
            (kind,) = self.rng.choices([*_WEIGHTS], [*_WEIGHTS.values()])
        self._made += 1
        drawn = self._drawn(kind, f"Q{self._made}")
        if drawn.kind in {"settle", "visit", "cancel", "visit_cancel"}:
            self._asked.append(drawn.key)
        return drawn

    def _drawn(self, kind: Kind, request_id: str) -> Request:
        care = self.rng.choice(AREAS)
        content: Any
        if kind in {"cancel", "visit_cancel"}:
            of_kind = "settle" if kind == "cancel" else "visit"
            known = [each for each in self._settled if each[0] == of_kind]
            if not known:
                return self._drawn("settle", request_id)
            # Few of the latest, so that two tills take back the same.
            _, institution, content = self.rng.choice(known[-6:])
        elif kind in {"reverse", "find"}:
            if not self._asked:
                return self._drawn("settle", request_id)
            institution, content = self.rng.choice(self._asked[-8:])
            if kind == "find":
                request_id, content = content, ""
        elif kind == "opening":
            institution = _agency(care)
            fen = self.rng.choice((1, 5_000, 60_000))
            person = self.rng.choice(persons_of(care))
            content = Opening(institution, request_id, care, person, fen)
        elif kind == "grant":
            institution = _agency(care)
            giver, receiver = (Person(care, each) for each in self.rng.sample(persons_of(care), 2))
            fen = self.rng.choice((1, 3_000, 40_000))
            content = LimitChange(institution, request_id, giver, receiver, fen)
        else:
            institution = f"H{care}{self.rng.randint(1, _INSTITUTIONS):02d}"
            content = self._claim(kind, institution, request_id)
        return Request(kind, institution, request_id, content)

    def _claim(self, kind: Kind, institution: str, request_id: str) -> Row:
        care = area_of_institution(institution)
        home = care
        if self.rng.random() < _ELSEWHERE:
            (home,) = (each for each in AREAS if each != care)
        day = _FIRST_DAY + timedelta(days=self.rng.randrange(_DAYS))
        yuan = self.rng.choice((1, 120, 900, 2_500, 9_000, 31_000))
        visit_type, insurance_type, person_type = "21", "310", "1101"
        if kind == "visit":
            lines = [
                _line(1, day, _SURGERY, yuan, "S82.1"),
                _line(2, day, _OUTSIDE, 500, "S82.1"),
                _line(3, day, _BED, 60),
                _line(4, day, _DRUG_B, yuan, "E11.9"),
            ]
        else:
            lines = self._lines(care, day, yuan)
            (visit_type,) = self.rng.choices(("21", "11", "41", _ACCIDENT, "99"), (10, 6, 6, 2, 1))
            if visit_type == "21" and self.rng.random() < 0.3:
                insurance_type, person_type = "390", "1501"
        return {
            "request_id": request_id,
            "institution": institution,
            "institution_settlement": None,
            "pooling_area": home,
            "care_area": care,
            "person": self.rng.choice(persons_of(home)),
            "insurance_type": insurance_type,
            "visit_type": visit_type,
            "person_type": person_type,
            "institution_level": self.rng.choice(("02", "05", "08")),
            "birth_date": date(1980, 1, 1),
            "admission_date": day,
            "service_date": day,
            "benefit_groups": [],
            "account_used": self.rng.random() < 0.8,
            "diagnosis": "S82.1" if kind == "visit" else "E11.9",
            "stay_days": 1,
            # An accident that nobody was asked about is refused.
            "liability": self.rng.choice(("0", None)) if visit_type == _ACCIDENT else None,
            **self._filed(day, elsewhere=home != care),
            "lines": lines,
        }

    def _filed(self, day: date, *, elsewhere: bool) -> Row:
        word = self.rng.choice((None, "long_term", "referred", "emergency"))
        before = timedelta(days=self.rng.choice((0, 30, 300)))
        if not elsewhere or word is None:
            return {}
        return {"filing": word, "filing_date": day - before}

    def _lines(self, care: str, day: date, yuan: int) -> list[Row]:
        # What only the other area lists is refused by the catalogue here.
        listed = care if self.rng.random() < 0.97 else self.rng.choice(AREAS)
        others = [_DRUG_B, _DEVICE, _OUTSIDE, _ONLY_THERE[listed]]
        lines = [_line(1, day, _DRUG_A, yuan)]
        for number, item in enumerate(self.rng.sample(others, self.rng.randrange(3)), 2):
            lines.append(_line(number, day, item, self.rng.choice((10, 333, 9_500))))
        return lines


def _agency(area: str) -> str:
    return f"G{area}01"


def _line(number: int, day: date, item: str, yuan: int, diagnosis: str | None = None) -> Row:
    return {
        "line_id": str(number),
        "item_code": item,
        "fee_date": day,
        "quantity_e4": 10_000,
        "unit_price_e6": yuan * 1_000_000,
        "amount_fen": yuan * 100,
        "diagnosis": diagnosis,
    }
