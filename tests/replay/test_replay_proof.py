"""A replay of recorded rules proves what was recorded, and tells what does not come out."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle.core.settlement import Opening
from medsettle.engine import Engine
from medsettle.ledger.opening import open_ledger
from medsettle.replay.layout import AMOUNTS, BASELINE
from medsettle.replay.part import PartOptions, replay_part
from medsettle.replay.run import replay
from medsettle.replay.worlds import World, worlds_of
from medsettle.settle.run import Settler

from tests.engine.engines import RULES, engine_on, id_of, rule_book, settled, stay
from tests.replay.made import (
    Cancel,
    Claim,
    Event,
    Life,
    Move,
    checked,
    expected,
    history_of,
    one_by_one,
    recorded,
    tables_of,
)
from tests.replay.years import WORLDS, overlay_in, year
from tests.service.claims import AREA, INSTITUTION, claim
from tests.service.serving import Ticking
from tests.stores import ledger_in


def _lived(folder: Path, rules: Path, overlay: Path) -> list[list[Event]]:
    """Return lives as an engine recorded them, under a reform from the middle of the year on."""
    book = worlds_of(rules, [overlay])[1].book
    ledger = open_ledger(ledger_in(folder))
    engine = Engine(book, ledger, Ticking())
    lives: list[list[Event]] = []
    try:
        for number, person in enumerate(("A", "B", "C")):
            opening = 30_000 * number
            life: list[Event] = []
            if opening:
                engine.open_person(Opening(INSTITUTION, f"O{person}", AREA, person, opening, ()))
                life.append(Move("account", 0, opening))
            at: dict[int, tuple[int, str]] = {}
            for place, row in enumerate(year(person, 100 * number + 1)):
                found = settled(engine, row)
                at[place] = len(life), id_of(found)
                life.append(recorded(checked(row), found))
                if place == 3 and number:
                    gone, settlement = at[1]
                    engine.cancel(INSTITUTION, f"X{person}", settlement)
                    life.append(Cancel(gone))
            lives.append(life)
    finally:
        ledger.close()
    return lives


def test_a_year_with_cancels_and_a_new_policy_comes_out_as_recorded(tmp_path: Path) -> None:
    """What an engine settled online, replayed under its rules: no claim differs by a fen."""
    overlay = overlay_in(tmp_path)
    lives = _lived(tmp_path, RULES, overlay)
    history = history_of(tmp_path / "history", lives)
    book = worlds_of(RULES, [overlay])[1].book

    found = replay(history, [World(BASELINE, book)], tmp_path / "out")

    assert (21, 0) == (found.claims, found.differences)
    rows = pq.read_table(tmp_path / "out" / "claims" / BASELINE).to_pylist()
    policies = {row["policy"] for row in rows}
    assert {"example-inpatient", "example-outpatient", "example-outpatient-higher-rate"} == policies


def test_what_differs_is_told_with_its_first_stage(tmp_path: Path) -> None:
    """80 % of what the recorded engine paid 90 % of: the fund's stage is the first to differ.

    Of each of three persons the visits of July and November differ; that of September is 0.01 yuan,
    of which 80 and 90 % are a fen alike. What cash and account pay differs behind the stage.
    """
    overlay = overlay_in(tmp_path)
    history = history_of(tmp_path / "history", _lived(tmp_path, RULES, overlay))

    found = replay(history, WORLDS, tmp_path / "out", PartOptions(check=True))

    rows = pq.read_table(tmp_path / "out" / "differences").to_pylist()
    assert 6 == found.differences == len(rows)
    assert {("pooled_fund", "own_share_fen")} == {(row["stage"], row["column"]) for row in rows}
    told = pq.read_table(tmp_path / "history" / "claims", columns=["claim", "service_date"])
    days = dict(zip(told["claim"].to_pylist(), told["service_date"].to_pylist(), strict=True))
    assert {7, 11} == {days[row["claim"]].month for row in rows}
    assert not (tmp_path / "out" / "claims").exists()


@pytest.mark.parametrize(
    ("column", "by", "stage"),
    [
        ("total_fen", 1, None),
        ("in_scope_fen", -1, None),
        ("deductible_fen", 1, "pooled_fund"),
        ("pooled_fund_fen", -1, "pooled_fund"),
        ("account_fen", 1, "account"),
        ("assistance_fen", 1, None),
        ("fund_total_fen", 1, None),
        ("cash_fen", -1, None),
        ("account_balance_fen", 1, None),
    ],
)
def test_a_recorded_amount_of_another_fen_is_told(column: str, by: int, stage: str | None) -> None:
    """With both values as texts, and with the stage that it adds up, whose own amounts come out.

    Nobody's stage are a bill, sums of payers, cash and balances, and what no stage of it pays.
    """
    life = _recorded_alone()
    tables = tables_of([life])
    held = tables["claims"][f"recorded_{column}"].to_pylist()[0]
    at = tables["claims"].column_names.index(f"recorded_{column}")
    wrong = pa.array([held + by], pa.int64())
    tables["claims"] = tables["claims"].set_column(at, f"recorded_{column}", wrong)

    (row,) = replay_part(tables, WORLDS)["differences"].to_pylist()

    assert (column, stage) == (row["column"], row["stage"])
    assert (str(held + by), str(held)) == (row["recorded"], row["replayed"])


def test_a_claim_that_is_refused_now_is_told() -> None:
    """It was recorded; the outcome of now is named."""
    (event,) = _recorded_alone()
    assert isinstance(event, Claim)
    refused = Claim({**event.row, "visit_type": "81"}, event.recorded, event.stages)

    (row,) = replay_part(tables_of([[refused]]), WORLDS)["differences"].to_pylist()

    assert ("outcome", "settled", "POLICY_NOT_FOUND") == (
        row["column"],
        row["recorded"],
        row["replayed"],
    )


def _recorded_alone() -> list[Event]:
    row = checked(claim(1, 50_000, person="A"))
    settler = Settler(rule_book())
    (result,) = _results(settler, [[Claim(row)]])
    names = {"settlement": "S1", "policy": result["policy"]}
    return [Claim(row, {**names, **{name: result[name] for name in AMOUNTS}}, _stages(row))]


def _stages(row: dict[str, Any]) -> list[dict[str, Any]]:
    (found,) = one_by_one(Settler(rule_book()), [Claim(row)])
    claim_ = recorded(row, found.settlement)  # type: ignore[union-attr]
    return [dict(stage) for stage in claim_.stages]


def _results(settler: Settler, lives: Sequence[Life]) -> list[dict[str, Any]]:
    return expected(settler, lives)


@pytest.mark.parametrize(("stages", "column"), [(True, "paid_fen"), (False, "pooled_fund_fen")])
def test_every_differing_claim_is_listed_with_its_stage(*, stages: bool, column: str) -> None:
    """However many there are; without their stages where these are not wanted."""
    count = 1_500
    (event,) = _recorded_alone()
    assert isinstance(event, Claim)
    wrong = [{**stage, "paid_fen": stage["paid_fen"] - 5} for stage in event.stages]
    lives: list[Life] = [
        [
            Claim(
                {**event.row, "person": f"P{number:05d}", "request_id": f"R{number}"},
                {**event.recorded, "pooled_fund_fen": 0},
                wrong,
            )
        ]
        for number in range(count)
    ]

    found = replay_part(tables_of(lives), WORLDS, PartOptions(stages=stages))
    rows = found["differences"].to_pylist()

    assert [column] * count == [row["column"] for row in rows]
    assert {"pooled_fund" if stages else None} == {row["stage"] for row in rows}


# --- whatever happens ----------------------------------------------------------------------------

_ACTS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["visit", "stay", "cancel"]),
        st.sampled_from([1, 4_000, 9_999, 50_000, 200_000]),
        st.booleans(),
    ),
    min_size=1,
    max_size=14,
)


@pytest.mark.slow
@settings(max_examples=25)
@given(acts=_ACTS, openings=st.lists(st.sampled_from([0, 1, 70_000]), min_size=4, max_size=4))
def test_what_an_engine_records_comes_out_again(
    acts: list[tuple[int, str, int, bool]], openings: list[int]
) -> None:
    """Visits, stays and cancels of four persons in any order: no claim differs in any amount."""
    lives: list[list[Event]] = [[] for _ in openings]
    stands: list[dict[int, str]] = [{} for _ in openings]
    with TemporaryDirectory() as folder, engine_on(Path(folder)) as engine:
        for person, fen in enumerate(openings):
            name = f"P{person}"
            engine.open_person(Opening(INSTITUTION, f"O{person}", AREA, name, fen, ()))
            lives[person].append(Move("account", 0, fen))
        for number, (person, act, fen, account_used) in enumerate(acts):
            if act == "cancel":
                if stands[person]:
                    gone, settlement = stands[person].popitem()
                    engine.cancel(INSTITUTION, f"X{number}", settlement)
                    lives[person].append(Cancel(gone))
                continue
            make = claim if act == "visit" else stay
            row = make(number, fen, person=f"P{person}", account_used=account_used)
            found = settled(engine, row)
            stands[person][len(lives[person])] = id_of(found)
            lives[person].append(recorded(checked(row), found))
    lives = [life for life in lives if any(isinstance(each, Claim) for each in life)]

    assert [] == (replay_part(tables_of(lives), WORLDS)["differences"].to_pylist() if lives else [])
