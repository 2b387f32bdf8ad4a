"""A report says whether its baseline comes out as recorded, and the first claims that do not."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import orjson
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.errors import InvalidRequest
from medsettle.replay.compare import compare
from medsettle.replay.compare_folders import Results
from medsettle.replay.layout import RESULTS_MANIFEST, WRITTEN_BY
from medsettle.replay.report import Report, write_report
from medsettle.replay.report_page import PageOptions
from medsettle.replay.report_words import Language
from medsettle.replay.run import replay
from medsettle.replay.worlds import worlds_of
from medsettle.settle.run import Settled, Settler

from tests.replay.made import Claim, Life, checked, history_of, one_by_one, recorded
from tests.replay_report.compared_worlds import bill, books, reform_file, rules_folder
from tests.replay_report.page_reading import Node, Page

# Above a deductible of 1,800 yuan a year 85 % are paid: 170 yuan of A's 2,000, nothing of B's.
_BILLS = {"A": 2_000_00, "B": 300_00}
_HOLDS = (2, 2, 2, 0)


def _alone(person: str) -> Claim:
    return Claim(checked(bill(person, date(2025, 2, 3), _BILLS[person])))


def _as_settled(person: str) -> Claim:
    (found,) = one_by_one(Settler(books()["baseline"]), [_alone(person)])
    assert isinstance(found, Settled)
    found.settlement.columns["settlement"] = f"S{person}"
    return recorded(_alone(person).row, found.settlement)


def _otherwise(claim: Claim) -> Claim:
    """Return a claim whose fund is recorded to have paid 160 yuan instead of 170."""
    amounts = {**claim.recorded, "pooled_fund_fen": 160_00}
    stages = [
        {**stage, "paid_fen": 160_00} if stage["stage"] == "pooled_fund" else stage
        for stage in claim.stages
    ]
    return replace(claim, recorded=amounts, stages=stages)


def _results(folder: Path, *lives: Life) -> Results:
    history = history_of(folder / "history", lives)
    worlds = worlds_of(rules_folder(folder / "rules"), [reform_file("july")])
    replay(history, worlds, folder / "out")
    return Results.open(folder / "out", folder / "history")


def _report(results: Results, folder: Path, language: Language = Language.EN) -> Report:
    return write_report(results, folder / "report", page=PageOptions(language, charts=False))


def _proof(report: Report) -> tuple[Any, ...]:
    (row,) = report.comparison.baseline["proof"].rows()
    return tuple(row[name] for name in ("claims", "recorded", "as_recorded", "differing"))


def _section(report: Report) -> Node:
    page = Page(report.page.read_text(encoding="utf-8"))
    (found,) = [
        each for each in page.root.all("section") if each.attributes.get("class") == "baseline"
    ]
    return found


def test_nothing_recorded_is_told(tmp_path: Path) -> None:
    """It proves nothing, which is not the same as that it holds."""
    report = _report(_results(tmp_path, [_alone("A")], [_alone("B")]), tmp_path)

    assert (2, 0, 0, 0) == _proof(report)
    assert "Nothing was recorded to hold the baseline to." in _section(report).text()


def test_a_baseline_that_holds_is_told(tmp_path: Path) -> None:
    """With its query; there is nothing to list."""
    report = _report(
        _results(tmp_path, [_as_settled("A")], [_as_settled("B")]), tmp_path, Language.ZH
    )

    assert _HOLDS == _proof(report)
    assert "现行政策复现全部 2 次原结算。" in _section(report).text()
    assert ["proof"] == [each.attributes["data-figure"] for each in _section(report).all("table")]


def test_what_was_not_recorded_is_not_counted(tmp_path: Path) -> None:
    """One of two claims was recorded, and comes out so."""
    report = _report(_results(tmp_path, [_as_settled("A")], [_alone("B")]), tmp_path)

    assert (2, 1, 1, 0) == _proof(report)
    said = "The baseline comes out as recorded in 1 of 1 recorded claims."
    assert said in _section(report).text()


_DIFFERENCE = {
    **{"claim": 0, "settlement": "SA", "stage": "pooled_fund", "column": "paid_fen"},
    **{"recorded": "16000", "replayed": "17000"},
}


@pytest.fixture(scope="module")
def differing(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Return the report of two recorded claims of which the first comes out otherwise."""
    folder = tmp_path_factory.mktemp("differing")
    results = _results(folder, [_otherwise(_as_settled("A"))], [_as_settled("B")])
    return _report(results, folder)


def test_what_differs_is_on_the_page(differing: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claim, settlement, stage, column and both values, as the query beside them says."""
    section = _section(differing)
    monkeypatch.chdir(differing.page.parent)

    assert (2, 2, 1, 1) == _proof(differing)
    assert (
        "The baseline comes out otherwise than recorded in 1 of 2 recorded claims: look"
    ) in section.text()
    _, listed = section.all("tbody")
    cells = [each.own_text() for tag in ("th", "td") for each in listed.all(tag)]
    assert ["0", "SA", "pooled_fund", "paid_fen", "16000", "17000"] == cells
    with duckdb.connect(":memory:") as connection:
        for code in section.all("pre"):
            answer = connection.sql(code.text()).to_arrow_table()
            assert answer.equals(differing.comparison.baseline[code.attributes["data-query"]].table)


def test_what_differs_is_in_the_files(differing: Report) -> None:
    """The workbook, Parquet and the queries."""
    book = openpyxl.load_workbook(differing.workbook)

    (_, *counts) = book["baseline proof"].iter_rows(values_only=True)
    assert [(2, 2, 1, 1)] == counts
    (_, *rows) = book["baseline differences"].iter_rows(values_only=True)
    assert [tuple(str(each) for each in _DIFFERENCE.values())] == rows
    assert "1 of 2" in str(book["reforms"]["B2"].value)
    own = differing.page.parent / "baseline"
    assert [_DIFFERENCE] == pq.read_table(own / "figures" / "differences.parquet").to_pylist()
    assert "-- proof\n" in (own / "queries.sql").read_text(encoding="utf-8")
    asked = {row[:2] for row in book["queries"].iter_rows(values_only=True)}
    assert {("baseline", "proof"), ("baseline", "differences")} <= asked


@pytest.mark.parametrize("more", [0, 1])
def test_the_first_are_listed(tmp_path: Path, more: int) -> None:
    """Up to a bound and one more; all are counted."""
    most = limits.REPORT_DIFFERENCES_MAX
    wrong = _otherwise(_as_settled("A"))
    lives: list[Life] = [
        [replace(wrong, row={**wrong.row, "person": f"A{number:03d}", "request_id": f"{number}"})]
        for number in range(most + more)
    ]

    found = compare(_results(tmp_path, *lives), tmp_path / "compared").baseline

    assert most + more == found["proof"].number("differing")
    assert list(range(most)) == found["differences"].table.column("claim").to_pylist()


def _no_folder(folder: Path) -> None:
    for path in (folder / "differences").iterdir():
        path.unlink()


def _another_count(folder: Path) -> None:
    told = orjson.loads((folder / RESULTS_MANIFEST).read_bytes())
    told["finished"][0]["differences"] += 1
    (folder / RESULTS_MANIFEST).write_bytes(orjson.dumps(told))


@pytest.mark.parametrize("spoil", [_no_folder, _another_count])
def test_a_list_that_is_not_whole_is_refused(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """A list without a claim would look like a baseline that holds."""
    _results(tmp_path, [_otherwise(_as_settled("A"))])
    spoil(tmp_path / "out")

    with pytest.raises(InvalidRequest, match="claims that come out otherwise than recorded, and"):
        compare(Results.open(tmp_path / "out", tmp_path / "history"), tmp_path / "compared")


def test_a_cluster_may_list_nothing_in_no_file(tmp_path: Path) -> None:
    """Where nothing differs, there need not be a file."""
    _results(tmp_path, [_as_settled("A")], [_as_settled("B")])
    _no_folder(tmp_path / "out")
    manifest = tmp_path / "out" / RESULTS_MANIFEST
    told: Mapping[str, Any] = orjson.loads(manifest.read_bytes())
    manifest.write_bytes(orjson.dumps({**told, WRITTEN_BY: "spark"}))

    report = _report(Results.open(tmp_path / "out", tmp_path / "history"), tmp_path)

    assert _HOLDS == _proof(report)
