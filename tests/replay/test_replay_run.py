"""A replay proves what was recorded, goes on after a kill, and mixes nothing up in one folder."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.core.settlement import Opening
from medsettle.engine import Engine
from medsettle.errors import InvalidRequest, PolicyRejected
from medsettle.ledger.opening import open_ledger
from medsettle.replay.layout import AMOUNTS, BASELINE
from medsettle.replay.manifest import MANIFEST
from medsettle.replay.part import PartOptions, PartReplayer, replay_part
from medsettle.replay.part_columns import GivenTables
from medsettle.replay.run import replay
from medsettle.replay.worlds import World, worlds_of
from medsettle.settle.run import Settler

from tests.engine.engines import RULES, id_of, rule_book, settled, stay
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
    rows_of,
    tables_of,
)
from tests.service.claims import AREA, INSTITUTION, claim, line
from tests.service.serving import Ticking
from tests.stores import ledger_in

_WORLDS = [World(BASELINE, rule_book())]

_HIGHER = """
format: 1
overlay: higher-rate
changes: example-outpatient
from: 2024-07-01
title: 80 % become 90 %
set:
  tables:
    fund_rate:
      versions:
        - from: 2024-07-01
          source: notice
          value: 90%
"""


def _on(day: date, row: dict[str, Any]) -> dict[str, Any]:
    lines = [{**each, "fee_date": day} for each in row["lines"]]
    return {**row, "admission_date": day, "service_date": day, "lines": lines}


def _overlay(folder: Path, text: str = _HIGHER) -> Path:
    path = folder / "overlay.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _year(person: str, first: int) -> list[dict[str, Any]]:
    """Return visits of a person over a year, the last a stay that began in the year before."""
    bills = [4_000, 50_000, 9_999, 12_000, 1, 7_777]
    rows = [
        _on(date(2024, 1 + 2 * at, 3), claim(first + at, fen, person=person))
        for at, fen in enumerate(bills)
    ]
    lines = [
        {**line(60_000), "fee_date": date(2023, 12, 30)},
        {**line(30_000, line_id="2"), "fee_date": date(2024, 1, 2)},
    ]
    across = stay(first + 50, person=person) | {"lines": lines}
    return [
        {**across, "admission_date": date(2023, 12, 30), "service_date": date(2024, 1, 2)},
        *rows,
    ]


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
            for place, row in enumerate(_year(person, 100 * number + 1)):
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
    overlay = _overlay(tmp_path)
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
    overlay = _overlay(tmp_path)
    history = history_of(tmp_path / "history", _lived(tmp_path, RULES, overlay))

    found = replay(history, _WORLDS, tmp_path / "out", PartOptions(check=True))

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
        ("cash_fen", -1, None),
        ("account_balance_fen", 1, None),
    ],
)
def test_a_recorded_amount_of_another_fen_is_told(column: str, by: int, stage: str | None) -> None:
    """With both values as texts; its stages are as recorded, so that none is named."""
    life = _recorded_alone()
    tables = tables_of([life])
    held = tables["claims"][f"recorded_{column}"].to_pylist()[0]
    at = tables["claims"].column_names.index(f"recorded_{column}")
    wrong = pa.array([held + by], pa.int64())
    tables["claims"] = tables["claims"].set_column(at, f"recorded_{column}", wrong)

    (row,) = replay_part(tables, _WORLDS)["differences"].to_pylist()

    assert (column, stage) == (row["column"], row["stage"])
    assert (str(held + by), str(held)) == (row["recorded"], row["replayed"])


def test_a_claim_that_is_refused_now_is_told() -> None:
    """It was recorded; the outcome of now is named."""
    (event,) = _recorded_alone()
    assert isinstance(event, Claim)
    refused = Claim({**event.row, "visit_type": "81"}, event.recorded, event.stages)

    (row,) = replay_part(tables_of([[refused]]), _WORLDS)["differences"].to_pylist()

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


def test_so_many_differing_claims_are_explained_and_no_more() -> None:
    """One claim past the bound is listed without its stage."""
    count = limits.REPLAY_EXPLAINED_MAX + 1
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

    rows = replay_part(tables_of(lives), _WORLDS)["differences"].to_pylist()

    assert count == len(rows)
    assert ["paid_fen"] * (count - 1) + ["pooled_fund_fen"] == [row["column"] for row in rows]


def _three_parts(folder: Path) -> Any:  # noqa: ANN401
    parts = [
        [[Claim(checked(claim(3 * part + at, 50_000 + at)))] for at in range(3)]
        for part in range(3)
    ]
    return history_of(folder, *parts)


class _Killed(Exception):
    pass


def test_a_killed_replay_goes_on_with_the_next_part(tmp_path: Path) -> None:
    """A finished part is not touched again, and what comes out is as if nothing had happened."""
    history, out = _three_parts(tmp_path / "history"), tmp_path / "out"

    def killed(_claims: int, _differences: int) -> None:
        raise _Killed

    with pytest.raises(_Killed):
        replay(history, _WORLDS, out, threads=1, progress=killed)
    first = out / "claims" / BASELINE / "part-00000.parquet"
    before = first.stat().st_mtime_ns
    seen: list[int] = []
    found = replay(history, _WORLDS, out, threads=1, progress=lambda claims, _: seen.append(claims))

    assert (3, 1, 9) == (found.parts, found.resumed, found.claims)
    assert [3, 3, 3] == seen
    assert before == first.stat().st_mtime_ns
    replay(history, _WORLDS, tmp_path / "whole")
    assert _files(tmp_path / "whole") == _files(out)
    assert 3 == replay(history, _WORLDS, out).resumed


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_nothing(tmp_path: Path, threads: int) -> None:
    """The same bytes, however many parts are at hand."""
    history = _three_parts(tmp_path / "history")
    replay(history, _WORLDS, tmp_path / "one", PartOptions(lines=True), threads=1)
    replay(history, _WORLDS, tmp_path / "out", PartOptions(lines=True), threads=threads)

    assert _files(tmp_path / "one") == _files(tmp_path / "out")


@pytest.mark.parametrize(("threads", "fits"), [(0, False), (1, True), (64, True), (65, False)])
def test_threads_are_bounded(tmp_path: Path, threads: int, fits: bool) -> None:
    """One step either side of both bounds; a refused replay makes no folder."""
    assert 64 == limits.REPLAY_THREADS_MAX
    history = _three_parts(tmp_path / "history")
    if fits:
        assert 9 == replay(history, _WORLDS, tmp_path / "out", threads=threads).claims
        return
    with pytest.raises(InvalidRequest, match="ask for 1 to 64"):
        replay(history, _WORLDS, tmp_path / "out", threads=threads)
    assert not (tmp_path / "out").exists()


def test_a_folder_keeps_to_one_replay(tmp_path: Path) -> None:
    """Other options, rules or claims are refused with what differs; nothing is written."""
    history, out = _three_parts(tmp_path / "history"), tmp_path / "out"
    replay(history, _WORLDS, out)
    before = _files(out)
    other = history_of(tmp_path / "other", [[Claim(checked(claim(1, 1)))]])
    reform = worlds_of(RULES, [_overlay(tmp_path)])

    for asked, options, told in (
        ((history, _WORLDS), PartOptions(lines=True), "options.lines is False there and True now"),
        ((other, _WORLDS), PartOptions(), "history.digest is"),
        ((history, reform), PartOptions(), "worlds.higher-rate is None there"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            replay(*asked, out, options)
        assert told in str(caught.value)
    assert before == _files(out)


def test_a_manifest_that_is_none_is_refused(tmp_path: Path) -> None:
    """Whatever stands there, nothing is written over it."""
    history, out = _three_parts(tmp_path / "history"), tmp_path / "out"
    out.mkdir()
    (out / MANIFEST).write_text("{}", encoding="utf-8")

    with pytest.raises(InvalidRequest, match="no manifest of a replay"):
        replay(history, _WORLDS, out)


def test_the_manifest_says_what_decided(tmp_path: Path) -> None:
    """Policies and catalogues of each world by digest, the history, the options, the parts."""
    history = _three_parts(tmp_path / "history")
    worlds = worlds_of(RULES, [_overlay(tmp_path)])
    replay(history, worlds, tmp_path / "out")

    told = orjson.loads((tmp_path / "out" / MANIFEST).read_bytes())

    assert history.digest == told["history"]["digest"]
    assert {"check": False, "lines": False} == told["options"]
    assert [0, 1, 2] == [part["number"] for part in told["finished"]]
    policies = {name: set(world["policies"]) for name, world in told["worlds"].items()}
    assert {"example-outpatient-higher-rate"} == policies["higher-rate"] - policies[BASELINE]
    (digest,) = {each.digest for each in rule_book().policies if "outpatient" in each.policy.name}
    assert digest == told["worlds"][BASELINE]["policies"]["example-outpatient"]["digest"]


def test_a_reform_beside_the_baseline_is_the_reform_alone(tmp_path: Path) -> None:
    """Persons that the reform does not touch are not settled again, and come to the same."""
    overlay = _overlay(tmp_path)
    worlds = worlds_of(RULES, [overlay])
    lives: list[Life] = [
        [Claim(checked(row)) for row in _year(person, 100 * number)]
        for number, person in enumerate(("A", "B"))
    ]
    early = _on(date(2024, 2, 1), claim(900, 90_000, person="C"))
    lives.append([Claim(checked(early)), Cancel(0)])
    tables = tables_of(lives)

    both = replay_part(tables, worlds)
    alone = replay_part(tables, [World(BASELINE, worlds[1].book)])

    assert rows_of(both["claims/higher-rate"]) == rows_of(alone[f"claims/{BASELINE}"])
    assert rows_of(both["claims/higher-rate"]) == expected(Settler(worlds[1].book), lives)
    assert rows_of(both[f"claims/{BASELINE}"]) == expected(Settler(rule_book()), lives)
    assert rows_of(both["claims/higher-rate"]) != rows_of(both[f"claims/{BASELINE}"])


def test_worlds_have_names_of_their_own(tmp_path: Path) -> None:
    """Two reforms of one name would be one folder; a reform of no policy is none."""
    overlay = _overlay(tmp_path)
    with pytest.raises(InvalidRequest, match="two worlds are called 'higher-rate'"):
        worlds_of(RULES, [overlay, overlay])
    with pytest.raises(PolicyRejected, match="no policy is called"):
        worlds_of(RULES, [_overlay(tmp_path, _HIGHER.replace("example-outpatient", "nobody"))])


def test_blocks_of_lines_do_not_matter() -> None:
    """Bills that end a line before, at and after the end of a block are split as by themselves."""
    most = limits.REPLAY_BLOCK_LINES
    half = most // 2
    for last in (half - 1, half, half + 1):
        lives: list[Life] = []
        for number, count in enumerate((half, last, 3)):
            lines = [line(100 + at % 7, line_id=str(at)) for at in range(count)]
            row = claim(number, person=f"P{number}") | {"lines": lines}
            lives.append([Claim(checked(row))])
        replayer = PartReplayer(_WORLDS)
        found = replayer.replay(GivenTables(tables_of(lives)))

        assert rows_of(found[f"claims/{BASELINE}"]) == expected(Settler(rule_book()), lives)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"line_count": [2]}, "state 2 lines, and it has 1"),
    ],
)
def test_tables_that_do_not_fit_are_told(change: dict[str, list[int]], said: str) -> None:
    """Claims that state another number of lines than there are."""
    tables = tables_of([[Claim(checked(claim(1)))]])
    for name, values in change.items():
        at = tables["claims"].column_names.index(name)
        tables["claims"] = tables["claims"].set_column(at, name, pa.array(values, pa.int64()))

    with pytest.raises(InvalidRequest) as caught:
        replay_part(tables, _WORLDS)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([0, 2, 1], "do not lie together"),
        ([1, 0, 2], "do not rise in `order`"),
    ],
)
def test_claims_out_of_order_are_told(rows: list[int], said: str) -> None:
    """Persons torn apart, or a person's claims in another order."""
    lives: list[Life] = [
        [Claim(checked(claim(1, person="A"))), Claim(checked(claim(2, person="A")))],
        [Claim(checked(claim(3, person="B")))],
    ]
    tables = tables_of(lives)
    tables["claims"] = tables["claims"].take(pa.array(rows))

    with pytest.raises(InvalidRequest) as caught:
        replay_part(tables, _WORLDS)
    assert said in str(caught.value)


def test_a_part_without_claims_is_none(tmp_path: Path) -> None:
    """Its tables are there, and empty."""
    history = history_of(tmp_path / "history", [])

    found = replay(history, _WORLDS, tmp_path / "out", PartOptions(lines=True))

    assert (1, 0, 0) == (found.parts, found.claims, found.differences)
    assert 0 == pq.read_table(tmp_path / "out" / "lines" / BASELINE).num_rows


def test_large_amounts_are_kept_whole() -> None:
    """The largest line there may be, of a person whose counters have room for it, to the fen."""
    fen = limits.LINE_AMOUNT_FEN_MAX
    row = claim(1, person="A") | {
        "lines": [{**line(fen), "quantity_e4": 10_000 * 100, "unit_price_e6": fen * 100}]
    }
    lives: list[Life] = [[Claim(checked(row))], [Claim(checked(claim(2, 7)))]]

    found = replay_part(tables_of(lives), _WORLDS)[f"claims/{BASELINE}"]

    assert rows_of(found) == expected(Settler(rule_book()), lives)
    assert fen == int(np.asarray(found["total_fen"]).max())
