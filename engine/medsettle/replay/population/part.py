"""One part of a population as the tables of a history, in the order in which things happened."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.arrow_texts import digits, letters, picked, texts
from medsettle.core.codes import APPROVALS
from medsettle.core.counters import ACCOUNT
from medsettle.core.money import E6_PER_FEN
from medsettle.replay.layout import HISTORY_CLAIM, HISTORY_LINE, MOVE, arrow_schema
from medsettle.replay.population.bills import Lines, Trimming, draw_lines
from medsettle.replay.population.claim_columns import PERSON_DIGITS, claim_columns
from medsettle.replay.population.credits import CREDIT, OPENING, Credits, Moves
from medsettle.replay.population.persons import Persons, draw_persons
from medsettle.replay.population.scene import PART_STREAM, Scene
from medsettle.replay.population.visits import Visits, draw_visits

_E4_PER_UNIT: Final = 10_000
# What comes first of what happens on one day.
_AT_OPENING, _AT_CREDIT, _AT_VISIT, _AT_CANCEL = range(4)

assert limits.POPULATION_PERSONS_MAX < 10**PERSON_DIGITS + 1


@dataclass(frozen=True, slots=True)
class DrawnPart:
    """The tables of a part, its claims numbered from 0, and what was counted on the way.

    `moves_left_out` are those of persons without claims, which no claim meets.
    """

    claims: pa.Table
    lines: pa.Table
    moves: pa.Table
    persons: int
    cancelled: int
    left_out: int
    moves_left_out: int

    def numbered(self, first: int) -> dict[str, pa.Table]:
        """Return the tables with claims numbered from `first` on."""
        return {
            "claims": _shifted(self.claims, first),
            "lines": _shifted(self.lines, first),
            "moves": self.moves,
        }


def draw_part(scene: Scene, number: int, trimmed: Trimming, paying: Credits) -> DrawnPart:
    """Return one part; the same whoever draws it, whatever was drawn before."""
    random = scene.stream(PART_STREAM, number)
    first = number * limits.POPULATION_PART_PERSONS
    count = min(limits.POPULATION_PART_PERSONS, scene.persons - first)
    persons = draw_persons(scene, first, count, random)
    visits, left_out = draw_visits(scene, persons, random)
    cancelled = random.random(len(visits)) < scene.marginals.number("cancelled_share")
    after = random.poisson(scene.marginals.number("cancelled_after_days"), len(visits))
    every = paying.moves(persons, random)
    moves = every.of_persons(np.bincount(visits.person, minlength=count) > 0)
    order, taken_back, move_order = _orders(visits, moves, cancelled, after)
    lines = draw_lines(scene, visits, trimmed, random)
    return DrawnPart(
        claims=_claims(scene, persons, visits, lines, (order, taken_back)),
        lines=_lines(scene, lines),
        moves=_moves(scene, persons, moves, move_order),
        persons=count,
        cancelled=int(np.count_nonzero(cancelled)),
        left_out=left_out,
        moves_left_out=len(every.person) - len(moves.person),
    )


def _orders(
    visits: Visits, moves: Moves, cancelled: NDArray[np.bool_], after: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the order of visits, of their cancels (0 where there is none), and of moves.

    Orders count all that happens to a person from 1 on: an opening and the credit of a month come
    before the visits of their day, and what takes back a visit after those of its day.
    """
    back = np.flatnonzero(cancelled)
    person = np.concatenate([visits.person, moves.person, visits.person[back]])
    day = np.concatenate([visits.day, moves.day, visits.day[back] + after[back]])
    tie = np.concatenate(
        [
            np.full(len(visits), _AT_VISIT),
            np.where(moves.credit, _AT_CREDIT, _AT_OPENING),
            np.full(len(back), _AT_CANCEL),
        ]
    )
    sequence = np.lexsort((np.arange(len(person)), tie, day, person))
    begins = np.searchsorted(person[sequence], person[sequence])
    order = np.empty(len(person), dtype=np.int64)
    order[sequence] = np.arange(len(person)) - begins + 1
    taken_back = np.zeros(len(visits), dtype=np.int64)
    taken_back[back] = order[len(visits) + len(moves.person) :]
    return order[: len(visits)], taken_back, order[len(visits) : len(visits) + len(moves.person)]


def person_codes(persons: Persons) -> pa.Array:
    """Return the tokens of the persons of a part, rising."""
    numbers = persons.first + np.arange(len(persons))
    return texts(np.hstack([letters("P", len(persons)), digits(numbers, PERSON_DIGITS)]))


def _claims(
    scene: Scene,
    persons: Persons,
    visits: Visits,
    lines: Lines,
    orders: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> pa.Table:
    order, taken_back = orders
    columns = {
        "claim": pa.array(np.arange(len(visits))),
        "order": pa.array(order),
        "line_count": pa.array(np.bincount(lines.visit, minlength=len(visits))),
        "taken_back": pa.array(taken_back, mask=taken_back == 0),
        "person": pa.DictionaryArray.from_arrays(
            pa.array(visits.person.astype(np.int32)), person_codes(persons)
        ),
        **claim_columns(scene, persons, visits, order),
    }
    names = [column.name for column in HISTORY_CLAIM]
    types = {each.name: each.type for each in arrow_schema(HISTORY_CLAIM)}
    return pa.table({name: columns.get(name, pa.nulls(len(visits), types[name])) for name in names})


def _lines(scene: Scene, lines: Lines) -> pa.Table:
    most = int(lines.position.max(initial=0)) + 1
    numbers = [str(number) for number in range(1, most + 1)]
    columns = {
        "claim": pa.array(lines.visit),
        "line_id": picked(lines.position, numbers),
        "item_code": picked(lines.item, scene.goods.codes),
        "fee_date": pa.array(lines.day.astype(np.int32), pa.date32()),
        "quantity_e4": pa.array(lines.quantity * _E4_PER_UNIT),
        "unit_price_e6": pa.array(lines.price_fen * E6_PER_FEN),
        "amount_fen": pa.array(lines.amount_fen),
        "approval": picked(np.where(lines.approval == 0, -1, lines.approval), tuple(APPROVALS)),
        "original_line": picked(lines.original, numbers),
    }
    names = [column.name for column in HISTORY_LINE]
    empty = pa.nulls(len(lines), pa.string())
    return pa.table({name: columns.get(name, empty) for name in names})


def _moves(scene: Scene, persons: Persons, moves: Moves, order: NDArray[np.int64]) -> pa.Table:
    sequence = np.lexsort((order, moves.person))
    count = len(sequence)
    zero = np.zeros(count, dtype=np.int64)
    columns = {
        "pooling_area": picked(zero, (scene.area,)),
        "person": pa.DictionaryArray.from_arrays(
            pa.array(moves.person[sequence].astype(np.int32)), person_codes(persons)
        ),
        "order": pa.array(order[sequence]),
        "kind": picked(moves.credit[sequence].astype(np.int64), (OPENING, CREDIT)),
        "counter": picked(zero, (ACCOUNT,)),
        "period": pa.array(zero),
        "delta": pa.array(moves.delta_fen[sequence]),
    }
    return pa.table({column.name: columns[column.name] for column in MOVE})


def _shifted(table: pa.Table, first: int) -> pa.Table:
    numbers = table["claim"].to_numpy() + first
    return table.set_column(0, "claim", pa.array(numbers))
