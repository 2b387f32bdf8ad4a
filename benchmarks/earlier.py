"""Goals of earlier runs, kept as small files, so that the page shows from where to where."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.goals import outcomes
from benchmarks.record import Record

FOLDER: Final = Path(__file__).parent / "history"


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier run: its name, when it began, and the median of each goal it had figures for."""

    name: str
    started: str
    processor: str
    medians: dict[str, float]


def keep(record: Record, name: str, folder: Path = FOLDER) -> Path:
    """Write the goals of a run under a name, and return the file."""
    found, _ = outcomes(record)
    content = {
        "started": record.started,
        "processor": record.machine["processor"],
        "load_before": record.machine["load_before"],
        "versions": record.versions,
        "goals": {
            each.goal: {
                "median": each.median,
                "lowest": min(each.values),
                "highest": max(each.values),
            }
            for each in found
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def read_all(folder: Path = FOLDER) -> list[Earlier]:
    """Return the runs that were kept, the earliest first."""
    found = []
    for path in folder.glob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        medians = {goal: values["median"] for goal, values in content["goals"].items()}
        found.append(Earlier(path.stem, content["started"], content["processor"], medians))
    return sorted(found, key=lambda each: each.started)
