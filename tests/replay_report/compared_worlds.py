"""A small history and what three worlds make of it, claim by claim through the `Settler`.

The results are written as a replay writes them, by the settler alone: one claim after another, with
counters in a dictionary. What a comparison says of them is worked out in the tests from `Told`,
which holds the same settlements as plain rows.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
import pyarrow as pa
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement
from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import RuleBook
from medsettle.replay.history import HistoryWriter, table_bytes
from medsettle.replay.layout import (
    AMOUNTS,
    BASELINE,
    DIFFERENCE,
    HISTORY_CLAIM,
    HISTORY_LINE,
    MOVE,
    RESULT,
    arrow_schema,
)
from medsettle.replay.worlds import World
from medsettle.settle.run import Settler

_HERE: Final = Path(__file__).parent / "compared"
AREAS: Final = ("999931", "999932")
REFORMS: Final = ("ceiling", "july")
_LEVELS: Final = ("02", "03", "05", "08")
_OPENING_FEN: Final = 600_00
_PER_PART: Final = 150


@dataclass
class Told:
    """The claims of the history as rows, and each world's settlement or refusal of each."""

    claims: list[dict[str, Any]] = field(default_factory=list)
    worlds: dict[str, list[Settlement | Rejection]] = field(default_factory=dict)

    def compared(self, reform: str) -> Iterator[tuple[dict[str, Any], Settlement, Settlement]]:
        """Yield each claim that stands and is settled in both worlds, with both settlements."""
        worlds = zip(self.claims, self.worlds[BASELINE], self.worlds[reform], strict=True)
        for claim, before, after in worlds:
            if claim["taken_back"] is None and not isinstance(before, Rejection | None):
                assert isinstance(after, Settlement)
                yield claim, before, after


def rules_folder(folder: Path) -> Path:
    """Return the rules of the invented areas, written into a folder."""
    for area in AREAS:
        own = folder / area
        own.mkdir(parents=True)
        for path in (_HERE / "rules").iterdir():
            text = path.read_text(encoding="utf-8").replace("AREA", area)
            (own / path.name).write_text(text, encoding="utf-8")
    return folder


def reform_file(reform: str) -> Path:
    """Return the overlay of a reform."""
    return _HERE / "reforms" / f"{reform}.yaml"


@cache
def books() -> Mapping[str, RuleBook]:
    """Return the rule book of each world."""
    with TemporaryDirectory() as folder:
        rules = rules_folder(Path(folder) / "rules")
        found = {BASELINE: load_rule_book(rules)}
        for reform in REFORMS:
            found[reform] = load_rule_book(rules, overlays=[reform_file(reform)])
    return found


def claim_rows(persons: int, seed: int = 7) -> list[dict[str, Any]]:
    """Return the claims of some persons over 2025, sorted as a history is; lines are in `lines`.

    One in forty was taken back, one in fifty has an item that no catalogue lists.
    """
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(persons):
        area = AREAS[number % 3 == 2]
        retired = draw.random() < 0.3
        fixed = {
            "pooling_area": area,
            "person": f"P{number:05d}",
            "insurance_type": "310",
            "person_type": "1201" if retired else "1101",
            "birth_date": date(draw.randint(1935, 1962 if retired else 2005), 6, 15),
            "benefit_groups": draw.choice([[], [], ["31"], ["31", "29"]]),
        }
        days = sorted(draw.randint(0, 364) for _ in range(draw.randint(1, 12)))
        order = 1
        for day in days:
            order += 2
            rows.append(fixed | _visit(draw, date(2025, 1, 1) + timedelta(day), order))
    rows.sort(key=lambda row: (row["pooling_area"], row["person"], row["order"]))
    for claim, row in enumerate(rows):
        row |= {"claim": claim, "request_id": f"R{claim}", "line_count": len(row["lines"])}
    return rows


def _visit(draw: random.Random, day: date, order: int) -> dict[str, Any]:
    stay = draw.random() < 0.15
    scale = 12_000_00 if stay else 450_00
    amounts = [max(1, int(draw.expovariate(1 / scale))) for _ in range(draw.randint(1, 3))]
    codes = draw.choices(["A1", "B1", "C1"], [6, 3, 1], k=len(amounts))
    if draw.random() < 0.02:
        codes[0] = "NOT-LISTED"
    lines = [
        {
            "line_id": str(at),
            "item_code": code,
            "fee_date": day,
            "quantity_e4": 10_000,
            "unit_price_e6": fen * 10_000,
            "amount_fen": fen,
        }
        for at, (code, fen) in enumerate(zip(codes, amounts, strict=True))
    ]
    return {
        "order": order,
        "taken_back": order + 1 if draw.random() < 0.025 else None,
        "institution": "H1",
        "visit_type": "21" if stay else "11",
        "institution_level": draw.choice(_LEVELS),
        "admission_date": day,
        "service_date": day,
        "account_used": True,
        "lines": lines,
    }


def bill(person: str, day: date, fen: int, person_type: str = "1101") -> dict[str, Any]:
    """Return an outpatient claim of the first area with a bill that is all in scope."""
    line = {
        **{"line_id": "1", "item_code": "A1", "fee_date": day, "quantity_e4": 10_000},
        **{"unit_price_e6": fen * 10_000, "amount_fen": fen},
    }
    return {
        **{"request_id": f"{person}-{day}", "institution": "H1", "pooling_area": AREAS[0]},
        **{"person": person, "insurance_type": "310", "visit_type": "11"},
        **{"person_type": person_type, "institution_level": "10"},
        **{"birth_date": date(1950, 1, 1), "admission_date": day, "service_date": day},
        **{"account_used": False, "lines": [line]},
    }


def settled_by(book: RuleBook, rows: Sequence[dict[str, Any]]) -> list[Settlement | Rejection]:
    """Return what a rule book makes of claims, one after another."""
    settler = Settler(book)
    counters: dict[CounterKey, int] = {}
    for row in rows:
        key = CounterKey(row["pooling_area"], row["person"], ACCOUNT, 0)
        counters.setdefault(key, _OPENING_FEN)
    found: list[Settlement | Rejection] = []
    for row in rows:
        claim = {name: value for name, value in row.items() if name not in _HISTORY_ONLY}
        batch = ClaimBatch.from_rows([claim])
        if batch.rejections:
            found.append(batch.rejections[0])
            continue
        result = settler.run(
            batch,
            [0],
            lambda keys: {key: counters[key] for key in keys if key in counters},
            refuse_gaps=True,
        )[0]
        if isinstance(result, Rejection):
            found.append(result)
            continue
        # What was taken back gives back at once: no claim stands between here.
        for key, moved in result.moved if row["taken_back"] is None else ():
            counters[key] = counters.get(key, 0) + moved
        found.append(result.settlement)
    return found


_HISTORY_ONLY = {"claim", "order", "taken_back", "line_count"}


def made_replay(folder: Path, persons: int = 60, reforms: Sequence[str] = REFORMS) -> Told:
    """Write a history into `history` of a folder and results into `results`, and tell them."""
    told = Told(claim_rows(persons))
    parts = list(_parts(told.claims))
    writer = HistoryWriter(folder / "history", {"made by": "a test, invented"})
    for rows in parts:
        writer.add(
            {
                "claims": _table(HISTORY_CLAIM, rows),
                "lines": _table(
                    HISTORY_LINE,
                    [line | {"claim": row["claim"]} for row in rows for line in row["lines"]],
                ),
                "moves": _table(MOVE, _openings(rows)),
            }
        )
    history = writer.finish()
    for world in (BASELINE, *reforms):
        told.worlds[world] = settled_by(books()[world], told.claims)
        own = folder / "results" / "claims" / world
        own.mkdir(parents=True)
        for number, rows in enumerate(parts):
            results = [_result(row, told.worlds[world][row["claim"]]) for row in rows]
            content = table_bytes(RESULT, _table(RESULT, results))
            (own / f"part-{number:05d}.parquet").write_bytes(content)
    # Nothing was recorded, so nothing differs.
    (folder / "results" / "differences").mkdir()
    for number in range(len(parts)):
        path = folder / "results" / "differences" / f"part-{number:05d}.parquet"
        path.write_bytes(table_bytes(DIFFERENCE, _table(DIFFERENCE, [])))
    manifest = {
        "format": 1,
        "history": {"digest": history.digest, "source": dict(history.source)},
        "worlds": {world: World(world, books()[world]).told() for world in (BASELINE, *reforms)},
        "options": {"lines": False},
        "finished": [{"number": number, "differences": 0} for number in range(len(parts))],
    }
    (folder / "results" / "replay.json").write_bytes(orjson.dumps(manifest))
    return told


def _parts(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield stretches of some claims in which each person is whole."""
    part: list[dict[str, Any]] = []
    for row in rows:
        if len(part) >= _PER_PART and part[-1]["person"] != row["person"]:
            yield part
            part = []
        part.append(row)
    yield part


def _table(columns: Any, rows: Sequence[Mapping[str, Any]]) -> pa.Table:  # noqa: ANN401
    schema = arrow_schema(columns)
    schema = pa.schema([each.with_nullable(True) for each in schema])
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def _openings(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    persons = dict.fromkeys((row["pooling_area"], row["person"]) for row in rows)
    return [
        {
            "pooling_area": area,
            "person": person,
            "order": 0,
            "kind": "opening",
            "counter": ACCOUNT,
            "period": 0,
            "delta": _OPENING_FEN,
        }
        for area, person in persons
    ]


def _result(row: Mapping[str, Any], found: Settlement | Rejection) -> dict[str, Any]:
    if isinstance(found, Rejection):
        return dict.fromkeys(AMOUNTS, 0) | {"claim": row["claim"], "outcome": found.outcome.name}
    return {name: found.fen(name) for name in AMOUNTS} | {
        "claim": row["claim"],
        "outcome": "settled",
        "policy": found.columns["policy"],
        "past_deductibles": ",".join(past_deductibles(found)) or None,
        "past_caps": ",".join(past_caps(found)) or None,
    }


def past_deductibles(settlement: Settlement) -> list[str]:
    """Return the stages past their deductible: only the pooled fund has one, for everybody."""
    (row,) = [row for row in settlement.payers if row["stage"] == "pooled_fund"]
    return ["pooled_fund"] if int(str(row["base_fen"])) > int(str(row["deductible_fen"])) else []


def past_caps(settlement: Settlement) -> list[str]:
    """Return the stages with an amount above their cap or last band."""
    return [str(row["stage"]) for row in settlement.payers if int(str(row["over_cap_fen"]))]
