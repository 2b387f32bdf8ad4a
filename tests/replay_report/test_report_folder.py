"""Where a report is written, and what it says first of a history that nobody lived."""

import shutil
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from medsettle.cli.exits import Exit
from medsettle.errors import InvalidRequest
from medsettle.replay.compare import compare
from medsettle.replay.compare_folders import Results
from medsettle.replay.compare_options import CompareOptions, Response
from medsettle.replay.history import INVENTED_POPULATION
from medsettle.replay.reform_words import keep_words, policy_changes
from medsettle.replay.report import write_report
from medsettle.replay.report_page import PageOptions
from medsettle.replay.report_words import Language
from medsettle.replay.run import replay
from medsettle.replay.worlds import World

from tests.cli.commands import run
from tests.replay.made import Claim, checked, history_of
from tests.replay_report.compared_worlds import REFORMS, bill, books, reform_file, rules_folder
from tests.replay_report.conftest import Replayed

_NO_CHARTS = PageOptions(charts=False)


def _results(replayed: Replayed) -> Results:
    return Results.open(replayed.folder / "results", replayed.folder / "history")


@pytest.mark.parametrize("name", ["h*", "h[1]", "h?"])
def test_a_history_is_read_by_its_name_alone(replayed: Replayed, tmp_path: Path, name: str) -> None:
    """Beside another that its name would stand for, were it a pattern; and so are the results."""
    for each in (name, "h1", "hx"):
        shutil.copytree(replayed.folder / "history", tmp_path / each / "history")
        shutil.copytree(replayed.folder / "results", tmp_path / each / "results")
    results = Results.open(tmp_path / name / "results", tmp_path / name / "history")

    found = compare(results, tmp_path / name / "compared")

    for wanted, got in zip(replayed.comparison.reforms, found.reforms, strict=True):
        for figure, expected in wanted.figures.items():
            assert expected.table.to_pylist() == got.figures[figure].table.to_pylist(), figure


def test_a_folder_is_for_a_report_alone(replayed: Replayed, tmp_path: Path) -> None:
    """Not one with a comma in its path, nor that of a history or of results; nothing is written."""
    results = _results(replayed)
    with pytest.raises(InvalidRequest, match="a,b has a comma, and queries are run and printed"):
        write_report(results, tmp_path / "a,b", page=_NO_CHARTS)
    for name, held in (("history", "history.json"), ("results", "replay.json")):
        shutil.copytree(replayed.folder / name, tmp_path / name)
        with pytest.raises(InvalidRequest, match=f"has a {held}, so it is no folder for a report"):
            write_report(results, tmp_path / name, page=_NO_CHARTS)
        assert not (tmp_path / name / "report.html").exists()
    with pytest.raises(InvalidRequest, match=r"has a history \(history.json\); name another fo"):
        replay(results.history, [World("baseline", books()["baseline"])], tmp_path / "history")


def test_a_folder_is_looked_at_before_hours_of_replay(tmp_path: Path) -> None:
    """The command that would end with a report says so before it makes or replays anything."""
    rules = rules_folder(tmp_path / "rules")
    ran = run(
        *("replay", tmp_path / "none", "--policy", rules, "--reform", reform_file("july")),
        *("--out", tmp_path / "a,b"),
    )
    assert Exit.USAGE == ran.code
    assert "a,b/comparison has a comma" in " ".join(ran.err.split())
    assert not (tmp_path / "a,b").exists()


def test_reforms_of_an_earlier_report_are_removed(replayed: Replayed, tmp_path: Path) -> None:
    """What it wrote of them, and nothing else that lies there."""
    write_report(_results(replayed), tmp_path / "out", page=_NO_CHARTS)
    earlier = tmp_path / "out" / "earlier"
    (tmp_path / "out" / "july").rename(earlier)
    (tmp_path / "out" / "mine").mkdir()
    (tmp_path / "out" / "mine" / "queries.sql").touch()
    noted = tmp_path / "out" / "noted"
    shutil.copytree(earlier, noted)
    keep_words(noted, [])
    (noted / "notes.txt").write_text("of the minister", encoding="utf-8")

    write_report(_results(replayed), tmp_path / "out", page=_NO_CHARTS)

    assert not earlier.exists()
    assert ["notes.txt"] == [each.name for each in noted.iterdir()]
    assert (tmp_path / "out" / "july" / "queries.sql").is_file()
    assert (tmp_path / "out" / "mine" / "queries.sql").is_file()


@pytest.mark.parametrize("after", [0, 1])
def test_a_response_begins_in_the_history(replayed: Replayed, tmp_path: Path, after: int) -> None:
    """On its last day at the latest."""
    (reform, *_) = replayed.comparison.reforms
    last = reform.figures["overview"].rows()[0]["last_day"]
    assert isinstance(last, date)
    since = date.fromordinal(last.toordinal() + after)
    three = (Fraction(-1, 10), Fraction(-1, 5), Fraction(-3, 10))
    options = CompareOptions(response=Response(three, since, "invented for a test"))
    if not after:
        compare(_results(replayed), tmp_path / "out", options)
        return
    with pytest.raises(InvalidRequest, match=f"--elasticity-from: is {since}, after the last da"):
        compare(_results(replayed), tmp_path / "out", options)


def test_a_page_says_first_who_does_not_exist(replayed: Replayed, tmp_path: Path) -> None:
    """Of an invented population, at the top and among what is assumed; of no other history."""
    results = _results(replayed)
    page = write_report(results, tmp_path / "real", page=_NO_CHARTS).page
    assert "are invented: nobody in them exists" not in page.read_text(encoding="utf-8")

    drawn = replace(results.history, source={"made": INVENTED_POPULATION})
    invented = replace(results, history=drawn)
    page = write_report(invented, tmp_path / "drawn", page=_NO_CHARTS).page
    text = page.read_text(encoding="utf-8")
    assert 2 == text.count("are invented: nobody in them exists")
    assert text.index("are invented: nobody") < text.index("funds would have paid")


def test_a_reform_without_effect_says_so_first(tmp_path: Path) -> None:
    """The headline is not left to be read as one of a reform that costs nothing."""
    history = history_of(
        tmp_path / "history", [[Claim(checked(bill("A", date(2025, 8, 3), 2_000_00)))]]
    )
    worlds = [World(name, books()["baseline"]) for name in ("baseline", "credits")]
    replay(history, worlds, tmp_path / "out")
    results = Results.open(tmp_path / "out", tmp_path / "history")

    text = write_report(results, page=_NO_CHARTS).page.read_text(encoding="utf-8")

    said = "No claim comes out otherwise, so this says nothing of what the reform costs"
    assert text.index(said) < text.index("With credits, funds would have paid 0.00 yuan")


def test_words_that_the_replay_kept_are_told_elsewhere(replayed: Replayed, tmp_path: Path) -> None:
    """A report in another folder and language needs no documents; words of its own come first."""
    shutil.copytree(replayed.folder / "results", tmp_path / "results")
    results = Results.open(tmp_path / "results", replayed.folder / "history")
    options = PageOptions(Language.ZH, charts=False)
    changes = {name: policy_changes(books()["baseline"], books()[name]) for name in REFORMS}
    write_report(results, changes=changes, page=options)

    elsewhere = write_report(results, tmp_path / "out", page=options).page
    text = elsewhere.read_text(encoding="utf-8")
    assert "large_amount rate: from 85% to 95%" in text
    keep_words(tmp_path / "out" / "july", [])
    write_report(results, tmp_path / "out", page=options)
    assert elsewhere.read_text(encoding="utf-8") != text

    other = [replace(each, after_digest="another") for each in changes["july"]]
    kept = tmp_path / "results" / "comparison" / "july"
    keep_words(kept, other)
    with pytest.raises(InvalidRequest, match=f"the words in {kept / 'reform.json'} are not those"):
        write_report(results, tmp_path / "third", page=options)
