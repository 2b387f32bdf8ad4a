"""`medsettle person`: what a cardholder asks, embedded and at a server."""

import re
import shlex
from pathlib import Path

import pytest
from medsettle.cli.exits import Exit
from medsettle.client import Client
from medsettle.core.relatives import LimitChange, Person
from medsettle.core.settlement import Opening

from tests.cli.commands import ROOT, Ran, run, serving
from tests.engine.relatives import AREA, RULES, visit

_GIVER, _RECEIVER = f"{AREA}/G", f"{AREA}/R"


def _family(client: Client) -> None:
    """Let G set 600 yuan aside for R, whose bill of 500 they pay."""
    client.open_person(Opening("H1", "O1", AREA, "G", 100_000))
    sides = Person(AREA, "G"), Person(AREA, "R")
    client.relatives.grant(LimitChange("H1", "Q1", *sides, 60_000))
    client.settle(visit(1, "R", 50_000))


def _asked(*at: object) -> list[Ran]:
    return [
        run("person", "show", _RECEIVER, "--insurance-type", "310", *at),
        run("person", "movements", _GIVER, *at),
        run("person", "limit-uses", _GIVER, _RECEIVER, "1", *at),
    ]


def test_a_server_and_a_data_folder_say_the_same(tmp_path: Path) -> None:
    """Overview, movements and uses, as JSON and as tables of yuan."""
    with serving(tmp_path, RULES) as served:
        with Client(served.address) as client:
            _family(client)
        at = ("--server", served.address)
        there = _asked(*at, "--json")
        tables = _asked(*at)
        served.stop()
    here = _asked("--data", tmp_path, "--rules", RULES, "--json")

    assert [Exit.OK] * 9 == [ran.code for ran in (*there, *tables, *here)]
    assert [ran.out for ran in there[1:]] == [ran.out for ran in here[1:]]
    moment = {"moment": there[0].json["moment"]}
    assert there[0].json == here[0].json | moment
    assert (0, True, [50_000]) == (
        here[0].json["account_fen"],
        here[0].json["insured"],
        [each["mutual_aid_fen"] for each in here[0].json["settlements"]],
    )
    assert [(100_000, 100_000), (-60_000, 40_000)] == [
        (row["fen"], row["balance_fen"]) for row in here[1].json_lines
    ]
    (use,) = here[2].json_lines
    assert ("settle", 50_000, "H1") == (use["kind"], use["fen"], use["institution"])
    for ran, shown in zip(tables, ("500.00", "-600.00", "500.00"), strict=True):
        assert shown in ran.out, ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(("show", "P1"), Exit.FINDING, "expected area/person", id="no-area"),
        pytest.param(
            ("show", _GIVER, "--birth-date", "soon"), Exit.FINDING, "facts.birth_date", id="date"
        ),
        pytest.param(("limit-uses", _GIVER, _RECEIVER, "one"), Exit.USAGE, "number", id="number"),
        pytest.param(("movements", _GIVER), Exit.USAGE, "name the folder", id="no-ledger"),
        pytest.param(
            ("movements", _GIVER, "--server", "127.0.0.1:1"),
            Exit.UNAVAILABLE,
            "UNAVAILABLE",
            id="no-server",
        ),
    ],
)
@pytest.mark.slow
def test_a_wrong_call_is_told(
    tmp_path: Path, arguments: tuple[str, ...], code: Exit, says: str
) -> None:
    """The exit code of its kind, what is wrong, and no folder made on the way."""
    ran = run("person", *arguments, "--data", tmp_path / "data", "--rules", RULES)

    assert code == ran.code
    assert says in ran.out + ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_a_person_is_brought_along_once(tmp_path: Path) -> None:
    """Account and counters of elsewhere count once per request id, at a server and embedded."""
    opening = ("person", "open", _GIVER, "--institution", "H1", "--request-id", "O1")
    brought = (*opening, "--account", "1,000.00")
    with serving(tmp_path, RULES) as served:
        at = ("--server", served.address)
        there = run(*brought, *at, "--json")
        served.stop()
    here = ("--data", tmp_path, "--rules", RULES)
    again = run(*brought, *here)
    other = run(*opening, "--account", "2", *here, "--json")

    assert (Exit.OK, 100_000) == (there.code, there.json["account_fen"])
    assert (Exit.OK, f"{_GIVER}: account 1,000.00\n") == (again.code, again.out)
    assert (Exit.FINDING, "REQUEST_ID_REUSED") == (other.code, other.json["error"])


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        pytest.param("--account", "1.005", "account", id="account"),
        pytest.param("--counter", "310.paid", "NAME:PERIOD=VALUE", id="counter"),
        pytest.param("--counter", "310.paid:2026=1", "no counter '310.paid'", id="unknown"),
    ],
)
@pytest.mark.slow
def test_a_faulty_opening_is_told(tmp_path: Path, option: str, value: str, says: str) -> None:
    """What was found, and what would do."""
    ran = run(
        *("person", "open", _GIVER, "--institution", "H1", "--request-id", "O1"),
        *(option, value, "--data", tmp_path, "--rules", RULES),
    )

    assert Exit.FINDING == ran.code
    assert says in ran.out + ran.err


@pytest.mark.slow
def test_a_person_never_seen_is_empty(tmp_path: Path) -> None:
    """Exit code 0 and a sentence; a relation that never was is a finding."""
    with serving(tmp_path, RULES) as served:
        at = ("--server", served.address)
        shown = run("person", "show", f"{AREA}/N", *at)
        moved = run("person", "movements", f"{AREA}/N", *at)
        uses = run("person", "limit-uses", _GIVER, _RECEIVER, "1", *at, "--json")

    assert (Exit.OK, Exit.OK) == (shown.code, moved.code)
    assert "account 0.00" in shown.out
    assert "the account never moved\n" == moved.out
    assert (Exit.FINDING, "NOT_FOUND") == (uses.code, uses.json["error"])


@pytest.mark.slow
def test_the_commands_of_the_readme_run_as_written(tmp_path: Path) -> None:
    """The block of the front page settles a stay and shows what is left of its limits."""
    page = (ROOT / "README.md").read_text("utf-8")
    (block,) = re.findall(r"```sh\n([^`]*medsettle person show[^`]*)```", page)
    lines = [line.partition("#")[0] for line in block.replace("\\\n", " ").splitlines()]
    outs = []
    for line in filter(str.strip, lines):
        program, *words = shlex.split(line.replace("var/persons", str(tmp_path / "data")))
        assert ".venv/bin/medsettle" == program
        ran = run(*words)
        assert (Exit.OK, "") == (ran.code, ran.err.strip()), line
        outs.append(ran.out)

    assert len(outs) >= 3
    assert "beijing-employee-inpatient" in outs[1]
