"""Write the locks of a server and of what builds it, as parts of the lock of development.

    python engine/deployment/locks.py requirements

`requirements/server.txt` has what a server with console, PostgreSQL and traces needs and nothing
besides; `requirements/build.txt` has what makes the wheel. Versions and hashes are those of
`requirements/dev.txt`, so what runs is what was tested.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("console", "postgres", "report", "traces")
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==[^\n]*\\\n(?: {4}--hash[^\n]*\n?)+", re.MULTILINE)


def server_requirements(project: Path) -> list[str]:
    """Return what a server needs, as the project says."""
    told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = told["optional-dependencies"]
    return [*told["dependencies"], *(each for name in EXTRAS for each in extras[name])]


def build_requirements(project: Path) -> list[str]:
    """Return what makes the wheel, as the project says."""
    told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    needed: list[str] = told["build-system"]["requires"]
    return needed


def closure(wanted: Iterable[str]) -> set[str]:
    """Return the names of all packages that some need, by what is installed here."""
    found: set[tuple[str, str]] = set()
    left = [(Requirement(each), "") for each in wanted]
    while left:
        requirement, extra = left.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for wanted_extra in {"", *requirement.extras}:
            if (name, wanted_extra) not in found:
                found.add((name, wanted_extra))
                left += [(Requirement(each), wanted_extra) for each in requires(name) or ()]
    return {name for name, _ in found}


def entries(lock: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the lines of each package of a lock."""
    for entry in _ENTRY.finditer(lock.read_text(encoding="utf-8")):
        yield canonicalize_name(entry[1]), entry[0].rstrip("\n") + "\n"


def part(lock: Path, wanted: Iterable[str]) -> str:
    """Return the lines of a lock for what some packages need.

    Raises:
        ValueError: The lock lacks one of them.
    """
    names, known = closure(wanted), dict(entries(lock))
    if missing := sorted(names - known.keys()):
        raise ValueError(f"{lock} lacks {', '.join(missing)}; run make lock")
    return "".join(known[name] for name in sorted(names))


def main(folder: Path) -> None:
    """Write both locks into a folder that has the one of development."""
    lock, project = folder / "dev.txt", Path(__file__).parents[2]
    (folder / "server.txt").write_text(part(lock, server_requirements(project)), encoding="utf-8")
    (folder / "build.txt").write_text(part(lock, build_requirements(project)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
