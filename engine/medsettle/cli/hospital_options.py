"""Options of `medsettle hospital`, and what they are read as."""

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from medsettle.clearing.hospitals.store import HOSPITALS_FILE, Decision, HospitalStore
from medsettle.cli.desks import clearing_store, now

Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="A day, as 2026-03-10.")]
On = Annotated[
    datetime | None,
    typer.Option("--on", formats=["%Y-%m-%d"], help="The day of it; today without it."),
]
Folder = Annotated[Path, typer.Option("--data", help="Data folder; the store is in clearing/.")]
Terms = Annotated[Path, typer.Option(help="Document of the terms by which hospitals are paid.")]
By = Annotated[
    str, typer.Option(envvar="MEDSETTLE_OPERATOR", help="Who does it; is recorded with it.")
]
Reason = Annotated[str, typer.Option(help="Why; is recorded with it.")]
Institution = Annotated[str, typer.Option(help="Code of the institution.")]
OneInstitution = Annotated[str | None, typer.Option(help="Only this institution.")]
Area = Annotated[str, typer.Option(help="Pooling area of the fund (统筹区).")]
Insurance = Annotated[str, typer.Option(help="Insurance type of the fund, as 310.")]
PayerName = Annotated[str, typer.Option(help="Which fund pays.")]
Yuan = Annotated[str, typer.Option(help="Amount in yuan, as 1300.50.")]
OptionalTerms = Annotated[
    Path | None,
    typer.Option("--terms", help="Terms by which slices are due at once; without them none is."),
]
Out = Annotated[Path | None, typer.Option(help="Write it to this .csv or .parquet file too.")]

POOL: Final = "pooled_fund"
DATA: Final = Path("medsettle-data")


def hospitals(data: Path, *, new: bool = False) -> AbstractContextManager[HospitalStore]:
    """Open the store in a data folder; only what reads a book in makes one.

    Raises:
        FileNotFoundError: There is none.
        StoreUnavailable: It cannot be opened.
    """
    nothing = (
        "nothing of what hospitals are paid; name the folder with --data, or read a book in with "
        "medsettle hospital report"
    )
    return clearing_store(data, HOSPITALS_FILE, HospitalStore, nothing, new=new)


def decided(by: str, reason: str = "") -> Decision:
    """Return a decision of now."""
    return Decision(by, now(), reason)
