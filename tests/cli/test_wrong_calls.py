"""Wrong calls and unreadable files end with the documented exit code and say what to do."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from medsettle.cli.app import app
from medsettle.cli.exits import Exit
from medsettle.ledger import SqliteLedger
from typer.core import TyperGroup

from tests.cli.claim_files import stay, write_claims
from tests.cli.commands import Ran, run

pytestmark = pytest.mark.slow


def _settle(path: Path, *more: object) -> Ran:
    return run("settle", path, "--data", path.parent / "data", *more)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("none.json", None, "does not exist; name a file", id="missing"),
        pytest.param("claims.csv", b"a,b", "expected one of .json", id="wrong-ending"),
        pytest.param("claims.json", b'{"a": 1', "is no JSON in line 1", id="broken-json"),
        pytest.param("claims.jsonl", b'{}\n\n{"a"', "is no JSON in line 3", id="broken-line"),
        pytest.param("claims.json", b'{"a": 1, "a": 2}', 'gives "a" twice', id="key-twice"),
        pytest.param("claims.json", b"[]", "holds no claims", id="no-claims"),
        pytest.param("claims.parquet", b"PAR1 no", "cannot be read as parquet", id="no-parquet"),
        pytest.param("claims.arrow", b"ARROW1", "cannot be read as arrow", id="no-arrow"),
        pytest.param("claims.arrow", b"", "cannot be read as arrow", id="empty-arrow"),
    ],
)
def test_an_unreadable_file_is_named(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    """The file cannot be read: exit code 2, the file's name, why, and nothing is recorded."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    ran = _settle(path)

    assert (Exit.USAGE, "") == (ran.code, ran.out)
    assert "USAGE" in ran.err
    assert name in ran.err
    assert says in ran.err
    assert not (tmp_path / "data").exists()


def _every(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield each command with its words; the type is that of the click within typer."""
    if not isinstance(command, TyperGroup):
        yield name, command
        return
    for word in command.commands:
        yield from _every(command.commands[word], f"{name} {word}".strip())


def test_no_option_stands_for_two_things() -> None:
    """Neither its word nor its name: commands with --server get options beside their own."""
    twice = {
        name: words
        for name, command in _every(typer.main.get_command(app))
        if (
            words := [
                word
                for word, number in Counter(
                    word
                    for each in command.params
                    for word in {each.name, *each.opts, *each.secondary_opts}
                ).items()
                if number > 1
            ]
        )
    }

    assert {} == twice


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param([], "Usage", id="nothing"),
        pytest.param(["setle"], "setle", id="no-such-command"),
        pytest.param(["settle"], "Missing argument", id="missing-argument"),
        pytest.param(["settle", "a.json", "--previw"], "--previw", id="no-such-option"),
        pytest.param(["cancel", "S1", "--request-id", "X"], "--institution", id="missing-option"),
    ],
)
def test_a_wrong_call_is_told(arguments: list[str], says: str) -> None:
    """The call cannot be understood: exit code 2 and what it stumbled over."""
    ran = run(*arguments)

    assert Exit.USAGE == ran.code
    assert says in ran.out + ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["explain", "S1"], id="explain"),
        pytest.param(["audit", "verify"], id="audit-verify"),
    ],
)
def test_a_misspelt_data_folder_is_told(tmp_path: Path, arguments: list[str]) -> None:
    """Reading from a folder that holds nothing is an error, and makes no folder."""
    ran = run(*arguments, "--data", tmp_path / "dta", "--json")

    assert (Exit.USAGE, "USAGE") == (ran.code, ran.json["error"])
    assert "name the folder with --data" in ran.json["messages"][0]
    assert not (tmp_path / "dta").exists()


def _unreachable(tmp_path: Path) -> Ran:
    with socket.socket() as taken:
        # Bound and not listening: nobody answers, and nobody else gets the port.
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        return _settle(write_claims(tmp_path / "a.json", [stay()]), "--server", address, "--json")


def _locked(tmp_path: Path) -> Ran:
    data = tmp_path / "data"
    data.mkdir()
    with SqliteLedger(data / "ledger.db"):
        return _settle(write_claims(tmp_path / "a.json", [stay()]), "--json")


def _serving_locked(tmp_path: Path) -> Ran:
    with SqliteLedger(tmp_path / "ledger.db"):
        return run("serve", "--data", tmp_path, "--listen", "127.0.0.1:0", "--json")


def _no_ledger(tmp_path: Path) -> Ran:
    data = tmp_path / "data"
    data.mkdir()
    _written(data / "ledger.db", b"this is no ledger, and somebody needs it" * 100)
    return _settle(write_claims(tmp_path / "a.json", [stay()]), "--json")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        pytest.param(_unreachable, "reached", id="server-unreachable"),
        pytest.param(_locked, "ledger.db", id="ledger-in-use"),
        pytest.param(_serving_locked, "ledger.db", id="ledger-in-use-by-another-server"),
        pytest.param(_no_ledger, "ledger.db", id="no-ledger"),
    ],
)
def test_what_is_out_of_reach_may_be_tried_again(
    tmp_path: Path, call: Callable[[Path], Ran], says: str
) -> None:
    """Server or ledger out of reach: exit code 3, and one JSON object that says so."""
    ran = call(tmp_path)

    assert Exit.UNAVAILABLE == ran.code
    assert says in ran.json["messages"][0]


def test_an_address_that_is_taken_is_told(tmp_path: Path) -> None:
    """Serving where somebody else listens is a wrong call, and leaves the ledger free."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ran = run("serve", "--data", tmp_path, "--listen", address, "--json")

    assert (Exit.USAGE, "USAGE") == (ran.code, ran.json["error"])
    assert address in ran.json["messages"][0]
    SqliteLedger(tmp_path / "ledger.db").close()


def test_faulty_rules_are_listed(tmp_path: Path) -> None:
    """With rules that have faults nothing is settled: exit code 1 and each fault with its place."""
    folder = tmp_path / "rules" / "110000"
    folder.mkdir(parents=True)
    _written(folder / "area.yaml", b"format: 1\narea: 11000\n")
    file = write_claims(tmp_path / "a.json", [stay()])
    ran = _settle(file, "--rules", tmp_path / "rules", "--json")

    assert (Exit.FINDING, "POLICY_REJECTED") == (ran.code, ran.json["error"])
    assert all(str(folder) in message for message in ran.json["messages"])
    missing = _settle(file, "--rules", tmp_path / "nowhere", "--json")
    assert (Exit.USAGE, "USAGE") == (missing.code, missing.json["error"])
    assert not (tmp_path / "data").exists()


def test_a_wrong_query_is_told(tmp_path: Path) -> None:
    """A query that DuckDB cannot read is a wrong call, told in its words."""
    (tmp_path / "audit").mkdir()
    ran = run("audit", "show", "--data", tmp_path, "--sql", "select nothing from nowhere", "--json")

    assert (Exit.USAGE, "QUERY") == (ran.code, ran.json["error"])
