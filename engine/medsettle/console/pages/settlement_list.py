"""The list of settlements by position: each part costs the same, however long the ledger is.

Parts are read from the ledger, so what was recorded a moment ago is there. It has indexes by
institution, by day of service, and of the kinds that are too rare to be met on the way. Only what
is of an area that is met too rarely, and what a person has that one of many institutions may see,
is looked up in the audit tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from medsettle import limits
from medsettle.console.place import Holdings
from medsettle.core.dates import day_number
from medsettle.engine.visit_entries import part_ids
from medsettle.ledger.entries import SETTLEMENT_KINDS, LedgerReader, Recorded
from medsettle.ledger.list_indexes import RARE_KINDS
from medsettle.ledger.opening import OpenReader
from medsettle.ledger.records import decode_settlement
from medsettle.privacy.pseudonyms import Kind, Pseudonyms, keys_folder

COLUMNS: Final = (
    "seq, settlement, kind, create_time, service_date, institution, pooling_area, person, "
    "insurance_type, visit_type, total_fen, fund_total_fen, account_fen + mutual_aid_fen "
    "as accounts_fen, total_fen - fund_total_fen - account_fen - mutual_aid_fen - cash_fen "
    "as institution_share_fen, cash_fen"
)
"""What the list shows of each, in SQL over the audit tables."""

_PAGES_MAX: Final = 30
"""Pages of the ledger that are gone through before the audit tables are asked."""
_FASTER: Final = 8


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a list is narrowed to, and the position that it begins at.

    `after` is the position below a part, `before` the one above it; with neither it is the newest.
    """

    institution: str = ""
    pooling_area: str = ""
    service_date: date | None = None
    kind: str = ""
    after: int | None = None
    before: int | None = None

    def holds(self, entry: Recorded) -> bool:
        """Return whether an entry that the ledger found is one of the list."""
        return entry.kind in SETTLEMENT_KINDS and self.kind in {"", entry.kind}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the list, newest first, and the positions that its neighbours begin at."""

    rows: list[dict[str, Any]]
    newer: int | None
    older: int | None

    @property
    def shares(self) -> bool:
        """Whether the institution itself bears something of a settlement that is shown."""
        return any(row["institution_share_fen"] for row in self.rows)


def part_of(held: Holdings, narrowed: Narrowed) -> Part:
    """Return a part of the list.

    Raises:
        LedgerUnavailable: The ledger cannot be read.
        AuditCorrupt: The audit tables are asked, and are damaged.
    """
    size = limits.CONSOLE_ROWS_SHOWN
    upwards = narrowed.after is not None and narrowed.before is None
    if narrowed.service_date is not None or narrowed.kind in RARE_KINDS:
        found = _by_index(held.reader, narrowed, upwards=upwards, count=size + 1)
    else:
        found = _in_ledger(held, narrowed, upwards=upwards, count=size + 1)
    more, rows = len(found) > size, found[:size]
    if upwards:
        rows.reverse()
    if not rows:
        return Part([], None, None)
    return Part(
        rows,
        newer=rows[0]["seq"] if narrowed.before is not None or (upwards and more) else None,
        older=rows[-1]["seq"] if upwards or more else None,
    )


def _by_index(
    reader: OpenReader, narrowed: Narrowed, *, upwards: bool, count: int
) -> list[dict[str, Any]]:
    """Return up to `count` rows from a position on, nearest first: the nearest of each kind."""
    day = narrowed.service_date
    entries = [
        entry
        for kind in SETTLEMENT_KINDS
        if narrowed.kind in {"", kind}
        for entry in reader.listed(
            kind,
            limit=count,
            service_day=None if day is None else day_number(day),
            institution=narrowed.institution or None,
            pooling_area=narrowed.pooling_area or None,
            above=narrowed.after if upwards else None,
            below=narrowed.before,
        )
    ]
    entries.sort(key=lambda entry: entry.seq, reverse=not upwards)
    return [_row(entry) for entry in entries[:count]]


def _in_ledger(
    held: Holdings, narrowed: Narrowed, *, upwards: bool, count: int
) -> list[dict[str, Any]]:
    """Return up to `count` rows from a position on, nearest first."""
    entries: list[Recorded] = []
    walk = _upwards if upwards else _downwards
    reached: int | None = None
    for pages, (page, reached) in enumerate(walk(held.reader, narrowed), 1):
        entries += [entry for entry in page if narrowed.holds(entry)]
        if len(entries) >= count or (pages == _PAGES_MAX and reached is not None):
            break
    else:
        reached = None
    found = [_row(entry) for entry in entries[:count]]
    rest = count - len(found)
    if not rest or reached is None:
        return found
    return found + _in_tables(held, narrowed, upwards=upwards, position=reached, count=rest)


def of_person(held: Holdings, person: str, institution: str | None) -> list[dict[str, Any]]:
    """Return the newest settlements of a person in any area whose rules are loaded.

    They are as many as are shown and one more, so that it can be said that there are more.

    Args:
        held: What is looked at.
        person: The token of the person.
        institution: The one whose settlements are seen; None for all.
    """
    with held.engine(faulty=True) as engine:
        areas = tuple(engine.rulebook.areas)
    found = [row for area in areas for row in _latest(held, area, person, institution)]
    found.sort(key=lambda row: -row["seq"])
    return found[: limits.CONSOLE_ROWS_SHOWN + 1]


def _latest(
    held: Holdings, area: str, person: str, institution: str | None
) -> list[dict[str, Any]]:
    """Return the newest rows of a person of an area that are seen: those shown, and one more.

    More of all are read for as long as too few of them are seen; those of a person who has more
    than a page of the ledger are looked up in the audit tables.
    """
    size = count = limits.CONSOLE_ROWS_SHOWN + 1
    while True:
        entries = held.reader.latest(area, person, limit=count)
        rows = [_row(each) for each in entries if institution in {None, each.institution}][:size]
        if len(rows) == size or len(entries) < count:
            return rows
        if count == limits.PAGE_SIZE_MAX:
            break
        count = min(count * _FASTER, limits.PAGE_SIZE_MAX)
    # The audit tables tell persons by their pseudonyms.
    known_as = Pseudonyms(keys_folder(held.place.data)).looked_up(Kind.PERSON, person)
    with held.audit() as audit:
        rest = audit.sql(
            f"select {COLUMNS} from settlements where pooling_area = ? "  # noqa: S608
            "and list_contains(?, person) "
            f"and institution = ? and seq < ? order by seq desc limit {size - len(rows)}",
            params=[area, list(known_as), institution, entries[-1].seq],
        )
        older: list[dict[str, Any]] = rest.to_arrow_table().to_pylist()
    return rows + older


def called(held: Holdings, word: str, institution: str | None) -> list[dict[str, Any]]:
    """Return the newest settlements that a word names, as far as they are seen: as `of_person`.

    A request id or an institution's number of an institution that nobody named, which may be that
    of a visit; or a person, also of an area whose rules are not loaded.

    Args:
        held: What is looked at.
        word: What somebody has of them.
        institution: The one whose settlements are seen; None for all.
    """
    found: dict[int, Recorded] = {}
    for entry in held.reader.called(word, limit=limits.PAGE_SIZE_MAX):
        parts = part_ids(entry) if entry.kind == "visit" else [entry.settlement]
        for part in filter(None, map(held.reader.settlement, parts)):
            found[part.seq] = part
    seen = [found[seq] for seq in sorted(found, reverse=True)]
    rows = [_row(each) for each in seen if institution in {None, each.institution}]
    return rows[: limits.CONSOLE_ROWS_SHOWN + 1]


def mark_taken_back(held: Holdings, rows: list[dict[str, Any]]) -> None:
    """Mark the rows that were taken back by now: one look-up by index for all that are shown."""
    cancels = held.reader.cancels_of([row["settlement"] for row in rows])
    for row in rows:
        row["taken_back"] = row["settlement"] in cancels


def _upwards(
    reader: LedgerReader, narrowed: Narrowed
) -> Iterator[tuple[list[Recorded], int | None]]:
    """Yield pages above a position, oldest entry first, each with the position it reached."""
    after = narrowed.after or 0
    while page := _page(reader, narrowed, after, limits.PAGE_SIZE_MAX):
        after = page[-1].seq
        yield page, after


def _downwards(
    reader: LedgerReader, narrowed: Narrowed
) -> Iterator[tuple[list[Recorded], int | None]]:
    """Yield pages below a position, newest entry first, each with the position it reached.

    The ledger reads upwards. So stretches before the position are read; where they hold little of
    what is looked for they grow, and where one holds more than a page it is read again in parts.
    """
    most = limits.PAGE_SIZE_MAX
    # Where nearly every entry is of the list, a stretch of this length has a part of it.
    stretch = min(most, 2 * limits.CONSOLE_ROWS_SHOWN)
    before = reader.last_seq() + 1 if narrowed.before is None else narrowed.before
    while before > 1:
        first = max(0, before - 1 - stretch)
        page = _page(reader, narrowed, first, min(most, stretch))
        if len(page) == most and page[-1].seq < before - 1 and stretch > most:
            stretch = max(most, stretch // _FASTER)
            continue
        inside = [entry for entry in page if entry.seq < before]
        before = first + 1
        yield inside[::-1], before
        if len(inside) * _FASTER < most:
            stretch *= _FASTER


def _page(reader: LedgerReader, narrowed: Narrowed, after: int, limit: int) -> list[Recorded]:
    return reader.page(
        after_seq=after,
        limit=limit,
        institution=narrowed.institution or None,
        pooling_area=narrowed.pooling_area or None,
        with_messages=False,
    )


def _row(entry: Recorded) -> dict[str, Any]:
    settlement = decode_settlement(entry)
    row: dict[str, Any] = {**settlement.columns, "accounts_fen": settlement.accounts_fen}
    paid_fen = row["fund_total_fen"] + row["accounts_fen"] + row["cash_fen"]
    return row | {"institution_share_fen": row["total_fen"] - paid_fen}


def _in_tables(
    held: Holdings, narrowed: Narrowed, *, upwards: bool, position: int | None, count: int
) -> list[dict[str, Any]]:
    """Return up to `count` rows from a position on, nearest first, by the audit tables."""
    conditions: list[str] = []
    values: list[object] = []

    def where(condition: str, value: object) -> None:
        conditions.append(condition)
        values.append(value)

    for name in ("institution", "pooling_area", "kind"):
        if value := getattr(narrowed, name):
            where(f"{name} = ?", value)
    if upwards:
        where("seq > ?", narrowed.after if position is None else position)
    elif position is not None or narrowed.before is not None:
        where("seq < ?", narrowed.before if position is None else position)
    text = f"where {' and '.join(conditions)}" if conditions else ""
    order = "asc" if upwards else "desc"
    with held.audit() as audit:
        found = audit.sql(
            f"select {COLUMNS} from settlements {text} "  # noqa: S608 - our own names
            f"order by seq {order} limit {count}",
            params=values,
        )
        rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
    return rows
