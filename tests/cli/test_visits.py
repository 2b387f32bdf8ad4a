"""`medsettle visit` and `medsettle registration`, embedded and at a server."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from medsettle.cli.exits import Exit
from medsettle.core.claims import ClaimBatch
from medsettle.core.visits import registration_of

from tests.cli.commands import ROOT, run, serving
from tests.engine.visits import AREA, SHAPES, injury_stay, recognition

pytestmark = pytest.mark.slow

_VISIT = ROOT / "fixtures" / "visit.json"
_RECOGNITION = ROOT / "fixtures" / "recognition.json"
_SENDER = ("--institution", "AGENCY", "--request-id")
_OF_P1 = ("--area", AREA, "--person", "P1")


@pytest.fixture(name="rules", scope="module")
def _rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the one area that routes visits, read in half the time."""
    folder = tmp_path_factory.mktemp("rules")
    shutil.copytree(SHAPES / AREA, folder / AREA)
    return folder


def _fixture(path: Path) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return row


def test_the_fixtures_are_the_worked_split() -> None:
    """The files that the commands are shown with are the visit and the recognition of the tests."""
    visit, decided = _fixture(_VISIT), _fixture(_RECOGNITION)
    expected = injury_stay(request_id=visit["request_id"])

    assert ClaimBatch.from_rows([expected]).rows == ClaimBatch.from_rows([visit]).rows
    assert (AREA, "P1") == (decided.pop("pooling_area"), decided.pop("person"))
    assert recognition() == registration_of(decided)


def _through_every_command(*where: object) -> None:
    """Assert what the commands say of a recognised injury, from registration to cancel."""
    at = (*where, "--json")
    add = ("registration", "add", _RECOGNITION, *_SENDER, "R1", *at)
    added, again = run(*add), run(*add)
    assert [(Exit.OK, False), (Exit.OK, True)] == [
        (ran.code, ran.json["duplicate"]) for ran in (added, again)
    ]
    assert {**added.json, "duplicate": False} == run("registration", "list", *_OF_P1, *at).json
    assert [] == run("registration", "list", "--area", AREA, "--person", "P2", *at).json_lines

    preview = run("visit", "settle", _VISIT, "--preview", *at)
    settled, repeated = (run("visit", "settle", _VISIT, *at) for _ in "12")
    visit = settled.json["visit"]
    assert [None, visit] == [ran.json["visit"] for ran in (preview, repeated)]
    assert settled.json | {"duplicate": True} == repeated.json | {
        "settlements": settled.json["settlements"]
    }
    assert [("410", 1_570_000, 0, 50_000), ("310", 0, 112_000, 128_000)] == [
        tuple(
            part["settlement"][name]
            for name in ("insurance_type", "other_fund_fen", "pooled_fund_fen", "cash_fen")
        )
        for part in settled.json["settlements"]
    ]
    assert preview.json["routes"] == settled.json["routes"]
    assert settled.json["routes"][4]["reason"].startswith("basic: no other scheme (")
    assert settled.json == run("visit", "show", visit, *at).json

    cancel = ("visit", "cancel", visit, "--institution", "H1", *at, "--request-id")
    cancelled, refused = run(*cancel, "X1"), run(*cancel, "X2")
    assert (Exit.OK, "visit_cancel", visit) == (
        cancelled.code,
        cancelled.json["kind"],
        cancelled.json["original"],
    )
    assert (Exit.FINDING, "ALREADY_CANCELLED") == (refused.code, refused.json["error"])
    unknown = run("visit", "show", "nothing", *at)
    assert (Exit.FINDING, "NOT_FOUND") == (unknown.code, unknown.json["error"])


def test_an_embedded_engine_does_all_of_it(tmp_path: Path, rules: Path) -> None:
    """Registered, previewed, settled, repeated, shown and cancelled, with the audit tables."""
    data = ("--data", tmp_path / "data")
    _through_every_command("--rules", rules, *data)

    shown = run("audit", "show", "--json", *data)
    assert {("settle", 2), ("cancel", 2)} == {
        (row["kind"], row["settlements"]) for row in shown.json
    }
    assert 0 == sum(row["total_fen"] for row in shown.json)


def test_a_server_does_all_of_it(tmp_path: Path, rules: Path) -> None:
    """The same commands at a server say the same, and it ends as servers do."""
    with serving(tmp_path / "data", rules) as server:
        _through_every_command("--server", server.address)
        assert Exit.OK == server.stop()
    verified = run("audit", "verify", "--json", "--data", tmp_path / "data")
    assert (Exit.OK, 8) == (verified.code, verified.json["last_seq"])


def test_people_are_shown_who_pays_what_and_why(tmp_path: Path, rules: Path) -> None:
    """A table of all schemes, one of each scheme, and the routes with their reasons."""
    at = ("--rules", rules, "--data", tmp_path / "data")
    added = run("registration", "add", _RECOGNITION, *_SENDER, "R1", *at)
    listed = run("registration", "list", *_OF_P1, *at)
    nobody = run("registration", "list", "--area", AREA, "--person", "P2", *at)
    settled, again = (run("visit", "settle", _VISIT, *at) for _ in "12")

    assert [Exit.OK] * 5 == [ran.code for ran in (added, listed, nobody, settled, again)]
    assert added.out == listed.out
    assert re.search(r"recognition +R-1 +2024-04-30 +· +S82 S83 +part leg, event", listed.out)
    assert f"area {AREA} holds no registration of this person" in nobody.out
    for shown in (
        r"1 +work_injury +410 +16,200\.00 +15,700\.00 +500\.00",
        r"2 +basic +310 +2,400\.00 +1,120\.00 +1,280\.00",
        r"in all +18,600\.00 +16,820\.00 +1,780\.00",
        r"1 work_injury: settlement 999930\w{20}",
        r"injury_fund 其他基金 +15,700\.00 .* 15,700\.00",
        r"food → person +300\.00",
        r"2 basic: settlement 999930\w{20}",
        r"2 +500\.00 +work_injury: diagnosis S82\.1, recognition/R-1 \(",
        r"3 +1,500\.00 +work_injury: shared line, recognition/R-1 \(",
        r"5 +2,400\.00 +basic: no other scheme \(",
    ):
        assert re.search(shown, settled.out), shown
    assert ", recorded before at " in again.out


@pytest.mark.parametrize(
    ("row", "paths"),
    [
        pytest.param(3, ["registration"], id="number"),
        pytest.param(
            {"person": 7, "colour": "red", "kind": "recognition", "valid_from": "today"},
            ["pooling_area", "person", "colour", "registration.number", "registration.valid_from"],
            id="faults",
        ),
        pytest.param(
            _fixture(_RECOGNITION) | {"kind": "recogniton"}, ["registration.kind"], id="kind"
        ),
    ],
)
def test_a_faulty_registration_is_told_with_all_its_faults(
    tmp_path: Path, rules: Path, row: object, paths: list[str]
) -> None:
    """Exit code 1, and each fault with its path."""
    file = tmp_path / "row.json"
    file.write_text(json.dumps(row))
    at = ("--rules", rules, "--data", tmp_path / "data", "--json")
    ran = run("registration", "add", file, *_SENDER, "R1", *at)

    assert (Exit.FINDING, "INVALID_REQUEST") == (ran.code, ran.json["error"])
    assert paths == [message.partition(":")[0] for message in ran.json["messages"]]


def test_a_faulty_visit_is_told_with_all_its_faults(tmp_path: Path, rules: Path) -> None:
    """The faults that a server tells, and an area without routing, end with exit code 1."""
    at = ("--rules", rules, "--data", tmp_path / "data", "--json")
    file = tmp_path / "visit.json"
    file.write_text(json.dumps(_fixture(_VISIT) | {"person": None, "visit_type": "0"}))
    faulty = run("visit", "settle", file, *at)
    file.write_text(json.dumps(_fixture(_VISIT) | {"pooling_area": "999913"}))
    unrouted = run("visit", "settle", file, *at)

    assert (Exit.FINDING, "INVALID_REQUEST") == (faulty.code, faulty.json["error"])
    assert ["person", "visit_type"] == [
        message.partition(":")[0] for message in faulty.json["messages"]
    ]
    assert (Exit.FINDING, "ROUTING_NOT_FOUND") == (unrouted.code, unrouted.json["error"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["visit", "settle", "{two}"], "holds 2 rows; give each visit", id="two"),
        pytest.param(["registration", "add", "{two}", *_SENDER, "R1"], "holds 2 rows", id="both"),
        pytest.param(["visit", "settle", "{none}"], "does not exist", id="no-file"),
        pytest.param(["visit", "show", "V1"], "name the folder with --data", id="no-ledger"),
        pytest.param(["registration", "list", *_OF_P1], "name the folder", id="no-ledger-list"),
        pytest.param(["visit", "cancel", "V1", "--request-id", "X"], "--institution", id="option"),
        pytest.param(["registration", "list", "--area", AREA], "--person", id="no-person"),
    ],
)
def test_a_wrong_call_is_told(tmp_path: Path, arguments: list[str], says: str) -> None:
    """Exit code 2, what is wrong, and no folder made on the way."""
    two = tmp_path / "two.json"
    two.write_text("[{}, {}]")
    files = {"two": two, "none": tmp_path / "none.json"}
    words = [word.format(**files) for word in arguments]
    ran = run(*words, "--data", tmp_path / "data")

    assert Exit.USAGE == ran.code
    assert says in ran.out + ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "data").exists()


def test_the_commands_of_the_readme_run_as_written(tmp_path: Path) -> None:
    """The front page's visit is registered, settled to the figures it states, and listed."""
    page = (ROOT / "README.md").read_text("utf-8")
    (block,) = re.findall(r"```sh\n([^`]*medsettle visit settle[^`]*)```", page)
    lines = [line.partition("#")[0] for line in block.replace("\\\n", " ").splitlines()]
    outs = []
    for line in filter(str.strip, lines):
        program, *words = shlex.split(line.replace("var/visits", str(tmp_path / "data")))
        assert ".venv/bin/medsettle" == program
        ran = run(*words)
        assert (Exit.OK, "") == (ran.code, ran.err), line
        outs.append(ran.out)

    assert len(outs) >= 3
    assert "16,820.00" in "".join(outs)
    assert "16,820.00" in page
