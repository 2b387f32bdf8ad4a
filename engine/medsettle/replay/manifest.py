"""The head of the results of a replay: what decides them, and which parts are finished."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import orjson

from medsettle.cluster.versions import made_by
from medsettle.core.columns import Column
from medsettle.errors import Fault, InvalidRequest
from medsettle.replay.history import History
from medsettle.replay.layout import DIFFERENCE, RESULT, RESULT_LINE
from medsettle.replay.part import CLAIMS, DIFFERENCES, LINES, PartOptions
from medsettle.replay.worlds import World

FORMAT: Final = 1

TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    CLAIMS: RESULT,
    LINES: RESULT_LINE,
    DIFFERENCES: DIFFERENCE,
}
"""The columns of the tables of results, by the first part of their name."""


def told_of(history: History, worlds: Sequence[World], options: PartOptions) -> dict[str, Any]:
    """Return what decides the results, as the manifest says it."""
    return {
        # Another version may compute otherwise, so a replay is finished by the one that began it.
        "version": made_by(),
        "history": {"digest": history.digest, "source": dict(history.source)},
        "worlds": {world.name: world.told() for world in worlds},
        "options": asdict(options),
    }


def manifest(told: Mapping[str, object], finished: Mapping[int, int]) -> bytes:
    """Return the manifest of results.

    Args:
        told: What decides them.
        finished: The numbers of finished parts, and how many of their claims differ.
    """
    parts = [
        {"number": number, "differences": differences}
        for number, differences in sorted(finished.items())
    ]
    return orjson.dumps({"format": FORMAT, **told, "finished": parts}, option=orjson.OPT_INDENT_2)


def finished_in(raw: bytes, told: Mapping[str, object], path: str) -> dict[int, int]:
    """Return the finished parts of results that were begun, with how many of their claims differ.

    Args:
        raw: What their manifest holds.
        told: What decides the results that are wanted now.
        path: What messages call the manifest.

    Raises:
        InvalidRequest: It is no manifest, or that of another replay; with all that differs.
    """
    try:
        held = orjson.loads(raw)
        finished = {int(part["number"]): int(part["differences"]) for part in held["finished"]}
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


def _apart(held: Mapping[str, Any], own: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield where two manifests say something else, finished parts apart."""
    for name in dict.fromkeys([*own, *held]):
        if not path and name == "finished":
            continue
        before, now = held.get(name), own.get(name)
        where = f"{path}{name}"
        if isinstance(before, dict) and isinstance(now, dict):
            yield from _apart(before, now, f"{where}.")
        elif before != now:
            yield f"{where} is {before!r} there and {now!r} now"
