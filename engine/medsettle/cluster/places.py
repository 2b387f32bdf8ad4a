"""Files and folders that all of a cluster can read: paths of shared file systems, and addresses."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from medsettle import durable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Place: TypeAlias = str | Path
"""A path of a file system that every executor sees under the same name, or an address that Spark
reads (`s3a://…`, `hdfs://…`)."""


def place_of(text: str) -> Place:
    """Return an address that Spark reads as it is, and anything else as a path of this machine."""
    return text if "://" in text else Path(text)


def address_of(place: Place) -> str:
    """Return how Spark is told of a place."""
    return place.absolute().as_uri() if isinstance(place, Path) else place.rstrip("/")


def addresses(place: Place, names: Sequence[str]) -> list[str]:
    """Return how Spark is told of files in a folder."""
    folder = address_of(place)
    return [f"{folder}/{name}" for name in names]


def read_file(session: "SparkSession", place: Place, name: str) -> bytes | None:
    """Return what a small file of a folder holds; None where there is none.

    Raises:
        OSError: It cannot be read here.
        Py4JError: It cannot be read there.
    """
    if isinstance(place, Path):
        try:
            return (place / name).read_bytes()
        except FileNotFoundError:
            return None
    path, files = _there(session, place, name)
    if not files.exists(path):
        return None
    stream = files.open(path)
    try:
        content: bytes = stream.readAllBytes()
    finally:
        stream.close()
    return content


def write_file(session: "SparkSession", place: Place, name: str, content: bytes) -> None:
    """Write a small file of a folder, whole: it has its name once all of it is there.

    Raises:
        OSError: It cannot be written here.
        Py4JError: It cannot be written there.
    """
    if isinstance(place, Path):
        durable.make_folder(place)
        durable.put(place / name, content)
        durable.sync_folder(place)
        return
    path, files = _there(session, place, name)
    unfinished, _ = _there(session, place, f"{name}.tmp")
    stream = files.create(unfinished, True)
    try:
        stream.write(bytearray(content))
    finally:
        stream.close()
    files.delete(path, False)
    if not files.rename(unfinished, path):
        raise OSError(f"{unfinished} cannot be given its name; see whether {place} may be written")


def _there(session: "SparkSession", place: str, name: str) -> tuple[Any, Any]:
    """Return a path as Hadoop has it, and the file system that it is of."""
    context: Any = session.sparkContext
    path = context._jvm.org.apache.hadoop.fs.Path(f"{address_of(place)}/{name}")
    return path, path.getFileSystem(context._jsc.hadoopConfiguration())
