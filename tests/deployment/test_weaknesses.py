"""Known weaknesses of pinned packages are told, and what is unknown is not told as soundness."""

import re
from pathlib import Path
from typing import Any

import pytest
from deployment.weaknesses import UNKNOWN, WEAK, asked, audit_of, exit_code

_ROOT = Path(__file__).parents[2]
_LOCKS = {path.stem: path for path in (_ROOT / "requirements").glob("*.txt")}

_WELL: dict[str, Any] = {"name": "sound", "version": "1.0", "vulns": []}
_WEAK: dict[str, Any] = {
    "name": "weak",
    "version": "2.0",
    "vulns": [
        {"id": "PYSEC-0000-1", "fix_versions": ["2.1"], "aliases": [], "description": ""},
        {"id": "PYSEC-0000-2", "fix_versions": [], "aliases": [], "description": ""},
    ],
}
_SKIPPED: dict[str, Any] = {"name": "unknown", "skip_reason": "Dependency not found"}


def test_each_weakness_is_told_with_what_mends_it() -> None:
    """Of a package with two, both."""
    found = audit_of({"dependencies": [_WELL, _WEAK, _SKIPPED], "fixes": []})

    assert (
        "weak 2.0: PYSEC-0000-1, mended in 2.1",
        "weak 2.0: PYSEC-0000-2, mended in no version yet",
    ) == found.weaknesses
    assert ("unknown",) == found.unknown
    assert 3 == found.packages


@pytest.mark.parametrize(
    ("packages", "code"),
    [([_WELL], 0), ([_WELL, _SKIPPED], UNKNOWN), ([_SKIPPED, _WEAK], WEAK), ([], 0)],
)
def test_a_weakness_fails_and_what_is_unknown_is_no_success(
    packages: list[dict[str, Any]], code: int
) -> None:
    """A weakness goes before what could not be asked for."""
    assert code == exit_code([audit_of({"dependencies": packages})])


def test_what_is_no_lock_is_told(tmp_path: Path) -> None:
    """A requirement without a hash is refused by pip-audit, in its words."""
    lock = tmp_path / "lock.txt"
    lock.write_text("numpy\n", encoding="utf-8")

    with pytest.raises(ValueError, match="lock"):
        asked(lock)


@pytest.mark.parametrize("file", [".ci/run", "Makefile"])
def test_every_pinned_package_is_asked_for(file: str) -> None:
    """By CI and by `make audit`: no lock has a version that is in none of those asked for."""
    text = (_ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ")
    (words,) = re.findall(r"python engine/deployment/weaknesses\.py (.+)", text)
    asked_for = re.findall(r"requirements/(\w+)\.txt", words)
    pinned = {name: set(_pins(path)) for name, path in _LOCKS.items()}

    assert asked_for
    assert set() == set().union(*pinned.values()).difference(*(pinned[each] for each in asked_for))


def _pins(lock: Path) -> list[str]:
    return re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==[^\s;]+", lock.read_text("utf-8"), re.MULTILINE)
