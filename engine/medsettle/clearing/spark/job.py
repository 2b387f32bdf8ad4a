"""The same reconciliation as a Spark job, for books that one machine should not read.

The first step, finding the odd rows, is made by the executors over Parquet tables in any store that
Spark reads: each row is hashed where it lies, the hashes are brought together by that of the key,
and only rows of keys that do not agree come to the driver. There the second step is what it is on
one machine, `full_join.settled` and `classify`, so that the differences and the
totals are the same bytes as by sketch and by full join.

**What executors need**: Python with the version of medsettle that asks, and nothing beside what
that needs itself; `PYSPARK_PYTHON` names that Python, else the one that asks is taken at its own
path. A cluster without it can be handed a packed environment by `spark.archives`, as Spark's manual
says under *Python Package Management*. The one that asks needs `medsettle[spark]` and Java 17.

**Memory**: the driver holds at most `limits.ODD_ROWS_MAX` rows; an executor holds a batch of rows
in Python (`spark.sql.execution.arrow.maxRecordsPerBatch`) and spills the rest. Hashes take some 100
bytes a row on the executors' disks while the job runs.

An executor that is lost loses nothing: what it had made is made again from the same files. Files
must not change meanwhile.
"""

import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medsettle import limits
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classify import classify
from medsettle.clearing.matching.full_join import settled
from medsettle.clearing.matching.passes import pairs_of
from medsettle.clearing.matching.reconcile import Reconciliation, digest_of
from medsettle.clearing.matching.row_hashes import SEED
from medsettle.clearing.matching.totals import compared_totals, group_columns
from medsettle.clearing.spark.books import ALL, Part, spark_book
from medsettle.clearing.spark.steps import Task, candidate_rows, hashes, totals
from medsettle.errors import Precondition

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPARK: Final = "spark"
"""How odd rows are found here, as `Reconciliation.found_by` says it."""

_INSTALL: Final = "run pip install 'medsettle[spark]'"
_JAVA: Final = "install Java 17 or later (apt-get install openjdk-17-jre-headless)"
_NEEDED: Final = {
    # Moments are compared and shown as they are, whatever the zone of a machine.
    "spark.sql.session.timeZone": "UTC",
    # Codes in names of folders are texts, also where they look like numbers.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.caseSensitive": "true",
}
_QUIET: Final = {"spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
_LOOPBACK: Final = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}


def reconcile_on_spark(
    books: Mapping[Side, Sequence[str | Path]],
    *,
    master: str,
    part: Part = ALL,
    settings: Mapping[str, str] | None = None,
    seed: bytes = SEED,
) -> Reconciliation:
    """Return where two or three books differ, found by a Spark cluster.

    Args:
        books: By side, the Parquet files or folders of its book; a `Path` is of a file system that
            every executor sees under the same name, a text whatever Spark reads (`s3a://…`).
        master: Where the cluster is, as Spark says it: `spark://host:7077`, `yarn`, `k8s://…`, or
            `local[2]` for two threads of this process.
        part: Which of their records.
        settings: Of Spark, beside those of its own configuration files.
        seed: What hashes begin with.

    Raises:
        InvalidRequest: A book is not there, or something in it is wrong; with file and row.
        Precondition: pyspark or Java is missing, a session of Spark runs in this process already,
            the job failed, fewer than two books, or more odd rows than are classified.
        ConnectionError: No master answers there.
    """
    with spark_session(master, settings or {}) as session:
        return reconcile_in(session, books, part=part, seed=seed)


def reconcile_in(
    session: "SparkSession",
    books: Mapping[Side, Sequence[str | Path]],
    *,
    part: Part = ALL,
    seed: bytes = SEED,
) -> Reconciliation:
    """Return the same as `reconcile_on_spark`, found by a session that runs already.

    Some settings of the session are changed: its zone is UTC, and names of columns and folders are
    taken as they stand.
    """
    if len(books) < 2:
        raise Precondition(f"{len(books)} book is compared with nothing; open two or three")
    for name, value in _NEEDED.items():
        session.conf.set(name, value)
    with _told():
        task = _task(session, books, part, seed)
        hashed = hashes(task)
        try:
            counted = totals(task, hashed)
            candidates = candidate_rows(session, task, hashed)
        finally:
            hashed.unpersist()
    ordered = [
        replace(each.book, rows=int(counted[each.book.side].rows.sum())) for each in task.books
    ]
    found = settled(ordered, candidates)
    first = ordered[0]
    return Reconciliation(
        books={each.side: digest_of(each, counted[each.side]) for each in ordered},
        totals=compared_totals(
            counted, [(pair.one, pair.other, pair.columns) for pair in task.pairs]
        ),
        agreeing=first.rows - found.odd_rows[first.side],
        odd=found.odd,
        differences=classify(found.odd),
        found_by=SPARK,
        cells=0,
    )


def _task(
    session: "SparkSession",
    books: Mapping[Side, Sequence[str | Path]],
    part: Part,
    seed: bytes,
) -> Task:
    sides = [side for side in Side if side in books]
    with ThreadPoolExecutor(max_workers=len(sides)) as pool:
        opened = tuple(pool.map(lambda side: spark_book(session, side, books[side], part), sides))
    plain = [each.book for each in opened]
    return Task(opened, pairs_of(plain), group_columns(plain), seed)


# --- the cluster ---------------------------------------------------------------------------------


@contextmanager
def spark_session(master: str, settings: Mapping[str, str]) -> Iterator["SparkSession"]:
    """Open a session on a cluster for one or more reconciliations, and stop it in the end.

    Args:
        master: As for `reconcile_on_spark`.
        settings: Of Spark.

    Raises:
        Precondition: pyspark or Java is missing, or a session of Spark runs here already.
        ConnectionError: No master answers there.
    """
    try:
        # Who reconciles on one machine needs no Spark.
        from pyspark.errors import PySparkException  # noqa: PLC0415
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as error:
        raise Precondition(
            f"reconciling on Spark needs pyspark, which is not installed; {_INSTALL}"
        ) from error
    _check_reachable(master)
    if SparkSession.getActiveSession() is not None:
        raise Precondition(
            "a session of Spark runs in this process already; stop it, or hand it to "
            "clearing.spark.job.reconcile_in"
        )
    loopback = _LOOPBACK if master.startswith("local") else {}
    builder = SparkSession.builder.master(master).appName("medsettle reconcile")
    for name, value in (_QUIET | loopback | _NEEDED | dict(settings)).items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except PySparkException as error:
        raise Precondition(
            f"Spark does not start: {_cause(str(error))}; {_JAVA}, and see what it wrote above"
        ) from error
    if "PYSPARK_PYTHON" not in os.environ:
        session.sparkContext.pythonExec = sys.executable
    try:
        yield session
    finally:
        session.stop()


def _check_reachable(master: str) -> None:
    """Raise where no master of a standalone cluster answers: Spark itself tries for minutes.

    Raises:
        ConnectionError: None does.
    """
    scheme, _, places = master.partition("://")
    if scheme != "spark":
        return
    causes = []
    for place in places.split(","):
        host, _, port = place.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), limits.SPARK_CONNECT_SECONDS):
                return
        except (OSError, ValueError) as error:
            causes.append(f"{place}: {error}")
    raise ConnectionError(
        f"no master of Spark answers ({'; '.join(causes)}); start it, or name another"
    )


@contextmanager
def _told() -> Iterator[None]:
    """Say in our words what went wrong in Spark.

    Raises:
        Precondition: Something did.
    """
    from py4j.protocol import Py4JError  # type: ignore[import-untyped] # noqa: PLC0415 - an extra
    from pyspark.errors import PySparkException  # noqa: PLC0415 - an extra

    try:
        yield
    except (PySparkException, Py4JError) as error:
        cause = _cause(str(error))
        hint = "see the log of the driver and the executors"
        if "ModuleNotFoundError" in cause:
            hint = "install medsettle for the Python of each executor (PYSPARK_PYTHON names it)"
        raise Precondition(f"the job failed on Spark: {cause}; {hint}") from error


def _cause(text: str) -> str:
    """Return the line of an error of Spark that says what happened in Python, else its first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if line.split(":", 1)[0].endswith(("Error", "Exception"))]
    python = [line for line in named if "." not in line.split(":", 1)[0]]
    return (python or lines or [text])[0]
