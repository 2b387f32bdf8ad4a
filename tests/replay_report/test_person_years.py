"""Persons are persons, and who counts once in each year is a person-year, in every place."""

from datetime import date
from pathlib import Path

import pytest
from medsettle.replay.compare import compare
from medsettle.replay.compare_folders import Results
from medsettle.replay.compare_queries import PERSON_YEARS, PERSONS
from medsettle.replay.figure_forms import Figure, shown_text
from medsettle.replay.report_sentences import summary
from medsettle.replay.run import replay
from medsettle.replay.worlds import worlds_of

from tests.replay.made import Claim, Life, checked, history_of
from tests.replay_report.compared_worlds import bill, reform_file, rules_folder
from tests.replay_report.conftest import Replayed

# From July 2025 on a deductible of 1,800 yuan a year is 1,200, above which 85 % are paid: who is
# billed 2,000 yuan gains 510 yuan in each year, and who is billed 1,300 gains 85.
_BILLS = {
    "A": [(date(2025, 8, 3), 2_000_00), (date(2026, 8, 3), 2_000_00)],
    "B": [(date(2025, 2, 3), 100_00), (date(2026, 2, 3), 1_300_00)],
    "C": [(date(2026, 3, 3), 100_00)],
}


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    """Return the figures of a reform over two years: three persons, five person-years."""
    folder: Path = tmp_path_factory.mktemp("years")
    lives: list[Life] = [
        [Claim(checked(bill(person, day, fen))) for day, fen in bills]
        for person, bills in _BILLS.items()
    ]
    history = history_of(folder / "history", lives)
    worlds = worlds_of(rules_folder(folder / "rules"), [reform_file("july")])
    replay(history, worlds, folder / "out")
    results = Results.open(folder / "out", folder / "history")
    return dict(compare(results, folder / "compared").reforms[0].figures)


def test_persons_and_person_years_are_counted(figures: dict[str, Figure]) -> None:
    """A gains in both years, and B in the second."""
    overview = figures["overview"]
    assert (3, 5) == (overview.number("persons"), overview.number("person_years"))
    assert {"gains": (3, 510_00 + 510_00 + 85_00), "same": (2, 0)} == {
        row["side"]: (row["person_years"], row["gain_fen"]) for row in figures["winners"].rows()
    }


def test_the_headline_says_persons(figures: dict[str, Figure]) -> None:
    """And that its shares are of person-years; 1,105 yuan over three of them are 368.33 each."""
    told = summary("july", figures)

    assert "over 5 claims of 3 persons from 2025-02-03 to 2026-08-03. " in told.en
    assert (
        "60.00 % of person-years with claims would have gained, 368.33 yuan each on average; "
        "nobody would have lost. Of 5 person-years, a person counting once in each calendar year."
    ) in told.en
    assert (
        "3 人的 5 次结算。受益者占有结算的人年的 60.00 %，受益者人均 368.33 元；无人受损。"
        in told.zh
    )
    assert told.zh.endswith("共 5 人年，同一人每个自然年计一次。")


def test_in_one_year_both_are_the_same(replayed: Replayed) -> None:
    """Nothing is said of years where nobody counts twice."""
    told = summary("july", replayed.comparison.reforms[0].figures)

    assert " of persons with claims would have gained, " in told.en
    assert "year" not in told.en


def test_no_column_calls_person_years_persons(figures: dict[str, Figure]) -> None:
    """Only the overview and months, in which nobody counts twice, have persons."""
    counted = {
        name: [each.words for each in figure.form.shown if each.words in _COUNTED]
        for name, figure in figures.items()
    }
    assert [PERSONS.words, PERSON_YEARS.words] == counted.pop("overview")
    assert [PERSONS.words] == counted.pop("by_month")
    assert {PERSON_YEARS.words} == {words for found in counted.values() for words in found}
    heads = {each.words for figure in figures.values() for each in figure.form.shown}
    others = [each.en.lower().replace("persons' part", "") for each in heads - {PERSONS.words}]
    assert not [each for each in others if "persons" in each]


_COUNTED = (PERSONS.words, PERSON_YEARS.words)


def test_means_have_names_of_their_own(figures: dict[str, Figure]) -> None:
    """One is per gainer, the other per person-year of a decile, in both languages."""
    means = {}
    for name in ("winners", "winners_by_decile"):
        form, rows = figures[name].form, figures[name].rows()
        (column,) = [each for each in form.shown if each.name == "mean"]
        means[name] = column.words, shown_text(column, rows[0])

    (each, of_gainers), (all_, of_decile) = means.values()
    assert ("Gain, per gainer or loser", "受益者或受损者人均受益") == (each.en, each.zh)
    assert ("Net gain, per person-year of the row", "该组全体人均净受益") == (all_.en, all_.zh)
    assert ("+368.33", "0.00") == (of_gainers, of_decile)
