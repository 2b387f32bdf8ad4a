"""The folders that a comparison reads: the results of a replay, and the history it replayed."""

from collections.abc import Mapping
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import Any, Self

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import limits
from medsettle.core.sql_text import literally
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition
from medsettle.replay.history import MANIFEST as HISTORY_MANIFEST
from medsettle.replay.history import History
from medsettle.replay.layout import (
    BASELINE,
    DIFFERENCES,
    HISTORY_FOLDER,
    RESULT,
    RESULTS_MANIFEST,
    WRITTEN_BY,
)
from medsettle.replay.manifest import HISTORY_LAY


@dataclass(frozen=True, slots=True)
class Results:
    """Finished results of a replay, every world over the same parts as their history.

    Args:
        folder: Where they lie.
        history: What was replayed.
        reforms: Worlds beside the baseline, by name.
        manifest: What `replay.json` says.
    """

    folder: Path
    history: History
    reforms: tuple[str, ...]
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path, history: Path | None = None) -> Self:
        """Return the results of a folder.

        Args:
            folder: What `medsettle replay` wrote.
            history: Its history; where none is named that in the folder of the results, or where
                it lay when it was replayed.

        Raises:
            NotFound: There are no results, or no history.
            InvalidRequest: A file is none of a replay, or is of another history.
            Precondition: The replay has not finished, or has no reform.
        """
        manifest = _manifest(folder)
        read = _history(folder, history, manifest)
        claims = folder / "claims"
        worlds = sorted(each.name for each in claims.iterdir() if each.is_dir())
        reforms = tuple(world for world in worlds if world != BASELINE)
        if BASELINE not in worlds or not reforms:
            found = ", ".join(worlds) or "none"
            raise Precondition(
                f"{claims} has the worlds {found}; a comparison needs {BASELINE} and a reform. "
                "Replay with --reform",
                worlds=found,
            )
        if len(reforms) > limits.COMPARE_REFORMS_MAX:
            most = limits.COMPARE_REFORMS_MAX
            message = f"are {len(reforms)} in {claims}; a page compares at most {most}"
            raise InvalidRequest([Fault("reforms", message)])
        for world in worlds:
            _check_files(claims / world, read, manifest)
        return cls(folder, read, reforms, manifest)

    def claims(self, world: str, out: Path) -> str:
        """Return what reads the claims of a world from a folder, as a text of DuckDB."""
        return _parts_in(self.folder / "claims" / world, out)

    def differences(self, out: Path) -> str:
        """Return what reads the claims that differ from a folder, as a text of DuckDB."""
        return _parts_in(self.folder / DIFFERENCES, out)

    @property
    def has_differences(self) -> bool:
        """Whether there is a list of claims that differ, be it empty."""
        return any((self.folder / DIFFERENCES).glob("part-*.parquet"))

    @property
    def differing(self) -> int:
        """How many claims the replay found that do not come out as recorded."""
        return sum(int(part["differences"]) for part in self.manifest["finished"])

    def history_claims(self, out: Path) -> str:
        """Return what reads the claims of the history from a folder, as a text of DuckDB."""
        return _parts_in(self.history.folder / "claims", out)


def _parts_in(folder: Path, out: Path) -> str:
    """Return the pattern of the parts in a folder as DuckDB reads it from another."""
    found = Path(relpath(folder.absolute(), out.absolute()))
    return f"{literally(found.as_posix())}/part-*.parquet"


def _manifest(folder: Path) -> Mapping[str, Any]:
    path = folder / RESULTS_MANIFEST
    try:
        told = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFound(
            f"{path} is not there: no replay wrote into this folder; `medsettle replay` does",
            path=str(path),
        ) from error
    except orjson.JSONDecodeError as error:
        message = f"{path} is no JSON: {error}; replay into another folder"
        raise InvalidRequest([Fault("results", message)]) from error
    if not isinstance(told, dict):
        raise InvalidRequest([Fault("results", f"{path} is no JSON object; replay again")])
    if not (folder / "claims").is_dir():
        raise Precondition(
            f"{folder} has no folder `claims`: the replay kept differences only. Replay without "
            "--check",
            path=str(folder),
        )
    return told


def _history(folder: Path, named: Path | None, manifest: Mapping[str, Any]) -> History:
    inside, lay = folder / HISTORY_FOLDER, manifest.get(HISTORY_LAY)
    places = [inside, *([Path(lay)] if isinstance(lay, str) else [])]
    held = [place for place in places if (place / HISTORY_MANIFEST).is_file()]
    if named is None and not held:
        elsewhere = "" if lay is None else f", and none in {lay}, where it lay"
        raise NotFound(
            f"{inside} is not there: the replay did not make its history itself{elsewhere}; name "
            "the one that was replayed with --history",
            path=str(inside),
        )
    found = held[0] if named is None else named
    history = History.open(found)
    said = manifest.get("history")
    digest = said.get("digest") if isinstance(said, dict) else None
    if digest != history.digest:
        message = f"{found} has the digest {history.digest}, and the replay was of {digest}; "
        raise InvalidRequest([Fault("history", message + "name the history that was replayed")])
    return history


def _check_files(folder: Path, history: History, manifest: Mapping[str, Any]) -> None:
    """Refuse files of a world that lack columns, or have not every claim once."""
    if WRITTEN_BY not in manifest:
        for part in history.parts:
            path = folder / f"part-{part.number:05d}.parquet"
            rows = _rows(path)
            if rows != part.rows("claims"):
                message = f"{path} has {rows:,} rows, and the history has "
                message += f"{part.rows('claims'):,} claims in this part; replay again"
                raise InvalidRequest([Fault("results", message)])
        return
    # A cluster names and cuts its files as it likes.
    rows = sum(_rows(path) for path in sorted(folder.glob("part-*.parquet")))
    if rows != history.rows("claims"):
        raise Precondition(
            f"{folder} has {rows:,} rows, and the history has {history.rows('claims'):,} claims: "
            "the job has not finished. Give `medsettle replay` again; it begins anew",
            path=str(folder),
        )


def _rows(path: Path) -> int:
    """Return how many rows a file of results has."""
    if not path.is_file():
        raise Precondition(
            f"{path} is not there: the replay has not finished. Give `medsettle replay` "
            "again; it goes on where it ended",
            path=str(path),
        )
    try:
        metadata = pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        message = f"{path} is no Parquet file of results: {error}"
        raise InvalidRequest([Fault("results", message)]) from error
    if missing := {column.name for column in RESULT} - {*metadata.schema.names}:
        message = f"{path} lacks the columns {', '.join(sorted(missing))}; "
        message += "replay again with this program"
        raise InvalidRequest([Fault("results", message)])
    rows: int = metadata.num_rows
    return rows
