"""What a document leaves out is told, and is no fault: it loads, and `policy check` says so."""

from pathlib import Path

import pytest
from medsettle.policy.book import compile_file, load_rule_book, read_area_folder
from medsettle.policy.remarks import remarks

_ROOT = Path(__file__).parents[2]
_FOLDER = _ROOT / "fixtures" / "policies" / "remarks"


def test_what_is_left_out_is_told_in_these_words(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Levels, codes, sources, counters, pots and days: each with its place and what to do."""
    monkeypatch.chdir(_FOLDER)
    expected = _FOLDER / "expected.txt"

    found = "".join(f"{remark}\n" for remark in remarks(load_rule_book(Path()).policies))

    if request.config.getoption("--accept", default=False):
        expected.write_text(found, encoding="utf-8")
    assert expected.read_text(encoding="utf-8") == found


def test_a_document_alone_says_nothing_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another document may read or pay is asked of a folder only."""
    monkeypatch.chdir(_FOLDER)
    area, _ = read_area_folder(Path("999900"))
    assert area is not None
    compiled, _ = compile_file(Path("999900/counters.yaml"), area)
    assert compiled is not None

    (remark,) = remarks([compiled])

    assert "the cap on payment of 'pooled_fund' is counted in 'others_paid'" in remark.message


def test_documents_that_leave_nothing_out_have_no_remarks() -> None:
    """The levels and sources of an area with all of them are passed over in silence."""
    rules = load_rule_book(_ROOT / "rules")
    whole = [each for each in rules.policies if each.area.code == "440100"]

    assert [] == remarks(whole)
