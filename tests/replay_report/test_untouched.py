"""Why a reform decides no claim is told, loudly: on the page, in the terminal and for programs."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle.replay.compare_folders import Results
from medsettle.replay.layout import BASELINE
from medsettle.replay.report import write_report
from medsettle.replay.report_page import PageOptions
from medsettle.replay.report_sentences import warnings
from medsettle.replay.report_words import Language
from medsettle.replay.run import replay
from medsettle.replay.untouched import ClaimsAre, own_documents, untouched_words
from medsettle.replay.worlds import World, worlds_of

from tests.cli.commands import run
from tests.replay.made import Claim, checked, history_of
from tests.replay_report.compared_worlds import bill, books, reform_file, rules_folder
from tests.replay_report.conftest import Replayed
from tests.replay_report.page_reading import Page

_CLAIMS = ClaimsAre(("110000",), ("310",), ("14", "11"), date(2025, 1, 2), date(2025, 12, 30))
_DOCUMENT = {
    **{"area": "110000", "insurance_type": "310", "visit_types": ["11", "12"]},
    **{"from": "2025-07-01", "until": ""},
}
_OF_INPATIENTS = "is of the visit types 21 (inpatient), and the claims are of 11 (outpatient)"


@pytest.mark.parametrize(
    ("says", "english", "chinese"),
    [
        (
            {"area": "440100"},
            "d is of the area 440100, and the claims are of 110000.",
            "d 适用于统筹区 440100，而结算属于 110000。",
        ),
        (
            {"insurance_type": "390", "visit_types": ["99"]},
            "d is of the insurance type 390 (resident basic medical insurance), and the claims are "
            "of 310 (employee basic medical insurance).",
            "d 适用于险种 390 (城乡居民基本医疗保险)，而结算属于 310 (职工基本医疗保险)。",
        ),
        (
            {"visit_types": ["99", "21"], "from": "2026-01-01"},
            "d is of the visit types 21 (inpatient), 99 (local), and the claims are of 11 "
            "(outpatient), 14 (chronic or special disease).",
            "d 适用于医疗类别 21 (住院), 99 (地方自定)，而结算属于 11 (普通门诊), "
            "14 (门诊慢特病)。",
        ),
        (
            {"from": "2025-12-31"},
            "d is in force from 2025-12-31, and the last claim is of 2025-12-30.",
            "d 自 2025-12-31 起施行，而最后一次结算为 2025-12-30。",
        ),
        (
            {"from": "2024-01-01", "until": "2025-01-02"},
            "d is in force before 2025-01-02, and the first claim is of 2025-01-02.",
            "d 施行至 2025-01-02 之前，而第一次结算为 2025-01-02。",
        ),
        *(
            (
                on_the_edge,
                "No claim has the area, insurance type, visit types and days of d together.",
                "没有结算同时符合 d 的统筹区、险种、医疗类别与日期。",
            )
            for on_the_edge in ({"from": "2025-12-30"}, {"until": "2025-01-03"})
        ),
    ],
)
def test_the_plainest_reason_is_told(says: dict[str, Any], english: str, chinese: str) -> None:
    """The first of area, insurance, visit types and days that no claim has, one day either side."""
    told = untouched_words({"d": _DOCUMENT | says}, _CLAIMS)

    assert (
        told.en == f"{english} A replay settles claims: credits of accounts and what is paid by "
        "the year are as they were recorded."
    )
    assert told.zh == f"{chinese}重算只结算费用，个人账户划入与年度支付均按原记录。"


def test_what_an_older_program_did_not_tell_is_no_reason() -> None:
    """Its results name documents and days alone, of which nothing else is said."""
    told = untouched_words({"d": {"from": "2025-07-01", "until": ""}}, _CLAIMS)

    assert told.en.startswith("No claim has the area, insurance type, visit types and days of d")


def test_documents_of_a_reform_are_those_of_it_alone() -> None:
    """The baseline's are in its world too; results without worlds have none."""
    worlds = {name: World(name, books()[name]).told() for name in (BASELINE, "july")}

    (name,) = own_documents(worlds, "july")
    assert name not in own_documents(worlds, BASELINE)
    assert {} == own_documents({}, "july")
    held = own_documents(worlds, "july")[name]
    assert ("310", ["11"]) == (held["insurance_type"], held["visit_types"])


@pytest.fixture(scope="module")
def outpatients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with rules, and a history of outpatients replayed with two reforms.

    One is of inpatients; the other of outpatients and from a day on after which nobody comes.
    """
    folder = tmp_path_factory.mktemp("outpatients")
    bills = [bill("A", date(2025, 2, 3), 2_000_00), bill("A", date(2025, 7, 3), 1_00)]
    lives = [[Claim(checked(each)) for each in bills]]
    history = history_of(folder / "history", lives)
    reforms = [reform_file("ceiling"), reform_file("july")]
    replay(history, worlds_of(rules_folder(folder / "rules"), reforms), folder / "out")
    return folder


def test_the_page_says_it_first(outpatients: Path, tmp_path: Path) -> None:
    """Before any number, in a block of its own, in the language of the page; once a reform."""
    results = Results.open(outpatients / "out", outpatients / "history")
    for language, said in (
        (Language.EN, _OF_INPATIENTS),
        (Language.ZH, "适用于医疗类别 21 (住院)，而结算属于 11"),
    ):
        options = PageOptions(language, charts=False)
        page = write_report(results, tmp_path / language, page=options).page
        (header,) = Page(page.read_text(encoding="utf-8")).root.all("header")
        told = [each.text() for each in header.all("p")]
        warned = [each for each in header.all("p") if each.attributes.get("class") == "untouched"]
        assert [each.text() for each in warned] == told[:2]
        assert said in told[0]
        assert told[0].startswith("ceiling ")


def test_a_reform_that_changes_nothing_says_how_many_it_decides(outpatients: Path) -> None:
    """Its documents are of some claims, which come out the same; others are said nothing of."""
    results = Results.open(outpatients / "out", outpatients / "history")
    told = warnings(write_report(results, page=PageOptions(charts=False)).comparison)

    assert {"ceiling", "july"} == set(told)
    assert told["july"].en.endswith("comes out otherwise, and its documents decide 1 of them.")
    assert "其中 1 次适用其文件" in told["july"].zh


def test_what_changes_is_not_warned_of(replayed: Replayed) -> None:
    """Neither of two reforms that have an effect."""
    assert {} == warnings(replayed.comparison)


def test_the_terminal_says_why(outpatients: Path, tmp_path: Path) -> None:
    """The visit types, as areas and days are the same: of the replay, and of the report alone."""
    call = ("--policy", outpatients / "rules", "--reform", reform_file("ceiling"), "--no-report")
    ran = run("replay", outpatients / "history", *call, "--out", tmp_path / "again")
    words = ("--history", outpatients / "history", "--out", tmp_path / "report", "--no-charts")
    reported = run("replay-report", outpatients / "out", *words)
    as_json = run("replay-report", outpatients / "out", *words, "--json").json

    for told in (ran, reported):
        assert 0 == told.code, told.err
        assert _OF_INPATIENTS in " ".join(told.out.split())
        assert "is of the area" not in told.out
    assert _OF_INPATIENTS in as_json["warnings"]["ceiling"]["en"]
