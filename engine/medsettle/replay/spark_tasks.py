"""What runs on the executors of a Spark cluster: pieces of tables made, and persons replayed.

Rows travel as **pieces**: runs of rows of one table in the order of their claims, as an Arrow
stream in one value. So what Spark moves and sorts are thousands of pieces and not rows by the
hundred million. Nothing here imports pyspark.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from medsettle.cluster.frames import Batches
from medsettle.cluster.versions import check_version
from medsettle.errors import Fault, InvalidRequest
from medsettle.replay.part import CLAIMS, PartOptions, PartReplayer
from medsettle.replay.part_columns import GivenTables
from medsettle.replay.spool import write_stream
from medsettle.replay.whole_persons import BatchSize, WholePersons
from medsettle.replay.worlds import World
from medsettle.rule_cache import unpickled

PIECE: Final = pa.schema(
    [
        pa.field("partition", pa.int32()),
        pa.field("first", pa.int64()),
        pa.field("place", pa.int64()),
        pa.field("name", pa.string()),
        pa.field("content", pa.binary()),
    ]
)
"""A piece of a table: to which partition it goes, its first claim, its place among the pieces that
one task made, the name of the table, and its rows."""

MADE: Final = pa.schema(
    [pa.field("name", pa.string()), pa.field("rows", pa.int64()), pa.field("content", pa.binary())]
)
"""A piece of a table of results, or what else a task has to say: see `REPLAYED` and `FAULTY`."""

COUNTED: Final = pa.schema([pa.field("part", pa.int64()), pa.field("rows", pa.int64())])
"""How many rows are of claims of a part of the history."""

REPLAYED: Final = "replayed"
"""Names the row of a batch that was replayed: its claims, and no content."""

FAULTY: Final = "faulty"
"""Names the row that says why a partition was not: its content are faults."""

_PIECE_ROWS: Final = 65_536
_SPARSE: Final = ("claims", "lines")
"""Of these a replay takes a column that is missing for one without values."""


class Held(Protocol):
    """What a driver has handed to all executors: Spark's `Broadcast`."""

    @property
    def value(self) -> bytes:
        """The bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Packing:
    """Makes pieces of the rows of a table.

    Attributes:
        name: Of the table, by `history.COLUMNS`.
        borders: The first claim of each partition but the first, rising.
        parts: The first claim of each part of the history, rising; Spark reads their files in any
            order, one after another.
        driver: The version of medsettle that asks.
    """

    name: str
    borders: tuple[int, ...]
    parts: tuple[int, ...]
    driver: str

    def __call__(self, batches: Batches) -> Batches:
        """Yield the pieces of a partition as `PIECE`; its rows have a column `claim`.

        A piece ends where its partition does, and where another part of the history begins.
        """
        check_version(self.driver)
        borders, parts = (np.array(each, dtype=np.int64) for each in (self.borders, self.parts))
        place = 0
        for batch in batches:
            if not batch.num_rows:
                continue
            claim = batch.column("claim").to_numpy()
            partition = np.searchsorted(borders, claim, side="right").astype(np.int32)
            part = np.searchsorted(parts, claim, side="right")
            edges = np.flatnonzero((np.diff(partition) != 0) | (np.diff(part) != 0)) + 1
            starts = np.concatenate(([0], edges))
            ends = np.append(edges, batch.num_rows)
            pieces = [
                packed(stated(each) if self.name in _SPARSE else each)
                for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
                for each in [batch.slice(start, end - start)]
            ]
            yield pa.record_batch(
                [
                    pa.array(partition[starts]),
                    pa.array(claim[starts]),
                    pa.array(np.arange(place, place + len(starts))),
                    pa.array([self.name] * len(starts), pa.string()),
                    pa.array(pieces, pa.binary()),
                ],
                schema=PIECE,
            )
            place += len(starts)


@dataclass(frozen=True, slots=True)
class Replaying:
    """Replays the persons of partitions.

    Attributes:
        rules: The pickled worlds, as all executors have them.
        digest: Of what `rules` holds, by which what was made of it is known again.
        options: What is wanted.
        size: How much is replayed at a time.
        driver: The version of medsettle that asks.
    """

    rules: Held
    digest: str
    options: PartOptions
    size: BatchSize
    driver: str

    def __call__(self, batches: Batches) -> Batches:
        """Yield what the persons of a partition come to as `MADE`; rows are `PIECE`, in order."""
        check_version(self.driver)
        replayer = _replayer(self)
        try:
            for tables in _whole_persons(batches, self.size):
                yield from _made(replayer.replay(GivenTables(tables)), tables[CLAIMS].num_rows)
        except InvalidRequest as error:
            # Told by the driver: to Spark it is a task that failed, and is tried again.
            yield _row(
                FAULTY, 0, orjson.dumps([[each.path, each.message] for each in error.faults])
            )


def _whole_persons(batches: Batches, size: BatchSize) -> Iterator[dict[str, pa.Table]]:
    persons = WholePersons(size)
    for batch in batches:
        names, contents = batch.column("name"), batch.column("content")
        for name, content in zip(names.to_pylist(), contents, strict=True):
            yield from persons.add(name, unpacked(content))
    yield from persons.rest()


_HELD: Final[dict[tuple[str, PartOptions], PartReplayer]] = {}


def _replayer(task: Replaying) -> PartReplayer:
    """Return what replays by some rules; a worker keeps that of the last rules it was given."""
    key = task.digest, task.options
    if key not in _HELD:
        worlds = unpickled(task.rules.value)
        assert isinstance(worlds, list)
        assert all(isinstance(each, World) for each in worlds)
        _HELD.clear()
        _HELD[key] = PartReplayer(worlds, task.options)
    return _HELD[key]


def _made(tables: Mapping[str, pa.Table], claims: int) -> Batches:
    yield _row(REPLAYED, claims, b"")
    for name, table in tables.items():
        # Codes with one dictionary, since a stream has one.
        for batch in table.unify_dictionaries().to_batches(max_chunksize=_PIECE_ROWS):
            if batch.num_rows:
                yield _row(name, batch.num_rows, packed(batch))


def _row(name: str, rows: int, content: bytes) -> pa.RecordBatch:
    return pa.record_batch(
        [pa.array([name]), pa.array([rows], pa.int64()), pa.array([content], pa.binary())],
        schema=MADE,
    )


def faults_of(content: bytes) -> list[Fault]:
    """Return the faults that a `FAULTY` row tells."""
    return [Fault(*each) for each in orjson.loads(content)]


@dataclass(frozen=True, slots=True)
class Unpacking:
    """Makes rows of results of their pieces.

    Attributes:
        schema: Of the rows; codes are plain texts.
    """

    schema: pa.Schema

    def __call__(self, batches: Batches) -> Batches:
        """Yield the rows of the pieces of a partition, whose rows are `MADE`."""
        for table in _tables(batches):
            yield from table.cast(self.schema).to_batches()


@dataclass(frozen=True, slots=True)
class Counting:
    """Counts the rows of results by the parts of the history.

    Attributes:
        firsts: The first claim of each part, rising.
    """

    firsts: tuple[int, ...]

    def __call__(self, batches: Batches) -> Batches:
        """Yield how many rows of a partition are of each part, as `COUNTED`."""
        firsts = np.array(self.firsts, dtype=np.int64)
        for table in _tables(batches):
            part = np.searchsorted(firsts, table["claim"].to_numpy(), side="right") - 1
            found, rows = np.unique(part, return_counts=True)
            yield pa.record_batch([pa.array(found), pa.array(rows)], schema=COUNTED)


def _tables(batches: Batches) -> Iterator[pa.Table]:
    for batch in batches:
        for content in batch.column("content"):
            yield unpacked(content)


@dataclass(frozen=True, slots=True)
class Bordering:
    """Finds near which border of partitions the first claim of a person is.

    Attributes:
        borders: From which claim on each partition but the first should begin, rising.
    """

    borders: tuple[int, ...]

    def __call__(self, first: pa.Array) -> pa.Array:
        """Return how many borders are not behind each first claim."""
        borders = np.array(self.borders, dtype=np.int64)
        found: NDArray[np.int64] = np.searchsorted(borders, first.to_numpy(), side="right")
        return pa.array(found.astype(np.int32))


def stated(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows without the columns that have no value."""
    columns = zip(rows.schema.names, rows.columns, strict=True)
    return rows.select([name for name, column in columns if column.null_count < len(column)])


def packed(rows: pa.RecordBatch) -> bytes:
    """Return rows as an Arrow stream."""
    sink = pa.BufferOutputStream()
    write_stream(sink, rows)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def unpacked(content: pa.BinaryScalar) -> pa.Table:
    """Return the rows that `packed` made a stream of."""
    with pa.ipc.open_stream(content.as_buffer()) as reader:
        return reader.read_all()


def borders_of(weights: Sequence[tuple[int, int]], partitions: int) -> tuple[int, ...]:
    """Return from which claim on each partition but the first should begin, to weigh the same.

    Args:
        weights: Claims and rows of each part of the history, in their order.
        partitions: How many there are to be.

    Returns:
        Rising numbers of claims, `partitions - 1`; within a part rows lie evenly over claims.
    """
    claims = np.concatenate(([0], np.cumsum([each for each, _ in weights], dtype=np.int64)))
    rows = np.concatenate(([0], np.cumsum([each for _, each in weights], dtype=np.int64)))
    found = []
    for number in range(1, partitions):
        wanted = int(rows[-1]) * number // partitions
        part = min(int(np.searchsorted(rows, wanted, side="right")) - 1, len(weights) - 1)
        before, own = int(claims[part]), weights[part]
        found.append(before + own[0] * (wanted - int(rows[part])) // max(own[1], 1))
    return tuple(found)
