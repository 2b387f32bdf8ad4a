"""A year of visits of the invented area, and a reform of its rules in the middle of it."""

from datetime import date
from pathlib import Path
from typing import Any

from medsettle.replay.layout import BASELINE
from medsettle.replay.worlds import World

from tests.engine.engines import rule_book, stay
from tests.service.claims import claim, line

WORLDS = [World(BASELINE, rule_book())]

HIGHER = """
format: 1
overlay: higher-rate
changes: example-outpatient
from: 2024-07-01
title: 80 % become 90 %
set:
  tables:
    fund_rate:
      versions:
        - from: 2024-07-01
          source: notice
          value: 90%
"""


def on(day: date, row: dict[str, Any]) -> dict[str, Any]:
    """Return a claim of another day."""
    lines = [{**each, "fee_date": day} for each in row["lines"]]
    return {**row, "admission_date": day, "service_date": day, "lines": lines}


def overlay_in(folder: Path, text: str = HIGHER) -> Path:
    """Return the file of an overlay, written into a folder."""
    path = folder / "overlay.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def year(person: str, first: int) -> list[dict[str, Any]]:
    """Return visits of a person over a year, the last a stay that began in the year before."""
    bills = [4_000, 50_000, 9_999, 12_000, 1, 7_777]
    rows = [
        on(date(2024, 1 + 2 * at, 3), claim(first + at, fen, person=person))
        for at, fen in enumerate(bills)
    ]
    lines = [
        {**line(60_000), "fee_date": date(2023, 12, 30)},
        {**line(30_000, line_id="2"), "fee_date": date(2024, 1, 2)},
    ]
    across = stay(first + 50, person=person) | {"lines": lines}
    return [
        {**across, "admission_date": date(2023, 12, 30), "service_date": date(2024, 1, 2)},
        *rows,
    ]
