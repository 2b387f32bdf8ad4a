"""What runs on the executors of a Spark cluster: rows of files read, checked and hashed.

These are handed to Spark as functions of whole columns (`arrow_udf`), so an executor needs
medsettle and its own packages and no pandas. Nothing here imports pyspark.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from medsettle.clearing.matching.passes import FAMILY, OTHER_KEYS, family_hashes, natural_hashes
from medsettle.clearing.matching.row_hashes import Hasher
from medsettle.clearing.matching.sources import COLUMNS, Faults
from medsettle.clearing.matching.sources_columns import Place, Reading, book_columns
from medsettle.cluster.versions import check_version
from medsettle.errors import Fault

BESIDE_KEYS = (*OTHER_KEYS, FAMILY)
"""By what a row that is not odd may be wanted beside an odd one."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads columns of files as those of a book.

    Attributes:
        name: What messages call the book.
        readings: The columns of its files that are read.
        driver: The version of medsettle that asked; another would hash or read otherwise.
    """

    name: str
    readings: tuple[Reading, ...]
    driver: str

    def columns(
        self, arrays: Sequence[pa.Array], faults: Faults, place: Place | None = None
    ) -> dict[str, pa.Array]:
        """Return the columns of a book that columns of a file make, one for each reading."""
        check_version(self.driver)
        if place is None:
            place = Place(self.name, np.arange(1, len(arrays[0]) + 1))
        named = {each.name: array for each, array in zip(self.readings, arrays, strict=True)}
        return book_columns(named, self.readings, place, faults)


@dataclass(frozen=True, slots=True)
class Hashing:
    """Hashes rows of one book.

    Attributes:
        reader: How they are read.
        columns: The columns that the book has.
        group: Those by which totals are grouped.
        compared: The columns of every comparison; None where the book takes no part.
        seed: What hashes begin with.
    """

    reader: Reader
    columns: tuple[str, ...]
    group: tuple[str, ...]
    compared: tuple[tuple[str, ...] | None, ...]
    seed: bytes

    def __call__(self, *arrays: pa.Array) -> pa.StructArray:
        """Return the hashes of a batch, and how many faults it has in the first row.

        Args:
            arrays: A column for each reading.

        Returns:
            Structs of `hash_fields`: `key`, which is never 0; `grouped`, the first lane of the
            group; both lanes of each comparison; the hash of each of `BESIDE_KEYS`, 0 where the
            row has no such key and null where the book has none; `faults`.
        """
        names = hash_fields(len(self.compared))
        if not len(arrays[0]):
            return pa.StructArray.from_arrays([pa.array([], pa.int64())] * len(names), names)
        faults = Faults(checking=True)
        made = self.reader.columns(arrays, faults)
        batch = pa.RecordBatch.from_arrays([made[name] for name in self.columns], self.columns)
        hasher, rows = Hasher(self.seed), batch.num_rows
        keys = hasher.keys(batch)
        told = np.zeros(rows, np.int64)
        told[:1] = faults.count
        grouped = hasher.lanes(batch, self.group).one.view(np.int64)
        found = [pa.array(keys.view(np.int64)), pa.array(grouped)]
        for columns in self.compared:
            if columns is None:
                found += [pa.nulls(rows, pa.int64())] * 2
            else:
                lanes = hasher.lanes(batch, columns)
                found += [pa.array(each.view(np.int64)) for each in (lanes.one, lanes.two)]
        for key in BESIDE_KEYS:
            if key == FAMILY:
                found.append(pa.array(family_hashes(batch, keys, hasher).astype(np.int64)))
            elif not set(key) <= set(self.columns):
                found.append(pa.nulls(rows, pa.int64()))
            else:
                found.append(pa.array(natural_hashes(batch, key, hasher).astype(np.int64)))
        found.append(pa.array(told))
        return pa.StructArray.from_arrays(found, names)


def hash_fields(comparisons: int) -> list[str]:
    """Return the names of what `Hashing` returns for so many comparisons; all are int64."""
    lanes = [f"{lane}_{number}" for number in range(comparisons) for lane in ("one", "two")]
    return ["key", "grouped", *lanes, *beside_fields(), "faults"]


def beside_fields() -> list[str]:
    """Return the names of the hashes of `BESIDE_KEYS`, in their order."""
    return [f"beside_{number}" for number in range(len(BESIDE_KEYS))]


@dataclass(frozen=True, slots=True)
class KeyHashing:
    """Hashes the keys of rows of a book, as `Hashing` does."""

    seed: bytes

    def __call__(self, *arrays: pa.Array) -> pa.Array:
        """Return the hash of the key of each row; the one array are ids of settlements."""
        if not len(arrays[0]):
            return pa.array([], pa.int64())
        batch = pa.RecordBatch.from_arrays([arrays[0].cast(pa.string())], ["settlement"])
        return pa.array(Hasher(self.seed).keys(batch).view(np.int64))


@dataclass(frozen=True, slots=True)
class Rows:
    """Reads rows of a book as they are."""

    reader: Reader
    columns: tuple[str, ...]

    def __call__(self, *arrays: pa.Array) -> pa.StructArray:
        """Return some columns of the book as structs, of the types of `book.BOOK`."""
        made = self.reader.columns(arrays, Faults())
        types = [COLUMNS[name].arrow_field().type for name in self.columns]
        plain = [made[name].cast(each) for name, each in zip(self.columns, types, strict=True)]
        return pa.StructArray.from_arrays(plain, names=list(self.columns))


@dataclass(frozen=True, slots=True)
class Telling:
    """Says what is wrong with rows, and where they stand."""

    reader: Reader

    def __call__(self, *arrays: pa.Array) -> pa.Array:
        """Return what is wrong with a batch, a list of texts in the first row of each file.

        Args:
            arrays: The path of the file of each row, its number in there from 0, and a column for
                each reading.
        """
        paths, numbers, *columns = arrays
        told: list[list[str] | None] = [None] * len(paths)
        runs = pc.run_end_encode(paths)
        first = 0
        for path, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            faults = Faults(checking=True)
            place = Place(path, numbers[first:end].to_numpy() + 1)
            self.reader.columns([each[first:end] for each in columns], faults, place)
            more = [Fault(path, "")] * (faults.count - len(faults.found))
            told[first] = [packed(each) for each in (*faults.found, *more)]
            first = end
        return pa.array(told, pa.list_(pa.string()))


_BETWEEN = "\x1f"


def packed(fault: Fault) -> str:
    """Return a fault as one text."""
    return f"{fault.path}{_BETWEEN}{fault.message}"


def unpacked(text: str) -> Fault:
    """Return the fault that `packed` made a text of."""
    return Fault(*text.split(_BETWEEN, 1))
