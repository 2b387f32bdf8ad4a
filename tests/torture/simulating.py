"""Seeds of the simulation, run by the documents of the area that its requests are made for."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import RuleBook
from medsettle.torture.parts import REAL, Parts
from medsettle.torture.simulation import Outcome, simulate
from medsettle.torture.workload import AREA

SHAPES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"


@cache
def rule_book() -> RuleBook:
    """Return the rules of the simulation; they are read-only, so one book serves every test."""
    return load_rule_book(SHAPES, only=(AREA,))


def run(seed: int, parts: Parts = REAL) -> Outcome:
    """Return what became of one seed."""
    return simulate(seed, rule_book(), parts)


def first_found(seeds: Iterable[int], parts: Parts, expected: str) -> tuple[int, str] | None:
    """Return the first seed with a violation that matches, and the violation; None if none has."""
    for seed in seeds:
        for violation in run(seed, parts).violations:
            if re.search(expected, violation):
                return seed, violation
    return None
