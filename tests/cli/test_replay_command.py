"""`medsettle replay` as a user runs it: results, proof, exit codes, and going on."""

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from medsettle.core.arrow import claims_table
from medsettle.replay.history import History
from medsettle.replay.layout import BASELINE

from tests.cli.commands import run
from tests.engine.engines import RULES
from tests.replay.made import Claim, checked, history_of
from tests.replay.year import BOOK, lived
from tests.replay.years import on, overlay_in
from tests.service.claims import claim

_CALL = ("--policy", RULES, "--threads", 1)


def _history(folder: Path, recorded_cash_fen: int) -> Path:
    """Return a history of a recorded visit of 500 yuan: 100 deductible, 80 % of 400 by the fund."""
    row = checked(claim(1, 50_000, account_used=False))
    recorded = {"settlement": "S1", "cash_fen": recorded_cash_fen}
    return history_of(folder / "history", [[Claim(row, recorded)]]).folder


def test_a_reform_is_replayed_beside_the_baseline(tmp_path: Path) -> None:
    """The visit of May 2024 is before the reform, and comes to the same in both worlds."""
    history = _history(tmp_path, 18_000)
    overlay, out = overlay_in(tmp_path), tmp_path / "out"

    told = run("replay", history, *_CALL, "--reform", overlay, "--out", out, "--json")

    assert 0 == told.code, told.err
    assert {
        **{"folder": str(out), "worlds": [BASELINE, "higher-rate"], "parts": 1, "claims": 1},
        **{"resumed_parts": 0, "differences": 0},
        "report": str(out / "comparison" / "report.html"),
        **{"read": 0, "refused": 0, "not_settled": {BASELINE: {}, "higher-rate": {}}},
        **{
            "decided_otherwise": {BASELINE: 0, "higher-rate": 0},
            "reasons": {BASELINE: [], "higher-rate": []},
        },
    } == told.json
    assert "higher-rate" in (out / "comparison" / "report.html").read_text(encoding="utf-8")
    for world in (BASELINE, "higher-rate"):
        (row,) = pq.read_table(out / "claims" / world).to_pylist()
        assert (32_000, 18_000) == (row["pooled_fund_fen"], row["cash_fen"])
    again = run(
        "replay", history, *_CALL, "--reform", overlay, "--out", out, "--no-report", "--json"
    )
    assert (1, None) == (again.json["resumed_parts"], again.json["report"])


def test_the_data_of_an_engine_is_replayed_as_it_is(tmp_path: Path) -> None:
    """A year with cancels, relatives, a new policy and more comes out as the engine recorded it.

    The history that is made on the way is kept beside the results, and read again.
    """
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    with lived(data / "ledger.db", data / "audit"):
        pass
    words = ("replay", data, "--policy", BOOK, "--check", "--out", out, "--json")

    told = run(*words)

    assert (0, 0) == (told.code, told.json["differences"]), told.err
    assert told.json["claims"] == History.open(out / "history").rows("claims") > 20
    assert told.json["parts"] == run(*words).json["resumed_parts"]


def test_a_cluster_is_told_of_a_history_alone(tmp_path: Path) -> None:
    """What would have to be made first is refused before Spark is asked for."""
    words = ("replay", tmp_path, tmp_path, *_CALL, "--out", tmp_path / "out", "--spark", "local[1]")

    told = run(*words, "--json")

    assert 2 == told.code
    assert "a cluster reads one history; make it first" in told.err + told.out


@pytest.mark.parametrize(("cash_fen", "code", "differing"), [(18_000, 0, 0), (18_001, 1, 1)])
def test_a_check_ends_with_what_it_found(
    tmp_path: Path, cash_fen: int, code: int, differing: int
) -> None:
    """Exit code 1 where a recorded fen does not come out; only differences are written."""
    out = tmp_path / "out"
    told = run("replay", _history(tmp_path, cash_fen), *_CALL, "--out", out, "--check")

    assert code == told.code, told.err
    assert differing == pq.read_table(out / "differences").num_rows
    assert not (out / "claims").exists()
    said = "1 do not come out as recorded" if differing else "none that was recorded comes out"
    assert said in told.out


def test_what_a_reform_touches_is_told(tmp_path: Path) -> None:
    """How many claims it decides by another document; of none loudly, with areas and days."""
    rows = [claim(1, 50_000, account_used=False), on(date(2024, 8, 1), claim(2, 50_000))]
    call = ("--reform", overlay_in(tmp_path), "--no-report", *_CALL)
    both = history_of(tmp_path / "both", [[Claim(checked(row))] for row in rows]).folder
    early = history_of(tmp_path / "early", [[Claim(checked(rows[0]))]]).folder

    told = run("replay", both, *call, "--out", tmp_path / "one")
    none = run("replay", early, *call, "--out", tmp_path / "two")

    assert (0, 0) == (told.code, none.code), told.err + none.err
    assert "2 claims under the baseline and 1 reform (higher-rate);" in told.out
    assert "higher-rate decides 1 of 2 claims by another document" in told.out
    words = "higher-rate decides no claim by another document, so nothing can differ. "
    words += "example-outpatient-higher-rate is in force from 2024-07-01, and the last claim is of "
    words += "2024-05-01. A replay settles claims: credits of accounts"
    assert words in none.out


def test_claims_that_are_left_out_are_counted(tmp_path: Path) -> None:
    """Those with faults end it with 1, also the next time; those that are not settled are told."""
    rows = [claim(number) for number in range(20)]
    rows[4]["person"] = ""
    rows[5]["visit_type"] = "14"
    pq.write_table(claims_table(rows), tmp_path / "claims.parquet")
    words = ("replay", tmp_path / "claims.parquet", *_CALL, "--out", tmp_path / "out")

    for _ in ("at first", "gone on with"):
        told = run(*words)
        assert 1 == told.code, told.err
        assert "1 of 20 claims have faults and are left out; all of them: " in told.out
        assert "baseline does not settle 1 of 19: 1 POLICY_NOT_FOUND" in told.out
        assert "\n  POLICY_NOT_FOUND, claim " in told.out
        assert "(request R5): no policy is loaded for pooling_area 999900" in told.out
    as_json = run(*words, "--json").json
    assert (20, 1) == (as_json["read"], as_json["refused"])
    assert {BASELINE: {"POLICY_NOT_FOUND": 1}} == as_json["not_settled"]


def test_nothing_recorded_is_no_proof(tmp_path: Path) -> None:
    """Of claims that nobody settled before, none comes out otherwise; that says nothing."""
    row = checked(claim(1, 50_000, account_used=False))
    history = history_of(tmp_path / "history", [[Claim(row)]]).folder
    words = ("replay", history, *_CALL, "--out", tmp_path / "out", "--check")

    for _ in ("at first", "gone on with"):
        told = run(*words)
        assert 0 == told.code, told.err
        assert "1 claim under the baseline; nothing was recorded to compare with" in told.out


def test_rules_that_are_not_there_are_asked_for_by_their_option(tmp_path: Path) -> None:
    """Which is not called here as by other commands."""
    told = run("replay", tmp_path, "--policy", tmp_path / "nix", "--out", tmp_path / "out")

    assert 2 == told.code
    words = f"there is no folder '{tmp_path}/nix' here; name that of your areas with --policy"
    assert words in " ".join(told.err.split())


def test_what_cannot_be_replayed_is_no_finding(tmp_path: Path) -> None:
    """A folder without a history, and a folder with other results: exit code 2, and why."""
    nowhere = run("replay", tmp_path, *_CALL, "--out", tmp_path / "out", "--json")
    assert (2, "NOT_FOUND") == (nowhere.code, nowhere.json["error"])
    history, out = _history(tmp_path, 18_000), tmp_path / "out"
    assert 0 == run("replay", history, *_CALL, "--out", out).code

    other = run("replay", history, *_CALL, "--out", out, "--lines")

    assert 2 == other.code
    assert "options.lines is False there and True now" in other.err


@pytest.mark.parametrize("source", ["the history", "another one's claims"])
def test_results_do_not_go_into_a_history(tmp_path: Path, source: str) -> None:
    """Nothing is made or written there, also not of claims that a history would be made of."""
    history = _history(tmp_path, 18_000)
    pq.write_table(claims_table([claim(1)]), tmp_path / "claims.parquet")
    claims = history if source == "the history" else tmp_path / "claims.parquet"
    before = sorted(history.rglob("*"))

    told = run("replay", claims, *_CALL, "--out", history)

    assert 2 == told.code
    assert "has a history (history.json); name another folder for the results" in told.err
    assert before == sorted(history.rglob("*"))
