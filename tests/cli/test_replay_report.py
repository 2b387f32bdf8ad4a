"""`medsettle replay-report`: the page and its files, what is said in short, and what is refused."""

from pathlib import Path

import orjson
import pytest
from medsettle.cli.exits import Exit

from tests.cli.commands import run
from tests.replay_report.compared_by_hand import persons_of
from tests.replay_report.compared_worlds import Told, made_replay, reform_file, rules_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """Return a folder with a history, results of one reform and the rules, and what they are."""
    folder = tmp_path_factory.mktemp("replay")
    rules_folder(folder / "rules")
    return folder, made_replay(folder, persons=30, reforms=("july",))


def test_a_report_is_written_and_told(replay: tuple[Path, Told], tmp_path: Path) -> None:
    """Beside the results without --out; the sentence, the files, and JSON for programs."""
    folder, told = replay
    named = ("--history", folder / "history")
    reform = ("--rules", folder / "rules", "--reform", reform_file("july"))

    ran = run("replay-report", folder / "results", *named, *reform)

    assert Exit.OK == ran.code
    page = folder / "results" / "comparison" / "report.html"
    assert ran.out.startswith("With july, funds would have paid ")
    assert str(page) in ran.out
    assert "deductible, " in page.read_text(encoding="utf-8")
    out = ("--out", tmp_path)
    found = run("replay-report", folder / "results", *named, *out, "--json").json
    (july,) = found["reforms"]
    both = list(told.compared("july"))
    assert len(both) == july["claims"]
    change = sum(a.fen("pooled_fund_fen") - b.fen("pooled_fund_fen") for _, b, a in both)
    assert change == july["change_fen"]["pooled_fund"] != 0
    gains = sum(each.gain > 0 for each in persons_of(told, "july"))
    assert gains == july["person_years_by_side"]["gains"] > 0
    counts = {"recorded": 0, "as_recorded": 0, "differing": 0, "differences": []}
    assert {"claims": len(told.claims), **counts} == found["baseline"]
    assert str(tmp_path / "report.html") == found["page"]
    assert (tmp_path / "july" / "queries.sql").is_file()


def test_options_come_to_the_page(replay: tuple[Path, Told], tmp_path: Path) -> None:
    """Thresholds, the response with its source, the language, no charts; money is exact."""
    folder, _ = replay
    ran = run(
        *("replay-report", folder / "results", "--history", folder / "history", "--out", tmp_path),
        *("--change", "0.01", "--change", "12.34", "--burden", "77.70", "--burden-percent", "33"),
        *("--elasticity=-0.05,-0.1,-0.25", "--elasticity-from", "2025-07-01"),
        *("--elasticity-source", "invented <for> a test", "--language", "zh", "--no-charts"),
    )

    assert Exit.OK == ran.code
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "若实施 july" in ran.out
    for said in ("12.34", "77.70", "33 %", "低（−0.05）", "invented &lt;for&gt; a test"):
        assert said in text
    assert "<svg" not in text
    assert "未绘图" not in text


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--elasticity=-0.1,-0.2,-0.3",), Exit.USAGE, "give all three"),
        (
            (
                *("--elasticity=-0.1,-0.2", "--elasticity-from", "2025-07-01"),
                *("--elasticity-source", "x"),
            ),
            Exit.USAGE,
            "has 2 numbers; give low,central,high",
        ),
        (
            (
                *("--elasticity=a,b,c", "--elasticity-from", "2025-07-01"),
                *("--elasticity-source", "x"),
            ),
            Exit.USAGE,
            "'a' is no elasticity",
        ),
        (("--change", "1.234"), Exit.USAGE, "has a part of a fen"),
        (("--burden-percent", "100"), Exit.USAGE, "burden_percent"),
        (("--rules", "rules"), Exit.USAGE, "--rules and --reform go together"),
        (
            ("--rules", "RULES", "--reform", reform_file("july"), "--reform", reform_file("july")),
            Exit.USAGE,
            "two worlds are called 'july'",
        ),
        (
            ("--rules", "RULES", "--reform", reform_file("ceiling")),
            Exit.USAGE,
            "no world is called 'ceiling'",
        ),
        (("--history", "nowhere"), Exit.USAGE, "no history was finished in this folder"),
    ],
)
def test_what_cannot_be_reported_is_refused(
    replay: tuple[Path, Told], options: tuple[str | Path, ...], code: Exit, said: str
) -> None:
    """Each with what was found and the next step; nothing is written."""
    folder, _ = replay

    named = () if "--history" in options else ("--history", folder / "history")
    out = ("--out", folder / "none", "--json")
    given = [folder / "rules" if each == "RULES" else each for each in options]
    ran = run("replay-report", folder / "results", *named, *given, *out)

    assert code == ran.code
    assert said in " ".join(orjson.loads(ran.out)["messages"])
    assert not (folder / "none").exists()
