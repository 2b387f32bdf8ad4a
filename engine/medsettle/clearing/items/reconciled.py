"""Whether the book of which a month is closed is the one that was reconciled, day by day.

A run keeps the digest of the book of the place of insurance over the columns that it compared. The
digest is a sum over rows, so that of the same days of any other file can be put beside it. A run of
some areas alone has the digest of these, which a whole book cannot match: then whole days are
reconciled again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from medsettle.clearing.items.item import ComparedBook, Run
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.row_hashes import SEED, Hasher
from medsettle.clearing.matching.sources import Book
from medsettle.clearing.matching.sources_audit import BETWEEN_AREAS, EVERYTHING
from medsettle.clearing.matching.sources_files import opened_book
from medsettle.clearing.matching.totals import Counting, Totals
from medsettle.clearing.months.month import Month
from medsettle.errors import Precondition

_DAY: Final = "record_date"
_OVERRIDE: Final = "or say --unreconciled"


@dataclass(frozen=True, slots=True)
class _Standing:
    """A run that stands, its book of the place of insurance, and what the book at hand has of it.

    `rows` and `digest` are those of the book at hand on the days of the run; the digest is None
    where it cannot be made: the run kept no columns, or the book has not all of them.
    """

    run: Run
    told: ComparedBook
    rows: int
    digest: str | None

    @property
    def same(self) -> bool:
        return (self.rows, self.digest) == (self.told.rows, self.told.digest)

    def has(self, day: date) -> bool:
        return self.run.first_day <= day <= self.run.last_day


def refuse_unreconciled(
    runs: Iterable[Run], month: Month, path: Path, days: frozenset[date]
) -> None:
    """Refuse to close a month of a book that runs did not compare as it is.

    Args:
        runs: All runs; those that were superseded do not count.
        month: The month that is closed.
        path: The book of the place of insurance.
        days: Those of which the month takes records.

    Raises:
        InvalidRequest: The book is faulty.
        Precondition: A day lies in no run that stands, or only in runs of another book.
    """
    concerned = [
        (run, book)
        for run in runs
        for book in run.books
        if run.superseded_by is None
        and book.side is Side.INSURED
        and (
            (run.first_day <= month.last_day and month.first_day <= run.last_day)
            or any(run.first_day <= day <= run.last_day for day in days)
        )
    ]
    standing = _beside(concerned, path)
    missing = [day for day in days if not any(each.has(day) for each in standing)]
    if missing:
        raise Precondition(
            f"no run that stands has {_listed(missing)} of {path}, so what differs "
            "is not known and would be paid. Reconcile these days with medsettle reconcile run, "
            f"{_OVERRIDE}",
            month=month.text,
        )
    same = [each for each in standing if each.same]
    for each in standing:
        # What the book at hand has lost is no day of it: the days of the month are asked too.
        asked = days.union(_days_of(month))
        if not each.same and any(
            each.has(day) and not any(other.has(day) for other in same) for day in asked
        ):
            raise Precondition(_unlike(each, path), month=month.text, run=str(each.run.number))


def _beside(concerned: Sequence[tuple[Run, ComparedBook]], path: Path) -> list[_Standing]:
    """Return runs with what a book has of their days and columns.

    Of audit tables a run compared what is between areas, or with `local` all of the side: each is
    put beside the same of the book at hand.
    """
    found = []
    for wanted in (BETWEEN_AREAS, EVERYTHING):
        alike = [each for each in concerned if each[0].local is (wanted is EVERYTHING)]
        if not alike:
            continue
        with TemporaryDirectory(prefix="medsettle-reconciled-") as folder:
            book = opened_book(Side.INSURED, path, Path(folder), wanted=wanted)
            had = set(book.columns)
            able = {told.columns for _, told in alike if set(told.columns) <= had} - {()}
            totals = _by_day(book, sorted(able))
        found += [_standing(run, told, totals) for run, told in alike]
    return found


def _standing(run: Run, told: ComparedBook, totals: Totals) -> _Standing:
    """Return a run with what a book, by day, has of it."""
    days = totals.groups[_DAY].to_numpy()
    first, last = np.datetime64(run.first_day), np.datetime64(run.last_day)
    inside = (days >= first) & (days <= last)
    digest = None
    if told.columns in totals.digests:
        one, two = totals.digests[told.columns][:, inside].sum(axis=1, dtype=np.uint64)
        digest = f"{int(one):016x}{int(two):016x}"
    return _Standing(run, told, int(totals.rows[inside].sum()), digest)


def _by_day(book: Book, compared: Sequence[tuple[str, ...]]) -> Totals:
    """Return the digests of a book by day."""
    hasher = Hasher(SEED)
    counting = Counting(book, (_DAY,), compared)
    wanted = {_DAY}.union(*compared)
    for batch in book.batches([name for name in book.columns if name in wanted]):
        lanes = {columns: hasher.lanes(batch, columns) for columns in compared}
        counting.add(batch.select([_DAY]), hasher.lanes(batch, [_DAY]).one, lanes)
    return counting.totals()


def _unlike(each: _Standing, path: Path) -> str:
    run, told = each.run, each.told
    days = f"{run.first_day} to {run.last_day}"
    if not told.columns:
        return (
            f"run {run.number} of {days} did not keep which columns its digest is of, so whether "
            f"{path} is the book that it compared is not known. Reconcile the days again, "
            f"{_OVERRIDE}"
        )
    has = "columns are missing" if each.digest is None else f"digest {each.digest}"
    return (
        f"{path} is not the book that run {run.number} compared: on {days} it has {each.rows} "
        f"row(s), {has}, and {told.name} had {told.rows}, digest {told.digest}. Close with the "
        "book that was reconciled, or reconcile these days of this one, all areas of it, "
        f"{_OVERRIDE}"
    )


def _days_of(month: Month) -> list[date]:
    return [month.first_day + timedelta(days=at) for at in range(month.last_day.day)]


def _listed(days: Iterable[date]) -> str:
    """Return days as stretches."""
    stretches: list[list[date]] = []
    ordered = sorted(days)
    for day in ordered:
        if stretches and day - stretches[-1][-1] == timedelta(days=1):
            stretches[-1].append(day)
        else:
            stretches.append([day])
    told = [str(each[0]) if len(each) == 1 else f"{each[0]} to {each[-1]}" for each in stretches]
    return f"{', '.join(told)} ({len(ordered)} day(s) with records)"
