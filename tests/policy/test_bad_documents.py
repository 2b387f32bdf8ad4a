"""Every bad document is refused with exactly the messages that stand beside it.

The messages are what a policy officer reads, so they are kept whole, one file for each case.
`pytest tests/policy --accept` writes them anew; the difference is then read like any other change.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from medsettle.errors import PolicyRejected, Violation
from medsettle.policy.book import compile_file, load_rule_book, read_area_folder

_BAD = Path(__file__).parents[2] / "fixtures" / "policies" / "bad"
_AREA = _BAD / "999900"
_DOCUMENTS = sorted(path.name for path in _AREA.glob("[0-9]*.yaml"))
_BOOKS = sorted(path.name for path in (_BAD / "books").iterdir() if path.is_dir())

# What a programmer sees and an officer should not.
_PROGRAM_WORDS = re.compile(
    r"\b(?:None|NoneType|dict|list\[|tuple|str|int|Fraction\(|Error|Exception|frozenset|assert)\b"
)

Compare = Callable[[Path, list[Violation]], None]


@pytest.fixture(name="compare")
def _compare(request: pytest.FixtureRequest) -> Compare:
    """Return a comparison of violations with a file, or what writes the file under `--accept`."""
    accept = bool(request.config.getoption("--accept", default=False))

    def compare(expected: Path, violations: list[Violation]) -> None:
        actual = "".join(f"{violation}\n" for violation in violations)
        if accept:
            expected.write_text(actual, encoding="utf-8")
        assert expected.read_text(encoding="utf-8") == actual

    return compare


def _refused(name: str) -> list[Violation]:
    folder = Path(_AREA.name)
    area, faults = read_area_folder(folder)
    assert area is not None, faults
    compiled, violations = compile_file(folder / name, area)
    assert compiled is None
    return violations


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_a_bad_document_is_refused_in_these_words(
    name: str, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fault is named with its file, line, column and key, what was found and the next step."""
    monkeypatch.chdir(_BAD)

    violations = _refused(name)

    compare(_AREA / Path(name).with_suffix(".expected.txt"), violations)


@pytest.mark.parametrize("case", _BOOKS)
def test_a_bad_book_is_refused_in_these_words(
    case: str, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only shows between documents is named at the document that has to change."""
    monkeypatch.chdir(_BAD / "books" / case)

    with pytest.raises(PolicyRejected) as caught:
        load_rule_book(Path())

    compare(Path("expected.txt"), list(caught.value.violations))


@pytest.mark.parametrize("path", sorted(_BAD.rglob("*expected.txt")), ids=lambda path: path.stem)
def test_messages_are_for_officers(path: Path) -> None:
    """No message holds a word of the programming language, and each names a next step."""
    for line in path.read_text(encoding="utf-8").splitlines():
        assert _PROGRAM_WORDS.search(line) is None, line
        assert "; " in line or "did you mean" in line, line


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_every_fault_points_into_its_document(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line and column of a violation stand inside the document, and not on a blank."""
    monkeypatch.chdir(_BAD)
    lines = (_AREA / name).read_text(encoding="utf-8").splitlines()

    for violation in _refused(name):
        line = lines[violation.line - 1]
        assert not line[violation.column - 1 :].startswith(" "), violation
        assert len(line) >= violation.column, violation


@pytest.mark.parametrize("path", sorted(_BAD.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_bad_document_has_its_words(path: Path) -> None:
    """No document under `bad` lies there without the messages it stands for."""
    beside = path.with_suffix(".expected.txt")
    book = path.parents[1] / "expected.txt"
    inside = path.parent / "expected.txt"

    good = {"area.yaml", "good.yaml"}
    assert path.name in good or any(file.is_file() for file in (beside, book, inside))
