"""The steps of a reconciliation on Spark, each a few statements over distributed rows.

    hashes        a row of whole numbers for each row of each book, kept on the executors' disks
    named keys    those of which the books have not one row each, or not with the same lanes
    beside        those of rows that share another natural key, or a settlement, with such
    unlike keys   where hashes name too many: what a full join of the rows says
    rows          of these keys, brought to the driver
    totals        of each group, and the sums of its lanes

Rows that agree never leave the executors; Spark spills what does not fit into their memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medsettle import limits
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.passes import FAMILY, Pair, shared_columns
from medsettle.clearing.matching.row_hashes import Hasher
from medsettle.clearing.matching.sources import Book
from medsettle.clearing.matching.totals import SUMMED, Totals
from medsettle.clearing.spark.books import SparkBook, raise_faults
from medsettle.clearing.spark.tasks import (
    BESIDE_KEYS,
    Hashing,
    KeyHashing,
    beside_fields,
    hash_fields,
)
from medsettle.cluster.frames import called
from medsettle.errors import Fault, InvalidRequest, Precondition

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Keys = NDArray[np.int64]

_NO_KEYS: Final = np.empty(0, np.int64)
_HALF_BITS: Final = 32
_HALF: Final = 2**_HALF_BITS - 1


@dataclass(frozen=True, slots=True)
class Task:
    """What a reconciliation compares.

    Attributes:
        books: The books, in the order of `Side`.
        pairs: Which are compared, and by which columns.
        group: The columns that totals are grouped by.
        seed: What hashes begin with.
    """

    books: tuple[SparkBook, ...]
    pairs: tuple[Pair, ...]
    group: tuple[str, ...]
    seed: bytes

    @property
    def compared(self) -> tuple[tuple[str, ...], ...]:
        """The columns of each comparison, those of several pairs once."""
        return tuple(dict.fromkeys(pair.columns for pair in self.pairs))

    def compared_by(self, side: Side) -> tuple[tuple[str, ...] | None, ...]:
        """Return the same, None where a side takes no part."""
        own = {pair.columns for pair in self.pairs if side in {pair.one, pair.other}}
        return tuple(columns if columns in own else None for columns in self.compared)


def hashes(task: Task) -> "DataFrame":
    """Return the hashes of all rows of all books, with `side`, the number of the book.

    They are kept on the disks of the executors until `unpersist` is called; those that are lost
    with an executor are made again.

    Raises:
        InvalidRequest: Something in a book is wrong; with file and row.
    """
    from pyspark.sql import functions  # noqa: PLC0415 - an extra
    from pyspark.storagelevel import StorageLevel  # noqa: PLC0415 - an extra

    fields = ", ".join(f"{name}:bigint" for name in hash_fields(len(task.compared)))
    parts = []
    for number, each in enumerate(task.books):
        hashing = Hashing(
            each.reader,
            each.book.columns,
            task.group,
            task.compared_by(each.book.side),
            task.seed,
        )
        made = called(hashing, f"struct<{fields}>")(*each.raw()).alias("made")
        rows = each.frame.select(functions.lit(number).alias("side"), made)
        parts.append(rows.select("side", "made.*"))
    hashed = reduce(lambda one, other: one.union(other), parts)
    hashed = hashed.persist(StorageLevel.DISK_ONLY)
    faults = hashed.groupBy("side").agg(functions.sum("faults").alias("faults")).toArrow()
    found = dict(zip(faults["side"].to_pylist(), faults["faults"].to_pylist(), strict=True))
    for number, each in enumerate(task.books):
        if found.get(number):
            raise_faults(each)
    return hashed


def candidate_rows(
    session: "SparkSession", task: Task, hashed: "DataFrame"
) -> Mapping[Side, pa.Table]:
    """Return per side all rows of keys that may be odd, and what is wanted beside odd ones.

    Some are named needlessly: what is brought to the driver is looked at there once more.

    Raises:
        Precondition: There are more of them than are classified.
    """
    # Hashes also name a column that one book does not know in many rows; the rows themselves say
    # which of these differ.
    for odd in (_named, _unlike):
        keys = odd(task, hashed)
        wanted = None if keys is None else _wanted(session, hashed, keys)
        rows = None if wanted is None else _rows_at(session, task, wanted)
        if rows is not None:
            return rows
    raise Precondition(
        f"more than {limits.ODD_ROWS_MAX} rows of the books differ, or stand beside one that does; "
        f"at most {limits.ODD_ROWS_MAX} are classified; compare fewer days or areas, or see "
        "whether these are books of the same things",
    )


def _named(task: Task, hashed: "DataFrame") -> Keys | None:
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    lanes = [f"{lane}_{number}" for number in range(len(task.compared)) for lane in ("one", "two")]
    counted = hashed.groupBy("key").agg(
        f.count("*").alias("rows"),
        f.bit_or(f.expr("shiftleft(1, side)")).alias("sides"),
        *(f.min(name).alias(f"least_{name}") for name in lanes),
        *(f.max(name).alias(f"most_{name}") for name in lanes),
    )
    once = f"rows = {len(task.books)} and sides = {2 ** len(task.books) - 1}"
    alike = "".join(f" and least_{name} = most_{name}" for name in lanes)
    return _few(counted.where(f"not ({once}{alike})").select("key"))


def _few(keys: "DataFrame") -> Keys | None:
    """Return keys, each once and in order; None where they are too many."""
    found = keys.limit(limits.ODD_ROWS_MAX + 1).toArrow()["key"]
    if len(found) > limits.ODD_ROWS_MAX:
        return None
    return np.unique(np.concatenate([_NO_KEYS, found.to_numpy()]))


def _wanted(session: "SparkSession", hashed: "DataFrame", odd: Keys) -> Keys | None:
    """Return odd keys, those beside them, and what belongs to either; None for too many."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    wanted: Keys | None = odd
    others = [name for name, key in zip(beside_fields(), BESIDE_KEYS, strict=True) if key != FAMILY]
    families = [name for name in beside_fields() if name not in others]
    for names in (others, families):
        if wanted is None or not len(wanted):
            return wanted
        told = ", ".join(f"struct('{name}' as beside, {name} as hash)" for name in names)
        long = hashed.select("key", f.expr(f"inline(array({told}))")).where("hash <> 0")
        shared = _at(session, long, wanted).select("beside", "hash").distinct()
        more = long.join(f.broadcast(shared), ["beside", "hash"], "left_semi").select("key")
        wanted = _few(more.union(session.createDataFrame(pa.table({"key": wanted}))).distinct())
    return wanted


def _at(session: "SparkSession", keyed: "DataFrame", keys: Keys, name: str = "key") -> "DataFrame":
    """Return the rows of some keys."""
    from pyspark.sql import functions  # noqa: PLC0415 - an extra

    listed = session.createDataFrame(pa.table({name: keys}))
    return keyed.join(functions.broadcast(listed), name, "left_semi")


def _unlike(task: Task, _hashed: "DataFrame") -> Keys | None:
    """Return the hashes of the odd keys by joining the rows themselves, as `full_join` does."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    sides = [each.book for each in task.books]
    both = {name for pair in combinations(sides, 2) for name in shared_columns(*pair)}
    rows = {
        each.book.side: each.rows([name for name in each.book.columns if name in both])
        for each in task.books
    }
    twice = reduce(
        lambda one, other: one.union(other),
        [
            each.groupBy("settlement").agg(f.count("*").alias("times")).where("times > 1")
            for each in rows.values()
        ],
    ).select("settlement")
    single = {side: each.join(twice, "settlement", "left_anti") for side, each in rows.items()}
    odd = [twice]
    for one, other in combinations(sides, 2):
        names = [name for name in shared_columns(one, other) if name != "settlement"]
        unlike = "".join(f" or a.{name} <> b.{name}" for name in names)
        joined = (
            single[one.side]
            .alias("a")
            .join(single[other.side].alias("b"), f.expr("a.settlement = b.settlement"), "full")
        )
        lacking = f"a.settlement is null or b.settlement is null{unlike}"
        odd.append(
            joined.where(lacking).select(
                f.expr("coalesce(a.settlement, b.settlement)").alias("settlement")
            )
        )
    found = reduce(lambda one, other: one.union(other), odd).distinct()
    hashing = called(KeyHashing(task.seed), "bigint")
    return _few(found.select(hashing(found["settlement"]).alias("key")))


def _rows_at(session: "SparkSession", task: Task, keys: Keys) -> Mapping[Side, pa.Table] | None:
    """Return all rows of some keys by side; None for too many."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    parts = []
    for number, each in enumerate(task.books):
        kept = _at(session, each.with_keys(task.seed), keys, "medsettle_key")
        rows = each.rows(each.book.columns, kept)
        parts.append(rows.withColumn("medsettle_side", f.lit(number)))
    united = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
    found = united.limit(limits.ODD_ROWS_MAX + 1).toArrow()
    if found.num_rows > limits.ODD_ROWS_MAX:
        return None
    return {
        each.book.side: found.filter(pc.equal(found["medsettle_side"], number))
        .select(list(each.book.columns))
        .cast(each.book.schema(each.book.columns))
        for number, each in enumerate(task.books)
    }


# --- totals --------------------------------------------------------------------------------------


def totals(task: Task, hashed: "DataFrame") -> Mapping[Side, Totals]:
    """Return what each book comes to.

    Raises:
        InvalidRequest: A sum is more than can be held.
        Precondition: There are too many groups to be told.
    """
    sums = _sums(task)
    # All books before any of them: where there are too many, those of each book are not all here.
    for number, each in enumerate(task.books):
        _held_to_bound(each.book, task, sums.filter(pc.equal(sums["medsettle_side"], number)))
    digests = _digests(task, hashed)
    return {
        each.book.side: _totals_of(
            each.book,
            task,
            sums.filter(pc.equal(sums["medsettle_side"], number)),
            digests.filter(pc.equal(digests["side"], number)),
        )
        for number, each in enumerate(task.books)
    }


def _sums(task: Task) -> pa.Table:
    """Return, by book and group, how many rows there are and the sum of each amount of any book."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    parts = []
    for number, each in enumerate(task.books):
        amounts = [name for name in each.book.columns if name in SUMMED]
        rows = each.rows([*task.group, *amounts])
        parts.append(rows.withColumn("medsettle_side", f.lit(number)))
    united = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
    amounts = [name for name in united.columns if name in SUMMED]
    summed = united.groupBy("medsettle_side", *task.group).agg(
        f.count("*").alias("rows"),
        # Null is left for a sum that does not fit.
        *(f.expr(f"try_sum(coalesce({name}, 0))").alias(name) for name in amounts),
    )
    return _all_groups(summed, task)


def _all_groups(grouped: "DataFrame", task: Task) -> pa.Table:
    """Return the groups of all books, of which there are not many more than may be."""
    return grouped.limit(limits.TOTAL_GROUPS_MAX * len(task.books) + 1).toArrow()


def _digests(task: Task, hashed: "DataFrame") -> pa.Table:
    """Return, by book and group, how many rows there are and the sums of the halves of lanes."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    halves = []
    for number in range(len(task.compared)):
        for lane in ("one", "two"):
            name = f"{lane}_{number}"
            low, high = f"{name} & {_HALF}L", f"shiftrightunsigned({name}, {_HALF_BITS})"
            halves += [
                f.sum(f.expr(low)).alias(f"low_{name}"),
                f.sum(f.expr(high)).alias(f"high_{name}"),
            ]
    return _all_groups(hashed.groupBy("side", "grouped").agg(f.count("*"), *halves), task)


def _held_to_bound(book: Book, task: Task, sums: pa.Table) -> None:
    """Refuse a book of more groups than may be."""
    most = limits.TOTAL_GROUPS_MAX
    if sums.num_rows > most:
        raise Precondition(
            f"{book.name} has more than {most} groups of {', '.join(task.group)}; compare fewer "
            "days or areas at once"
        )


def _totals_of(book: Book, task: Task, sums: pa.Table, digests: pa.Table) -> Totals:
    """Return what a book comes to out of the sums and digests of its groups."""
    amounts = [name for name in book.columns if name in SUMMED]
    for name in amounts:
        if sums[name].null_count:
            text = "the rows of a group add up to more than a sum can hold; compare fewer days"
            raise InvalidRequest([Fault(f"{book.name}: {name}", text)])
    groups = sums.select(list(task.group)).cast(book.schema(task.group))
    at = _places(groups, digests, task)
    compared = {
        columns: np.stack([_summed(digests, f"{lane}_{place}")[at] for lane in ("one", "two")])
        for place, columns in enumerate(task.compared_by(book.side))
        if columns is not None
    }
    rows, *fen = (sums[name].to_numpy() for name in ("rows", *amounts))
    return Totals(groups, rows, dict(zip(amounts, fen, strict=True)), compared)


def _places(groups: pa.Table, digests: pa.Table, task: Task) -> NDArray[np.int64]:
    """Return where the digest of each group stands."""
    hashed = np.zeros(digests.num_rows, np.int64)
    if task.group and groups.num_rows:
        (batch,) = groups.combine_chunks().to_batches()
        hashed = Hasher(task.seed).lanes(batch, task.group).one.view(np.int64)
    grouped = digests["grouped"].to_numpy()
    assert len(grouped) == len(hashed), "two groups have one hash"
    order = np.argsort(grouped)
    at: NDArray[np.int64] = order[np.searchsorted(grouped, hashed, sorter=order)]
    assert np.array_equal(grouped[at], hashed), "a group has one hash here and on the executors"
    return at


def _summed(digests: pa.Table, name: str) -> NDArray[np.uint64]:
    low, high = (digests[f"{half}_{name}"].to_numpy().view(np.uint64) for half in ("low", "high"))
    summed: NDArray[np.uint64] = low + (high << np.uint64(_HALF_BITS))
    return summed
