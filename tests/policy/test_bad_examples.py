"""Worked examples that are wrong are refused with exactly the messages that stand beside them.

`pytest tests/policy --accept` writes them anew; the difference is then read like any other change.
"""

from pathlib import Path

import pytest
from medsettle.errors import Violation
from medsettle.policy.book import EXAMPLES_SUFFIX, load_rule_book
from medsettle.policy.example_names import name_faults
from medsettle.policy.examples import read_examples

_BAD = Path(__file__).parents[2] / "fixtures" / "policies" / "bad" / "examples"
_FILES = sorted(path.name for path in (_BAD / "999900").glob(f"*{EXAMPLES_SUFFIX}"))
_CHINESE = "03-slips-in-chinese.examples.yaml"


def _refused(path: Path) -> list[Violation]:
    """Return the faults of a file, and of the names in it where it has none."""
    examples, faults = read_examples(path)
    return faults or list(name_faults(examples, load_rule_book(Path()).policies))


@pytest.mark.parametrize("name", _FILES)
def test_bad_examples_are_refused_in_these_words(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fault is named with its file, line, column and key, what was found and the next step."""
    monkeypatch.chdir(_BAD)
    path = Path("999900") / name
    expected = path.with_suffix(".expected.txt")
    actual = "".join(f"{violation}\n" for violation in _refused(path))
    if request.config.getoption("--accept", default=False):
        expected.write_text(actual, encoding="utf-8")

    assert expected.read_text(encoding="utf-8") == actual


def test_examples_may_be_chinese(tmp_path: Path) -> None:
    """Every key, fact and name of an amount may be Chinese; the visit is the same as in English."""
    slips = (_BAD / "999900" / _CHINESE).read_text(encoding="utf-8")
    chinese, english = tmp_path / "zh.examples.yaml", tmp_path / "en.examples.yaml"
    for slip, word in (("带人", "带入"), ("预其", "预期"), ("  医院等级", "  就诊医院等级")):
        slips = slips.replace(slip, word)
    chinese.write_text(slips, encoding="utf-8")
    text = (_BAD / "999900" / "01-names-of-amounts.examples.yaml").read_text(encoding="utf-8")
    for slip, word in (("pooled_fnud", "pooled_fund"), ("lump_sum: 1元, ", ""), ("pol_", "pool_")):
        text = text.replace(slip, word)
    english.write_text(text, encoding="utf-8")
    policies = load_rule_book(_BAD).policies
    (mine,), faults = read_examples(chinese)
    (theirs,), more = read_examples(english)

    assert [] == [*faults, *more, *name_faults([mine, theirs], policies)]
    assert mine.visits[0].claim == theirs.visits[0].claim
    assert ["pool.起付线", "统筹基金", "现金"] == list(mine.visits[0].expect)
    assert list(mine.visits[0].expect.values()) == list(theirs.visits[0].expect.values())
