"""Options that the commands of prepayments share, and what they name."""

from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from medsettle.clearing.months import month as clearing_month
from medsettle.clearing.prepayments.store import PREPAYMENTS_FILE, PrepaymentStore
from medsettle.cli.desks import clearing_store

Month = Annotated[str, typer.Argument(help="A month such as 2026-03.")]
Cleared = Annotated[
    Path,
    typer.Option(
        help="What was cleared, CSV or Parquet: month or day, insured, care, fund, amount_fen or "
        "amount_yuan; a payable table too."
    ),
]
Terms = Annotated[
    Path | None, typer.Option(help="Terms of prepayments; without it those of medsettle.")
]
Holidays = Annotated[
    Path | None, typer.Option(help="Holidays by year; without it those of medsettle.")
]
Calendar = Annotated[
    Path | None, typer.Option(help="Due days of clearing; without it those of medsettle.")
]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; today without.")]
Until = Annotated[
    datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day that is known whole.")
]
Who = Annotated[str, typer.Option("--by", help="Who does it, for the record.")]
Insured = Annotated[str, typer.Option(help="The area or province of insurance, that prepays.")]
Care = Annotated[str, typer.Option(help="The area or province of care, that is prepaid.")]
Fund = Annotated[str, typer.Option(help="The fund line, such as employee or resident.")]


def opened(data: Path, *, new: bool = False) -> AbstractContextManager[PrepaymentStore]:
    """Open the prepayments of a data folder; only what records the first of them makes them.

    Raises:
        FileNotFoundError: There are none.
        StoreUnavailable: They cannot be opened.
    """
    nothing = "no prepayments; name the folder with --data"
    return clearing_store(data, PREPAYMENTS_FILE, PrepaymentStore, nothing, new=new)


def month_named(text: str) -> date:
    """Return the first day of a month.

    Raises:
        InvalidRequest: The text is no month.
    """
    return clearing_month.Month.of(text).first_day
