"""The stores of clearing as the pages open them: for one request each, and only where they are."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from medsettle.clearing.hospitals.store import HOSPITALS_FILE, HospitalStore
from medsettle.clearing.items.reading import ITEMS_FILE
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.months.months import MONTHS_FILE, MonthStore
from medsettle.clearing.prepayments.store import PREPAYMENTS_FILE, PrepaymentStore
from medsettle.console.place import holdings
from medsettle.core.dates import service_day_of
from medsettle.errors import NotFound

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Store = TypeVar("_Store")


@contextmanager
def _opened(
    file: str, store: Callable[[Path], AbstractContextManager[_Store]]
) -> Iterator[_Store | None]:
    """Open a store of clearing; None where nothing was ever recorded in one."""
    folder = holdings().place.clearing
    if not (folder / file).is_file():
        yield None
        return
    with store(folder) as opened:
        yield opened


def months() -> AbstractContextManager[MonthStore | None]:
    """Open the months and notices; None where no month was ever closed."""
    return _opened(MONTHS_FILE, MonthStore)


def prepayments() -> AbstractContextManager[PrepaymentStore | None]:
    """Open the prepayments; None where nothing was ever prepaid."""
    return _opened(PREPAYMENTS_FILE, PrepaymentStore)


def hospitals() -> AbstractContextManager[HospitalStore | None]:
    """Open what hospitals are paid; None where no book was ever read in."""
    return _opened(HOSPITALS_FILE, HospitalStore)


def items() -> AbstractContextManager[ItemStore | None]:
    """Open the differences of reconciliations; None where there was none."""
    return _opened(ITEMS_FILE, ItemStore)


@contextmanager
def months_there() -> Iterator[MonthStore]:
    """Open the months for a page about one of them.

    Raises:
        NotFound: No month was ever closed.
    """
    with months() as store:
        if store is None:
            raise NotFound("no month is closed yet")
        yield store


@contextmanager
def prepayments_there() -> Iterator[PrepaymentStore]:
    """Open the prepayments for a page about one of them.

    Raises:
        NotFound: Nothing was ever prepaid.
    """
    with prepayments() as store:
        if store is None:
            raise NotFound("nothing is prepaid yet")
        yield store


@contextmanager
def hospitals_there() -> Iterator[HospitalStore]:
    """Open what hospitals are paid for a page about a part of it.

    Raises:
        NotFound: No book of hospitals was ever read in.
    """
    with hospitals() as store:
        if store is None:
            raise NotFound("nothing of what hospitals are paid is recorded yet")
        yield store


def today() -> date:
    """Return the day in China Standard Time."""
    return service_day_of(holdings().clock())


def moment_of(time_us: int) -> datetime:
    """Return the moment of microseconds since 1970-01-01, UTC."""
    return _EPOCH + timedelta(microseconds=time_us)
