"""What the audit tables of an engine have of an area's hospitals, and what was reversed since.

What was reversed (冲正) never was, and neither was its reversal: both are left out. A settlement
that was read in before it was reversed is another matter: it may be paid already, so its reversal,
and whatever else is recorded of it, is read like a cancel.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import orjson

from medsettle import limits
from medsettle.audit import connect
from medsettle.clearing.hospitals.reports import READ_COLUMNS, BookRow
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.clearing.matching.sources_audit import CLEARING_CLASS, DAY, PLACE_OF_CARE

_MADE: Final = {
    "record_date": DAY,
    "care_area": PLACE_OF_CARE,
    "clearing_class": CLEARING_CLASS,
}
_COLUMNS: Final = ", ".join(
    f"{_MADE[name]} as {name}" if name in _MADE else f"settlements.{name}" for name in READ_COLUMNS
)
# Recorded there, whoever decided it, and no copy of a hub. What is told of a reversal that comes
# later than the days asked for is told with the day of what it reverses.
_AUDITED: Final = f"""
    with ours as (
      select seq, {_COLUMNS} from settlements
      where coalesce(side, '') <> 'hub' and {PLACE_OF_CARE} = ?),
    reversed as (
      select distinct original as claim from settlements where reversed_request is not null)
    select ours.*, reversed.claim as reversed_claim from ours
    left join reversed on reversed.claim = coalesce(ours.original, ours.settlement)
    left join ours settled on settled.settlement = reversed.claim
    where ours.record_date between ? and ? or settled.record_date between ? and ?
    order by ours.seq"""  # noqa: S608 - our own columns


def audited_rows(
    store: HospitalStore, folder: Path, area: str, first: date, last: date
) -> Iterator[BookRow]:
    """Yield what the audit tables of an engine have of an area's hospitals on some days.

    Args:
        store: What was read in before: reversals of it are told, of nothing else.
        folder: Of the audit tables.
        area: Whose hospitals: the place of care.
        first: The first day, of recording, in China Standard Time.
        last: The last one. A reversal is told with its own day and with that of its original.

    Raises:
        AuditCorrupt: The tables are damaged.
    """
    with connect(folder) as connection:
        answer = connection.sql(_AUDITED, params=[area, *(first, last) * 2])
        reader: Any = answer.to_arrow_reader(limits.PAGE_SIZE_MAX)
        for batch in reader:
            rows = batch.to_pylist()
            claims = {row["reversed_claim"] for row in rows} - {None}
            known = _known(store, claims) if claims else set()
            for row in rows:
                reversed_claim = row.pop("reversed_claim")
                if reversed_claim is None or reversed_claim in known:
                    yield row


def _known(store: HospitalStore, claims: set[str]) -> set[str]:
    """Return those claims that were read in."""
    rows = store.rows(
        "select claim from claims where claim in (select value from json_each(?))",
        orjson.dumps(sorted(claims)).decode(),
    )
    return {claim for (claim,) in rows}
