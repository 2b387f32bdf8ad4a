"""How far a command is, for programs: lines of JSON on the error stream, and none unasked."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cli.commands import Ran, one_area, run


def _lines(ran: Ran) -> list[dict[str, Any]]:
    assert 0 == ran.code, ran.out + ran.err
    return [orjson.loads(line) for line in ran.err.splitlines()]


@pytest.mark.slow
def test_every_long_command_says_how_far_it_is(tmp_path: Path) -> None:
    """What it counts, how much of how much is done, and in how many seconds; the last is all."""
    rules, history, out = one_area(tmp_path), tmp_path / "history", tmp_path / "out"
    options = ("--area", "110000", "--years", "2025", "--persons", "40", "--rules", rules)
    drawn = _lines(run("population", *options, "--out", history, "--progress", "--json"))
    replayed = run("replay", history, "--policy", rules, "--out", out, "--progress", "--json")
    (last,) = _lines(replayed)

    assert [("persons drawn", 40, 40)] == [(x["what"], x["done"], x["of"]) for x in drawn]
    assert ("claims replayed", replayed.json["claims"]) == (last["what"], last["done"])
    assert last["done"] == last["of"]
    assert last["seconds"] > 0


def test_nothing_is_said_unasked(tmp_path: Path) -> None:
    """Nor of what has nothing to count."""
    data = tmp_path / "data"
    (data / "audit").mkdir(parents=True)

    assert "" == run("audit", "verify", "--data", data, "--json").err
    assert [] == _lines(run("audit", "verify", "--data", data, "--json", "--progress"))
