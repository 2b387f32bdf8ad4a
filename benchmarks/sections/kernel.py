"""The kernel beside what a user would pick instead: claims, charge lines, a year, versions."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.anchor import claims, medsettle_kernel, versions
from benchmarks.anchor.claims import Columns
from benchmarks.anchor.tools import LACKING, TOOLS, Tool, wrong_claims
from benchmarks.lines import bills
from benchmarks.lines.tools import TOOLS as LINE_TOOLS
from benchmarks.options import Options
from benchmarks.record import OURS, Measured
from benchmarks.rounds import Case, take_turns, timed
from benchmarks.sections import names as of
from benchmarks.year import history, running_totals
from benchmarks.year.tools import TOOLS as YEAR_TOOLS

_PERSONS_PART: Final = 10
# One claim at a time in Python says at 200,000 claims what it says at ten million.
_PYTHON_MOST: Final = 200_000
# Far above every cache.
_COPIED_BYTES: Final = 128 * 2**20
_BUDGET_SECONDS: Final = 4.0


def _case(tool: Tool, batch: Any, count: int, expected: Columns) -> Case:
    """Return a tool at a size, compared with the reference before it is timed."""
    prepared = tool.prepare(batch)
    wrong = wrong_claims(tool.columns_of(tool.run(prepared)), expected)
    if tool.seconds is not None:
        seconds = tool.seconds
        each = partial(seconds, prepared)
        return Case(tool.name, count, lambda times: sum(each() for _ in range(times)), wrong)
    return Case(tool.name, count, timed(partial(tool.run, prepared)), wrong)


def measure(options: Options) -> list[Measured]:
    """Return the rates of every tool at every size.

    Raises:
        ModuleNotFoundError: A tool that is compared with is not installed.
    """
    if LACKING:
        raise ModuleNotFoundError(f"{', '.join(LACKING)}: not installed; `make bench` does it")
    batch = claims.random_claims(max(of.SIZES))
    shares = claims.reference(batch)
    found: list[Measured] = []
    for size in of.SIZES:
        cases = []
        for tool in TOOLS:
            count = min(size, tool.most or size)
            expected = claims.first(shares, count)
            cases.append(_case(tool, claims.first(batch, count), count, expected))
        found += _turns(of.KERNEL, size, of.RATE, cases, options)
    return found


def measure_lines(options: Options) -> list[Measured]:
    """Return the lines a second of every tool, and the bytes that a line is."""
    with tempfile.TemporaryDirectory() as folder:
        catalogue = bills.write_catalogue(Path(folder) / "catalogue.csv")
    found: list[Measured] = []
    for size in of.LINE_CLAIMS:
        batch = bills.random_bills(catalogue, size)
        expected, count = bills.reference(batch), len(batch.row)
        columns = (batch.row, batch.level, batch.quantity_e4, batch.unit_price_e6, batch.amount_fen)
        # The claim of a line is read too, and four pots of its claim are written.
        read = sum(column.nbytes for column in (*columns, batch.claim))
        cases = [_case(tool, batch, count, expected) for tool in LINE_TOOLS]
        cases.append(_copy())
        found += _turns(
            of.LINES, count, of.LINE_RATE, cases, options, {"bytes_per_line": read / count}
        )
    return found


def _copy() -> Case:
    """Return copying from memory to memory, in bytes a second, read and written both counted."""
    # Written once, both of them: pages never written are all one page of zeros.
    source, target = np.ones(_COPIED_BYTES, np.uint8), np.full(_COPIED_BYTES, 2, np.uint8)
    return Case(of.COPY, 2 * _COPIED_BYTES, timed(lambda: np.copyto(target, source)))


def measure_year(options: Options) -> list[Measured]:
    """Return the claims a second of a year in order, with carried counters."""
    year = history.random_year(options.year_claims, persons_part=_PERSONS_PART)
    small = history.random_year(_PYTHON_MOST, persons_part=_PERSONS_PART)
    few = len(small.person) <= len(year.person)
    shares = history.reference(small)
    cases = []
    for tool in YEAR_TOOLS:
        if tool.name == "plain Python" and few:
            case = _case(tool, small, len(small.person), shares)
        else:
            wrong = wrong_claims(tool.columns_of(tool.run(tool.prepare(small))), shares)
            run = timed(partial(tool.run, tool.prepare(year)))
            case = Case(tool.name, len(year.person), run, wrong)
        cases.append(case)
    found = _turns(of.YEAR, options.year_claims, of.RATE, cases, options)
    return [*found, *_measure_totals(options)]


def _measure_totals(options: Options) -> list[Measured]:
    """Return the rates of a year whose bands run along what a person has spent so far."""
    count = options.year_claims
    plans, year = running_totals.random_year(count)
    runs = {
        OURS: running_totals.by_kernel(plans, year),
        of.BY_HAND: running_totals.by_hand(plans, year),
    }
    ours, by_hand = (run() for run in runs.values())
    differs = [first != second for first, second in zip(ours, by_hand, strict=True)]
    wrong = int(np.logical_or.reduce(differs).sum())
    cases = [Case(tool, count, timed(run), wrong) for tool, run in runs.items()]
    return _turns(of.TOTALS, count, of.RATE, cases, options)


def measure_versions(options: Options) -> list[Measured]:
    """Return the rate of one version, and of a batch that mixes 36 of them."""
    count = of.VERSIONED_CLAIMS
    columns = claims.random_claims(count)
    drawn = versions.random_versions(count, claims.SEED)
    plain = medsettle_kernel.prepare_batch(columns)
    with tempfile.TemporaryDirectory() as folder:
        policy = versions.compiled(Path(folder))
    inputs = plain.columns | {"epoch": drawn}
    mixed = replace(plain, columns=inputs, policy=policy, state=plain.state.copy())
    fresh = replace(mixed, state=mixed.state.copy())
    answer = medsettle_kernel.columns_of_batch(medsettle_kernel.run_batch(fresh))
    wrong = wrong_claims(answer, versions.reference(columns, drawn))
    cases = [
        Case(OURS, count, timed(lambda: medsettle_kernel.run_batch(plain))),
        Case(of.MIXED, count, timed(lambda: medsettle_kernel.run_batch(mixed)), wrong),
    ]
    return _turns(of.VERSIONED, count, of.RATE, cases, options)


def _turns(
    section: str,
    at: int,
    unit: str,
    cases: Sequence[Case],
    options: Options,
    facts: dict[str, Any] | None = None,
) -> list[Measured]:
    for case in cases:
        case.facts |= facts or {}
    return take_turns(
        section, at, unit, cases, rounds=options.rounds, budget_seconds=_BUDGET_SECONDS
    )
