"""Whatever somebody does to a good document, the answer is a policy or a list of faults."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle.policy import tree
from medsettle.policy.book import EXAMPLES_SUFFIX, policy_files, read_area_folder
from medsettle.policy.vocabulary import aliases

from tests.policy.documents import GOOD, area_of, read

_ROOT = Path(__file__).parents[2]
_RULES = (_ROOT / "rules", _ROOT / "fixtures" / "policies" / "shapes")
_WORD = re.compile(r"[^\s\[\]{},:]+")
_FOUND = {area: read_area_folder(area)[0] for rules in _RULES for area in sorted(rules.iterdir())}
_GOOD = [
    (path.read_text(encoding="utf-8"), area)
    for folder, area in _FOUND.items()
    if area is not None
    for path in policy_files(folder)
]
_GOOD += [(GOOD, area_of())] * 3

# Words that documents have, and values at the edges of what they may say.
_TOKENS = sorted(
    {word for text, _ in _GOOD for word in _WORD.findall(text)}
    | {*aliases(), *aliases().values(), "[]", "{}", "&a", "*a", "!!x", '"', "'", "-", "%", "："}
    | {"0元", "0.01元", "100000000000元", "100000000001元", "０元", "9" * 25 + "元", "0万元"}
    | {"0%", "100%", "1000%", "1001%", "1/7", "1/999983", "999979/999983", "0/1", "1/0"}
    | {"0次", "10000次", "10001次", "0岁", "130岁", "1998-01-01", "2099-12-31", "02-29"}
)


@st.composite
def _edited(draw: st.DrawFn) -> tuple[str, int]:
    """Return a good document after one to three slips of the pen, and which one it was."""
    number = draw(st.integers(0, len(_GOOD) - 1))
    lines = _GOOD[number][0].split("\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        slip = draw(st.sampled_from(["word", "word", "word", "drop", "copy", "indent", "letter"]))
        words = list(_WORD.finditer(lines[at]))
        if slip == "word" and words:
            word = draw(st.sampled_from(words))
            new = draw(st.sampled_from(_TOKENS))
            lines[at] = lines[at][: word.start()] + new + lines[at][word.end() :]
        elif slip == "drop" and len(lines) > 1:
            del lines[at]
        elif slip == "copy":
            lines.insert(at, lines[draw(st.integers(0, len(lines) - 1))])
        elif slip == "indent":
            lines[at] = " " * draw(st.integers(0, 10)) + lines[at].strip()
        else:
            column = draw(st.integers(0, len(lines[at])))
            letter = draw(st.sampled_from("[]{}:,-#&*!|>'\"% \t0１，：元.\x01"))
            lines[at] = lines[at][:column] + letter + lines[at][column:]
    return "\n".join(lines), number


@pytest.mark.slow
@given(_edited())
def test_a_changed_document_compiles_or_is_refused(changed: tuple[str, int]) -> None:
    """No slip reaches the compiler: a document without violations becomes a program."""
    text, number = changed

    policy, violations = read(text, _GOOD[number][1])

    assert (policy is None) == bool(violations)
    quick = tree._faultless(text, "any.yaml")
    assert quick is None or (quick, []) == tree._with_faults(text, "any.yaml")
    for violation in violations:
        assert 1 <= violation.line <= len(text.splitlines()) + 1
        assert violation.message


@pytest.mark.parametrize(("text", "area"), _GOOD, ids=lambda value: getattr(value, "code", ""))
def test_the_documents_that_are_changed_are_good(text: str, area: object) -> None:
    """What the other test begins with has no fault."""
    assert [] == read(text, area)[1]  # type: ignore[arg-type]


def test_examples_are_left_out() -> None:
    """Only rule documents are changed here."""
    assert len(_GOOD) - 3 == len(
        [
            path
            for rules in _RULES
            for path in rules.glob("*/*.yaml")
            if path.name not in {"area.yaml", "card.yaml", "routing.yaml", "exclusions.yaml"}
            and not path.name.endswith(EXAMPLES_SUFFIX)
        ]
    )
