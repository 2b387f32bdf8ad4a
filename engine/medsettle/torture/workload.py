"""Invented requests of few persons at few institutions, so that they meet again and again.

Amounts and items belong to one invented area whose documents count admissions, pay from accounts
and relatives' limits, and split a visit over several schemes.
"""

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any, Final

from medsettle.core.messages import Message
from medsettle.core.relatives import Dissolution, LimitChange, Person
from medsettle.core.settlement import Opening, Row, Settlement
from medsettle.core.visits import Registration, RegistrationRequest, Visit
from medsettle.torture.requests import Answer, Kind, Request

AREA: Final = "999930"
"""The area whose rule documents the requests are made for."""

_AGENCY: Final = "AGENCY"
_BED, _SURGERY, _DRUG, _OUTSIDE = (f"0099020000030000000000000{number}0" for number in (1, 3, 4, 5))
_STAY, _PHARMACY, _NOWHERE = "21", "41", "99"
_FIRST, _LAST = date(2024, 5, 1), date(2024, 5, 11)

_WEIGHTS: Final[dict[Kind, int]] = {
    "settle": 40,
    "cancel": 22,
    "visit": 8,
    "visit_cancel": 5,
    "opening": 5,
    "grant": 8,
    "lower": 3,
    "dissolve": 3,
    "reverse": 8,
    "find": 6,
    "message": 8,
}


@dataclass
class Workload:
    """Draws requests; `heard` tells it of answers, so that it can take back what was settled.

    `messages` says whether there are any among them; they are asked of an engine, not over gRPC.
    """

    rng: Random
    persons: tuple[str, ...] = ("P1", "P2", "P3")
    institutions: tuple[str, ...] = ("H1", "H2")
    messages: bool = False
    _made: int = 0
    _settled: list[tuple[Kind, str, str]] = field(default_factory=list)
    _asked: list[tuple[str, str]] = field(default_factory=list)

    def beginning(self) -> list[Request]:
        """Return what is recorded before anybody comes: accounts, and an injury of each person."""
        found: list[Request] = []
        for person in self.persons:
            opening = Opening(_AGENCY, f"O-{person}", AREA, person, self.rng.choice((0, 80_000)))
            found.append(Request("opening", _AGENCY, opening.request_id, opening))
            recognition = Registration(
                kind="recognition",
                number=f"R-{person}",
                valid_from=date(2024, 4, 30),
                diagnoses=("S82", "S83"),
                injured_part="leg",
                event_date=date(2024, 4, 30),
                accepted_date=date(2024, 5, 6),
                timeliness="timely",
            )
            registered = RegistrationRequest(_AGENCY, f"I-{person}", AREA, person, recognition)
            found.append(Request("registration", _AGENCY, registered.request_id, registered))
        return found

    def heard(self, request: Request, answer: Answer) -> None:
        """Remember what was settled; it may be taken back by anybody from now on."""
        if not answer.done or request.kind not in {"settle", "visit"}:
            return
        told = answer.told
        own: tuple[Kind, str, str]
        if isinstance(told, Settlement):
            own = ("settle", request.institution, str(told.columns["settlement"]))
        else:
            assert isinstance(told, Visit)
            own = ("visit", request.institution, str(told.visit))
        if own not in self._settled:
            self._settled.append(own)

    def request(self, kind: Kind | None = None) -> Request:
        """Return a new request under an id of its own, of any kind unless one is named."""
        if kind is None:
            kinds = [each for each in _WEIGHTS if self.messages or each != "message"]
            (kind,) = self.rng.choices(kinds, [_WEIGHTS[each] for each in kinds])
        self._made += 1
        institution = self.rng.choice(self.institutions)
        drawn = self._drawn(kind, institution, f"Q{self._made}")
        if drawn.kind != "find":
            self._asked.append(drawn.key)
        return drawn

    def reversal(self, original: Request) -> Request:
        """Return the request that reverses another, which may not have arrived yet."""
        self._made += 1
        return Request("reverse", original.institution, f"Q{self._made}", original.request_id)

    def query(self, original: Request) -> Request:
        """Return the question what became of a request."""
        return Request("find", *original.key, "")

    def altered(self, request: Request) -> Request:
        """Return a request under the same id that asks for something else."""
        other = self._drawn(request.kind, request.institution, request.request_id)
        if other.key == request.key and other.content != request.content:
            return other
        gift = Opening(*request.key, AREA, self.rng.choice(self.persons), 7)
        return Request("opening", *request.key, gift)

    def _drawn(self, kind: Kind, institution: str, request_id: str) -> Request:
        content: Any
        if kind in {"cancel", "visit_cancel"}:
            of_kind = "settle" if kind == "cancel" else "visit"
            known = [each for each in self._settled if each[0] == of_kind]
            if not known:
                return self._drawn("settle", institution, request_id)
            # Few of the latest, so that two tills take back the same.
            _, institution, content = self.rng.choice(known[-4:])
        elif kind in {"grant", "lower", "dissolve"}:
            content = self._change(kind, institution, request_id)
        elif kind in {"reverse", "find"}:
            if not self._asked:
                return self._drawn("settle", institution, request_id)
            institution, content = self.rng.choice(self._asked[-6:])
            if kind == "find":
                request_id, content = content, ""
        elif kind == "opening":
            fen = self.rng.choice((0, 1, 5_000, 60_000))
            content = Opening(institution, request_id, AREA, self.rng.choice(self.persons), fen)
        elif kind == "message":
            content = self._message(institution, request_id)
        else:
            content = self._claim(kind, institution, request_id)
        return Request(kind, institution, request_id, content)

    def _change(self, kind: Kind, institution: str, request_id: str) -> LimitChange | Dissolution:
        giver, receiver = (Person(AREA, each) for each in self.rng.sample(self.persons, 2))
        if kind == "dissolve":
            return Dissolution(institution, request_id, giver, receiver, "giver")
        fen = self.rng.choice((1, 3_000, 20_000))
        return LimitChange(institution, request_id, giver, receiver, fen)

    def _message(self, institution: str, request_id: str) -> Message:
        whose = (AREA, self.rng.choice(self.persons)) if self.rng.random() < 0.7 else ("", "")
        subject, told = f"E{self.rng.randrange(3)}", {"line": self.rng.randrange(100)}
        return Message(institution, request_id, *whose, "2204", subject, told)

    def _claim(self, kind: Kind, institution: str, request_id: str) -> Row:
        yuan = self.rng.choice((1, 90, 700, 1_300, 5_000))
        visit_type = _STAY
        if kind == "visit":
            lines = [
                _line(1, _SURGERY, yuan, "S82.1"),
                _line(2, _OUTSIDE, 500, "S82.1"),
                _line(3, _BED, 300),
                _line(4, _DRUG, yuan, "E11.9"),
            ]
        else:
            lines = [_line(1, _DRUG, yuan)]
            (visit_type,) = self.rng.choices((_STAY, _PHARMACY, _NOWHERE), (6, 5, 1))
        number = f"N{self.rng.randrange(40)}" if self.rng.random() < 0.2 else None
        return {
            "request_id": request_id,
            "institution": institution,
            "institution_settlement": number,
            "pooling_area": AREA,
            "person": self.rng.choice(self.persons),
            "insurance_type": "310",
            "visit_type": visit_type,
            "person_type": "1101",
            "institution_level": "02",
            "birth_date": date(1980, 1, 1),
            "admission_date": _FIRST,
            "service_date": _LAST,
            "benefit_groups": [],
            "account_used": self.rng.random() < 0.8,
            "diagnosis": "S82.1" if kind == "visit" else "E11.9",
            "stay_days": 10,
            "lines": lines,
        }


def _line(number: int, item: str, yuan: int, diagnosis: str | None = None) -> Row:
    return {
        "line_id": str(number),
        "item_code": item,
        "fee_date": _FIRST,
        "quantity_e4": 10_000,
        "unit_price_e6": yuan * 1_000_000,
        "amount_fen": yuan * 100,
        "diagnosis": diagnosis,
    }
