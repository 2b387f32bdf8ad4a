"""The tables of a history as pieces that lie where the persons of a partition are replayed."""

from functools import reduce
from typing import TYPE_CHECKING, Final

from medsettle import limits
from medsettle.cluster.frames import called, columns_of, mapped
from medsettle.cluster.places import Place, addresses
from medsettle.cluster.versions import made_by
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.replay.history import COLUMNS, History
from medsettle.replay.layout import CLAIM, arrow_schema
from medsettle.replay.spark_tasks import PIECE, Bordering, Packing, borders_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_WHOSE: Final = ("pooling_area", "person")


def partitions_of(history: History, cores: int) -> int:
    """Return into how many partitions the persons of a history are dealt where nobody says it.

    Args:
        history: What its manifest tells.
        cores: How many tasks the cluster does at a time; none of them is to be idle.
    """
    rows = history.rows("claims") + history.rows("lines")
    fit = -(-rows // limits.REPLAY_PARTITION_ROWS)
    return min(max(fit, cores), limits.REPLAY_PARTITIONS_MAX)


def pieces(session: "SparkSession", place: Place, history: History, partitions: int) -> "DataFrame":
    """Return the tables of a history as `PIECE`, in the partition and order they are replayed in.

    Args:
        session: Of the cluster.
        place: Where the history lies.
        history: What its manifest tells.
        partitions: How many there are to be; those for which no person is left are empty.

    Raises:
        NotFound: A file is gone.
        InvalidRequest: The claims of a person are not numbered one after another.
    """
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    tables = {name: _table(session, place, history, name) for name in COLUMNS if history.rows(name)}
    claim = f.col(CLAIM.name)
    persons = (
        tables["claims"]
        .groupBy(*_WHOSE)
        .agg(f.min(claim).alias("first"), f.max(claim).alias("last"), f.count("*").alias("claims"))
    )
    wanted = borders_of(
        [(part.rows("claims"), part.rows("claims") + part.rows("lines")) for part in history.parts],
        partitions,
    )
    borders = _borders(persons, wanted)
    if "moves" in tables:
        tables["moves"] = _with_claims(tables["moves"], persons, borders)
    parts, own = history.first_claims(), made_by()
    made = [
        mapped(table, Packing(name, borders, parts, own), PIECE) for name, table in tables.items()
    ]
    return (
        reduce(lambda one, other: one.union(other), made)
        .repartitionById(partitions, f.col("partition"))
        .sortWithinPartitions("first", "place")
    )


def _table(session: "SparkSession", place: Place, history: History, name: str) -> "DataFrame":
    """Return a table, with nulls for columns that a file has not."""
    from pyspark.errors import AnalysisException  # noqa: PLC0415 - an extra

    files = [file.path for part in history.parts for file in part.files if file.table == name]
    own = arrow_schema(COLUMNS[name])
    try:
        found = session.read.schema(columns_of(own)).parquet(*addresses(place, files))
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        cause = str(error).splitlines()[0]
        raise NotFound(f"{cause}; make the history again", path=str(place)) from error
    # Folders may be called like `year=2026`, of which Spark makes columns.
    return found.select(own.names)


def _borders(persons: "DataFrame", wanted: tuple[int, ...]) -> tuple[int, ...]:
    """Return the first claim of each partition but the first, where a person begins."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    near = called(Bordering(wanted), "int")(f.col("first"))
    apart = f.expr("last - first + 1 <> claims")
    found = (
        persons.groupBy(near.alias("near"))
        .agg(f.min("first").alias("first"), f.min(f.when(apart, f.col("first"))).alias("apart"))
        .toArrow()
    )
    for first in found["apart"].drop_null().to_pylist():
        message = f"those of the person of claim {first} are not numbered one after another"
        raise InvalidRequest([Fault("history.claims", f"{message}; make the history again")])
    firsts = dict(zip(found["near"].to_pylist(), found["first"].to_pylist(), strict=True))
    borders = []
    border = limits.INT64_MAX
    for number in range(len(wanted), 0, -1):
        border = firsts.get(number, border)
        borders.append(border)
    return tuple(reversed(borders))


def _with_claims(moves: "DataFrame", persons: "DataFrame", borders: tuple[int, ...]) -> "DataFrame":
    """Return moves with the first claim of their person, in its order; without claims no one's."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    first = persons.select(*_WHOSE, f.col("first").alias(CLAIM.name))
    partition = called(Bordering(borders), "int")(f.col(CLAIM.name))
    return (
        moves.join(first, [*_WHOSE])
        .repartitionById(len(borders) + 1, partition)
        .sortWithinPartitions(CLAIM.name, "order")
    )
