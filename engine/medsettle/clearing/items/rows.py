"""What rows of the item store are read as."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from medsettle.clearing.items.item import (
    ComparedBook,
    Counted,
    Event,
    Happened,
    Item,
    Run,
    State,
    Terms,
)
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.core.dates import date_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def counted_by_class(differences: Iterable[tuple[int, int]]) -> tuple[Counted, ...]:
    """Return how many differences each class has, and the money at risk in them, by class.

    Args:
        differences: The number of the class and the fen at risk of each.
    """
    found: dict[int, list[int]] = {}
    for of_class, at_risk_fen in differences:
        found.setdefault(of_class, []).append(at_risk_fen)
    return tuple(
        Counted(DifferenceClass(each), len(fen), sum(fen)) for each, fen in sorted(found.items())
    )


def _moment(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)


def book_of(kept: Sequence[Any]) -> ComparedBook:
    """Return the book of a run, as `runs.books` keeps it."""
    side, name, rows, digest, *columns = kept
    return ComparedBook(Side(side), name, rows, digest, *map(tuple, columns))


def run_of(row: Sequence[Any]) -> Run:
    """Return the run of a row of RUN_COLUMNS."""
    number, name, first, last, time_us, way, books, matched, counted, alarms, *rest = row
    notes, opened, closed, superseded_by, local = rest
    return Run(
        number,
        name,
        date_of(first),
        date_of(last),
        _moment(time_us),
        way,
        tuple(map(book_of, orjson.loads(books))),
        matched,
        tuple(Counted(DifferenceClass(each), *others) for each, *others in orjson.loads(counted)),
        tuple(orjson.loads(alarms)),
        tuple(orjson.loads(notes)),
        opened,
        closed,
        superseded_by,
        bool(local),
    )


def item_of(row: Sequence[Any]) -> Item:
    """Return the item of a row of ITEM_COLUMNS."""
    number, name, item, settlement, of_class, owner, action, *rest = row
    term, at_risk_fen, pooling_area, care_area, day, state, held, *more = rest
    opened_run, last_run, terms, *others = more
    return Item(
        number,
        name,
        item,
        settlement,
        DifferenceClass(of_class),
        Side(owner),
        Action(action),
        term,
        at_risk_fen,
        pooling_area,
        care_area,
        date_of(day),
        State(state),
        bool(held),
        opened_run,
        last_run,
        Terms.of(terms),
        *others,
    )


def event_of(row: Sequence[Any]) -> Event:
    """Return the event of a row of EVENT_COLUMNS."""
    seq, time_us, happened, of_class, action, at_risk_fen, run, person, terms, *rest = row
    return Event(
        seq,
        _moment(time_us),
        Happened(happened),
        DifferenceClass(of_class),
        Action(action),
        at_risk_fen,
        run,
        person,
        Terms.of(terms),
        *rest,
    )
