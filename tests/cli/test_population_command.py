"""`medsettle population` says what it made, and refuses what it cannot make."""

import json
from pathlib import Path

import pytest
import typer
from medsettle.cli.exits import Exit, Quit
from medsettle.cli.population_command import population
from medsettle.replay.history import History
from typer.testing import CliRunner

_ROOT = Path(__file__).parents[2]
_app = typer.Typer()
_app.command("population")(population)


def _asked(*arguments: str) -> tuple[int, str]:
    rules = ("--rules", str(_ROOT / "rules"))
    answer = CliRunner().invoke(_app, [*rules, *arguments])
    code = answer.exception.code if isinstance(answer.exception, Quit) else answer.exit_code
    return int(code), answer.output


def test_it_makes_a_history_and_says_so(tmp_path: Path) -> None:
    """A hundred persons over two years, to look at."""
    out = tmp_path / "h"

    code, output = _asked(
        *("--area", "110000", "--persons", "100", "--years", "2024-2025", "--out", str(out))
    )

    assert Exit.OK == code
    history = History.open(out)
    claims = f"100 persons with {history.rows('claims'):,} claims"
    assert claims in output and history.digest in output
    assert [2024, 2025] == history.source["years"]


def test_it_answers_programs_in_json(tmp_path: Path) -> None:
    """The same as one object, and the same again for the same seed."""
    bodies = []
    for name in ("one", "two"):
        code, output = _asked(
            *("--area", "330100", "--persons", "20", "--years", "2025", "--seed", "3", "--json"),
            *("--out", str(tmp_path / name), "--threads", "1"),
        )
        assert Exit.OK == code
        bodies.append(json.loads(output))

    assert (20, 3) == (bodies[0]["persons"], bodies[0]["source"]["seed"])
    assert bodies[0]["rows"] == bodies[1]["rows"]
    assert bodies[0]["digest"] == bodies[1]["digest"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--area", "999999", "--years", "2025"), Exit.USAGE, "the rules have no area 999999"),
        (("--area", "110000", "--years", "25"), Exit.USAGE, "'25' is no year; write one like"),
        (("--area", "110000", "--years", "2025-2024"), Exit.USAGE, "2025 comes after 2024"),
        (
            ("--area", "110000", "--years", "2025", "--persons", "0"),
            Exit.USAGE,
            "0 lies outside 1 to 100000000",
        ),
        (
            ("--area", "110000", "--years", "2025", "--rules", "nowhere"),
            Exit.USAGE,
            "there is no folder 'nowhere' here",
        ),
        (
            ("--area", "110000", "--years", "2025", "--marginals", "nothing.yaml"),
            Exit.USAGE,
            "nothing.yaml",
        ),
    ],
)
def test_it_refuses_what_cannot_be(
    arguments: tuple[str, ...], code: Exit, said: str, tmp_path: Path
) -> None:
    """In words, with an exit code, and without a folder left behind."""
    out = tmp_path / "h"

    found, output = _asked(*arguments, "--out", str(out), "--json")

    assert code == found
    assert said in " ".join(json.loads(output)["messages"])
    assert not out.exists()
