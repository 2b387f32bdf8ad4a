"""The steps of a reconciliation on Spark, each a few statements over distributed rows.

    hashes        a row of whole numbers for each row of each book, kept on the executors' disks
    named keys    those of which the books have not one row each, or not with the same lanes
    beside        those of rows that share another natural key, or a settlement, with such
    unlike keys   where hashes name too many: what a full join of the rows says
    rows          of these keys, brought to the driver
    totals        of each group, and the sums of its lanes

Rows that agree never leave the executors; Spark spills what does not fit into their memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medsettle import limits
from medsettle.clearing.book import Side
from medsettle.clearing.passes import FAMILY, Pair, shared_columns
from medsettle.clearing.row_hashes import Hasher
from medsettle.clearing.spark_books import SparkBook, called, raise_faults
from medsettle.clearing.spark_tasks import (
    BESIDE_KEYS,
    Hashing,
    KeyHashing,
    beside_fields,
    hash_fields,
)
from medsettle.clearing.totals import SUMMED, Totals
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


def candidate_keys(session: "SparkSession", task: Task, hashed: "DataFrame") -> Keys:
    """Return the hashes of all keys whose rows may be odd, or are wanted beside odd ones.

    Some are named needlessly: what is brought to the driver is looked at there once more.

    Raises:
        Precondition: More rows than are classified are odd.
    """
    named = _named(task, hashed)
    wanted = None if named is None else _wanted(session, hashed, named)
    if wanted is None:
        # A column that one book often does not know is told from one that differs by its rows.
        named = _unlike(task)
        wanted = None if named is None else _wanted(session, hashed, named)
    if wanted is None:
        raise Precondition(
            f"more than {limits.ODD_ROWS_MAX} rows of the books differ, or stand beside one that "
            f"does; at most {limits.ODD_ROWS_MAX} are classified; compare fewer days or areas, or "
            "see whether these are books of the same things",
        )
    return wanted


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
    """Return odd keys, those beside them, and what belongs to either; None for too many rows."""
    families = [BESIDE_KEYS.index(FAMILY)]
    others = [number for number in range(len(BESIDE_KEYS)) if number not in families]
    wanted = odd
    for numbers in (others, families):
        parts = [wanted]
        for number in numbers:
            name = beside_fields()[number]
            shared = _at(session, hashed, wanted).where(f"{name} <> 0").select(name).distinct()
            beside = hashed.join(shared, name, "left_semi").select("key").distinct()
            more = _few(beside)
            if more is None:
                return None
            parts.append(more)
        wanted = np.unique(np.concatenate(parts))
    rows = _at(session, hashed, wanted).count()
    return None if rows > limits.ODD_ROWS_MAX else wanted


def _at(session: "SparkSession", keyed: "DataFrame", keys: Keys, name: str = "key") -> "DataFrame":
    """Return the rows of some keys."""
    from pyspark.sql import functions  # noqa: PLC0415 - an extra

    listed = session.createDataFrame(pa.table({name: keys}))
    return keyed.join(functions.broadcast(listed), name, "left_semi")


def _unlike(task: Task) -> Keys | None:
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


def rows_at(session: "SparkSession", book: SparkBook, keys: Keys, seed: bytes) -> pa.Table:
    """Return all rows of some keys of a book."""
    schema = book.book.schema(book.book.columns)
    if not len(keys):
        return schema.empty_table()
    found = _at(session, book.with_keys(seed), keys, "medsettle_key")
    return book.rows(book.book.columns, found).toArrow().cast(schema)


# --- totals --------------------------------------------------------------------------------------


def totals(task: Task, hashed: "DataFrame") -> Mapping[Side, Totals]:
    """Return what each book comes to.

    Raises:
        InvalidRequest: A sum is more than can be held.
        Precondition: There are too many groups to be told.
    """
    digests = _digests(task, hashed)
    return {
        each.book.side: _totals_of(each, task, number, digests)
        for number, each in enumerate(task.books)
    }


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
    return hashed.groupBy("side", "grouped").agg(f.count("*").alias("rows"), *halves).toArrow()


def _totals_of(each: SparkBook, task: Task, number: int, digests: pa.Table) -> Totals:
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    book = each.book
    amounts = [name for name in book.columns if name in SUMMED]
    rows = each.rows([*task.group, *amounts])
    summed = rows.groupBy(*task.group).agg(
        f.count("*").alias("rows"),
        *(f.expr(f"try_sum(coalesce({name}, 0))").alias(name) for name in amounts),
    )
    most = limits.TOTAL_GROUPS_MAX
    found = summed.where("rows > 0").limit(most + 1).toArrow().combine_chunks()
    if found.num_rows > most:
        raise Precondition(
            f"{book.name} has more than {most} groups of {', '.join(task.group)}; compare fewer "
            "days or areas at once"
        )
    sums = {}
    for name in amounts:
        if found[name].null_count:
            text = "the rows of a group add up to more than a sum can hold; compare fewer days"
            raise InvalidRequest([Fault(f"{book.name}: {name}", text)])
        sums[name] = found[name].to_numpy()
    groups = found.select(list(task.group)).cast(book.schema(task.group))
    own = digests.filter(pc.equal(digests["side"], number))
    at = _places(groups, own, task)
    compared = {
        columns: np.stack([_summed(own, f"{lane}_{place}")[at] for lane in ("one", "two")])
        for place, columns in enumerate(task.compared_by(book.side))
        if columns is not None
    }
    return Totals(groups, found["rows"].to_numpy(), sums, compared)


def _places(groups: pa.Table, digests: pa.Table, task: Task) -> NDArray[np.int64]:
    """Return where the digest of each group stands."""
    count = groups.num_rows if task.group else digests.num_rows
    hashed = np.zeros(count, np.int64)
    if task.group and count:
        (batch,) = groups.combine_chunks().to_batches()
        hashed = Hasher(task.seed).lanes(batch, task.group).one.view(np.int64)
    grouped = digests["grouped"].to_numpy()
    order = np.argsort(grouped)
    at: NDArray[np.int64] = order[np.searchsorted(grouped, hashed, sorter=order)]
    assert np.array_equal(grouped[at], hashed), "a group has one hash here and on the executors"
    return at


def _summed(digests: pa.Table, name: str) -> NDArray[np.uint64]:
    low, high = (digests[f"{half}_{name}"].to_numpy().view(np.uint64) for half in ("low", "high"))
    summed: NDArray[np.uint64] = low + (high << np.uint64(_HALF_BITS))
    return summed
