"""Which new pseudonym a person has whose old one stands in tables: `links-<key>.parquet`.

A rotation makes a key and then writes this file beside it, with a pair for each older key and each
person or card that the ledger knows. What is written under an old key after that is impossible: a
projector looks for new keys after it has read the entries of a segment. The file holds no plain
number; who may follow persons across keys is handed it together with the keys' folder.
"""

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from medsettle import durable
from medsettle.core.relatives import renamed_relative
from medsettle.errors import NotFound, Precondition
from medsettle.privacy import key_files
from medsettle.privacy.key_files import SecretKey
from medsettle.privacy.pseudonyms import (
    Kind,
    Personal,
    Pseudonyms,
    made_under,
    make_key,
    pseudonym_key_names,
)

_SCHEMA: Final = pa.schema(
    [pa.field("older", pa.string(), nullable=False), pa.field("newer", pa.string(), nullable=False)]
)


def rotate(
    folder: Path, algorithm: str, everybody: Callable[[], Iterable[Personal]]
) -> tuple[SecretKey, int]:
    """Make a new key and the links to it, or finish what a crash left of the last rotation.

    Args:
        folder: The keys; a first key is made where there is none, and needs no links.
        algorithm: Of the new key, one of `pseudonyms.ALGORITHMS`.
        everybody: Is called once the key is there, and yields the persons and cards that tables may
            have; they may come again.

    Returns:
        The newest key, and how many links were written.

    Raises:
        InvalidRequest: There is no such algorithm.
        Precondition: A key there cannot be used, or the library lacks the algorithm.
        OSError: The folder cannot be read or written.
    """
    names = pseudonym_key_names(folder)
    if not names:
        return make_key(folder, algorithm, after=None), 0
    if _finished(folder, names):
        make_key(folder, algorithm, after=names[0])
    pseudonyms = Pseudonyms(folder)
    newest, *older = [key.name for key in pseudonyms.keys]
    people = sorted({each for each in everybody() if each[0] is not Kind.COUNTER})
    pairs = sorted(
        (pseudonyms.under(key, *each), pseudonyms.under(newest, *each))
        for each in people
        for key in older
    )
    columns = [list(column) for column in zip(*pairs, strict=True)] or [[], []]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=_SCHEMA), sink, compression="zstd")
    durable.put(_path(folder, newest), sink.getbuffer(), key_files.FILE_MODE)
    durable.sync_folder(folder)
    return pseudonyms.keys[0], len(pairs)


def _finished(folder: Path, names: tuple[str, ...]) -> bool:
    return len(names) == 1 or _path(folder, names[0]).is_file()


def _path(folder: Path, newest: str) -> Path:
    return folder / f"links-{newest}.parquet"


class Following:
    """Tells values of audit tables as of now: by the newest pseudonym that a person has."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        """Read the links of the newest key.

        Raises:
            NotFound: There is no key, or there are no links between those that there are.
            Precondition: The links are damaged.
            OSError: They cannot be read.
        """
        self._pseudonyms = pseudonyms
        self._older, self._newer = _links(pseudonyms)

    def now(self, kind: Kind, value: str) -> str:
        """Return the newest pseudonym of a value that is plain, or a pseudonym of any key.

        One that has no link, because its person was not known at the rotation or its key is not of
        this folder, is returned as it is.
        """
        if kind is Kind.COUNTER:
            return renamed_relative(value, lambda person: self.now(Kind.PERSON, person))
        key = made_under(value)
        if key is None:
            return self._pseudonyms.of(kind, value)
        if key == self._pseudonyms.newest:
            return value
        place = int(np.searchsorted(self._older, value.encode()))
        found = place < len(self._older) and self._older[place] == value.encode()
        return self._newer[place].decode() if found else value


def _links(pseudonyms: Pseudonyms) -> tuple[NDArray[np.bytes_], NDArray[np.bytes_]]:
    if len(pseudonyms.keys) == 1:
        return np.array([], dtype="S1"), np.array([], dtype="S1")
    path = _path(pseudonyms.folder, pseudonyms.newest)
    if not path.is_file():
        raise NotFound(
            f"{path} is missing: a rotation was not finished, or it was removed with an old key; "
            "`medsettle privacy rotate` makes the links between the keys that are left, "
            "and no new key",
            key=pseudonyms.newest,
        )
    try:
        table = pq.read_table(path, schema=_SCHEMA)
    except pa.ArrowException as error:
        raise Precondition(f"{path} is damaged: put back what was made") from error
    older, newer = (np.array(table[name].to_pylist(), dtype="S") for name in _SCHEMA.names)
    return older, newer
