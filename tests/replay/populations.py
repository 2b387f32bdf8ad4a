"""Populations that tests of several files look at, each drawn once."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from medsettle.core import schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.outcome import Rejection
from medsettle.policy.rule_book import RuleBook
from medsettle.replay.history import History
from medsettle.replay.population.accepted import Span
from medsettle.replay.population.marginals import load_marginals
from medsettle.replay.population.scene import Scene, make_scene
from medsettle.rule_cache import rule_book
from medsettle.settle.run import Settler

ROOT = Path(__file__).parents[2]
CAPITAL = "110000"

Row = dict[str, object]


@cache
def rules(folder: str = "rules") -> RuleBook:
    """Return the rule book of a folder of the repository."""
    return rule_book(ROOT / folder)


@cache
def scene_of(
    area: str = CAPITAL,
    *,
    persons: int = 1_000,
    years: tuple[int, int] = (2025, 2025),
    seed: int = 7,
    refunds: float = 0,
    folder: str = "rules",
) -> Scene:
    """Return what the parts of a population share."""
    book, figures = rules(folder), load_marginals()
    return make_scene(
        book, area, figures, Span(*years), persons=persons, seed=seed, refunds=refunds
    )


def changed_file(tmp_path: Path, texts: list[tuple[str, str]]) -> Path:
    """Return a copy of the shipped marginals with some texts replaced."""
    shipped = ROOT / "engine" / "medsettle" / "replay" / "population" / "marginals.yaml"
    content = shipped.read_text(encoding="utf-8")
    for old, new in texts:
        assert content.count(old) == 1, f"{old!r} stands there {content.count(old)} times"
        content = content.replace(old, new)
    path = tmp_path / "marginals.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def within(count: int, chances: int, share: float, sigmas: float = 5) -> bool:
    """Return whether a count of successes lies within so many standard deviations of its mean.

    Five of them are left once in two million draws, and seeds are fixed.
    """
    spread = sigmas * np.sqrt(chances * share * (1 - share))
    return bool(abs(count - chances * share) <= spread + 1)


def claim_rows(history: History) -> list[Row]:
    """Return the claims of a history as rows with their lines, in order."""
    rows: list[Row] = []
    for part in history.parts:
        lines: dict[object, list[Row]] = defaultdict(list)
        for line in history.read(part, "lines").to_pylist():
            lines[line.pop("claim")].append(line)
        rows += [
            claim | {"lines": lines[claim["claim"]]}
            for claim in history.read(part, "claims").to_pylist()
        ]
    return rows


def plain_claim(row: Row) -> Row:
    """Return a claim as the bulk format has it."""
    names = {column.name for column in schema.CLAIM} | {"lines"}
    return {name: value for name, value in row.items() if name in names}


@dataclass
class Lived:
    """A history gone through one event after another, as a till would have met it.

    `settled` are the fen of funds and bills of claims that were settled, `refused` what the others
    were told. It is slow, and shares nothing with a replay but the settler.
    """

    book: RuleBook
    held: dict[CounterKey, int] = field(default_factory=lambda: defaultdict(int))
    refused: list[str] = field(default_factory=list)
    settled: int = 0
    funds_fen: int = 0
    bills_fen: int = 0

    def go_through(self, history: History) -> None:
        """Settle all claims of a history with its moves and cancels, person by person."""
        settler = Settler(self.book)
        events: dict[object, dict[object, object]] = defaultdict(dict)
        for row in claim_rows(history):
            events[row["person"]][row["order"]] = row
            if row["taken_back"] is not None:
                events[row["person"]][row["taken_back"]] = row["order"]
        for part in history.parts:
            for move in history.read(part, "moves").to_pylist():
                key = CounterKey(
                    *(move[n] for n in ("pooling_area", "person", "counter", "period"))
                )
                events[move["person"]][move["order"]] = (key, move["delta"])
        for own in events.values():
            moved: dict[object, list[tuple[CounterKey, int]]] = {}
            for order in sorted(own):  # type: ignore[type-var]
                event = own[order]
                if isinstance(event, tuple):
                    self._add([event], 1)
                elif isinstance(event, dict):
                    moved[order] = self._settle(settler, event)
                else:
                    self._add(moved[event], -1)

    def _settle(self, settler: Settler, row: Row) -> list[tuple[CounterKey, int]]:
        batch = ClaimBatch.from_rows([plain_claim(row)])
        if batch.rejections:
            self.refused.append(batch.rejections[0].message)
            return []
        result = settler.run(batch, [0], self._values, refuse_gaps=True)[0]
        if isinstance(result, Rejection):
            self.refused.append(result.message)
            return []
        self.settled += 1
        self.funds_fen += result.settlement.fen("fund_total_fen")
        self.bills_fen += result.settlement.fen("total_fen")
        self._add(result.moved, 1)
        return [*result.moved]

    def _values(self, keys: object) -> Mapping[CounterKey, int]:
        return self.held

    def _add(self, moves: object, sign: int) -> None:
        for key, delta in moves:  # type: ignore[attr-defined]
            self.held[key] += sign * delta
