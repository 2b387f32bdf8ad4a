"""The same reconciliation as a Spark job, for books that one machine should not read.

The first step, finding the odd rows, is made by the executors over Parquet tables in any store that
Spark reads: each row is hashed where it lies, the hashes are brought together by that of the key,
and only rows of keys that do not agree come to the driver. There the second step is what it is on
one machine, `full_join.settled` and `classify`, so that the differences and the
totals are the same bytes as by sketch and by full join.

What executors need says `medsettle.cluster`.

**Memory**: the driver holds at most `limits.ODD_ROWS_MAX` rows; an executor holds a batch of rows
in Python (`spark.sql.execution.arrow.maxRecordsPerBatch`) and spills the rest. Hashes take some 100
bytes a row on the executors' disks while the job runs.

An executor that is lost loses nothing: what it had made is made again from the same files. Files
must not change meanwhile.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classify import classify
from medsettle.clearing.matching.full_join import settled
from medsettle.clearing.matching.passes import pairs_of
from medsettle.clearing.matching.reconcile import Reconciliation, digest_of
from medsettle.clearing.matching.row_hashes import SEED
from medsettle.clearing.matching.totals import compared_totals, group_columns
from medsettle.clearing.spark.books import ALL, Part, spark_book
from medsettle.clearing.spark.steps import Task, candidate_rows, hashes, totals
from medsettle.cluster.places import Place
from medsettle.cluster.session import NEEDED, spark_session, told_by_spark
from medsettle.errors import Precondition

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPARK: Final = "spark"
"""How odd rows are found here, as `Reconciliation.found_by` says it."""


def reconcile_on_spark(
    books: Mapping[Side, Sequence[Place]],
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
    books: Mapping[Side, Sequence[Place]],
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
    for name, value in NEEDED.items():
        session.conf.set(name, value)
    with told_by_spark():
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
    books: Mapping[Side, Sequence[Place]],
    part: Part,
    seed: bytes,
) -> Task:
    sides = [side for side in Side if side in books]
    with ThreadPoolExecutor(max_workers=len(sides)) as pool:
        opened = tuple(pool.map(lambda side: spark_book(session, side, books[side], part), sides))
    plain = [each.book for each in opened]
    return Task(opened, pairs_of(plain), group_columns(plain), seed)
