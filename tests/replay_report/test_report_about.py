"""What the page says in sentences stands in the workbook too, and the versions stand once."""

from dataclasses import replace

import openpyxl
import pytest
from medsettle.replay.compare_folders import Results
from medsettle.replay.reform_words import PolicyChange, policy_changes
from medsettle.replay.report import Report, write_report
from medsettle.replay.report_page import PageOptions
from medsettle.replay.report_sentences import assumptions, summary

from tests.replay_report.compared_worlds import books
from tests.replay_report.conftest import Replayed
from tests.replay_report.page_reading import Page

_CHANGES = policy_changes(books()["baseline"], books()["july"])


@pytest.fixture(scope="module")
def report(replayed: Replayed, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Return a report of two reforms of which one is told in words."""
    results = Results.open(replayed.folder / "results", replayed.folder / "history")
    # As a replay writes it: its history, which has a manifest of its own, is told there as well.
    source = {"made by": "a test, invented", "persons": 60}
    manifest = {**results.manifest, "history": {"digest": results.history.digest, "source": source}}
    results = replace(results, manifest=manifest, history=replace(results.history, source=source))
    out = tmp_path_factory.mktemp("about")
    return write_report(results, out, changes={"july": _CHANGES}, page=PageOptions(charts=False))


@pytest.fixture(scope="module")
def about(report: Report) -> dict[tuple[str, str], list[str]]:
    """Return what the sheet says, by its part and of what it is said."""
    book = openpyxl.load_workbook(report.workbook)
    found: dict[tuple[str, str], list[str]] = {}
    for part, of, says in book["about"].iter_rows(min_row=2, values_only=True):
        found.setdefault((str(part), str(of or "")), []).append(str(says))
    return found


def test_the_workbook_says_what_a_reform_changes(about: dict[tuple[str, str], list[str]]) -> None:
    """Titles, names and every line; of the other one, how to have it told."""
    (change,) = _CHANGES
    assert isinstance(change, PolicyChange)
    wanted = [*change.heads, *(line.strip() for line in change.lines)]

    assert wanted == about["What it changes 改革内容", "july"]
    (other,) = about["What it changes 改革内容", "ceiling"]
    assert other.startswith("Not told: name the rules and the reforms with --rules and --reform")


def test_the_workbook_says_what_it_comes_to_and_assumes(
    report: Report, about: dict[tuple[str, str], list[str]]
) -> None:
    """The sentences of the page, in both languages."""
    for each in report.comparison.reforms:
        told = summary(each.reform, each.figures)
        assert [f"{told.en} {told.zh}"] == about["Summary 摘要", each.reform]
    source = report.comparison.results.history.source
    wanted = [f"{each.en} {each.zh}" for each in assumptions(report.comparison.options, source)]
    assert wanted == about["Assumptions 假设与口径", ""]


def test_versions_are_the_same_in_both_and_once(
    report: Report, about: dict[tuple[str, str], list[str]]
) -> None:
    """The history is told by its own manifest, and not again by that of the replay."""
    page = Page(report.page.read_text(encoding="utf-8"))
    (table,) = [
        each
        for each in page.root.all("table")
        if each.all("caption")[0].text() == "Versions and digests"
    ]
    rows = {
        row.all("th")[0].text(): row.all("td")[0].text()
        for body in table.all("tbody")
        for row in body.all("tr")
    }

    assert rows == {
        of: says[0]
        for (part, of), says in about.items()
        if part == "Versions and digests 版本与摘要"
    }
    assert ("60", report.comparison.results.history.digest) == (
        rows["history persons"],
        rows["history digest"],
    )
    assert not [name for name in rows if name.startswith("replay history")]


def test_paper_has_no_word_of_scrolling(report: Report) -> None:
    """The line is for narrow screens: hidden elsewhere, and on paper."""
    text = report.page.read_text(encoding="utf-8")
    (style,) = Page(text).root.all("style")
    screen, paper = style.text().split("@media print {")

    assert ".narrow { display: none; }" in screen
    assert "nav, .narrow { display: none; }" in paper
    assert "background: none" in paper.partition(".scroll {")[2].partition("}")[0]
