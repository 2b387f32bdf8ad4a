"""The page of results says what the record holds."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import earlier, goals, report
from benchmarks import record as records
from benchmarks.record import Measured, ratios
from tests.benchmarks.records import record


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Every value of every round comes back from the file."""
    path = tmp_path / "bench.json"

    records.write(record(), path)

    assert record() == records.read(path)


def test_a_record_of_another_format_is_refused(tmp_path: Path) -> None:
    """A file of an earlier format is no record, and the message says what to do."""
    path = tmp_path / "bench.json"
    path.write_text('{"format": 0}', encoding="utf-8")

    with pytest.raises(ValueError, match="run `make bench` again"):
        records.read(path)


def test_ratios_are_taken_within_a_round() -> None:
    """A round in which the machine was slow for both is no worse than another."""
    ours = Measured("s", "ours", 1, "x", (100.0, 10.0, 100.0))
    other = Measured("s", "other", 1, "x", (50.0, 5.0, 50.0))

    assert (2.0, 2.0, 2.0) == ratios(ours, other)


def _outcomes() -> dict[str, goals.Outcome]:
    return {each.goal: each for each in goals.outcomes(record())[0]}


def test_goals_are_medians_of_ratios() -> None:
    """The figure of a goal is the median over rounds of the ratio, not a ratio of medians."""
    (found,) = (each for goal, each in _outcomes().items() if "NumPy in place" in goal)

    assert (0.5, 1.0, 0.8) == found.values
    assert 0.8 == found.median
    assert found.met


def test_a_goal_is_against_the_fastest_of_the_others() -> None:
    """Of the tools one would pick instead, the one with the best median counts."""
    (found,) = (each for goal, each in _outcomes().items() if goal.startswith("kernel, 100 claims"))

    assert found.met
    assert 50.0 <= 100.0 / found.values[0] <= 54.0


def test_goals_that_are_missed_say_no() -> None:
    """What is asked and not reached stands there as plainly as what is."""
    found = _outcomes()
    lone = next(each for goal, each in found.items() if goal.startswith("one lone checkout"))
    echo = next(each for goal, each in found.items() if goal.startswith("unary claims"))

    assert (3.0, True) == (lone.median, lone.met)
    assert (0.6, False) == (echo.median, echo.met)
    assert re.search(r"unary claims.*0\.6 \(0\.6–0\.6\) × \| ≥ 0\.7 \| \*\*no\*\*", _page())


def test_growth_is_held_to_the_depth_of_an_index() -> None:
    """A thousand times the persons may cost what twice the digits of an index cost, and no more."""
    (found,) = (each for goal, each in _outcomes().items() if "index depth" in goal)

    assert found.median == pytest.approx(155 / 105 / 2)


def _page() -> str:
    return report.page(record())


def test_goals_without_figures_are_told() -> None:
    """A goal that a run says nothing of is in the table, and is not called met."""
    found, untold = goals.outcomes(record())

    assert len(goals.GOALS) == len(found) + len(untold)
    assert any(text.startswith("lines, 1,200,000") for text in untold)
    assert "| lines, 1,200,000: over DuckDB | not in this record |" in _page()


def test_tables_hold_medians_with_their_spread_and_the_ratio_to_ours() -> None:
    """A cell has the median, the lowest and highest, and the median ratio to medsettle."""
    (row,) = re.findall(r"^\| NumPy, blocks in place \|.*$", _page(), re.MULTILINE)

    assert "150 (80–200) ×1.2" in row
    # Wrong claims of all sizes together.
    assert row.endswith("| 12 |")


def test_earlier_runs_stand_beside_this_one(tmp_path: Path) -> None:
    """The goals of a run that was kept are a column of later pages, those it lacked a dash."""
    earlier.keep(record(), "before", tmp_path)

    page = report.page(record(), earlier.read_all(tmp_path))

    assert "| goal | before, 2026-11-30 | median (lowest–highest) | asked | met |" in page
    assert re.search(r"^\| kernel, a million claims.* \| 0\.8 \| 0\.8 \(", page, re.MULTILINE)
    assert "| lines, 1,200,000: over DuckDB | – | not in this record |" in page


def test_the_machine_and_versions_stand_above_the_figures() -> None:
    """Nobody has to ask where and with what a figure was measured."""
    page = _page()

    for text in ("Some Processor, 2 cores, 8.0 GiB", "numpy 2.4.6", "Run of 2026-11-30", "load"):
        assert text in page.partition("## Against the goals")[0]


def test_what_is_not_measured_is_said() -> None:
    """The page ends with what it says nothing of."""
    said = _page().partition("## Not measured")[2]

    assert len(report.NOT_MEASURED) == said.count("\n- ")
    assert "TLS" in said


def test_every_picture_is_shown() -> None:
    """The page refers to each picture by the name it is drawn under."""
    named = re.findall(r"\(plots/([a-z-]+)\.svg\)", _page())

    assert list(report.PICTURES) == named


def test_a_section_that_was_not_run_leaves_no_table() -> None:
    """A run of some parts makes a page without empty tables."""
    part = tuple(each for each in record().measured if each.section == "kernel")

    page = report.page(replace(record(), measured=part))

    assert "## Soak" not in page
    assert "## Kernel" in page
