"""A replay as a Spark job, for histories that one machine should not go through.

Executors read the tables of a history in any store that Spark reads, and bring the rows of whole
persons together: claims are numbered in the order of their persons, so a partition is a range of
claims that begins and ends with a person, and no rows need to be joined. There the same kernel as
on one machine (`medsettle.replay.part`) settles batches of whole persons, and Spark writes what
they come to as Parquet. The rows are those of one machine whatever the partitions and batches;
files lie as Spark partitions them, in the order of claims.

What executors need says `medsettle.cluster`. Rules travel compiled and pickled, once to each.

**Memory**: an executor holds a batch of whole persons in Python (`BatchSize`), or one person with
more; Spark spills the rest. What is replayed stays on the executors' disks until all tables of
results are written.

An executor that is lost loses nothing: what it had made is made again from the same files. Files
must not change meanwhile; tasks read parts of them, so no digest is asked for here, and
`medsettle history check` does it before. A job that is ended begins anew: `replay.json` names
finished parts once all is written.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medsettle import limits
from medsettle.cluster.frames import mapped
from medsettle.cluster.places import Place, address_of, read_file, write_file
from medsettle.cluster.session import NEEDED, spark_session, told_by_spark
from medsettle.cluster.versions import made_by
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.replay.history import MANIFEST as HISTORY_MANIFEST
from medsettle.replay.history import History
from medsettle.replay.layout import DIFFERENCES, RESULTS_MANIFEST, WRITTEN_BY, arrow_schema
from medsettle.replay.manifest import (
    TABLES,
    Finished,
    finished_in,
    held_by_history,
    manifest,
    told_of,
)
from medsettle.replay.part import CLAIMS, LINES, PartOptions
from medsettle.replay.run import Replayed
from medsettle.replay.spark_pieces import partitions_of, pieces
from medsettle.replay.spark_tasks import (
    COUNTED,
    FAULTY,
    MADE,
    REPLAYED,
    Counting,
    Replaying,
    Unpacking,
    faults_of,
)
from medsettle.replay.whole_persons import BatchSize
from medsettle.replay.worlds import World
from medsettle.rule_cache import pickled

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_WRITTEN_BY: Final = {WRITTEN_BY: "spark"}
"""Said in the manifest: one machine writes other files, so neither goes on with the other's."""

_ARROW: Final = {"spark.sql.execution.arrow.maxBytesPerBatch": str(limits.REPLAY_ARROW_BYTES)}


def replay_on_spark(
    history: Place,
    worlds: Sequence[World],
    out: Place,
    options: PartOptions | None = None,
    *,
    master: str,
    partitions: int | None = None,
    size: BatchSize | None = None,
    settings: Mapping[str, str] | None = None,
) -> Replayed:
    """Replay a history under the rules of each world on a Spark cluster.

    Args:
        history: Its folder; a `Path` is of a file system that every executor sees under the same
            name, a text whatever Spark reads (`s3a://…`). So is `out`.
        worlds: The baseline first, then its reforms.
        out: Folder of the results; an unfinished replay of the same is begun again.
        options: What is wanted.
        master: Where the cluster is, as Spark says it: `spark://host:7077`, `yarn`, `k8s://…`, or
            `local[2]` for two threads of this process.
        partitions: Into how many the persons are dealt; as many as fit where it is not said.
        size: How many claims and lines are replayed at a time.
        settings: Of Spark, beside those of its own configuration files.

    Raises:
        NotFound: There is no history, or it was not finished.
        InvalidRequest: The folder has the results of another history, of other rules or options,
            or of a replay on one machine; the history is not in order; there are too many
            partitions.
        Precondition: pyspark or Java is missing, a session of Spark runs in this process already,
            or the job failed.
        ConnectionError: No master answers there.
        OSError: The manifest cannot be written.
    """
    with spark_session(master, settings or {}, "replay") as session:
        return replay_in(session, history, worlds, out, options, partitions=partitions, size=size)


def replay_in(
    session: "SparkSession",
    history: Place,
    worlds: Sequence[World],
    out: Place,
    options: PartOptions | None = None,
    *,
    partitions: int | None = None,
    size: BatchSize | None = None,
) -> Replayed:
    """Return the same as `replay_on_spark`, by a session that runs already.

    Some settings of the session are changed: its zone is UTC, names of columns and folders are
    taken as they stand, and Arrow batches are bounded.
    """
    options = options or PartOptions()
    most = limits.REPLAY_PARTITIONS_MAX
    if partitions is not None and not 1 <= partitions <= most:
        raise InvalidRequest([Fault("partitions", f"are {partitions}; ask for 1 to {most}")])
    for name, value in (NEEDED | _ARROW).items():
        session.conf.set(name, value)
    with told_by_spark():
        opened = _history(session, history)
        told = {**told_of(opened, worlds, options), **_WRITTEN_BY}
        lies = str(history.absolute()) if isinstance(history, Path) else history
        if read_file(session, out, HISTORY_MANIFEST) is not None:
            raise held_by_history(address_of(out))
        held = read_file(session, out, RESULTS_MANIFEST)
        path = f"{address_of(out)}/{RESULTS_MANIFEST}"
        finished = {} if held is None else finished_in(held, told, path)
        resumed = len(finished)
        tables = _tables(worlds, options)
        if held is None or resumed < len(opened.parts) or _lack(session, opened, out, tables):
            resumed = 0
            write_file(session, out, RESULTS_MANIFEST, manifest(told, {}, lies))
            if opened.rows(CLAIMS):
                cores = session.sparkContext.defaultParallelism
                count = partitions or partitions_of(opened, cores)
                rows = pieces(session, history, opened, count)
                made = mapped(rows, _task(session, worlds, options, size or BatchSize()), MADE)
                finished = _written(made, opened, out, tables)
            write_file(session, out, RESULTS_MANIFEST, manifest(told, finished, lies))
    differences = sum(each.differences for each in finished.values())
    return Replayed(Path(out), len(opened.parts), opened.rows(CLAIMS), resumed, differences)


def _history(session: "SparkSession", place: Place) -> History:
    """Return the history of a folder."""
    path = f"{address_of(place)}/{HISTORY_MANIFEST}"
    raw = read_file(session, place, HISTORY_MANIFEST)
    if raw is None:
        message = "is not there: no history was finished in this folder; make one first, of audit "
        message += "tables or claims, with `medsettle history make`"
        raise NotFound(f"{path} {message}", path=path)
    return History.told_by(raw, Path(place), path)


def _task(
    session: "SparkSession", worlds: Sequence[World], options: PartOptions, size: BatchSize
) -> Replaying:
    rules = pickled([*worlds])
    handed = session.sparkContext.broadcast(rules)
    return Replaying(handed, sha256(rules).hexdigest(), options, size, made_by())


def _tables(worlds: Sequence[World], options: PartOptions) -> list[str]:
    """Return the tables of results that are there also where they have no rows."""
    if options.check:
        return [DIFFERENCES]
    lines = [f"{LINES}/{worlds[0].name}"] if options.lines else []
    return [*(f"{CLAIMS}/{world.name}" for world in worlds), *lines, DIFFERENCES]


def _lack(session: "SparkSession", history: History, out: Place, tables: Sequence[str]) -> bool:
    """Return whether finished results lack claims of some world, whose files are gone."""
    from pyspark.errors import AnalysisException  # noqa: PLC0415 - an extra

    for name in tables:
        if name.partition("/")[0] != CLAIMS:
            continue
        try:
            rows = session.read.parquet(f"{address_of(out)}/{name}").count()
        except AnalysisException as error:
            if error.getCondition() not in {"PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA"}:
                raise
            return True
        if rows != history.rows(CLAIMS):
            return True
    return False


def _written(
    made: "DataFrame", history: History, out: Place, tables: Sequence[str]
) -> dict[int, Finished]:
    """Write results, and return the parts of the history, which are all finished then."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra
    from pyspark.storagelevel import StorageLevel  # noqa: PLC0415 - an extra

    kept = made.persist(StorageLevel.DISK_ONLY)
    try:
        summed = kept.groupBy("name").agg(f.sum("rows").alias("rows")).toArrow()
        rows = dict(zip(summed["name"].to_pylist(), summed["rows"].to_pylist(), strict=True))
        if FAULTY in rows:
            told = kept.where(f.col("name") == FAULTY).select("content").toArrow()["content"]
            raise InvalidRequest([fault for each in told.to_pylist() for fault in faults_of(each)])
        if rows.pop(REPLAYED, 0) != history.rows(CLAIMS):
            message = f"are not the {history.rows(CLAIMS)} that its manifest tells of"
            raise InvalidRequest([Fault("history.claims", f"{message}; make the history again")])
        for name in dict.fromkeys([*tables, *rows]):
            _write(kept, name, out)
        return _differences(kept, history)
    finally:
        kept.unpersist()


def _write(made: "DataFrame", name: str, out: Place) -> None:
    """Write a table of results as Parquet, in place of what was there."""
    schema = arrow_schema(TABLES[name.partition("/")[0]])
    rows = mapped(_pieces_of(made, name), Unpacking(schema), schema)
    writer = rows.write.mode("overwrite").option("compression", "zstd")
    writer.parquet(f"{address_of(out)}/{name}")


def _pieces_of(made: "DataFrame", name: str) -> "DataFrame":
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    return made.where(f.col("name") == name).select("content")


def _differences(made: "DataFrame", history: History) -> dict[int, Finished]:
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    counting = Counting(history.first_claims())
    counted = mapped(_pieces_of(made, DIFFERENCES), counting, COUNTED)
    summed = counted.groupBy("part").agg(f.sum("rows").alias("rows")).toArrow()
    rows = dict(zip(summed["part"].to_pylist(), summed["rows"].to_pylist(), strict=True))
    return {part.number: Finished(rows.get(at, 0)) for at, part in enumerate(history.parts)}
