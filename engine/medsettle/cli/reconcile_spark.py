"""`medsettle reconcile run --spark MASTER`: the same, found by a cluster."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

import typer

from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.reconcile import Reconciliation
from medsettle.errors import Fault, InvalidRequest

OnSpark = Annotated[
    str | None,
    typer.Option(
        "--spark",
        metavar="MASTER",
        help="Find odd rows on a Spark cluster: spark://HOST:7077, yarn, k8s://…, local[2]. Books "
        "are then Parquet files or folders that all of it can read.",
    ),
]


def refuse_beside(master: str | None, *, others: bool) -> None:
    """Raise where a cluster was given options that only one machine follows.

    Raises:
        InvalidRequest: It was.
    """
    if master is not None and others:
        text = "reads Parquet as it is and finds odd rows its own way; leave out --stated, "
        raise InvalidRequest([Fault("--spark", text + "--local and --by")])


def found_on_spark(
    master: str,
    books: Mapping[Side, str],
    *,
    days: tuple[date | None, date | None] = (None, None),
    pooling_area: str | None = None,
    care_area: str | None = None,
) -> Reconciliation:
    """Return where books differ, found by a cluster.

    Args:
        master: Where it is, as `--spark` names it.
        books: By side, where its Parquet files are: a path of this machine, or an address that
            Spark reads (`s3a://…`).
        days: The first and the last day of recording that are compared; None for no bound.
        pooling_area: Only persons insured there.
        care_area: Only care given there.

    Raises:
        InvalidRequest: A book is not there, or something in it is wrong; with file and row.
        Precondition: pyspark or Java is missing, the job failed, fewer than two books, or more odd
            rows than are classified.
        ConnectionError: No master answers there.
    """
    # They load numba, which other commands do without.
    from medsettle.clearing.spark.books import Part  # noqa: PLC0415
    from medsettle.clearing.spark.job import reconcile_on_spark  # noqa: PLC0415
    from medsettle.cluster.places import place_of  # noqa: PLC0415

    return reconcile_on_spark(
        {side: [place_of(text)] for side, text in books.items()},
        master=master,
        part=Part(*days, pooling_area, care_area),
    )


def days_of(found: Reconciliation) -> tuple[date, date] | None:
    """Return the first and the last day of what was compared; None where the books say none."""
    if "record_date" not in found.totals.column_names or not found.totals.num_rows:
        return None
    days = found.totals["record_date"].to_pylist()
    return min(days), max(days)
