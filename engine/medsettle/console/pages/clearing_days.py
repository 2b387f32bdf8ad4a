"""What each day cleared between provinces, of which prepayments are forecast.

It comes from a file that somebody gave, as `medsettle prepay forecast` reads it, and else from the
audit tables of this engine. What was given is kept until another is given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import orjson

from medsettle import durable, limits
from medsettle.clearing.matching.sources_audit import DAY, PLACE_OF_CARE
from medsettle.clearing.months.fund_lines import ASSISTANCE, OWED, line_sql
from medsettle.clearing.months.tables import PROVINCE_CHARS
from medsettle.clearing.prepayments.prepayment import Line
from medsettle.console.pages.clearing_figures import work_folder
from medsettle.console.place import holdings

_FILE: Final = "days.json"
_OTHERS: Final = " + ".join(f"{payer.name}_fen" for payer in OWED if payer.name != ASSISTANCE)
_FROM_AUDIT: Final = f"""
    with own as (
      select left(pooling_area, {PROVINCE_CHARS}) as insured,
        left({PLACE_OF_CARE}, {PROVINCE_CHARS}) as care, insurance_type, {DAY} as day,
        assistance_fen, {_OTHERS} as others_fen
      from settlements
      where side is null and care_area is not null and service_month between ? and ?),
    shares as (
      select *, '{ASSISTANCE}' as payer, assistance_fen as fen from own union all
      select *, 'others' as payer, others_fen as fen from own)
    select insured, care, {line_sql()} as fund, day, sum(fen)::bigint from shares
    where insured <> care and fen <> 0 and day between ? and ? group by 1, 2, 3, 4
"""  # noqa: S608 - our own names


@dataclass(frozen=True, slots=True)
class Days:
    """What each day cleared on each line, up to the last day that is known whole.

    `who` gave it; it is empty where it comes from the audit tables.
    """

    until: date
    who: str
    by_line: Mapping[Line, Mapping[date, int]]


def keep_days(amounts: Mapping[tuple[Line, date], int], until: date, who: str) -> None:
    """Keep what somebody gave, in place of what was given before."""
    rows = [
        [line.insured, line.care, line.fund, str(day), fen] for (line, day), fen in amounts.items()
    ]
    body = {"until": str(until), "who": who, "rows": rows}
    durable.put(_path(), orjson.dumps(body), 0o600)


def days_known(today: date) -> Days:
    """Return what was given, and else what the audit tables have up to yesterday."""
    if _path().is_file():
        body = orjson.loads(_path().read_bytes())
        return Days(
            date.fromisoformat(body["until"]),
            body["who"],
            _by_line([(*row[:3], date.fromisoformat(row[3]), row[4]) for row in body["rows"]]),
        )
    until = today - timedelta(days=1)
    first = min(until.replace(day=1), until - timedelta(days=limits.TREND_DAYS_MAX))
    months = [f"{first:%Y-%m}", f"{until:%Y-%m}"]
    with holdings().audit() as audit:
        rows = audit.execute(_FROM_AUDIT, [*months, first, until]).fetchall()
    return Days(until, "", _by_line(rows))


def _by_line(rows: list[tuple[str, str, str, date, int]]) -> dict[Line, dict[date, int]]:
    found: dict[Line, dict[date, int]] = {}
    for insured, care, fund, day, fen in rows:
        found.setdefault(Line(insured, care, fund), {})[day] = fen
    return found


def _path() -> Path:
    return work_folder() / _FILE
