"""A history as a folder of Parquet: written once, part by part, and read by anybody.

A part is named in `history.json` with its digests once all of its files are durable. A history that
was not finished has no `history.json` and is made again. DuckDB, Spark and pyarrow read the tables
as they lie.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import file_digest, sha256
from itertools import accumulate
from pathlib import Path
from typing import Final, Self

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import durable
from medsettle.core.columns import Column, Kind
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.replay.coded_files import read_coded
from medsettle.replay.layout import (
    AMOUNTS,
    HISTORY_CLAIM,
    HISTORY_LINE,
    MOVE,
    RECORDED,
    SPLIT,
    STAGE,
    arrow_schema,
)

MANIFEST: Final = "history.json"
FORMAT: Final = 1
INVENTED_POPULATION: Final = "invented population"
"""What `made` says in the source of a history that was drawn."""
COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "claims": HISTORY_CLAIM,
    "lines": HISTORY_LINE,
    "moves": MOVE,
    "stages": STAGE,
    "splits": SPLIT,
}


@dataclass(frozen=True, slots=True)
class PartFile:
    """One file of a part: its path below the folder, its rows, and its SHA-256."""

    table: str
    path: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part: its number, and its files by table."""

    number: int
    files: tuple[PartFile, ...]

    def rows(self, table: str) -> int:
        """Return how many rows a table has in this part."""
        return sum(file.rows for file in self.files if file.table == table)


@dataclass(frozen=True, slots=True)
class History:
    """A finished history.

    Args:
        folder: Where it lies.
        source: Of what it was made, in words, with versions and seeds.
        parts: Its parts, by number.
        digest: SHA-256 over its manifest: equal histories have equal ones.
    """

    folder: Path
    source: Mapping[str, object]
    parts: tuple[Part, ...]
    digest: str

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Return the history of a folder.

        Raises:
            NotFound: There is none, or it was not finished.
            InvalidRequest: The manifest is none, or of another format.
        """
        path = folder / MANIFEST
        try:
            raw = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(
                f"{path} is not there: no history was finished in this folder; make one first",
                path=str(path),
            ) from error
        return cls.told_by(raw, folder, str(path))

    @classmethod
    def told_by(cls, raw: bytes, folder: Path, path: str) -> Self:
        """Return the history that a manifest tells of.

        Args:
            raw: What the manifest holds.
            folder: Where the history lies.
            path: What messages call the manifest.

        Raises:
            InvalidRequest: It is none, or of another format.
        """
        try:
            told = orjson.loads(raw)
            found = told["format"]
            parts = tuple(
                Part(each["number"], tuple(PartFile(**file) for file in each["files"]))
                for each in told["parts"]
            )
            source = told["source"]
        except (KeyError, TypeError, ValueError) as error:
            message = f"{path} is no manifest of a history: {error!r}"
            raise InvalidRequest([Fault("history", message)]) from error
        if found != FORMAT:
            message = f"{path} has format {found!r}, and this program reads {FORMAT}; make it again"
            raise InvalidRequest([Fault("history", message)])
        return cls(folder, source, parts, sha256(raw).hexdigest())

    def rows(self, table: str) -> int:
        """Return how many rows a table has."""
        return sum(part.rows(table) for part in self.parts)

    def first_claims(self) -> tuple[int, ...]:
        """Return the number of the first claim of each part."""
        ends = [*accumulate(part.rows("claims") for part in self.parts)]
        return tuple([0, *ends][: len(self.parts)])

    def recorded(self) -> bool:
        """Return whether amounts of any claim were recorded, which a replay compares with.

        Nothing is read after the first part that has some; columns without any are short.

        Raises:
            NotFound: A file is gone.
            InvalidRequest: It is no Parquet file of claims.
        """
        names = [f"{RECORDED}{name}" for name in AMOUNTS]
        claims = (self.read(part, "claims", names) for part in self.parts)
        return any(column.null_count < len(column) for table in claims for column in table.columns)

    def check_digest(self, file: PartFile) -> None:
        """Refuse a file that is not the one whose digest the manifest has.

        Raises:
            NotFound: It is gone.
            InvalidRequest: It holds other bytes.
            OSError: It cannot be read.
        """
        path = self.folder / file.path
        try:
            with path.open("rb") as content:
                found = file_digest(content, "sha256").hexdigest()
        except FileNotFoundError as error:
            raise NotFound(f"{path} is gone; make the history again", path=str(path)) from error
        if found != file.sha256:
            message = (
                f"{path} has SHA-256 {found}, recorded is {file.sha256}: it was changed after "
            )
            message += "the history was made; put the file back, or make the history again"
            raise InvalidRequest([Fault("history", message)])

    def read(self, part: Part, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a table of a part; codes are dictionaries, a table that is missing has no rows.

        A column that the file has not is not there.

        Raises:
            NotFound: A file of the part is gone.
            InvalidRequest: It is no Parquet file of this table.
        """
        wanted = [column for column in COLUMNS[table] if columns is None or column.name in columns]
        files = [file for file in part.files if file.table == table]
        if not files:
            return arrow_schema(tuple(wanted)).empty_table()
        path = self.folder / files[0].path
        try:
            return read_coded(path, wanted)
        except FileNotFoundError as error:
            raise NotFound(f"{path} is gone; make the history again", path=str(path)) from error
        except (OSError, pa.ArrowException) as error:
            message = f"{path} is no Parquet file of {table}: {error}"
            raise InvalidRequest([Fault("history", message)]) from error


def check_unfinished(folder: Path) -> None:
    """Raise InvalidRequest where a folder has a finished history."""
    if (folder / MANIFEST).exists():
        message = f"{folder} has a history already; name another folder or remove it"
        raise InvalidRequest([Fault("history", message)])


class HistoryWriter:
    """Writes a history part by part; `finish` makes it one."""

    def __init__(self, folder: Path, source: Mapping[str, object]) -> None:
        """Begin in a folder that is made where it is missing; parts of an unfinished one go.

        Args:
            folder: A folder with a finished history is not written to.
            source: Of what the history is made, as JSON values.

        Raises:
            InvalidRequest: The folder has a finished history.
            OSError: The folder cannot be made.
        """
        check_unfinished(folder)
        durable.make_folder(folder)
        # Parts that a killed process left would be read along by whoever reads the folder.
        for name in COLUMNS:
            for path in (folder / name).glob("part-*"):
                path.unlink()
        self.folder = folder
        self._source = source
        self._parts: list[Part] = []
        self.claims = 0

    def add(self, tables: Mapping[str, pa.Table]) -> Part:
        """Write the next part.

        Args:
            tables: By name, of `COLUMNS`; `claims` and `lines` at least. Claims are sorted by
                pooling area, person and order, their numbers go on from `self.claims`, and lines
                lie in the order of claims. Each person is in one part only. Codes may be
                dictionaries.

        Raises:
            OSError: The disk failed.
        """
        number = len(self._parts)
        files = []
        for name, table in tables.items():
            if not table.num_rows and name not in {"claims", "lines"}:
                continue
            content = table_bytes(COLUMNS[name], table)
            path = f"{name}/part-{number:05d}.parquet"
            durable.make_folder(self.folder / name)
            durable.put(self.folder / path, content)
            durable.sync_folder(self.folder / name)
            files.append(PartFile(name, path, table.num_rows, sha256(content).hexdigest()))
        part = Part(number, tuple(files))
        self._parts.append(part)
        self.claims += tables["claims"].num_rows
        return part

    def finish(self) -> History:
        """Write the manifest, and return the history."""
        told = {
            "format": FORMAT,
            "source": self._source,
            "parts": [asdict(part) for part in self._parts],
        }
        durable.put(self.folder / MANIFEST, orjson.dumps(told, option=orjson.OPT_INDENT_2))
        durable.sync_folder(self.folder)
        return History.open(self.folder)


def table_bytes(columns: tuple[Column, ...], table: pa.Table) -> memoryview:
    """Return the bytes of a Parquet file of a table of `layout`, in one row group.

    Codes and dates of which there are few have dictionaries, and so have numbers of which a sample
    has few; other amounts go by the streams of their bytes, and numbers that count by differences.
    """
    kinds = {column.name: column.kind for column in columns}
    names = [name for name in kinds if name in table.column_names]
    repeated = {name for name in names if _repeated(kinds[name], table[name])}
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.select(names),
        sink,
        row_group_size=max(table.num_rows, 1),
        compression="zstd",
        compression_level=1,
        use_dictionary=[*repeated],
        column_encoding={
            name: "DELTA_BINARY_PACKED" if name in _COUNTING else "BYTE_STREAM_SPLIT"
            for name in names
            if name not in repeated and kinds[name] in {Kind.FEN, Kind.INTEGER}
        },
        write_statistics=[name for name in names if name in _STATISTICS],
        store_schema=False,
    )
    return memoryview(sink.getvalue())


def _repeated(kind: Kind, column: pa.ChunkedArray) -> bool:
    """Return whether a column has few values, so that a dictionary pays."""
    if kind is Kind.DATE:
        return True
    if kind not in {Kind.CODE, Kind.FEN, Kind.INTEGER} or column.null_count == len(column):
        return False
    if pa.types.is_dictionary(column.type):
        texts = sum(len(chunk.dictionary) for chunk in column.chunks)
        return texts * _ROWS_A_TEXT <= len(column)
    sample = column.slice(0, _SAMPLED_ROWS)
    return len(sample.unique()) * _ROWS_A_TEXT <= len(sample)


_COUNTING: Final = {"claim", "order", "position", "line_count", "taken_back"}
_STATISTICS: Final = {"claim", "service_date"}
_SAMPLED_ROWS: Final = 4_096
_ROWS_A_TEXT: Final = 4
"""From how many rows a value on a dictionary pays."""
