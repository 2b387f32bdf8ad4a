"""Histories made of what happened to persons, one thing after another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.outcome import Rejection
from medsettle.core.relatives import Granted, Person, received
from medsettle.core.settlement import Row, Settlement
from medsettle.policy.book import EXAMPLES_SUFFIX, load_rule_book
from medsettle.policy.examples import Example, read_examples
from medsettle.policy.rule_book import RuleBook
from medsettle.replay.history import History, HistoryWriter
from medsettle.replay.layout import (
    AMOUNTS,
    HISTORY_CLAIM,
    HISTORY_LINE,
    MOVE,
    STAGE,
    arrow_schema,
)
from medsettle.settle.explain import Tracers
from medsettle.settle.run import Settled, Settler

_ROOT = Path(__file__).parents[2]
REAL = _ROOT / "rules"
SHAPES = _ROOT / "fixtures" / "policies" / "shapes"
"""Invented areas, whose documents ask every question of the rule language."""


@dataclass(frozen=True)
class Claim:
    """A claim, and what was recorded of it where something was: columns, and what stages paid."""

    row: Mapping[str, Any]
    recorded: Mapping[str, Any] = field(default_factory=dict)
    stages: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Cancel:
    """The claim of a person, by its place among all that happened to them, is taken back."""

    of: int


@dataclass(frozen=True)
class Move:
    """A counter of a person moves."""

    counter: str
    period: int
    delta: int


Event: TypeAlias = Claim | Cancel | Move
Life: TypeAlias = Sequence[Event]
"""What happened to one person, in order; the claims say whose it is."""


@cache
def rules_of(folder: Path) -> RuleBook:
    """Return the rules of a folder; they are read-only, so that they serve every test."""
    return load_rule_book(folder)


@cache
def examples_of(folder: Path) -> dict[str, tuple[Example, ...]]:
    """Return the worked examples of each area of a folder that settle as on any day."""
    found: dict[str, tuple[Example, ...]] = {}
    for path in sorted(folder.rglob(f"*{EXAMPLES_SUFFIX}")):
        examples, violations = read_examples(path)
        assert not violations
        known = tuple(each for each in examples if each.known_on is None)
        found[path.parent.name] = found.get(path.parent.name, ()) + known
    return {area: examples for area, examples in found.items() if examples}


def checked(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a claim without faults as checked values, its lines as rows."""
    batch = ClaimBatch.from_rows([row])
    assert not batch.rejections, batch.rejections
    lines: Sequence[Row] = batch.rows[0]["lines"]  # type: ignore[assignment]
    return {**batch.rows[0], "lines": [dict(line) for line in lines]}


def whose(life: Life) -> tuple[str, str]:
    """Return area and token of the person of a life."""
    row = next(event.row for event in life if isinstance(event, Claim))
    return str(row["pooling_area"]), str(row["person"])


def tables_of(lives: Sequence[Life], first: int = 0) -> dict[str, pa.Table]:
    """Return the tables of a part: lives in the order of their persons, claims counted from one."""
    claims: list[Row] = []
    lines: list[Row] = []
    moves: list[Row] = []
    stages: list[Row] = []
    for life in sorted(lives, key=whose):
        area, person = whose(life)
        cancels = {event.of: place for place, event in enumerate(life) if isinstance(event, Cancel)}
        for place, event in enumerate(life):
            if isinstance(event, Move):
                named = {"counter": event.counter, "period": event.period, "delta": event.delta}
                own = {"pooling_area": area, "person": person, "order": place, "kind": "adjust"}
                moves.append(own | named)
            elif isinstance(event, Claim):
                number = first + len(claims)
                bill = list(event.row.get("lines") or ())
                told = {f"recorded_{name}": value for name, value in event.recorded.items()}
                own = {"claim": number, "order": place, "line_count": len(bill)}
                facts = {name: value for name, value in event.row.items() if name != "lines"}
                claims.append(facts | told | own | {"taken_back": cancels.get(place)})
                lines += [{**line, "claim": number} for line in bill]
                stages += [{**stage, "claim": number} for stage in event.stages]
    return {
        "claims": _table(claims, arrow_schema(HISTORY_CLAIM)),
        "lines": _table(lines, arrow_schema(HISTORY_LINE)),
        "moves": _table(moves, arrow_schema(MOVE)),
        "stages": _table(stages, arrow_schema(STAGE)),
    }


def recorded(row: Mapping[str, Any], settlement: Settlement) -> Claim:
    """Return a claim as it was recorded."""
    columns = settlement.columns
    names = ("settlement", "policy", "policy_digest", "catalogue_digest", *AMOUNTS)
    kept = [{name: stage[name] for name in _STAGE_NAMES} for stage in settlement.payers]
    return Claim(row, {name: columns[name] for name in names}, kept)


_STAGE_NAMES = [column.name for column in STAGE if column.name != "claim"]


def history_of(folder: Path, *parts: Sequence[Life]) -> History:
    """Return a history whose parts are these lives."""
    writer = HistoryWriter(folder, {"made by": "a test"})
    for lives in parts:
        writer.add(tables_of(lives, writer.claims))
    return writer.finish()


def _table(rows: Sequence[Row], own: pa.Schema) -> pa.Table:
    names = {name for row in rows for name in row}
    loose = pa.schema([each.with_nullable(True) for each in own if each.name in names])
    table = pa.Table.from_pylist(list(rows), schema=loose)
    missing = [each for each in own if each.name not in names]
    for each in missing:
        table = table.append_column(each.with_nullable(True), pa.nulls(len(rows), each.type))
    return table.select(own.names)


# --- the oracle ----------------------------------------------------------------------------------


class _Store:
    """Counters of a person, with relatives' limits read as the ledger's reader reads them."""

    def __init__(self) -> None:
        self.values: dict[CounterKey, int] = {}

    def move(self, key: CounterKey, delta: int) -> None:
        self.values[key] = self.values.get(key, 0) + delta

    def limits_of(self, persons: Sequence[Person]) -> dict[Person, list[Granted]]:
        found: dict[Person, list[Granted]] = {}
        for person in persons:
            named = [(received(person, key.counter, key.period), key) for key in self.values]
            own = [(each, key) for each, key in named if each and key[:2] == person]
            held = sorted(own, key=lambda each: each[0].number)
            granted = [
                Granted(each, self.values[key]) for each, key in held if self.values[key] > 0
            ]
            if granted:
                found[person] = granted
        return found


def one_by_one(settler: Settler, life: Life) -> Iterator[Settled | Rejection]:
    """Yield what each claim of a life comes to, each a batch of its own, in order.

    What a cancel gives back is what its claim moved here. Nothing is paid from below zero.
    """
    store, moved = _Store(), dict[int, tuple[tuple[CounterKey, int], ...]]()
    area, person = whose(life)
    for place, event in enumerate(life):
        if isinstance(event, Move):
            store.move(CounterKey(area, person, event.counter, event.period), event.delta)
        elif isinstance(event, Cancel):
            for key, delta in moved.pop(event.of, ()):
                store.move(_back_to(key, store), -delta)
        else:
            batch = ClaimBatch.from_rows([event.row])
            found: Settled | Rejection
            if batch.rejections:
                found = batch.rejections[0]
            else:
                found = settler.run(
                    batch,
                    [0],
                    lambda keys: {key: max(0, store.values.get(key, 0)) for key in keys},
                    refuse_gaps=True,
                    limits_of=store.limits_of,
                )[0]
            if isinstance(found, Settled):
                moved[place] = found.moved
                for key, delta in found.moved:
                    store.move(key, delta)
            yield found


def _back_to(key: CounterKey, store: _Store) -> CounterKey:
    relation = received(Person(key.pooling_area, key.person), key.counter, key.period)
    if relation is None or store.values.get(relation.bound):
        return key
    return relation.giver.account


def told(found: Settled | Rejection, book: RuleBook) -> dict[str, object]:
    """Return what a result says of a claim, by the columns of a replay."""
    if isinstance(found, Rejection):
        refused: dict[str, object] = dict.fromkeys(AMOUNTS, 0)
        none = {"past_deductibles": None, "past_caps": None}
        return refused | none | {"outcome": found.outcome.name, "policy": None}
    columns = found.settlement.columns
    own = {name: columns[name] for name in AMOUNTS} | past(found, book)
    return own | {"outcome": "settled", "policy": columns["policy"]}


def past(found: Settled, book: RuleBook) -> dict[str, str | None]:
    """Return the stages of the bill past their deductible and past a cap, as explanations go.

    A stage is past its deductible where it has one for this claim and something is left above it.
    """
    policy = book.policy(str(found.settlement.columns["policy"]))
    trace = _TRACERS.traced(policy, found.inputs)
    names = [str(row["stage"]) for row in found.settlement.payers if row["payee"] == "bill"]
    deductibles = [
        name
        for name in names
        if trace.get(f"detail:{name}.deductible_standard")
        and found.settlement.amounts[f"{name}.net"]
    ]
    caps = [
        str(row["stage"])
        for row in found.settlement.payers
        if row["payee"] == "bill" and row["over_cap_fen"]
    ]
    return {
        "past_deductibles": ",".join(deductibles) or None,
        "past_caps": ",".join(caps) or None,
    }


_TRACERS = Tracers()


def expected(settler: Settler, lives: Sequence[Life]) -> list[dict[str, object]]:
    """Return what all claims of lives come to, in the order of `tables_of`."""
    every = (each for life in sorted(lives, key=whose) for each in one_by_one(settler, life))
    return [told(each, settler.book) for each in every]


def rows_of(table: pa.Table) -> list[dict[str, object]]:
    """Return the rows of a result table without the numbers of the claims."""
    return [{k: v for k, v in row.items() if k != "claim"} for row in table.to_pylist()]


def files_in(folder: Path) -> dict[str, bytes]:
    """Return what the files of a folder hold, by their paths in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
