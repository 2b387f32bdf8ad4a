"""The head of the results of a replay: what decides them, and which parts are finished."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

import orjson

from medsettle.cluster.versions import made_by
from medsettle.core.columns import Column
from medsettle.errors import Fault, InvalidRequest
from medsettle.replay.history import MANIFEST as HISTORY_MANIFEST
from medsettle.replay.history import History
from medsettle.replay.layout import DIFFERENCE, DIFFERENCES, RESULT, RESULT_LINE
from medsettle.replay.part import CLAIMS, LINES, PartOptions
from medsettle.replay.worlds import World

FORMAT: Final = 1

HISTORY_LAY: Final = "history_lay"
"""Where the history lay when results were written, as a hint to whoever looks for it."""

_NO_MATTER: Final = ("finished", HISTORY_LAY)
"""What a manifest says that decides no result."""

TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    CLAIMS: RESULT,
    LINES: RESULT_LINE,
    DIFFERENCES: DIFFERENCE,
}
"""The columns of the tables of results, by the first part of their name."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file of a finished part: its path below the folder, and its SHA-256."""

    path: str
    sha256: str

    def lies_in(self, folder: Path) -> bool:
        """Return whether it is there as it was written.

        Raises:
            OSError: It cannot be read.
        """
        try:
            with (folder / self.path).open("rb") as content:
                return file_digest(content, "sha256").hexdigest() == self.sha256
        except FileNotFoundError:
            return False


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished part: how many of its claims differ, and its files; a cluster tells none."""

    differences: int
    files: tuple[ResultFile, ...] = ()


def told_of(history: History, worlds: Sequence[World], options: PartOptions) -> dict[str, Any]:
    """Return what decides the results, as the manifest says it."""
    return {
        # Another version may compute otherwise, so a replay is finished by the one that began it.
        "version": made_by(),
        "history": {"digest": history.digest, "source": dict(history.source)},
        "worlds": {world.name: world.told() for world in worlds},
        "options": asdict(options),
    }


def manifest(told: Mapping[str, object], finished: Mapping[int, Finished], history: str) -> bytes:
    """Return the manifest of results.

    Args:
        told: What decides them.
        finished: The finished parts by number.
        history: Where the history lies.
    """
    parts = [{"number": number, **asdict(part)} for number, part in sorted(finished.items())]
    return orjson.dumps(
        {"format": FORMAT, **told, HISTORY_LAY: history, "finished": parts},
        option=orjson.OPT_INDENT_2,
    )


def held_by_history(folder: str) -> InvalidRequest:
    """Return that results do not go into a folder, since it is that of a history."""
    message = f"{folder} has a history ({HISTORY_MANIFEST}); name another folder for the results"
    return InvalidRequest([Fault("out", message)])


def finished_in(raw: bytes, told: Mapping[str, object], path: str) -> dict[int, Finished]:
    """Return the finished parts of results that were begun, by number.

    Args:
        raw: What their manifest holds.
        told: What decides the results that are wanted now.
        path: What messages call the manifest.

    Raises:
        InvalidRequest: It is no manifest, or that of another replay; with all that differs.
    """
    try:
        held = orjson.loads(raw)
        finished = {int(part["number"]): _finished(part) for part in held["finished"]}
    except (KeyError, TypeError, ValueError) as error:
        message = f"{path} is no manifest of a replay: {error!r}; name another folder"
        raise InvalidRequest([Fault("out", message)]) from error
    own = orjson.loads(orjson.dumps({"format": FORMAT, **told}))
    faults = [
        Fault("out", f"{path} is of another replay: {text}; name another folder")
        for text in _apart(held, own)
    ]
    if faults:
        raise InvalidRequest(faults)
    return finished


def _finished(told: Mapping[str, Any]) -> Finished:
    files = (ResultFile(each["path"], each["sha256"]) for each in told.get("files", ()))
    return Finished(int(told["differences"]), tuple(files))


def _apart(held: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[str]:
    """Yield in a line each where two manifests say something else, finished parts apart."""
    for name in dict.fromkeys([*own, *held]):
        before, now = held.get(name), own.get(name)
        if name in _NO_MATTER or before == now:
            continue
        if not isinstance(before, dict) or not isinstance(now, dict):
            yield f"{name} is {before!r} there and {now!r} now"
        elif name == "worlds":
            yield from _worlds_apart(before, now)
        elif name == "history":
            # Whatever it was made of is in its digest.
            yield f"history.digest is {before.get('digest')!r} there and {now['digest']!r} now"
        else:
            for key in dict.fromkeys([*now, *before]):
                if (one := before.get(key)) != (other := now.get(key)):
                    yield f"{name}.{key} is {one!r} there and {other!r} now"


def _worlds_apart(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for world in dict.fromkeys([*now, *before]):
        if world not in before:
            yield f"it has no world {world!r}"
        elif world not in now:
            yield f"it has a world {world!r}, which is not asked for now"
        elif before[world] != now[world]:
            one, other = (
                {(kind, name): value for kind in _OF_WORLD for name, value in each[kind].items()}
                for each in (before[world], now[world])
            )
            names = [
                name for name in dict.fromkeys([*other, *one]) if one.get(name) != other.get(name)
            ]
            shown = ", ".join(f"{_OF_WORLD[kind]} {name}" for kind, name in names[:_SHOWN])
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            yield f"world {world!r} was by other rules: {shown}{more}"


_OF_WORLD: Final = {"policies": "policy", "catalogues": "catalogue"}
_SHOWN: Final = 3
"""How many policies and catalogues of a world are named that are others now."""
