"""Whether a history is what its layout says, file by file and part by part.

The first fault is told. What is asked of a part is asked of its columns as a whole, so a history of
ten million claims takes as long as reading it; only whether a person is in one part alone is asked
of all parts together.
"""

from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.arrow_columns import nulls_in, numbers_in, whole
from medsettle.core.sql_text import literally
from medsettle.errors import SettlementError
from medsettle.ledger.scratch import scratch
from medsettle.replay.history import History, Part
from medsettle.replay.sorting import places_within

_OF_CLAIMS: Final = {"lines": "", "stages": "position", "splits": "position"}
"""Tables whose rows belong to claims, and the column that counts the rows of one from 0."""


@dataclass(frozen=True, slots=True)
class Unsound:
    """The first fault of a history: the file, or the part, and what is wrong with it."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def first_fault(history: History) -> Unsound | None:
    """Return the first fault of a history, None where it is sound.

    Asked are the digests of all files, whether claims are numbered without gaps and each person's
    come in order and in one part, whether lines, stages and splits lie in the order of claims and
    are as many as told, and whether moves are of persons of their part, in order.

    Raises:
        StoreUnavailable: The disk for temporary files failed or is full, or memory is.
        OSError: A file cannot be read.
    """
    first = 0
    for number, part in enumerate(history.parts):
        where = f"part {number}"
        if part.number != number:
            return Unsound(history.folder.name, f"part {part.number} stands where {number} should")
        if fault := _files(history, part):
            return fault
        try:
            if said := _part(history, part, first):
                return Unsound(where, said)
        except SettlementError as error:
            return Unsound(where, error.message)
        first += part.rows("claims")
    return _apart(history)


def _files(history: History, part: Part) -> Unsound | None:
    for file in part.files:
        path = history.folder / file.path
        if not path.is_file():
            return Unsound(file.path, "is gone; make the history again")
        with path.open("rb") as content:
            found = file_digest(content, "sha256").hexdigest()
        if found != file.sha256:
            return Unsound(file.path, f"has SHA-256 {found}, recorded is {file.sha256}")
    return None


def _part(history: History, part: Part, first: int) -> str:
    """Return what is wrong with a part that begins with a claim; nothing where it is sound."""
    for file in part.files:
        found = history.read(part, file.table).num_rows
        if found != file.rows:
            return f"{file.path} has {found} rows, told are {file.rows}"
    claims = history.read(
        part,
        "claims",
        ["claim", "order", "line_count", "taken_back", "pooling_area", "person"],
    )
    return (
        _numbers(claims, first)
        or _order(claims)
        or _of_claims(history, part, claims, first)
        or _moves(history, part, claims)
    )


def _numbers(claims: pa.Table, first: int) -> str:
    numbers = _integers(claims, "claim")
    wrong = np.flatnonzero(numbers != np.arange(first, first + len(numbers)))
    if len(wrong):
        at = int(wrong[0])
        return f"row {at} of claims has the number {numbers[at]}, expected {first + at}"
    return ""


def _order(claims: pa.Table) -> str:
    """Return where persons do not come together, or their claims not in order."""
    keys, order = _persons(claims), _integers(claims, "order")
    same = keys[1:] == keys[:-1]
    if len(late := np.flatnonzero(same & (order[1:] <= order[:-1]))):
        at = int(late[0])
        return (
            f"claims {at} and {at + 1} of one person have the orders {order[at]}, {order[at + 1]}"
        )
    starts = keys[np.flatnonzero(np.concatenate(([True], ~same)))]
    if len(np.unique(starts)) < len(starts):
        return "the claims of a person do not lie together"
    taken = whole(claims["taken_back"])
    wrong = ~nulls_in(taken) & (numbers_in(taken) <= order)
    if len(early := np.flatnonzero(wrong)):
        at = int(early[0])
        return f"claim {at} was taken back at {taken[at]}, and settled at {order[at]}"
    return ""


def _of_claims(history: History, part: Part, claims: pa.Table, first: int) -> str:
    count = claims.num_rows
    for table, position in _OF_CLAIMS.items():
        rows = history.read(part, table, ["claim", *([position] if position else [])])
        owner = _integers(rows, "claim") - first
        if len(owner) and (owner.min() < 0 or owner.max() >= count):
            return f"{table} has rows of claims that are not in the part"
        if (owner[1:] < owner[:-1]).any():
            return f"{table} does not lie in the order of the claims"
        if table == "lines":
            counts = np.bincount(owner, minlength=count)
            told = _integers(claims, "line_count")
            if len(wrong := np.flatnonzero(counts != told)):
                at = int(wrong[0])
                return f"claim {first + at} has {counts[at]} lines, told are {told[at]}"
        elif (_integers(rows, position) != places_within(owner)).any():
            return f"{table} does not count the rows of a claim from 0"
    return ""


def _moves(history: History, part: Part, claims: pa.Table) -> str:
    moves = history.read(part, "moves", ["pooling_area", "person", "order"])
    if not moves.num_rows:
        return ""
    both = pa.concat_tables(
        [each.select(["pooling_area", "person"]).unify_dictionaries() for each in (claims, moves)]
    ).unify_dictionaries()
    keys = _persons(both)
    of_claims, of_moves = keys[: claims.num_rows], keys[claims.num_rows :]
    if len(np.setdiff1d(of_moves, of_claims)):
        return "moves has persons that are not in the part"
    order = _integers(moves, "order")
    same = of_moves[1:] == of_moves[:-1]
    if (same & (order[1:] < order[:-1])).any():
        return "the moves of a person do not come in order"
    taken = np.stack([of_claims, _integers(claims, "order")], axis=1)
    moved = np.stack([of_moves, order], axis=1)
    rows = np.concatenate([np.unique(taken, axis=0), np.unique(moved, axis=0)])
    if len(np.unique(rows, axis=0)) < len(rows):
        return "a move has the order of a claim of its person"
    return ""


def _persons(table: pa.Table) -> NDArray[np.int64]:
    """Return a number for the person of each row; equal persons have equal ones."""
    area, person = (whole(table[name]) for name in ("pooling_area", "person"))
    areas, persons = (
        each.indices if pa.types.is_dictionary(each.type) else each.dictionary_encode().indices
        for each in (area, person)
    )
    most = max(len(person), 1)
    joined: NDArray[np.int64] = areas.to_numpy().astype(np.int64) * most + persons.to_numpy()
    return joined


def _integers(table: pa.Table, name: str) -> NDArray[np.int64]:
    return numbers_in(whole(table[name]))


def _apart(history: History) -> Unsound | None:
    """Return the first two parts that have claims of one person."""
    files = [
        literally(history.folder / file.path)
        for part in history.parts
        for file in part.files
        if file.table == "claims" and file.rows
    ]
    if len(files) < 2:
        return None
    # Not in the folder of the history, which may be one that is only read.
    with (
        TemporaryDirectory(prefix="medsettle-check-") as folder,
        scratch(Path(folder), limits.HISTORY_MEMORY) as connection,
    ):
        found = connection.execute(
            """
            select min(filename), max(filename) from (
              select distinct filename, pooling_area, person
              from read_parquet(?, filename = true))
            group by pooling_area, person having count(*) > 1 order by 1, 2 limit 1
            """,
            [files],
        ).fetchall()
    for one, other in found:
        names = " and ".join(path.removeprefix(f"{history.folder}/") for path in (one, other))
        return Unsound(names, "have claims of one person")
    return None
