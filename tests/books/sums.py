"""Sums of a day and an area, from the books of a ledger and from its audit tables."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import TypeAlias

from medsettle.audit import connect
from medsettle.books.double_entry import Title
from medsettle.books.trial_balance import (
    BooksReader,
    booked_on,
    bookings_of,
    entries_with_moves,
)
from medsettle.ledger.entries import SETTLEMENT_KINDS

Sums: TypeAlias = dict[tuple[date, str, str], int]
"""Fen of a day, an area and one of the columns below, without those that are zero."""

_COLUMNS = {
    Title.INSTITUTION: ("total", 1),
    Title.INSTITUTION_SHARE: ("institution_share", -1),
    Title.CASH: ("cash", -1),
    Title.FUND: ("funds", -1),
    Title.ADVANCE: ("funds", -1),
}


def booked_sums(reader: BooksReader) -> Sums:
    """Return the sums of the bookings of all settlements and cancels."""
    sums: Counter[tuple[date, str, str]] = Counter()
    for recorded, moves in entries_with_moves(reader):
        if recorded.kind not in SETTLEMENT_KINDS:
            continue
        for account, fen in bookings_of(recorded, moves):
            if account.title in _COLUMNS:
                name, sign = _COLUMNS[account.title]
                sums[booked_on(recorded), recorded.pooling_area, name] += sign * fen
    return {place: fen for place, fen in sums.items() if fen}


def audited_sums(folder: Path) -> Sums:
    """Return the same sums from the audit tables.

    What the funds owe is their shares of the bills and all payouts, less the shares that payouts
    take the place of.
    """
    with connect(folder) as connection:
        rows = connection.execute(
            """
            with beside as (
              select seq, sum(replaced_fen) as replaced_fen from payers group by seq)
            select (create_time + interval 8 hour)::date, pooling_area, sum(total_fen)::bigint,
              sum(institution_share_fen)::bigint, sum(cash_fen)::bigint,
              sum(fund_total_fen + payouts_fen - coalesce(replaced_fen, 0))::bigint
            from settlements left join beside using (seq) group by all
            """
        ).fetchall()
    names = ("total", "institution_share", "cash", "funds")
    return {
        (day, area, name): fen
        for day, area, *values in rows
        for name, fen in zip(names, values, strict=True)
        if fen
    }
