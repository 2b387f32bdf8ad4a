"""`medsettle history` makes, shows and checks histories, and says what it left out."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from medsettle.core.arrow import claims_table
from medsettle.replay.history import History

from tests.cli.commands import run
from tests.replay import year
from tests.service.claims import claim


@pytest.fixture(scope="module", name="data")
def _data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data")
    with year.lived(folder / "ledger.db", folder / "audit"):
        pass
    yield folder


def test_a_data_folder_becomes_a_history(data: Path, tmp_path: Path) -> None:
    """With what the audit tables tell and what they do not tell yet; it is shown and sound."""
    manifest = data / "audit" / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    made = run("history", "make", data, "--out", tmp_path / "h", "--json")
    manifest.write_bytes(b"".join(lines[:2]))
    behind = run("history", "make", data, "--out", tmp_path / "i", "--json")
    manifest.write_bytes(b"".join(lines))

    assert (0, 0) == (made.code, behind.code), made.err + behind.err
    assert made.json == behind.json
    assert (32, 40, 0, 1) == tuple(
        made.json[name] for name in ("claims", "lines", "refused", "copies_left_out")
    )
    shown = run("history", "show", tmp_path / "h", "--json").json
    assert ("2023-01-10", "2026-07-01") == (shown["first_day"], shown["last_day"])
    assert (11, 32, 10) == (shown["persons"], shown["recorded"], shown["taken_back"])
    assert ["999902", "999913", "999914", "999921", "999930"] == shown["areas"]
    checked = run("history", "check", tmp_path / "h")
    assert 0 == checked.code
    assert (
        f"sound: 32 claims in 1 part of whole persons, digest {made.json['digest']}" in checked.out
    )


def test_audit_folders_and_areas_are_chosen(data: Path, tmp_path: Path) -> None:
    """The tables alone, of one area, up to an entry."""
    words = ("history", "make", data / "audit", "--out", tmp_path / "h")
    made = run(*words, "--area", "999902", "--as-of", "60")

    assert 0 == made.code, made.err
    shown = run("history", "show", tmp_path / "h")
    assert "areas: 999902" in shown.out
    (made_of,) = (line for line in shown.out.splitlines() if line.startswith("made of: "))
    assert made_of.startswith("made of: audit tables; ledgers last seq ")
    assert "; as of 60" in made_of
    assert not set("[{'_") & set(made_of)
    again = run(*words)
    assert 2 == again.code
    assert "has a history already; name another folder or remove it" in again.err


def test_faulty_claims_are_told(tmp_path: Path) -> None:
    """The exit code says that there is a finding, the screen which, and the rest is there."""
    rows = [claim(number) for number in range(20)]
    rows[4]["person"] = ""
    pq.write_table(claims_table(rows), tmp_path / "claims.parquet")
    made = run("history", "make", tmp_path / "claims.parquet", "--out", tmp_path / "h")

    assert 1 == made.code
    assert "19 claims with 19 lines, in 1 part of whole persons: " in made.out
    assert "1 of 20 refused; all faults:" in made.out
    assert "claims.parquet row 4: person: missing" in made.out
    assert 19 == History.open(tmp_path / "h").rows("claims")
    as_json = run("history", "make", tmp_path / "claims.parquet", "--out", tmp_path / "i", "--json")
    assert (1, 1, 20) == (as_json.code, as_json.json["refused"], as_json.json["read"])
    assert 1 == len(as_json.json["faults"])


def test_a_history_that_was_changed_is_found(data: Path, tmp_path: Path) -> None:
    """The file is named, and the exit code says so."""
    assert 0 == run("history", "make", data, "--out", tmp_path / "h").code
    (tmp_path / "h" / "lines" / "part-00000.parquet").write_bytes(b"PAR1")

    checked = run("history", "check", tmp_path / "h")
    assert 1 == checked.code
    assert "lines/part-00000.parquet: has SHA-256" in checked.out
    assert (
        "lines/part-00000.parquet"
        in run("history", "check", tmp_path / "h", "--json").json["fault"]
    )


def test_what_is_no_source_is_told(data: Path, tmp_path: Path) -> None:
    """A folder of something else, no history, and two folders of which one has a ledger."""
    nothing = run("history", "make", tmp_path, "--out", tmp_path / "h")
    assert 2 == nothing.code
    assert "name one of these, or the data folder of an engine" in nothing.err
    assert 2 == run("history", "show", tmp_path).code
    both = run("history", "make", data, data, "--out", tmp_path / "h")
    assert "a ledger is read with one data folder" in both.err
    assert 2 == both.code
