"""A replay goes on after a kill, mixes nothing up in one folder, and refuses what is no part."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from shutil import copytree

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.errors import InvalidRequest, NotFound
from medsettle.replay.compare_folders import Results
from medsettle.replay.history import History
from medsettle.replay.layout import AMOUNTS, BASELINE
from medsettle.replay.layout import RESULTS_MANIFEST as MANIFEST
from medsettle.replay.part import PartOptions, PartReplayer, replay_part
from medsettle.replay.part_columns import GivenTables
from medsettle.replay.run import replay
from medsettle.replay.worlds import World, worlds_of
from medsettle.settle.run import Settler

from tests.engine.engines import RULES, rule_book
from tests.replay.made import (
    Cancel,
    Claim,
    Life,
    checked,
    expected,
    files_in,
    history_of,
    rows_of,
    tables_of,
)
from tests.replay.years import WORLDS, on, overlay_in, year
from tests.service.claims import claim, line


def _three_parts(folder: Path) -> History:
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
        replay(history, WORLDS, out, threads=1, progress=killed)
    first = out / "claims" / BASELINE / "part-00000.parquet"
    before = first.stat().st_mtime_ns
    seen: list[int] = []
    found = replay(history, WORLDS, out, threads=1, progress=lambda claims, _: seen.append(claims))

    assert (3, 1, 9) == (found.parts, found.resumed, found.claims)
    assert [3, 3, 3] == seen
    assert before == first.stat().st_mtime_ns
    replay(history, WORLDS, tmp_path / "whole")
    assert files_in(tmp_path / "whole") == files_in(out)
    assert 3 == replay(history, WORLDS, out).resumed


@pytest.mark.parametrize("table", ["claims", "lines"])
def test_a_changed_file_is_not_replayed(tmp_path: Path, table: str) -> None:
    """A file with other bytes than its digest tells of is named, and what to do about it."""
    history, out = _three_parts(tmp_path / "history"), tmp_path / "out"
    path = history.folder / table / "part-00001.parquet"
    rows = pq.read_table(path)
    if table == "lines":
        at = rows.column_names.index("amount_fen")
        twice = pc.multiply(rows["amount_fen"], 2)
        rows = rows.set_column(at, rows.schema.field(at), twice)
    pq.write_table(rows, path)

    with pytest.raises(InvalidRequest) as caught:
        replay(history, WORLDS, out, threads=1)

    assert f"part-00001 history: {path} has SHA-256 " in str(caught.value)
    assert "put the file back, or make the history again" in str(caught.value)
    told = orjson.loads((out / MANIFEST).read_bytes())
    assert [0] == [part["number"] for part in told["finished"]]


@pytest.mark.parametrize("name", [f"claims/{BASELINE}", f"lines/{BASELINE}", "differences"])
def test_a_part_that_was_lost_or_changed_is_replayed_again(tmp_path: Path, name: str) -> None:
    """A finished part whose file is gone or has other bytes, and no other one."""
    history, out = _three_parts(tmp_path / "history"), tmp_path / "out"
    options = PartOptions(lines=True)
    replay(history, WORLDS, out, options)
    before = files_in(out)
    path = out / name / "part-00001.parquet"
    first = out / name / "part-00000.parquet"
    written = first.stat().st_mtime_ns

    for ruin in (path.unlink, lambda: path.write_bytes(path.read_bytes()[:-1] + b"2")):
        ruin()
        found = replay(history, WORLDS, out, options)

        assert (3, 2, 9) == (found.parts, found.resumed, found.claims)
        assert before == files_in(out)
    assert written == first.stat().st_mtime_ns


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_nothing(tmp_path: Path, threads: int) -> None:
    """The same bytes, however many parts are at hand."""
    history = _three_parts(tmp_path / "history")
    replay(history, WORLDS, tmp_path / "one", PartOptions(lines=True), threads=1)
    replay(history, WORLDS, tmp_path / "out", PartOptions(lines=True), threads=threads)

    assert files_in(tmp_path / "one") == files_in(tmp_path / "out")


@pytest.mark.parametrize(("threads", "fits"), [(0, False), (1, True), (64, True), (65, False)])
def test_threads_are_bounded(tmp_path: Path, threads: int, fits: bool) -> None:
    """One step either side of both bounds; a refused replay makes no folder."""
    assert 64 == limits.REPLAY_THREADS_MAX
    history = _three_parts(tmp_path / "history")
    if fits:
        assert 9 == replay(history, WORLDS, tmp_path / "out", threads=threads).claims
        return
    with pytest.raises(InvalidRequest, match="ask for 1 to 64"):
        replay(history, WORLDS, tmp_path / "out", threads=threads)
    assert not (tmp_path / "out").exists()


def test_a_folder_keeps_to_one_replay(tmp_path: Path) -> None:
    """Other options, rules or claims are refused with what differs, a line each, in few words."""
    history, out = _three_parts(tmp_path / "history"), tmp_path / "out"
    replay(history, WORLDS, out)
    before = files_in(out)
    other = history_of(tmp_path / "other", [[Claim(checked(claim(1, 1)))]])
    reform = worlds_of(RULES, [overlay_in(tmp_path)])
    changed = [World(BASELINE, reform[1].book)]
    none, lines = PartOptions(), PartOptions(lines=True)
    digests = f"history.digest is {history.digest!r} there and {other.digest!r} now"
    has_no = "it has no world 'higher-rate'"
    rules = "world 'baseline' was by other rules: policy example-outpatient, "
    rules += "policy example-outpatient-higher-rate"

    for asked, worlds, options, told in (
        (history, WORLDS, lines, ["options.lines is False there and True now"]),
        (other, WORLDS, none, [digests]),
        (history, reform, lines, [has_no, "options.lines is False there and True now"]),
        (history, changed, none, [rules]),
    ):
        with pytest.raises(InvalidRequest) as caught:
            replay(asked, worlds, out, options)
        path = out / MANIFEST
        wanted = [f"{path} is of another replay: {each}; name another folder" for each in told]
        assert wanted == [fault.message for fault in caught.value.faults]
    assert before == files_in(out)
    replay(history, reform, tmp_path / "reformed")
    with pytest.raises(InvalidRequest, match="it has a world 'higher-rate', which is not asked"):
        replay(history, WORLDS, tmp_path / "reformed")


def test_where_a_history_lay_is_a_hint_alone(tmp_path: Path) -> None:
    """It is found there without being named; the same history elsewhere is the same replay."""
    history, out = _three_parts(tmp_path / "history"), tmp_path / "out"
    worlds = worlds_of(RULES, [overlay_in(tmp_path)])
    replay(history, worlds, out)

    assert history.folder == Results.open(out).history.folder

    moved = history.folder.rename(tmp_path / "moved")
    with pytest.raises(NotFound, match=f"none in {history.folder}, where it lay; name the one"):
        Results.open(out)
    assert 3 == replay(History.open(moved), worlds, out).resumed
    assert moved == Results.open(out, moved).history.folder


def test_a_manifest_that_is_none_is_refused(tmp_path: Path) -> None:
    """Whatever stands there, nothing is written over it."""
    history, out = _three_parts(tmp_path / "history"), tmp_path / "out"
    out.mkdir()
    (out / MANIFEST).write_text("{}", encoding="utf-8")

    with pytest.raises(InvalidRequest, match="no manifest of a replay"):
        replay(history, WORLDS, out)


def test_the_manifest_says_what_decided(tmp_path: Path) -> None:
    """Policies and catalogues of each world by digest, the history, the options, the parts."""
    history = _three_parts(tmp_path / "history")
    worlds = worlds_of(RULES, [overlay_in(tmp_path)])
    replay(history, worlds, tmp_path / "out")

    told = orjson.loads((tmp_path / "out" / MANIFEST).read_bytes())

    assert history.digest == told["history"]["digest"]
    assert {"check": False, "lines": False, "stages": True} == told["options"]
    assert [0, 1, 2] == [part["number"] for part in told["finished"]]
    policies = {name: set(world["policies"]) for name, world in told["worlds"].items()}
    assert {"example-outpatient-higher-rate"} == policies["higher-rate"] - policies[BASELINE]
    (digest,) = {each.digest for each in rule_book().policies if "outpatient" in each.policy.name}
    assert digest == told["worlds"][BASELINE]["policies"]["example-outpatient"]["digest"]


def test_a_reform_beside_the_baseline_is_the_reform_alone(tmp_path: Path) -> None:
    """Persons that the reform does not touch are not settled again, and come to the same."""
    overlay = overlay_in(tmp_path)
    worlds = worlds_of(RULES, [overlay])
    lives: list[Life] = [
        [Claim(checked(row)) for row in year(person, 100 * number)]
        for number, person in enumerate(("A", "B"))
    ]
    early = on(date(2024, 2, 1), claim(900, 90_000, person="C"))
    lives.append([Claim(checked(early)), Cancel(0)])
    tables = tables_of(lives)

    both = replay_part(tables, worlds)
    alone = replay_part(tables, [World(BASELINE, worlds[1].book)])

    assert rows_of(both["claims/higher-rate"]) == rows_of(alone[f"claims/{BASELINE}"])
    assert rows_of(both["claims/higher-rate"]) == expected(Settler(worlds[1].book), lives)
    assert rows_of(both[f"claims/{BASELINE}"]) == expected(Settler(rule_book()), lives)
    assert rows_of(both["claims/higher-rate"]) != rows_of(both[f"claims/{BASELINE}"])


def test_what_a_reform_refuses_has_no_amounts_of_the_baseline() -> None:
    """A claim that no policy of the reform decides comes to nothing there, and the other way."""
    whole = rule_book()
    stays = replace(
        whole,
        policies=tuple(each for each in whole.policies if "outpatient" not in each.policy.name),
    )
    lives: list[Life] = [[Claim(checked(row)) for row in year("A", 1)]]
    tables = tables_of(lives)

    less = replay_part(tables, [World(BASELINE, whole), World("stays", stays)])
    more = replay_part(tables, [World(BASELINE, stays), World("whole", whole)])

    assert rows_of(less["claims/stays"]) == expected(Settler(stays), lives)
    assert rows_of(more["claims/whole"]) == expected(Settler(whole), lives)
    refused = [row for row in less["claims/stays"].to_pylist() if row["outcome"] != "settled"]
    assert 6 == len(refused)
    assert {0} == {row[name] for row in refused for name in AMOUNTS}


def test_another_catalogue_splits_lines_for_itself(tmp_path: Path) -> None:
    """A world by another catalogue has lines and amounts of its own, beside the baseline's.

    The item was wholly in scope, and a tenth of it is paid first by the other catalogue.
    """
    copytree(RULES, tmp_path / "rules")
    (sheet,) = (tmp_path / "rules").glob("*/catalogue.csv")
    text = sheet.read_text(encoding="utf-8")
    sheet.write_text(text.replace(",01,0,0,", ",02,10,10,", 1), encoding="utf-8")
    other = rule_book(tmp_path / "rules")
    lives: list[Life] = [[Claim(checked(row)) for row in year("A", 1)]]
    worlds = [World(BASELINE, rule_book()), World("other", other), World("again", other)]

    found = replay_part(tables_of(lives), worlds, PartOptions(lines=True))

    for world in worlds:
        assert rows_of(found[f"claims/{world.name}"]) == expected(Settler(world.book), lives)
    own = found["lines/other"]["pre_self_pay_fen"].to_pylist()
    assert [fen // 10 for fen in _fens(lives)] == pytest.approx(own, abs=1)
    assert {0} == {*found[f"lines/{BASELINE}"]["pre_self_pay_fen"].to_pylist()}
    assert "lines/again" not in found


def _fens(lives: list[Life]) -> list[int]:
    claims = (event for life in lives for event in life if isinstance(event, Claim))
    return [each["amount_fen"] for claim_ in claims for each in claim_.row["lines"]]


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
        replayer = PartReplayer(WORLDS)
        found = replayer.replay(GivenTables(tables_of(lives)))

        assert rows_of(found[f"claims/{BASELINE}"]) == expected(Settler(rule_book()), lives)


def test_tables_that_do_not_fit_are_told() -> None:
    """Claims that state another number of lines than there are."""
    tables = tables_of([[Claim(checked(claim(1)))]])
    at = tables["claims"].column_names.index("line_count")
    two = pa.array([2], pa.int64())
    tables["claims"] = tables["claims"].set_column(at, "line_count", two)

    with pytest.raises(InvalidRequest, match="state 2 lines, and it has 1"):
        replay_part(tables, WORLDS)


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
        replay_part(tables, WORLDS)
    assert said in str(caught.value)


def test_a_part_without_claims_is_none(tmp_path: Path) -> None:
    """Its tables are there, and empty."""
    history = history_of(tmp_path / "history", [])

    found = replay(history, WORLDS, tmp_path / "out", PartOptions(lines=True))

    assert (1, 0, 0) == (found.parts, found.claims, found.differences)
    assert 0 == pq.read_table(tmp_path / "out" / "lines" / BASELINE).num_rows


def test_large_amounts_are_kept_whole() -> None:
    """The largest line there may be, of a person whose counters have room for it, to the fen."""
    fen = limits.LINE_AMOUNT_FEN_MAX
    row = claim(1, person="A") | {
        "lines": [{**line(fen), "quantity_e4": 10_000 * 100, "unit_price_e6": fen * 100}]
    }
    lives: list[Life] = [[Claim(checked(row))], [Claim(checked(claim(2, 7)))]]

    found = replay_part(tables_of(lives), WORLDS)[f"claims/{BASELINE}"]

    assert rows_of(found) == expected(Settler(rule_book()), lives)
    assert fen == int(np.asarray(found["total_fen"]).max())
