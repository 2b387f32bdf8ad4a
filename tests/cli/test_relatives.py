"""The commands about relatives' limits, at a server and with an embedded engine."""

import json
from pathlib import Path

from medsettle.client import Client
from medsettle.core.settlement import Opening

from tests.cli.commands import run, serving
from tests.engine.relatives import AREA, RULES

_PAIR = (f"{AREA}/G", f"{AREA}/R")


def _sent(request: str) -> tuple[str, ...]:
    return ("--institution", "H1", "--request-id", request)


def test_a_limit_is_granted_lowered_and_dissolved(tmp_path: Path) -> None:
    """The same words at a server and on a data folder; JSON carries fen, the table yuan."""
    with serving(tmp_path, RULES) as served:
        with Client(served.address) as client:
            client.open_person(Opening("H1", "O1", AREA, "G", 100_000))
        at = ("--server", served.address)
        granted = run("relatives", "grant", *_PAIR, "1,000.00", *_sent("Q1"), *at, "--json")
        assert (0, 100_000) == (granted.code, granted.json["limit_fen"])
        refused = run("relatives", "grant", *_PAIR, "0.01", *_sent("Q2"), *at)
        assert refused.code != 0
        assert "holds 0 fen" in refused.out + refused.err
        served.stop()

    here = ("--data", tmp_path, "--rules", RULES)
    lowered = run("relatives", "lower", *_PAIR, "400", *_sent("Q3"), *here, "--json")
    assert (0, 60_000) == (lowered.code, lowered.json["limit_fen"])
    listed = run("relatives", "list", f"{AREA}/R", *here)
    assert (0, True) == (listed.code, "600.00" in listed.out)
    words = ("--by", "receiver", *_sent("Q4"), *here, "--json")
    ended = run("relatives", "dissolve", *_PAIR, *words)
    assert (0, False) == (ended.code, ended.json["bound"])
    assert "dissolved" in run("relatives", "list", f"{AREA}/G", *here).out
    end = run("relatives", "end-insurance", f"{AREA}/G", *_sent("Q5"), *here)
    assert (0, "no relations\n") == (end.code, end.out)


def test_what_cannot_be_read_is_told_with_its_name(tmp_path: Path) -> None:
    """A person without an area, an amount of a part of a fen, a wish of nobody."""
    for arguments, said in (
        (("grant", "G", _PAIR[1], "1"), "giver"),
        (("grant", *_PAIR, "0.001"), "part of a fen"),
        (("dissolve", *_PAIR, "--by", "uncle"), "expected giver or receiver"),
    ):
        ran = run("relatives", *arguments, *_sent("Q1"), "--data", tmp_path)
        assert ran.code != 0
        assert said in ran.out + ran.err, ran
        assert "Traceback" not in ran.err


def test_json_of_a_list_is_a_line_for_each_relation(tmp_path: Path) -> None:
    """Every field of a relation under the name that the API gives it."""
    with serving(tmp_path, RULES) as served:
        with Client(served.address) as client:
            client.open_person(Opening("H1", "O1", AREA, "G", 100_000))
        at = ("--server", served.address)
        run("relatives", "grant", *_PAIR, "1", *_sent("Q1"), *at)
        listed = run("relatives", "list", f"{AREA}/G", *at, "--json")

    (line,) = listed.out.splitlines()
    assert json.loads(line) == {
        "giver": _PAIR[0],
        "receiver": _PAIR[1],
        "number": 1,
        "limit_fen": 100,
        "used_fen": 0,
        "bound": True,
    }
