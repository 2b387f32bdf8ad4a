"""One pass over a book: its totals, a sketch for each comparison, and hashes to find rows again by.

Reading and decoding a book costs several times what hashing it does, so all that needs every row is
made in one pass. The hashes of keys are kept in files of eight bytes a row, those of the other
natural keys in files of four: finding the rows of some thousand keys in ten million then takes a
tenth of a second, and only these rows are read again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle import limits
from medsettle.clearing.matching.book import BOOK, NATURAL_KEYS, OWN, SAME_SERVICE, Side
from medsettle.clearing.matching.row_hashes import Hasher, Lanes, valid_of
from medsettle.clearing.matching.sketch import Sketch, add_to_cells, empty_sketch
from medsettle.clearing.matching.sources import Book
from medsettle.clearing.matching.totals import SUMMED, Counting, Totals
from medsettle.errors import Precondition

if TYPE_CHECKING:
    from medsettle.clearing.matching.sketch_loops import Words

OTHER_KEYS: Final = (*NATURAL_KEYS[1:], SAME_SERVICE)
"""By what a row that is not odd may stand beside an odd one; the first natural key is its own."""

FAMILY: Final = ("original",)
"""A settlement, and whatever belongs to it: the key is `original`, or the own id without one."""

_KEY: Final = "settlement"
_NATURAL_SHIFT: Final = np.uint64(32)
_BITS_A_ROW: Final = 64
_BITS_MIN: Final = 2**16


@dataclass(frozen=True, slots=True)
class Pair:
    """Two books that are compared by the columns that both have."""

    one: Side
    other: Side
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """What a pass over a book is to make.

    Attributes:
        compared: The columns of each comparison that the book takes part in.
        group: The columns that totals are grouped by.
        cells: Of each sketch.
        seed: What hashes begin with.
        seek_again: Whether keys are sought that the book has twice.
        folder: Where hashes are kept; nothing else writes there.
    """

    compared: tuple[tuple[str, ...], ...]
    group: tuple[str, ...]
    cells: int
    seed: bytes
    seek_again: bool
    folder: Path


@dataclass(frozen=True, slots=True)
class Kept:
    """The hashes of a book, in files: of the key of each row, and of its other natural keys.

    A row that lacks a part of a natural key has 0 there.
    """

    keys: Path
    naturals: Mapping[tuple[str, ...], Path]

    def key_chunks(self) -> Iterator[tuple[int, "Words"]]:
        """Yield the hashes of keys, each stretch with the number of its first row."""
        return _chunks(self.keys, np.dtype(np.uint64))

    def natural_chunks(self, key: tuple[str, ...]) -> Iterator[tuple[int, "Words"]]:
        """Yield the hashes of a natural key, as `key_chunks` does."""
        for first, found in _chunks(self.naturals[key], np.dtype(np.uint32)):
            yield first, found.astype(np.uint64)


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pass over a book made.

    Attributes:
        totals: What it comes to.
        sketches: By the columns compared.
        kept: The hashes of its rows.
        again: Hashes of keys that it may have twice, in any order; some it has once.
    """

    totals: Totals
    sketches: Mapping[tuple[str, ...], Sketch]
    kept: Kept
    again: "Words"


def pairs_of(books: Sequence[Book]) -> tuple[Pair, ...]:
    """Return which books are compared: the first with each other, and what only the others have.

    What two books have alike with a third they have alike with one another. So the second and the
    third are compared only if they have a column that the first has not.
    """
    first, *rest = books
    pairs = [Pair(first.side, each.side, shared_columns(first, each)) for each in rest]
    if len(rest) == 2:
        columns = shared_columns(*rest)
        if not set(columns) <= set(first.columns):
            pairs.append(Pair(rest[0].side, rest[1].side, columns))
    return tuple(pairs)


def shared_columns(one: Book, other: Book) -> tuple[str, ...]:
    """Return the columns by which two books are compared, the key among them."""
    both = (set(one.columns) & set(other.columns)) - OWN
    return tuple(column.name for column in BOOK if column.name in both)


def pass_over(book: Book, task: Task) -> Passed:
    """Read a book once and return what its rows come to.

    Raises:
        InvalidRequest: An amount is beyond its bound.
        Precondition: The book has too many groups, or too many keys twice.
        OSError: Hashes could not be kept.
    """
    hasher = Hasher(task.seed)
    counting = Counting(book, task.group, task.compared)
    sketches = {
        columns: empty_sketch(columns, cells=task.cells, seed=task.seed)
        for columns in task.compared
    }
    keeping = _Keeping(book, task.folder)
    seen = _Seen(book) if task.seek_again else None
    amounts = [name for name in book.columns if name in SUMMED]
    wanted = _in_order({_KEY, *task.group, *amounts, *keeping.columns}.union(*task.compared), book)
    with keeping:
        for batch in book.batches(wanted):
            key = hasher.lanes(batch, [_KEY])
            keys = key.one.copy()
            keys[keys == 0] = 1
            groups = hasher.lanes(batch, task.group)
            lanes = _lanes(batch, task, hasher, key, groups)
            for columns, found in lanes.items():
                add_to_cells(sketches[columns].cells, keys, found)
            counting.add(batch.select([*task.group, *amounts]), groups.one, lanes)
            keeping.add(batch, keys, hasher)
            if seen is not None:
                seen.add(keys)
    return Passed(
        counting.totals(), sketches, keeping.kept, seen.again() if seen else np.empty(0, np.uint64)
    )


def _in_order(names: set[str], book: Book) -> tuple[str, ...]:
    return tuple(name for name in book.columns if name in names)


def _lanes(
    batch: pa.RecordBatch, task: Task, hasher: Hasher, key: Lanes, groups: Lanes
) -> dict[tuple[str, ...], Lanes]:
    """Return the lanes of each comparison: what they share is hashed once."""
    first, *others = task.compared
    shared = set(first).intersection(*others)
    done = {_KEY, *task.group}
    base = Lanes(key.one + groups.one, key.two + groups.two)
    hasher.add(batch, [name for name in first if name in shared - done], base)
    found = {}
    for columns in task.compared:
        rest = [name for name in columns if name not in shared]
        found[columns] = base
        if rest:
            found[columns] = base.copy()
            hasher.add(batch, rest, found[columns])
    return found


class _Seen:
    """Finds keys that a book has twice: a bit for each key, and the keys whose bit was set."""

    def __init__(self, book: Book) -> None:
        wanted = max(_BITS_MIN, book.rows * _BITS_A_ROW)
        bits = min(1 << (wanted - 1).bit_length(), limits.SEEN_BITS_MAX)
        self._book = book
        self._bits = np.zeros(bits // 64, np.uint64)
        self._shift = 64 - (bits.bit_length() - 1)
        self._again: list[Any] = []
        self._count = 0

    def add(self, keys: "Words") -> None:
        from medsettle.clearing.matching import sketch_loops as loops  # noqa: PLC0415 - loads numba

        again = np.empty(len(keys), np.uint64)
        count = loops.seen_before(self._bits, self._shift, keys, again)
        self._again.append(again[:count].copy())
        self._count += count
        if self._count > limits.SEEN_AGAIN_MAX:
            raise Precondition(
                f"{self._book.name} may have {self._count} settlements twice, at most "
                f"{limits.SEEN_AGAIN_MAX} are looked into; was it put together from files that "
                "overlap?"
            )

    def again(self) -> "Words":
        return np.concatenate([np.empty(0, np.uint64), *self._again])


class _Keeping:
    """Files of hashes while they are written; a context manager."""

    def __init__(self, book: Book, folder: Path) -> None:
        self._names = [key for key in OTHER_KEYS if set(key) <= set(book.columns)] + [FAMILY]
        self.columns = {name for key in self._names for name in key if name in book.columns}
        naturals = {key: folder / f"{book.side}-{'-'.join(key)}.hashes" for key in self._names}
        self.kept = Kept(folder / f"{book.side}.hashes", naturals)
        self._stack = ExitStack()
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> "_Keeping":
        paths = [self.kept.keys, *self.kept.naturals.values()]
        self._files = [self._stack.enter_context(path.open("wb")) for path in paths]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, batch: pa.RecordBatch, keys: "Words", hasher: Hasher) -> None:
        keys.tofile(self._files[0])
        for key, file in zip(self._names, self._files[1:], strict=True):
            if key == FAMILY:
                family_hashes(batch, keys, hasher).tofile(file)
            else:
                natural_hashes(batch, key, hasher).tofile(file)


def family_hashes(batch: pa.RecordBatch, keys: "Words", hasher: Hasher) -> NDArray[np.uint32]:
    """Return the hash of what each row belongs to, which is itself where it names nothing."""
    hashes = (keys >> _NATURAL_SHIFT).astype(np.uint32)
    (original,) = FAMILY
    if original in batch.schema.names:
        named = batch.column(original)
        places = np.flatnonzero(named.is_valid().to_numpy(zero_copy_only=False))
        if len(places):
            originals = pa.record_batch([named.take(pa.array(places))], names=[_KEY])
            hashes[places] = (hasher.keys(originals) >> _NATURAL_SHIFT).astype(np.uint32)
    hashes[hashes == 0] = 1
    return hashes


def natural_hashes(batch: pa.RecordBatch, key: Sequence[str], hasher: Hasher) -> NDArray[np.uint32]:
    """Return the hash of a natural key for each row, 0 where a part of it is null."""
    hashes = (hasher.lanes(batch, key).one >> _NATURAL_SHIFT).astype(np.uint32)
    hashes[hashes == 0] = 1
    for name in key:
        valid = valid_of(batch.column(name))
        if len(valid):
            hashes[valid == 0] = 0
    return hashes


def _chunks(path: Path, kind: Any) -> Iterator[tuple[int, Any]]:  # noqa: ANN401 - a dtype
    """Yield the numbers of a file in stretches, each with the number of its first."""
    first = 0
    with path.open("rb") as file:
        while True:
            found = np.fromfile(file, kind, limits.BOOK_BATCH_ROWS)
            if not len(found):
                return
            yield first, found
            first += len(found)
