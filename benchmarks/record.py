"""What a run measured, as a file: every value of every round, the machine and the versions."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

FORMAT: Final = 1
OURS: Final = "medsettle"

_DISTRIBUTIONS: Final = (
    *("medsettle", "numpy", "numba", "pyarrow", "grpcio", "protobuf", "apsw", "duckdb", "polars"),
    *("openfisca-core", "zen-engine"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One thing measured in several rounds.

    Attributes:
        section: The part of the run, such as `kernel`.
        tool: Whose figure it is.
        at: Where on the axis of the section: claims, lines, persons, calls in flight.
        unit: Unit of the values, such as `claims/s`, `ms` or `µs CPU/claim`.
        values: A value for each round; the rounds of a section and an `at` are paired.
        wrong: Claims that differ from the reference, None where nothing is compared.
        facts: What else is known of it.
    """

    section: str
    tool: str
    at: int
    unit: str
    values: tuple[float, ...]
    wrong: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Return the median of the rounds."""
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class Record:
    """A whole run."""

    machine: dict[str, Any]
    versions: dict[str, str]
    started: str
    seconds: dict[str, float]
    options: dict[str, Any]
    measured: tuple[Measured, ...]

    def find(self, section: str, tool: str, at: int, unit: str | None = None) -> Measured | None:
        """Return what was measured of a tool at a place, None where it was not."""
        for each in self.measured:
            if (each.section, each.tool, each.at) == (section, tool, at) and (
                unit is None or each.unit == unit
            ):
                return each
        return None

    def section(self, name: str, unit: str | None = None) -> list[Measured]:
        """Return what a section measured, in its order."""
        return [
            each
            for each in self.measured
            if each.section == name and (unit is None or each.unit == unit)
        ]


def ratios(over: Measured, under: Measured) -> tuple[float, ...]:
    """Return the ratio of two things round by round, so that noise of the machine divides out.

    >>> ratios(Measured("s", "a", 1, "x", (2.0, 8.0)), Measured("s", "b", 1, "x", (4.0, 4.0)))
    (0.5, 2.0)
    """
    pairs = zip(over.values, under.values, strict=False)
    return tuple(first / second for first, second in pairs)


def machine() -> dict[str, Any]:
    """Return the machine as far as results depend on it."""
    name, caches = "unknown processor", ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        pairs = (line.partition(":") for line in lines)
        facts = {first.strip(): last.strip() for first, _, last in pairs}
        name = facts.get("model name", name)
        caches = facts.get("cache size", "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": name,
        "cache": caches,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": [round(each, 1) for each in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """Return the versions of what takes part, those that are not installed left out."""
    found = {}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def now() -> str:
    """Return the moment, to the minute, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M")


def write(record: Record, path: Path) -> None:
    """Write a run to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT} | asdict(record)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Record:
    """Return the run of a file.

    Raises:
        ValueError: It is no record of this format.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.pop("format", None) != FORMAT:
        raise ValueError(f"{path} is no record of format {FORMAT}; run `make bench` again")
    measured = content.pop("measured")
    return Record(**content, measured=tuple(_measured(each) for each in measured))


def _measured(content: dict[str, Any]) -> Measured:
    values: Sequence[float] = content.pop("values")
    return Measured(**content, values=tuple(values))
