"""The second act of the demonstration: one card, all schemes, in an invented area.

A delivery with complications, a stay after a work injury with a diabetes drug in it, and a pharmacy
purchase that a daughter's limit pays for. Claims and registrations are files, which
`medsettle visit settle` and `medsettle registration add` take as well; nothing here knows an area.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from medsettle import errors
from medsettle.client import Client
from medsettle.core.cards import CardAction, CardEvent, CardKind
from medsettle.core.dates import service_day_of
from medsettle.core.relatives import LimitChange, Person, RelationState
from medsettle.core.settlement import Opening, Settlement
from medsettle.core.visits import RegistrationRequest, Visit, registration_of

AGENCY: Final = "AGENCY"
DAUGHTER: Final = "DAUGHTER"
_ISSUED: Final = datetime(2024, 1, 1, tzinfo=UTC)
_ACTIVATED: Final = datetime(2024, 1, 2, tzinfo=UTC)

OWN_FEN: Final = 2_000
DAUGHTERS_FEN: Final = 50_000
LIMIT_FEN: Final = 15_000
MOTHERS_FEN: Final = 60_000
"""What the invented persons have in their accounts, and what the daughter sets aside."""


@dataclass(frozen=True, slots=True)
class Scripts:
    """Where the files of the act lie; `rules` is the folder of the invented area's documents."""

    folder: Path
    rules: Path

    @classmethod
    def beside(cls, fixtures: Path) -> "Scripts":
        """Return the files below the fixtures of the project."""
        return cls(fixtures, fixtures / "policies" / "shapes")

    def missing(self) -> list[Path]:
        """Return what the act needs and is not there."""
        needed = [self.rules, *(self.folder / name for name in _FILES)]
        return [path for path in needed if not path.exists()]

    def row(self, name: str) -> dict[str, Any]:
        """Return the JSON object of a file."""
        found: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return found


_FILES: Final = (
    *("visit.json", "recognition.json", "showcase/delivery.json", "showcase/pregnancy.json"),
    "showcase/purchase.json",
)


@dataclass(frozen=True, slots=True)
class Showcase:
    """The act against one server."""

    client: Client
    scripts: Scripts

    def delivery(self) -> Visit:
        """Register a pregnancy and settle the delivery: two schemes, twins, complications."""
        claim = self.scripts.row("showcase/delivery.json")
        self._issue(claim)
        self._open(str(claim["pooling_area"]), str(claim["person"]), MOTHERS_FEN)
        self._register("showcase/pregnancy.json")
        return self.client.visits.settle(claim)

    def injury(self) -> Visit:
        """Register a recognition and settle the stay: what is no injury is basic insurance's."""
        self._register("recognition.json")
        return self.client.visits.settle(self.scripts.row("visit.json"))

    def purchase(self) -> tuple[Settlement, RelationState]:
        """Let a daughter set money aside, and settle her father's purchase."""
        claim = self.scripts.row("showcase/purchase.json")
        area, father = str(claim["pooling_area"]), str(claim["person"])
        self._issue(claim)
        self._open(area, father, OWN_FEN)
        self._open(area, DAUGHTER, DAUGHTERS_FEN)
        sides = Person(area, DAUGHTER), Person(area, father)
        self.client.relatives.grant(LimitChange(AGENCY, "grant-1", *sides, LIMIT_FEN))
        settlement = self.client.settle(claim)
        (relation,) = self.client.relatives.relations(sides[1])
        return settlement, relation

    def lost(self) -> errors.SettlementError:
        """Report the father's card lost and try to buy again; return the refusal."""
        claim = self.scripts.row("showcase/purchase.json")
        event = _event(claim, CardAction.REPORT_TEMPORARY_LOSS, None)
        self.client.cards.record(event)
        today = service_day_of(datetime.now(UTC)).isoformat()
        lines = [line | {"fee_date": today} for line in claim["lines"]]
        days = {"admission_date": today, "service_date": today, "lines": lines}
        try:
            self.client.settle(claim | days | {"request_id": "purchase-2"})
        except errors.SettlementError as error:
            return error
        raise errors.InternalError("a lost card settled a claim")

    def _issue(self, claim: Mapping[str, Any]) -> None:
        self.client.cards.record(_event(claim, CardAction.ISSUE, _ISSUED))
        self.client.cards.record(_event(claim, CardAction.ACTIVATE, _ACTIVATED))

    def _open(self, area: str, person: str, fen: int) -> None:
        self.client.open_person(Opening(AGENCY, f"open-{person}", area, person, fen))

    def _register(self, name: str) -> None:
        row = self.scripts.row(name)
        area, person = row.pop("pooling_area"), row.pop("person")
        request_id = f"register-{row['kind']}-{row['number']}"
        self.client.registrations.record(
            RegistrationRequest(AGENCY, request_id, area, person, registration_of(row))
        )


def _event(claim: Mapping[str, Any], action: CardAction, moment: datetime | None) -> CardEvent:
    """Return an event of the card that a claim presents."""
    issued = action is CardAction.ISSUE
    return CardEvent(
        institution=AGENCY,
        request_id=f"{action}-{claim['card']}",
        pooling_area=str(claim["pooling_area"]),
        card=str(claim["card"]),
        action=action,
        effective_time=moment,
        person=str(claim["person"]) if issued else None,
        kind=CardKind.PHYSICAL if issued else None,
    )
