"""An engine of the invented area with cards, and the shortest way to let things happen to them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from medsettle.core.cards import Card, CardAction, CardEvent, CardKind
from medsettle.engine import Engine
from medsettle.ledger.opening import open_ledger
from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import RuleBook

from tests.engine.engines import RULES
from tests.service.claims import AREA
from tests.stores import ledger_in

TERMS = Path(__file__).parent / "terms"
BEIJING_TIME = timezone(timedelta(hours=8))
AGENCY = "AGENCY"

ISSUE, ACTIVATE, BANK = CardAction.ISSUE, CardAction.ACTIVATE, CardAction.ACTIVATE_BANK
TEMPORARY, FORMAL = CardAction.REPORT_TEMPORARY_LOSS, CardAction.REPORT_FORMAL_LOSS
RESUME, LOCK, UNLOCK = CardAction.RESUME, CardAction.LOCK, CardAction.UNLOCK
REPLACE, CANCEL = CardAction.REPLACE, CardAction.CANCEL


@dataclass
class Clock:
    """A clock that stands still until it is set; a microsecond passes with each look at it."""

    moment: datetime = datetime(2024, 5, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the next moment."""
        self.moment += timedelta(microseconds=1)
        return self.moment


def at(month: int, day: int, hour: int = 9, minute: int = 0, year: int = 2024) -> datetime:
    """Return a moment in China Standard Time."""
    return datetime(year, month, day, hour, minute, tzinfo=BEIJING_TIME)


def write_rules(folder: Path) -> Path:
    """Write the rules of the invented area, its cards among them, and return the folder."""
    shutil.copytree(RULES / AREA, folder / AREA)
    shutil.copy(TERMS / AREA / "card.yaml", folder / AREA)
    return folder


@cache
def rule_book() -> RuleBook:
    """Return the rules of the invented area with its cards."""
    with TemporaryDirectory() as folder:
        return load_rule_book(write_rules(Path(folder) / "rules"))


@contextmanager
def engine_on(folder: Path, clock: Clock | None = None) -> Iterator[Engine]:
    """Yield an engine with the ledger of a folder."""
    ledger = open_ledger(ledger_in(folder))
    try:
        yield Engine(rule_book(), ledger, clock or Clock())
    finally:
        ledger.close()


class Counter:
    """Lets things happen to cards of an engine, each under a request id of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.number = 0

    def today(self, moment: datetime) -> None:
        """Let it be another time."""
        clock = self.engine.clock
        assert isinstance(clock, Clock)
        clock.moment = moment.astimezone(UTC)

    def event(self, card: str, action: CardAction, moment: datetime, **more: object) -> CardEvent:
        """Return an event; the holder is present."""
        self.number += 1
        stated: dict[str, object] = {
            "institution": AGENCY,
            "request_id": f"E{self.number}",
            "pooling_area": AREA,
            "card": card,
            "action": action,
            "effective_time": moment,
            "in_person": True,
        }
        return CardEvent(**(stated | more))  # type: ignore[arg-type]

    def does(self, card: str, action: CardAction, moment: datetime, **more: object) -> Card:
        """Record an event and return the card as it is now."""
        return self.engine.cards.record(self.event(card, action, moment, **more))

    def issue(self, card: str, moment: datetime, person: str = "P1", **more: object) -> Card:
        """Issue a physical card."""
        stated: dict[str, object] = {"person": person, "kind": CardKind.PHYSICAL}
        return self.does(card, ISSUE, moment, **(stated | more))

    def active(self, card: str, moment: datetime, person: str = "P1", **more: object) -> Card:
        """Issue and activate a physical card."""
        self.issue(card, moment, person, **more)
        return self.does(card, ACTIVATE, moment)
