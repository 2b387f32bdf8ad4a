"""The page of threats is true: each threat names tests that are there, and no part is left out."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.defences.listed import Without, listed

_ROOT: Final = Path(__file__).parents[1]
_PAGE: Final = _ROOT / "engine" / "threats.md"
_ROW: Final = re.compile(r"\| (\d+) \| ([STRIDE]) \| (.+) \| (.+) \| (.+) \|")
_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_PINNED: Final = re.compile(
    r"[A-Za-z0-9._-]+(?:\[[\w,-]+\])?==[^\s;]+(?: *;[^-]*)?(?: +--hash=sha256:[0-9a-f]{64})+"
)
_LOCKS: Final = sorted((_ROOT / "requirements").glob("*.txt"))

_PARTS: Final = {
    *("gRPC port", "Gateway", "Peers", "Console", "Ledger and its files"),
    *("Audit tables and statements", "Sealed audit tables", "Offline claims", "Privacy"),
    *("Log, traces and measurements", "Policies, lists and directories", "Configuration"),
    *("Upgrades",),
    *("Operators and two people", "Supply chain"),
}


def _rows() -> list[re.Match[str]]:
    lines = _PAGE.read_text(encoding="utf-8").splitlines()
    numbered = [line for line in lines if re.match(r"\| \d", line)]
    found = [_ROW.fullmatch(line) for line in numbered]
    assert None not in found, [line for line, row in zip(numbered, found, strict=True) if not row]
    return [row for row in found if row is not None]


@cache
def _tests_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_threats_are_numbered_and_of_every_kind() -> None:
    """From one on, without gaps; of each letter of STRIDE there are some."""
    rows = _rows()

    assert [*range(1, len(rows) + 1)] == [int(row[1]) for row in rows]
    assert set("STRIDE") == {row[2] for row in rows}


def test_every_part_has_threats() -> None:
    """A part that is added to the page, or left out of it, is seen here."""
    text = _PAGE.read_text(encoding="utf-8")
    with_rows = {
        part.splitlines()[0] for part in re.split(r"^## ", text, flags=re.M) if _ROW.search(part)
    }

    assert _PARTS == with_rows


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row[1])
def test_every_threat_has_tests_that_are_there(row: re.Match[str]) -> None:
    """Each test that a row names is in its file; a row without one would be a wish."""
    named = _TEST.findall(row[5])

    assert named, row[0]
    assert "" == _TEST.sub("", row[5]).replace(",", "").strip()
    for file, test in named:
        path = _ROOT / file
        assert path.is_file(), f"{file} is not there"
        assert test.startswith("test_") and test in _tests_of(path), f"{file} has no {test}"


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row[1])
def test_every_defence_can_be_taken_out(row: re.Match[str]) -> None:
    """There is a change without it for `python -m tests.defences`, and tests of its row see it."""
    changes = [each for each in listed() if each.threat == int(row[1])]
    named = {f"{file}::{test}" for file, test in _TEST.findall(row[5])}

    assert changes, f"no list of tests/defences takes out the defence of threat {row[1]}"
    assert named >= {test for each in changes for test in each.tests}
    assert all(each.tests and each.changes for each in changes)


@pytest.mark.parametrize("without", listed(), ids=lambda each: f"{each.threat}-{each.what}")
def test_what_takes_a_defence_out_still_fits(without: Without) -> None:
    """The text that each change is about stands once in its file."""
    for change in without.changes:
        text = (_ROOT / change.file).read_text(encoding="utf-8")
        assert 1 == text.count(change.old), change.file
        assert change.old != change.new


@pytest.mark.parametrize("lock", _LOCKS, ids=lambda path: path.stem)
def test_every_package_is_pinned_by_its_hash(lock: Path) -> None:
    """One version each, with digests of its files, and no address to take it from."""
    stated = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    packages = [text for line in stated.splitlines() if (text := line.split("#")[0].strip())]

    assert packages
    assert [] == [line for line in packages if not _PINNED.fullmatch(line)]
    assert "://" not in "".join(packages)
