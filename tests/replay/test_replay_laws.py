"""However a history is replayed, each claim comes to what it comes to by itself, in order."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.policy.examples import Visit
from medsettle.replay.layout import BASELINE, RESULT_LINE
from medsettle.replay.part import PartOptions, PartReplayer
from medsettle.replay.part_columns import GivenTables
from medsettle.replay.worlds import World
from medsettle.settle.prove import opening_counters
from medsettle.settle.run import Settled, Settler

from tests.replay.made import (
    REAL,
    SHAPES,
    Cancel,
    Claim,
    Event,
    Life,
    Move,
    checked,
    examples_of,
    expected,
    one_by_one,
    rows_of,
    rules_of,
    tables_of,
    whose,
)

_SETTLERS = {folder: Settler(rules_of(folder)) for folder in (REAL, SHAPES)}
_REPLAYERS = {
    folder: PartReplayer([World(BASELINE, rules_of(folder))], PartOptions(lines=True))
    for folder in (REAL, SHAPES)
}
_RULES = pytest.mark.parametrize("rules", [REAL, SHAPES], ids=["shipped", "invented"])

_SPLIT = [column.name for column in RESULT_LINE if column.name != "claim"]
_REFUSED: dict[str, object] = dict.fromkeys(_SPLIT, 0) | {"item_class": "03", "pot": "in_scope"}


def _replayed(rules: Path, lives: Sequence[Life]) -> list[dict[str, object]]:
    tables = _REPLAYERS[rules].replay(GivenTables(tables_of(lives)))
    return rows_of(tables[f"claims/{BASELINE}"])


@st.composite
def _lives(draw: st.DrawFn, rules: Path) -> list[list[Event]]:
    """Return lives in some areas: visits of their examples in any order, moves and cancels."""
    areas = draw(st.lists(st.sampled_from(sorted(examples_of(rules))), min_size=1, max_size=2))
    lives = []
    number = 0
    for person in range(draw(st.integers(1, 5))):
        area = draw(st.sampled_from(areas))
        pool = [(each, visit) for each in examples_of(rules)[area] for visit in each.visits]
        pool = [(each, visit) for each, visit in pool if visit.cancels is None]
        life: list[Event] = []
        for _ in range(draw(st.integers(1, 5))):
            number += 1
            example, visit = draw(st.sampled_from(pool))
            changes = {"person": f"P{person}", "request_id": f"R{number}"}
            row = {**checked(visit.claim), **changes, **_other_facts(draw)}
            if draw(st.booleans()):
                row["lines"] = _other_lines(draw, row["lines"])
            if draw(st.integers(0, 2)) == 0:
                life += _brought(rules, example.policy, visit, row)
            life.append(Claim(row))
            if draw(st.integers(0, 3)) == 0:
                life.append(Move("account", 0, draw(st.sampled_from([-3_000, 1, 250_00, 10**6]))))
            if draw(st.integers(0, 3)) == 0:
                claims = [at for at, each in enumerate(life) if isinstance(each, Claim)]
                gone = {each.of for each in life if isinstance(each, Cancel)}
                if left := [at for at in claims if at not in gone]:
                    life.append(Cancel(draw(st.sampled_from(left))))
        lives.append(life)
    return lives


def _other_facts(draw: st.DrawFn) -> dict[str, object]:
    """Return some facts of a claim changed, by which policies tell claims apart."""
    return draw(
        st.fixed_dictionaries(
            {},
            optional={
                "account_used": st.booleans(),
                "institution_level": st.sampled_from(["01", "05", "09", "77"]),
                "encounter": st.sampled_from([None, "E1", "E.2"]),
                "disease": st.sampled_from([None, "M01600", "X"]),
                "institution": st.sampled_from(["H1", "H:2"]),
            },
        )
    )


def _other_lines(draw: st.DrawFn, lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a bill with some lines twice, or one taken back, marked, unlisted or of no sense."""
    found = [dict(line) for line in lines]
    if not found:
        return found
    twice = draw(st.lists(st.sampled_from(found), max_size=4))
    found += [{**line, "line_id": f"again-{at}"} for at, line in enumerate(twice)]
    kind = draw(st.integers(0, 6))
    first = found[0]
    if kind == 0 and not first.get("original_line"):
        back = {"quantity_e4": -first["quantity_e4"], "amount_fen": -first["amount_fen"]}
        found.append({**first, **back, "line_id": "back", "original_line": first["line_id"]})
    elif kind == 1:
        first["earmark"] = draw(st.sampled_from(["work_injury", "X"]))
    elif kind == 2:
        first["item_code"] = "NOT-LISTED"
    elif kind == 3:
        first |= draw(st.sampled_from(_OUT_OF_BOUNDS))
    return found


_OUT_OF_BOUNDS: list[dict[str, Any]] = [
    {"quantity_e4": 0},
    {"quantity_e4": limits.QUANTITY_E4_MAX + 1},
    {"unit_price_e6": -1},
    {"unit_price_e6": limits.UNIT_PRICE_E6_MAX + 1},
    {"amount_fen": -1},
    {"amount_fen": limits.LINE_AMOUNT_FEN_MAX + 1},
    {"fee_date": None},
]


def _brought(rules: Path, policy: str, visit: Visit, row: dict[str, Any]) -> list[Event]:
    """Return the counters that a visit of an example brings along, as moves."""
    batch = ClaimBatch.from_rows([row])
    if batch.rejections or _SETTLERS[rules].preparer.prepare(batch, [0]).rejections:
        return []
    held = opening_counters(rules_of(rules), rules_of(rules).policy(policy), batch, visit)
    return [Move(key.counter, key.period, value) for key, value in held.items()]


@_RULES
@settings(max_examples=40)
@given(data=st.data())
def test_a_replay_is_each_claim_settled_by_itself(rules: Path, data: st.DataObject) -> None:
    """Every amount, outcome and policy, over all areas, whoever else is in the part."""
    lives = data.draw(_lives(rules))

    assert expected(_SETTLERS[rules], lives) == _replayed(rules, lives)


@pytest.mark.slow
@_RULES
@settings(max_examples=6 * settings().max_examples)
@given(data=st.data())
def test_many_replays_are_each_claim_settled_by_itself(rules: Path, data: st.DataObject) -> None:
    """The same, for longer."""
    lives = data.draw(_lives(rules))

    assert expected(_SETTLERS[rules], lives) == _replayed(rules, lives)


@_RULES
@settings(max_examples=15)
@given(data=st.data())
def test_parts_may_be_cut_anywhere(rules: Path, data: st.DataObject) -> None:
    """Persons in one part, or in two in any order: the same claims come to the same."""
    lives = data.draw(_lives(rules))
    cut = data.draw(st.integers(0, len(lives)))
    ordered = sorted(lives, key=whose)
    parts = ordered[cut:], ordered[:cut]
    second, first = (_replayed(rules, each) if each else [] for each in parts)

    assert _replayed(rules, lives) == first + second


@_RULES
@settings(max_examples=25)
@given(data=st.data())
def test_lines_are_split_as_a_settlement_splits_them(rules: Path, data: st.DataObject) -> None:
    """Parts, class and pot of every line; those of a refused claim are zeros."""
    lives = data.draw(_lives(rules))
    tables = _REPLAYERS[rules].replay(GivenTables(tables_of(lives)))

    wanted: list[dict[str, object]] = []
    for life in sorted(lives, key=whose):
        rows = [event.row for event in life if isinstance(event, Claim)]
        for row, result in zip(rows, one_by_one(_SETTLERS[rules], life), strict=True):
            if isinstance(result, Settled):
                wanted += [
                    {name: line[name] for name in _SPLIT} for line in result.settlement.lines
                ]
            else:
                wanted += [_REFUSED] * len(row["lines"])
    assert wanted == rows_of(tables[f"lines/{BASELINE}"])


@pytest.mark.parametrize(
    ("rules", "area"), [(rules, area) for rules in (REAL, SHAPES) for area in examples_of(rules)]
)
def test_the_examples_of_an_area_replay(rules: Path, area: str) -> None:
    """All worked examples of an area, each with its openings, as lives of one part."""
    lives: list[list[Event]] = []
    for number, example in enumerate(examples_of(rules)[area]):
        life: list[Event] = []
        at: dict[int, int] = {}
        for place, visit in enumerate(example.visits, 1):
            if visit.cancels is not None:
                life.append(Cancel(at[visit.cancels]))
                continue
            own = {"person": f"P{number:03d}", "request_id": f"R{number}-{place}"}
            row = checked(visit.claim) | own
            life += _brought(rules, example.policy, visit, row)
            at[place] = len(life)
            life.append(Claim(row))
        lives.append(life)

    assert expected(_SETTLERS[rules], lives) == _replayed(rules, lives)


def test_tables_may_have_plain_texts_or_dictionaries() -> None:
    """Codes come as either, in one piece or several."""
    example = examples_of(REAL)["110000"][0]
    lives = [
        [Claim(checked(visit.claim) | {"person": f"P{n}"})]
        for n, visit in enumerate(example.visits)
    ]
    plain = tables_of(lives * 1)
    coded = {
        name: pa.concat_tables([_coded(table.slice(0, 1)), _coded(table.slice(1))])
        for name, table in plain.items()
    }

    one, other = (_REPLAYERS[REAL].replay(GivenTables(each)) for each in (plain, coded))

    assert rows_of(one[f"claims/{BASELINE}"]) == rows_of(other[f"claims/{BASELINE}"])


def _coded(table: pa.Table) -> pa.Table:
    columns = [
        column.dictionary_encode() if pa.types.is_string(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)
