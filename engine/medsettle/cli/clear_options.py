"""Options that the commands of clearing share, and what they name."""

from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from medsettle import limits
from medsettle.clearing.items.reading import ITEMS_FILE
from medsettle.clearing.items.reconciled import refuse_unreconciled
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.months.closing import CheckDays
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import MONTHS_FILE, MonthStore
from medsettle.cli.desks import CLEARING_FOLDER, clearing_store
from medsettle.errors import Precondition

DATA = Path("medsettle-data")
Data = Annotated[Path, typer.Option(help="Data folder; months are in its clearing folder.")]
MonthText = Annotated[str, typer.Argument(metavar="MONTH", help="A month such as 2024-03.")]
Number = Annotated[int, typer.Argument(help="Number of a notice.", min=1, max=limits.INT64_MAX)]
OfNotice = Annotated[
    int | None,
    typer.Option("--notice", help="Only this notice of it.", min=1, max=limits.INT64_MAX),
]
PaymentId = Annotated[
    int, typer.Argument(help="Id of a payment or return.", min=1, max=limits.INT64_MAX)
]
FileNumber = Annotated[
    int, typer.Argument(help="Number of a payment file.", min=1, max=limits.INT64_MAX)
]
By = Annotated[str, typer.Option("--by", help="Who does it, for the record.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence.")]
Book = Annotated[
    Path, typer.Option(help="Book of the place of insurance, as reconcile run reads it.")
]
Items = Annotated[
    Path | None,
    typer.Option(help="Folder of the reconciliation; without it the one beside the months."),
]
Unreconciled = Annotated[
    bool, typer.Option("--unreconciled", help="Go on without a reconciliation.")
]
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day on which it counts.")]
Accounts = Annotated[
    Path,
    typer.Option(
        help="CSV: payee_type,pooling_area,payee,account,name,bank; a fiscal account is "
        "fiscal,990000,employee,….",
    ),
]


def opened(data: Path, *, new: bool = False) -> AbstractContextManager[MonthStore]:
    """Open the months of a data folder; only closing one makes them.

    Raises:
        FileNotFoundError: There are none.
        StoreUnavailable: They cannot be opened.
    """
    nothing = "no closed months; name the folder with --data, or close one first"
    return clearing_store(data, MONTHS_FILE, MonthStore, nothing, new=new)


def open_settlements(data: Path, items: Path | None, *, unreconciled: bool) -> frozenset[str]:
    """Return the settlements about which a difference is open.

    Raises:
        FileNotFoundError: The folder that was named has no reconciliation.
        Precondition: There is none, and nobody said that it goes without.
    """
    folder = data / CLEARING_FOLDER if items is None else items
    if not (folder / ITEMS_FILE).is_file():
        if items is not None:
            raise FileNotFoundError(f"{items} holds no reconciliation; name another folder")
        if not unreconciled:
            raise Precondition(
                f"{folder} holds no reconciliation, so what differs is not known and would be "
                "paid. Name its folder with --items, or say --unreconciled"
            )
        return frozenset()
    with ItemStore(folder) as store:
        return store.open_settlements()


def reconciled_days(data: Path, items: Path | None, month: Month, book: Path) -> CheckDays:
    """Return what refuses days of a month that no run compared with this very book."""
    folder = data / CLEARING_FOLDER if items is None else items
    with ItemStore(folder) as store:
        runs = store.runs()
    return partial(refuse_unreconciled, runs, month, book)


def month_named(text: str) -> Month:
    """Return a month.

    Raises:
        InvalidRequest: The text is none.
    """
    return Month.of(text)
