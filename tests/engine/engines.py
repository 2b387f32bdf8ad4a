"""Engines of an invented area with a ledger in a folder, and the shortest way to ask them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.ledger.opening import open_ledger
from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import RuleBook

from tests.service.claims import claim
from tests.service.serving import Ticking
from tests.stores import ledger_in

RULES = Path(__file__).parent / "rules"
REAL_RULES = Path(__file__).parents[2] / "rules"

DEDUCTIBLE_MET = "310.deductible_met"
FUND_PAID = "310.fund_paid"


@cache
def rule_book(folder: Path = RULES) -> RuleBook:
    """Return the rule book of a folder; it is read-only, so one serves every test."""
    return load_rule_book(folder)


@contextmanager
def engine_on(folder: Path, rules: Path = RULES) -> Iterator[Engine]:
    """Yield an engine with the ledger of a folder, new or as it was left."""
    ledger = open_ledger(ledger_in(folder))
    try:
        yield Engine(rule_book(rules), ledger, Ticking())
    finally:
        ledger.close()


def stay(number: int, amount_fen: int = 500_000, **changes: object) -> dict[str, Any]:
    """Return claim `number` as an inpatient stay of a person of its own."""
    return claim(number, amount_fen) | {"visit_type": "21"} | changes


def settle(engine: Engine, *rows: dict[str, Any]) -> list[Settlement | Rejection]:
    """Return the answers to claims settled as one batch."""
    return [*engine.settle(ClaimBatch.from_rows(rows))]


def settled(engine: Engine, row: dict[str, Any]) -> Settlement:
    """Return the settlement of a claim that is expected to have one."""
    return _only(settle(engine, row))


def previewed(engine: Engine, row: dict[str, Any]) -> Settlement:
    """Return the preview of a claim that is expected to have one."""
    return _only(engine.preview(ClaimBatch.from_rows([row])))


def _only(answers: list[Settlement | Rejection]) -> Settlement:
    (answer,) = answers
    assert isinstance(answer, Settlement), answer
    return answer


def outcomes(answers: list[Settlement | Rejection]) -> list[Outcome]:
    """Return the outcome of each answer."""
    return [
        answer.outcome if isinstance(answer, Rejection) else Outcome.SETTLED for answer in answers
    ]


def id_of(settlement: Settlement) -> str:
    """Return the id of a settlement."""
    return str(settlement.columns["settlement"])


def acts(engine: Engine) -> int:
    """Return how many entries the ledger has that are more than a refusal."""
    return sum(entry.kind != "refusal" for entry in engine.ledger.page(after_seq=0, limit=1_000))


def counters(engine: Engine, person: str) -> dict[str, int]:
    """Return the counters of a person that are not zero, each under its name and period."""
    state = engine.person("999900", person)
    held = {f"{name} {period}": value for name, period, value in state.counters}
    return {name: value for name, value in (held | {"account": state.account_fen}).items() if value}
