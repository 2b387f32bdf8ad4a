"""Books in tables that Spark reads: which columns they have, and what is wrong with them.

What a column of a file means is what it means in `sources_columns`: whole fen under our names, yuan
under national ones, codes, days and moments. Columns in names of folders (`pooling_area=NNNNNN`)
are columns of all rows below. A file that lacks a column which others have does not know it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from medsettle import limits
from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.sources import COLUMNS, Book, Faults
from medsettle.clearing.matching.sources_columns import (
    Place,
    Reading,
    book_columns,
    made_columns,
    plan,
)
from medsettle.clearing.spark.tasks import KeyHashing, Reader, Rows, Telling, unpacked
from medsettle.cluster.frames import called, struct_of
from medsettle.cluster.places import Place as Address
from medsettle.cluster.places import address_of
from medsettle.cluster.versions import made_by
from medsettle.errors import Fault, InvalidRequest

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame, SparkSession

# Most columns that may be empty are found not to be in the first rows.
_LOOKED_AT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Part:
    """Which records of the books are compared; None for all."""

    first: date | None = None
    last: date | None = None
    pooling_area: str | None = None
    care_area: str | None = None

    def conditions(self) -> dict[str, str]:
        """Return what is asked of each column that decides, as Spark writes it."""
        asked: dict[str, list[str]] = {}
        if self.first is not None:
            asked.setdefault("record_date", []).append(f"record_date >= date'{self.first}'")
        if self.last is not None:
            asked.setdefault("record_date", []).append(f"record_date <= date'{self.last}'")
        for name, value in (("pooling_area", self.pooling_area), ("care_area", self.care_area)):
            if value is not None:
                text = value.encode().hex()
                asked[name] = [f"{name} = cast(x'{text}' as string)"]
        return {name: " and ".join(parts) for name, parts in asked.items()}


ALL: Final = Part()
"""All records."""


@dataclass(frozen=True, slots=True)
class SparkBook:
    """A book of which Spark reads the rows.

    Attributes:
        book: Its side, name and columns; its rows are the executors' and counted by them.
        frame: The columns of its files.
        reader: How they become columns of a book.
        direct: Whether they are such as they are.
    """

    book: Book
    frame: "DataFrame"
    reader: Reader
    direct: bool

    def raw(self) -> list["SparkColumn"]:
        """Return a column of the frame for each reading."""
        return [self.frame[each.name] for each in self.reader.readings]

    def rows(self, columns: Sequence[str], frame: "DataFrame | None" = None) -> "DataFrame":
        """Return some columns of the book, of all rows or of those of a frame made of its own."""
        frame = self.frame if frame is None else frame
        names = {each.column.name: each.name for each in self.reader.readings}
        if self.direct:
            return frame.select([frame[names[name]].alias(name) for name in columns])
        read = called(Rows(self.reader, tuple(columns)), structs_of(columns))
        made = frame.select(
            read(*(frame[each.name] for each in self.reader.readings)).alias("made")
        )
        return made.select("made.*")

    def with_keys(self, seed: bytes) -> "DataFrame":
        """Return the frame with a column `medsettle_key`, the hash of the key of each row."""
        (named,) = (each.name for each in self.reader.readings if each.column.name == "settlement")
        return self.frame.withColumn(
            "medsettle_key", called(KeyHashing(seed), "bigint")(self.frame[named])
        )


def structs_of(columns: Sequence[str]) -> str:
    """Return the type of structs of columns of a book, as Spark writes it."""
    return struct_of(pa.schema([COLUMNS[name].arrow_field() for name in columns]))


def spark_book(
    session: "SparkSession", side: Side, paths: Sequence[Address], part: Part = ALL
) -> SparkBook:
    """Open a book of Parquet files.

    Args:
        session: Of the cluster.
        side: Whose book it is.
        paths: Files, or folders of files; a `Path` is of the file systems of this machine and of
            all executors, a text whatever Spark reads.
        part: Which of its records.

    Raises:
        InvalidRequest: There is none, or its columns are not those of a book.
    """
    from pyspark.errors import AnalysisException  # noqa: PLC0415 - an extra

    named = [address_of(each) for each in paths]
    name = ", ".join(map(str, paths))
    try:
        frame = session.read.option("mergeSchema", "true").parquet(*named)
        faults = Faults()
        readings, unknown = plan(frame.columns, name, faults)
        # What stands beside a book is looked at here alone.
        readings = [each for each in readings if each.column in BOOK]
        faults.raise_if_any(name)
        schema = frame.select([each.name for each in readings]).limit(0).toArrow().schema
    except AnalysisException as error:
        text = f"cannot be read: {str(error).splitlines()[0]}; name Parquet files or their folders"
        raise InvalidRequest([Fault(name, text)]) from error
    _check_types(name, readings, schema, faults)
    direct = all(_is_direct(each, schema) for each in readings)
    book = Book(side, name, made_columns(readings), tuple(unknown), 0, _none)
    whole = SparkBook(book, frame, Reader(name, tuple(readings), made_by()), direct)
    chosen = replace(whole, frame=_chosen(whole, part))
    valued = _columns(chosen.frame, readings)
    return replace(chosen, book=replace(book, columns=valued, stated=book.columns))


def _chosen(whole: SparkBook, part: Part) -> "DataFrame":
    """Return those rows of a book that are wanted."""
    conditions = part.conditions()
    lacking = [name for name in conditions if name not in whole.book.columns]
    if lacking:
        text = f"has no {', '.join(lacking)}, by which records were to be chosen; leave them whole"
        raise InvalidRequest([Fault(whole.book.name, text)])
    if not conditions:
        return whole.frame
    asked = " and ".join(conditions.values())
    if whole.direct:
        return whole.frame.where(asked)
    read = called(Rows(whole.reader, tuple(conditions)), structs_of(tuple(conditions)))
    made = whole.frame.withColumn("medsettle_made", read(*whole.raw()))
    for name in conditions:
        asked = asked.replace(f"{name} ", f"medsettle_made.{name} ")
    return made.where(asked).drop("medsettle_made")


def _none(_columns: Sequence[str], _needed: object) -> Any:  # noqa: ANN401 - never returns
    raise AssertionError("the rows of a book of Spark are read by its executors")


def _check_types(name: str, readings: Sequence[Reading], schema: pa.Schema, faults: Faults) -> None:
    nowhere = Place(name, np.zeros(0, np.int64))
    nothing = {each.name: pa.array([], schema.field(each.name).type) for each in readings}
    book_columns(nothing, readings, nowhere, faults)
    faults.raise_if_any(name)


def _is_direct(reading: Reading, schema: pa.Schema) -> bool:
    own = schema.field(reading.name).type
    return not reading.national and bool(own == reading.column.arrow_field().type)


def _columns(frame: "DataFrame", readings: Sequence[Reading]) -> tuple[str, ...]:
    """Return the columns of the book that have a value anywhere; only the key of no rows."""
    optional = [each for each in readings if not each.column.required]
    names = [each.name for each in optional]
    rows, empty = _empty(frame.limit(_LOOKED_AT), names)
    if not rows:
        return ("settlement",)
    if empty:
        _, empty = _empty(frame, empty)
    without = {each.column.name for each in optional if each.name in empty}
    return tuple(name for name in made_columns(readings) if name not in without)


def _empty(frame: "DataFrame", names: Sequence[str]) -> tuple[int, list[str]]:
    """Return how many rows there are, and which of some columns have no value."""
    from pyspark.sql import functions  # noqa: PLC0415 - an extra

    valued = [functions.count(frame[name]) for name in names]
    ((rows, *counts),) = frame.agg(functions.count("*"), *valued).collect()
    return rows, [name for name, count in zip(names, counts, strict=True) if not count]


def raise_faults(book: SparkBook) -> None:
    """Read a book that is known to have faults again, and say where they are.

    Raises:
        InvalidRequest: Always; every fault up to a bound, with file and row.
    """
    from pyspark.sql import functions  # noqa: PLC0415 - an extra

    told = called(Telling(book.reader), "array<string>")
    place = [functions.col("_metadata.file_path"), functions.col("_metadata.row_index")]
    listed = book.frame.select(functions.explode(told(*place, *book.raw())).alias("fault"))
    most = limits.FILE_FAULTS_SHOWN_MAX
    texts = listed.orderBy(functions.col("fault").endswith("\x1f"), "fault")
    faults = Faults()
    for text in texts.limit(most).toArrow()["fault"].to_pylist():
        fault = unpacked(text)
        if fault.message:
            faults.add(fault.path, fault.message)
    faults.count = listed.count()
    faults.raise_if_any(book.book.name)
    raise AssertionError("a book had faults, and has none any more; was it written meanwhile?")
