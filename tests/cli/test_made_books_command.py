"""`medsettle reconcile make-books` says what it made, and refuses what it cannot make."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import typer
from medsettle.cli.exits import Exit, Quit
from medsettle.cli.made_books_command import make_books_command
from typer.testing import CliRunner

_app = typer.Typer()
_app.command("make-books")(make_books_command)


def _asked(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(_app, [*arguments])
    code = answer.exception.code if isinstance(answer.exception, Quit) else answer.exit_code
    return int(code), answer.output


def test_it_makes_books_and_says_so(tmp_path: Path) -> None:
    """Rows and files of each side are told, and the truth has what was asked for."""
    code, output = _asked(str(tmp_path), "--rows", "300", "--differences", "47", "--seed", "3")

    assert Exit.OK == code
    for side in ("insured", "care", "national"):
        rows = pq.read_metadata(tmp_path / f"{side}.parquet").num_rows
        assert f"{side}: {rows} rows in {tmp_path / side}.parquet" in output
    assert "47 differences" in output
    assert 51 == pq.read_metadata(tmp_path / "truth.parquet").num_rows


def test_it_answers_programs_in_json(tmp_path: Path) -> None:
    """The same as one object."""
    code, output = _asked(
        str(tmp_path), "--rows", "50", "--differences", "2", "--first-day", "2026-02-27", "--json"
    )

    answer = json.loads(output)
    assert (Exit.OK, 0) == (code, answer["traps"])
    assert 2 == sum(answer["differences"].values())
    assert str(tmp_path / "care.parquet") == answer["books"]["care"]


def test_it_refuses_more_differences_than_there_is_room_for(tmp_path: Path) -> None:
    """The fault says what was asked and what can be."""
    code, output = _asked(str(tmp_path), "--rows", "10", "--differences", "9", "--json")

    assert Exit.FINDING == code
    (message,) = json.loads(output)["messages"]
    assert "do not fit into 10 settlements; plant at most one in two" in message
