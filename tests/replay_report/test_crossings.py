"""Who crosses which deductible and which cap, in lives whose claims are counted by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from medsettle.replay.compare import compare
from medsettle.replay.compare_folders import Results
from medsettle.replay.run import replay
from medsettle.replay.worlds import worlds_of

from tests.replay.made import Claim, Life, Move, checked, history_of
from tests.replay_report.compared_worlds import AREAS, bill, reform_file, rules_folder

# Beside the pooled fund, an employer pays of the deductible, up to 500 yuan in a settlement; and
# the retired have no deductible before the reform, which has one of 800 yuan for them from July.
_EMPLOYER = """\
  - stage: employer_relief
    title: 单位补充
    payer: enterprise
    source: notice
    base: [pooled_fund.deductible]
    caps:
      - {table: relief_cap, on: payment, per: settlement, excess: unpaid_share}
  - stage: account
"""
_RELIEF_CAP = """\
  relief_cap:
    unit: amount
    versions:
      - {from: 2024-01-01, source: notice, value: 500元}

stages:
"""

# What each person is billed, all of it in scope: month and fen. R are retired. In baseline and from
# July on in the reform, the others have deductibles of 1,800 and 1,200 yuan a year.
_BILLS: Mapping[str, list[tuple[int, int]]] = {
    "A": [(2, 2_000_00), (7, 100_00)],
    "B": [(2, 1_000_00), (3, 800_00)],
    "C": [(8, 1_500_00)],
    "D": [(2, 400_00), (3, 500_00)],
    "F": [(2, 1_800_00), (9, 1)],
    "R": [(2, 100_00), (8, 900_00)],
}
_COUNTS = ("all_person_years", "before", "after", "newly", "no_longer")


@dataclass(frozen=True)
class _Compared:
    claims: list[dict[str, Any]]
    crossings: list[dict[str, Any]]


@pytest.fixture(scope="module", params=["by arrays", "one by one"])
def compared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> _Compared:
    """Return what a replay says of each claim, and the figure.

    Who has a counter below zero is settled one by one.
    """
    folder = tmp_path_factory.mktemp("crossings")
    odd = [Move("account", 0, -1)] if request.param == "one by one" else []
    lives: list[Life] = [[*odd, *_claims(person)] for person in _BILLS]
    history = history_of(folder / "history", lives)
    replay(history, worlds_of(_rules(folder / "rules"), [reform_file("july")]), folder / "out")
    results = Results.open(folder / "out", folder / "history")
    (july,) = compare(results, folder / "compared").reforms
    table = pq.read_table(folder / "compared" / "july" / "claims.parquet")
    return _Compared(table.to_pylist(), july.figures["crossings"].rows())


def _claims(person: str) -> list[Claim]:
    kind = "1201" if person == "R" else "1101"
    return [
        Claim(checked(bill(person, date(2025, month, 3), fen, person_type=kind)))
        for month, fen in _BILLS[person]
    ]


def _rules(folder: Path) -> Path:
    path = rules_folder(folder) / AREAS[0] / "outpatient.yaml"
    text = path.read_text(encoding="utf-8").replace("retired: 1300元", "retired: 0元")
    text = text.replace("stages:\n", _RELIEF_CAP).replace("  - stage: account\n", _EMPLOYER)
    path.write_text(text, encoding="utf-8")
    return folder


def test_a_claim_names_the_stages_past_their_limits(compared: _Compared) -> None:
    """Used up by earlier claims is met; exactly at, or without a deductible, is not past."""
    relief = "employer_relief"
    expected = {
        ("A", 2): ("pooled_fund", relief, "pooled_fund", relief),
        # Nothing of the deductible is left to be met, by the reform's lower one neither.
        ("A", 7): ("pooled_fund", None, "pooled_fund", None),
        ("B", 2): (None, relief, None, relief),
        # 1,800 yuan together: exactly at the deductible.
        ("B", 3): (None, relief, None, relief),
        ("C", 8): (None, relief, "pooled_fund", relief),
        ("D", 2): (None, None, None, None),
        # Exactly at the cap.
        ("D", 3): (None, None, None, None),
        ("F", 2): (None, relief, None, relief),
        ("F", 9): ("pooled_fund", None, "pooled_fund", None),
        ("R", 2): (None, None, None, None),
        ("R", 8): (None, None, "pooled_fund", relief),
    }

    kinds = ("deductibles", "caps")
    columns = [f"{world}_past_{kind}" for world in ("baseline", "reform") for kind in kinds]
    assert list(expected.values()) == [
        tuple(row[name] for name in columns) for row in compared.claims
    ]


def test_each_limit_has_a_row_with_its_persons(compared: _Compared) -> None:
    """Policy and stage by name and title; a lower deductible makes nobody no longer past it."""
    policy = (f"example-{AREAS[0]}-outpatient", "示例门诊待遇")

    assert [
        # A and F before; C and R newly.
        (*policy, "pooled_fund", "统筹基金", "deductible", 6, 2, 4, 2, 0),
        # A, B, C and F before; R newly.
        (*policy, "employer_relief", "单位补充", "cap", 6, 4, 5, 1, 0),
    ] == [
        (
            *(row[name] for name in ("policy", "policy_title", "stage", "stage_title", "crossed")),
            *(row[name] for name in _COUNTS),
        )
        for row in compared.crossings
    ]
