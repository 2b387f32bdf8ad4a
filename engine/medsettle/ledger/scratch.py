"""A DuckDB connection for one computation: bounded in memory, spilling into a folder of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from medsettle import limits
from medsettle.core.columns import Column
from medsettle.core.sql_text import empty_source, literally, quoted
from medsettle.errors import StoreUnavailable
from medsettle.ledger.side_file import unavailable

if TYPE_CHECKING:
    import duckdb

_SPILL = ".spill-"


def clear_scratch(folder: Path) -> None:
    """Remove what a process that was killed has spilled below a folder that nobody else works in.

    Raises:
        OSError: The disk failed.
    """
    for left in folder.glob(f"{_SPILL}*"):
        rmtree(left)


@contextmanager
def computing(folder: Path) -> Iterator[None]:
    """Turn what DuckDB says of a full disk or of too little memory into StoreUnavailable.

    Args:
        folder: Where it works, as the message names it.

    Raises:
        StoreUnavailable: The disk failed or is full, or memory is.
    """
    import duckdb  # noqa: PLC0415 - loads slowly, and most commands need none

    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise StoreUnavailable(
            f"cannot compute in {folder}: {str(error).splitlines()[0]}. Nothing was recorded; "
            "free the disk and give the command again",
            path=str(folder),
        ) from error


@contextmanager
def scratch(
    folder: Path, memory: str = limits.MONTH_MEMORY
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """Yield a connection that spills below `folder` and leaves nothing there.

    Args:
        folder: Where nobody else works.
        memory: What it may keep, as DuckDB writes it.

    Raises:
        StoreUnavailable: The disk failed or is full.
    """
    import duckdb  # noqa: PLC0415 - loads slowly, and most commands need none

    with unavailable(folder, "work in"), TemporaryDirectory(dir=folder, prefix=_SPILL) as spill:
        connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
        try:
            with computing(folder):
                connection.execute(f"set memory_limit = {quoted(memory)}")
                connection.execute("set timezone = 'UTC'")
                connection.execute(f"set temp_directory = {quoted(spill)}")
                yield connection
        finally:
            connection.close()


def spill_folder(connection: "duckdb.DuckDBPyConnection") -> Path:
    """Return where a connection of `scratch` spills; what is put there goes with it."""
    ((folder,),) = connection.execute("select current_setting('temp_directory')").fetchall()
    return Path(folder)


def parquet_source(paths: list[Path], table: tuple[Column, ...]) -> str:
    """Return the rows of files of a table in SQL; of no files, no rows with its columns."""
    if not paths:
        return empty_source({column.name: column.kind for column in table})
    return f"read_parquet([{', '.join(quoted(literally(path)) for path in paths)}])"
