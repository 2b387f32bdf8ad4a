"""Two invented areas and the cases that are settled between areas, for tests."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medsettle.client import Client
from medsettle.core.relatives import LimitChange, Person
from medsettle.core.settlement import Opening
from medsettle.engine import Engine

ROOT = Path(__file__).parents[2]
PROVINCES = ROOT / "fixtures" / "provinces"
AREA_A, AREA_B = "999941", "999942"
FOLDERS = {
    AREA_A: PROVINCES / "rules-a" / AREA_A,
    AREA_B: PROVINCES / "rules-b" / AREA_B,
}

_AGENCY = "AGENCY"


@dataclass(frozen=True)
class Case:
    """A claim from area A of a person insured elsewhere, and what must come of it.

    `case` names it in `fixtures/cases.json`, or the section of the worked split; `expect` has
    columns of the settlement, and `figures` the columns of the figures that the collection has.
    What the insured area cannot decide as a whole is previewed only.
    """

    name: str
    case: str
    source: str
    claim: str
    insured_rules: str
    preview: bool
    figures: Mapping[str, str]
    expect: Mapping[str, int]
    account_fen: int = 0
    relative_fen: int = 0
    row: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Read the claim."""
        row = json.loads((PROVINCES / self.claim).read_text(encoding="utf-8"))
        object.__setattr__(self, "row", row)

    def __str__(self) -> str:
        return self.name

    @property
    def insured_folder(self) -> Path:
        """The rules of the insured area."""
        return ROOT / self.insured_rules

    def brought_along(self, asked: Engine | Client) -> None:
        """Record what the person has before the claim: an account, and a limit of a relative."""
        area, person = self.row["pooling_area"], self.row["person"]
        if self.account_fen:
            asked.open_person(Opening(_AGENCY, f"O-{person}", area, person, self.account_fen))
        if self.relative_fen:
            giver = Person(area, f"{person}-R")
            opening = Opening(_AGENCY, f"O-{giver.person}", area, giver.person, self.relative_fen)
            asked.open_person(opening)
            change = LimitChange(
                _AGENCY, f"G-{person}", giver, Person(area, person), self.relative_fen
            )
            asked.relatives.grant(change)


def cases() -> list[Case]:
    """Return every case."""
    return [Case(**each) for each in json.loads((PROVINCES / "cases.json").read_text("utf-8"))]


def rules_of(to: Path, *folders: Path) -> Path:
    """Return a folder of rules with these areas only."""
    for folder in folders:
        shutil.copytree(folder, to / folder.name, dirs_exist_ok=True)
    return to
