"""What a report says in sentences agrees with the columns that it is said of."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pyarrow as pa
import pytest
from medsettle.replay.compare_options import CompareOptions, Response
from medsettle.replay.figure_forms import Shows
from medsettle.replay.history import INVENTED_POPULATION
from medsettle.replay.report_sentences import assumptions, invented, summary

from tests.replay_report.conftest import Replayed


@pytest.mark.parametrize(
    ("change_fen", "english", "chinese", "payouts"),
    [
        (-1, "paid 0.01 yuan less (0.00 %)", "少支付 0.01 元（0.00 %）", "−0.01 yuan"),
        (1, "paid 0.01 yuan more (0.00 %)", "多支付 0.01 元（0.00 %）", "+0.01 yuan"),
        (-125_00, "paid 125.00 yuan less (−1.25 %)", "少支付 125.00 元（−1.25 %）", "−125.00 yuan"),
        (125_00, "paid 125.00 yuan more (+1.25 %)", "多支付 125.00 元（+1.25 %）", "+125.00 yuan"),
    ],
)
def test_a_change_has_the_sign_of_its_column(
    replayed: Replayed, change_fen: int, english: str, chinese: str, payouts: str
) -> None:
    """Of 10,000 yuan; what rounds to nothing has none, whichever way it goes."""
    figures = dict(replayed.comparison.reforms[0].figures)
    funds = figures["funds"]
    before = {"baseline_fen": 10_000_00, "reform_fen": 10_000_00 + change_fen}
    rows = [row | before | {"change_fen": change_fen} for row in funds.rows()]
    figures["funds"] = replace(funds, table=pa.Table.from_pylist(rows, funds.table.schema))

    told = summary("july", figures)

    assert f"With july, funds would have {english}, and persons" in told.en
    assert f"基金将{chinese}，" in told.zh
    assert f"What is paid beside the bill changes by {payouts}." in told.en


def test_a_response_is_not_denied_beside_it() -> None:
    """Nobody comes more often where none is assumed; where one is, the figure of it is named."""
    three = (Fraction(-1, 10), Fraction(-1, 5), Fraction(-3, 10))
    responding = CompareOptions(response=Response(three, date(2025, 7, 1), "invented for a test"))
    without, told = (
        " ".join(f"{each.en} {each.zh}" for each in assumptions(options, {}))
        for options in (CompareOptions(), responding)
    )

    for said in ("nobody comes more or less often", "No response", "不考虑就诊次数", "未假设"):
        assert said in without
        assert said not in told
    for said in ("“Budget effect with a response”", "“考虑需求反应的预算影响”"):
        assert said in told
        assert said not in without


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"made": "something else", "persons": 1_000}, []),
        ({"made": INVENTED_POPULATION}, ["is one of a real province."]),
        (
            {"made": INVENTED_POPULATION, "persons": 1_000},
            ["1,000 persons were drawn; those without a claim are in no share."],
        ),
    ],
)
def test_who_is_invented_is_told_with_how_many(source: dict[str, object], said: list[str]) -> None:
    """Also among what is assumed; nobody is said to be invented of other histories."""
    told = invented(source)

    assert len(said) == len(told)
    assert all(each.en.endswith(end) for each, end in zip(told, said, strict=True))
    assert told == assumptions(CompareOptions(), source)[: len(told)]
    assert not any("invented" in each.en for each in assumptions(CompareOptions(), source)[1:])


def test_shares_of_persons_say_of_whom(replayed: Replayed) -> None:
    """The note of each figure that has some, in both languages: of those with claims."""
    figures = replayed.comparison.reforms[0].figures
    found = {
        name: figure.form.note
        for name, figure in figures.items()
        for column in figure.form.shown
        if column.shows is Shows.SHARE and "person_years" in "".join(column.of or ())
    }

    assert {
        *("winners", "winners_by_decile", "winners_by_age", "histogram", "large_changes"),
        *("burden", "crossings"),
    } == set(found)
    found |= {name: figures[name].form.note for name in ("top_shares", "concentration")}
    for note in found.values():
        assert "person-years with claims" in note.en.lower()
        assert "有结算的人年" in note.zh
