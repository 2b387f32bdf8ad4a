"""An invented history under a shipped employee policy with all of its counters.

Nothing in it is a statistic: ages, stays, prices and how often people come are drawn so that bands,
caps, accounts and supplements are all met. A tenth of the claims are stays, a person has ten claims
a year on average and 200 at most, a claim some thirty lines. The codes are those of the rule
documents and of their invented catalogue.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from medsettle.core.dates import day_number
from medsettle.policy.book import load_rule_book
from medsettle.replay.history import COLUMNS, History, HistoryWriter
from medsettle.replay.layout import arrow_schema
from numpy.random import Generator
from numpy.typing import NDArray

AREA: Final = "110000"
CLAIMS_A_PERSON: Final = 10
LINES_A_CLAIM: Final = 30
PERSONS_A_PART: Final = 10_000

_YEAR: Final = (day_number(date(2024, 1, 1)), day_number(date(2025, 1, 1)))
_BORN: Final = (day_number(date(1935, 1, 1)), day_number(date(2004, 1, 1)))
_RETIRED_BEFORE: Final = day_number(date(1962, 1, 1))
_LEVELS: Final = [f"{level:02d}" for level in range(1, 11)]
_NUMBERS = NDArray[np.int64]


def make_history(folder: Path, rules: Path, *, claims: int, seed: int = 1) -> History:
    """Return a history of at least so many claims, written into a folder."""
    random = np.random.default_rng(seed)
    catalogue = load_rule_book(rules, only=[AREA]).catalogues[AREA]
    first, last = (np.full(len(catalogue.item_codes), day, dtype=np.int32) for day in _YEAR)
    ids = np.arange(len(first), dtype=np.int32)
    listed = (catalogue.rows(ids, first - 40) >= 0) & (catalogue.rows(ids, last) >= 0)
    items = [catalogue.item_codes[at] for at in np.flatnonzero(listed).tolist()]
    writer = HistoryWriter(folder, {"made by": "benchmarks, nothing in it is real", "seed": seed})
    persons = 0
    while writer.claims < claims:
        writer.add(_part(random, items, writer.claims, persons))
        persons += PERSONS_A_PART
    return writer.finish()


def _part(random: Generator, items: list[str], first: int, persons: int) -> dict[str, pa.Table]:
    """Return the tables of a part, its claims and persons counted on from some numbers."""
    counts = np.minimum(random.geometric(1 / CLAIMS_A_PERSON, PERSONS_A_PART), 200)
    person = np.repeat(np.arange(PERSONS_A_PART), counts)
    starts = np.cumsum(counts) - counts
    order = 1 + np.arange(len(person)) - starts[person]
    days = random.integers(*_YEAR, len(person))
    days = days[np.lexsort((days, person))]
    stay = random.random(len(person)) < 0.1
    length = np.where(stay, random.integers(1, 20, len(person)), 0)
    lines = np.maximum(random.poisson(LINES_A_CLAIM, len(person)), 1)
    number = np.arange(first, first + len(person))
    tokens = [f"P{each:010d}" for each in range(persons, persons + PERSONS_A_PART)]
    claims = _claims(random, (number, person, order), tokens, (days, length, lines))
    return {
        "claims": claims,
        "lines": _lines(random, items, (number, days - length, length, lines), stay),
        "moves": _openings(random, tokens),
    }


def _claims(
    random: Generator,
    whose: tuple[_NUMBERS, _NUMBERS, _NUMBERS],
    tokens: list[str],
    visit: tuple[_NUMBERS, _NUMBERS, _NUMBERS],
) -> pa.Table:
    (number, person, order), (days, length, lines) = whose, visit
    count, born = len(number), random.integers(*_BORN, len(tokens))
    retired = born < _RETIRED_BEFORE
    supplement = random.integers(0, 10, len(tokens))
    # Half of the retired have one supplement, a tenth of all another.
    choice = np.where(retired & (supplement < 5), 1, np.where(supplement == 9, 2, 0))
    kinds = pa.array([[], ["retiree_supplement"], ["employer_supplement"]], pa.list_(pa.string()))
    return _table(
        "claims",
        {
            **{"claim": pa.array(number), "order": pa.array(order), "line_count": pa.array(lines)},
            "request_id": pa.array([f"R{each:012d}" for each in number.tolist()]),
            "institution": _coded(
                [f"H{at:04d}" for at in range(300)], random.integers(0, 300, count)
            ),
            "pooling_area": _coded([AREA], np.zeros(count)),
            "person": _coded(tokens, person),
            "insurance_type": _coded(["310"], np.zeros(count)),
            "visit_type": _coded(["11", "21"], length > 0),
            "person_type": _coded(["1101", "1201"], retired[person]),
            "institution_level": _coded(_LEVELS, random.integers(0, len(_LEVELS), count)),
            "birth_date": _dates(born[person]),
            "admission_date": _dates(days - length),
            "service_date": _dates(days),
            "benefit_groups": kinds.take(pa.array(choice[person])),
            "account_used": pa.array(random.random(count) < 0.9),
            "stay_days": pa.array(length),
        },
        count,
    )


def _lines(
    random: Generator,
    items: list[str],
    claims: tuple[_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS],
    stay: NDArray[np.bool_],
) -> pa.Table:
    number, admitted, length, counts = claims
    count = int(counts.sum())
    place = np.arange(count) - np.repeat(np.cumsum(counts) - counts, counts)
    # Prices are lognormal around 6.65 yuan, three times that in a stay, and whole fen.
    price = np.exp(random.normal(6.5, 1.4, count)).astype(np.int64) + 1
    price *= np.where(np.repeat(stay, counts), 3, 1)
    units = random.integers(1, 8, count)
    after = (random.random(count) * (np.repeat(length, counts) + 1)).astype(np.int64)
    popular = np.minimum((random.pareto(1.1, count) * 6).astype(np.int64), len(items) - 1)
    return _table(
        "lines",
        {
            "claim": pa.array(np.repeat(number, counts)),
            "line_id": _coded([str(at) for at in range(int(counts.max()))], place),
            "item_code": _coded(items, popular),
            "fee_date": _dates(np.repeat(admitted, counts) + after),
            "quantity_e4": pa.array(units * 10_000),
            "unit_price_e6": pa.array(price * 10_000),
            "amount_fen": pa.array(price * units),
        },
        count,
    )


def _openings(random: Generator, tokens: list[str]) -> pa.Table:
    """Return what accounts hold before the first claim: up to 5,000 yuan."""
    count = len(tokens)
    nothing = np.zeros(count, dtype=np.int64)
    return _table(
        "moves",
        {
            "pooling_area": _coded([AREA], nothing),
            "person": _coded(tokens, np.arange(count)),
            "order": pa.array(nothing),
            "kind": _coded(["opening"], nothing),
            "counter": _coded(["account"], nothing),
            "period": pa.array(nothing),
            "delta": pa.array(random.integers(0, 500_000, count)),
        },
        count,
    )


def _table(name: str, columns: Mapping[str, pa.Array], count: int) -> pa.Table:
    own = arrow_schema(COLUMNS[name])
    found: dict[str, Any] = {
        each.name: columns[each.name] if each.name in columns else pa.nulls(count, each.type)
        for each in own
    }
    return pa.table(found)


def _coded(texts: list[str], numbers: NDArray[Any]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), pa.array(texts))


def _dates(days: _NUMBERS) -> pa.Array:
    return pa.array(days.astype(np.int32)).view(pa.date32())
