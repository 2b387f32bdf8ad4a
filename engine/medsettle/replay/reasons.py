"""Why a world does not settle a claim: its person settled once more, claim by claim, in order.

Results have an outcome for each claim, which is what can be counted. What a user has to correct is
said by the settler, as at a checkout; it is asked again for the first claims of each outcome.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from medsettle import limits
from medsettle.core.outcome import Rejection
from medsettle.replay.coded_files import read_coded
from medsettle.replay.events import events_of
from medsettle.replay.history import History, Part
from medsettle.replay.layout import RESULT
from medsettle.replay.part_columns import Columns, GivenTables, persons_of
from medsettle.replay.part_lines import starts_of
from medsettle.replay.settler_way import WholeClaims
from medsettle.replay.worlds import World
from medsettle.settle.run import Settled, Settler

_READ: Final = tuple(column for column in RESULT if column.name in {"claim", "outcome"})
_SETTLED: Final = "settled"
_OF_PERSON: Final = ("claims", "moves")
_OF_CLAIM: Final = ("lines", "splits")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a claim is not settled: its number and request, the outcome, and what is to correct."""

    claim: int
    institution: str
    request_id: str
    outcome: str
    said: tuple[str, ...]


def reasons_of(folder: Path, history: History, world: World) -> list[Reason]:
    """Return why the first claims of each outcome are not settled in a world.

    Args:
        folder: Of the results, which one machine wrote.
        history: What was replayed.
        world: The rules.

    Raises:
        OSError: A file is gone or cannot be read.
    """
    found: list[Reason] = []
    for part, numbers in _refused(folder, history, world.name):
        tables = {name: history.read(part, name) for name in (*_OF_PERSON, *_OF_CLAIM)}
        found += [_reason(tables, number, world) for number in numbers]
    return found


def _refused(folder: Path, history: History, world: str) -> Iterator[tuple[Part, list[int]]]:
    """Yield the claims whose reason is told, by part."""
    seen: Counter[str] = Counter()
    for part in history.parts:
        path = folder / "claims" / world / f"part-{part.number:05d}.parquet"
        table = read_coded(path, _READ)
        refused = table.filter(pc.not_equal(table["outcome"].cast(pa.string()), _SETTLED))
        numbers = []
        for row in refused.slice(0, limits.HISTORY_PART_CLAIMS).to_pylist():
            seen[row["outcome"]] += 1
            if seen[row["outcome"]] <= limits.REPLAY_REASONS_SHOWN:
                numbers.append(int(row["claim"]))
        if numbers:
            yield part, numbers


def _reason(tables: dict[str, pa.Table], number: int, world: World) -> Reason:
    """Settle all claims of the person of a claim, and return what is said of this one."""
    claims = tables["claims"]
    row = claims.slice(pc.index(claims["claim"], number).as_py(), 1)
    area, person = (row[name].cast(pa.string())[0] for name in ("pooling_area", "person"))
    own: dict[str, pa.Table] = {}
    for name in _OF_PERSON:
        table = tables[name]
        of_area, of_person = (
            pc.equal(table[column].cast(pa.string()), value)
            for column, value in (("pooling_area", area), ("person", person))
        )
        own[name] = table.filter(pc.and_(of_area, of_person))
    for name in _OF_CLAIM:
        mine = pc.is_in(tables[name]["claim"], value_set=own["claims"]["claim"].combine_chunks())
        own[name] = tables[name].filter(mine)
    said: list[str] = []

    def take(at: int, came_to: Settled | Rejection) -> None:
        if isinstance(came_to, Rejection) and own["claims"]["claim"][at].as_py() == number:
            faults = (f"{fault.path}: {fault.message}" for fault in came_to.faults)
            said.extend([*faults] or [came_to.message])
            outcome.append(came_to.outcome.name)

    outcome: list[str] = []
    _whole(GivenTables(own)).settle(np.zeros(1, dtype=np.int64), Settler(world.book), take)
    institution, request_id = (str(row[name][0].as_py()) for name in ("institution", "request_id"))
    return Reason(number, institution, request_id, outcome[0], tuple(said))


def _whole(tables: GivenTables) -> WholeClaims:
    claims, lines = Columns(tables, "claims"), Columns(tables, "lines")
    persons = persons_of(claims)
    events = events_of(persons, claims, Columns(tables, "moves"))
    starts = starts_of(claims, lines)
    return WholeClaims(claims, lines, starts, Columns(tables, "splits"), persons, events)
