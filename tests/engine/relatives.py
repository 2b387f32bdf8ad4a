"""Families of an invented area: engines whose policies let accounts of relatives pay."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from medsettle.core.relatives import Dissolution, LimitChange, Person, RelationState
from medsettle.core.settlement import Opening
from medsettle.engine import Engine

from tests.engine.engines import engine_on
from tests.service.claims import INSTITUTION, claim, line

RULES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"
AREA, ELSEWHERE = "999921", "999902"

OWN_FIRST, RELATIVES_FIRST, SWITCHES = "21", "24", "11"
"""The visit types of the three policies of the area."""

IN_SCOPE, CLASS_B = "009902000001000990200000100", "XY01AAA001A001010100001"
"""Items: of the second a tenth is paid first."""

ABOVE_CEILING = "009908000001000990800000100"
"""An item whose ceiling is 9,040 yuan; above it the policy of RELATIVES_FIRST cannot decide."""


@contextmanager
def family_engine(folder: Path) -> Iterator[Engine]:
    """Yield an engine with the ledger of a folder, new or as it was left."""
    with engine_on(folder, RULES) as engine:
        yield engine


def person(name: str, area: str = AREA) -> Person:
    """Return a person of the area."""
    return Person(area, name)


def visit(
    number: int, who: str, fen: int, visit_type: str = OWN_FIRST, item: str = IN_SCOPE
) -> dict[str, Any]:
    """Return a claim for one item; of the first 2,000 yuan in scope the fund pays nothing."""
    lines = [line(fen, item_code=item) | {"fee_date": date(2026, 7, 1)}]
    days = {"admission_date": date(2026, 7, 1), "service_date": date(2026, 7, 1)}
    changes = {"pooling_area": AREA, "person": who, "visit_type": visit_type, "lines": lines}
    return claim(number) | days | changes


def opened(engine: Engine, who: str, fen: int, area: str = AREA) -> None:
    """Put money into an account."""
    engine.open_person(Opening(INSTITUTION, f"O-{area}-{who}-{fen}", area, who, fen))


def granted(
    engine: Engine, giver: str, receiver: str, fen: int, request: str = ""
) -> RelationState:
    """Set money of one person of the area aside for another."""
    return engine.relatives.grant(_change(giver, receiver, fen, request or f"G-{giver}-{fen}"))


def lowered(engine: Engine, giver: str, receiver: str, fen: int, request: str) -> RelationState:
    """Give money back that was set aside."""
    return engine.relatives.lower(_change(giver, receiver, fen, request))


def dissolved(engine: Engine, giver: str, receiver: str, request: str) -> RelationState:
    """End the relation of two persons of the area, at the wish of the giver."""
    sides = person(giver), person(receiver)
    return engine.relatives.dissolve(Dissolution(INSTITUTION, request, *sides, "giver"))


def _change(giver: str, receiver: str, fen: int, request: str) -> LimitChange:
    return LimitChange(INSTITUTION, request, person(giver), person(receiver), fen)


def account(engine: Engine, who: str, area: str = AREA) -> int:
    """Return what an account holds, in fen."""
    return engine.person(area, who).account_fen


def limits(engine: Engine, who: str) -> dict[str, tuple[int, int, bool]]:
    """Return limit, use and whether bound of each relation of a receiver, by giver and number."""
    states = engine.relatives.relations(person(who))
    return {
        f"{each.relation.giver.person} {each.relation.number}": (
            each.limit_fen,
            each.used_fen,
            each.bound,
        )
        for each in states
        if each.relation.receiver == person(who)
    }
