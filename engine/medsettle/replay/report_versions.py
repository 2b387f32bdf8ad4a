"""What a report was made of: programs, the history and its digest, and what the replay tells."""

from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import PurePath
from typing import Any, Final

from medsettle.replay.compare import Comparison
from medsettle.replay.manifest import HISTORY_LAY

_PROGRAMS: Final = ("medsettle", "duckdb", "pyarrow", "matplotlib")
_TOLD_ELSEWHERE: Final = {"finished", HISTORY_LAY, "history"}
"""Parts of the manifest of a replay; its history is the one that is told by its own manifest."""


def version_rows(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the names and values of all that decided the figures, without what is absent."""
    history = comparison.results.history
    rows = [(f"program {name}", _version(name)) for name in _PROGRAMS]
    rows.append(("history digest", history.digest))
    rows += [(f"history {name}", told) for name, told in _flat(history.source)]
    rows += _replay_rows(comparison)
    return [(name, told) for name, told in rows if told]


def _replay_rows(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Yield what the replay says of itself; of policies and catalogues, those that were met."""
    met = {
        str(row[name])
        for each in comparison.reforms
        for figure, names in _MET
        for row in each.figures[figure].rows()
        for name in names
    }
    for key, told in comparison.results.manifest.items():
        if key == "worlds":
            # Of all areas of a folder of rules, a replay meets a few.
            for name, text in _flat(told):
                parts = name.split(".")
                if parts[-1] in met or (parts[-1] == "digest" and parts[-2] in met):
                    yield f"world {' '.join(parts)}", text
        elif key not in _TOLD_ELSEWHERE:
            yield from ((f"replay {name}", text) for name, text in _flat(told, key))


_MET: Final = (("policies", ("baseline_policy", "reform_policy")), ("by_area", ("grouped",)))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _flat(told: Any, before: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    """Yield the values of a manifest by dotted names; a path is told by its last part alone."""
    if isinstance(told, Mapping):
        for key, value in told.items():
            yield from _flat(value, f"{before}.{key}" if before else str(key))
    elif isinstance(told, list | tuple):
        texts = [text for value in told for _, text in _flat(value)]
        shown = ", ".join(texts[:_LISTED_MAX])
        yield before, shown + (f", … ({len(texts)})" if len(texts) > _LISTED_MAX else "")
    else:
        text = str(told)
        yield before, PurePath(text).name if PurePath(text).is_absolute() else text


_LISTED_MAX: Final = 24
