"""`medsettle gateway`, and `serve` with it, as processes: start, reload, stop, death, restart."""

import json
import shutil
import signal
import socket
import threading
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from medsettle.audit import connect, verify
from medsettle.cli.app import app
from medsettle.cli.exits import Exit, Quit, UnreadableFile
from medsettle.cli.gateway_counter import signatures
from medsettle.client import Client
from medsettle.conformance.endpoint import OutOfReach, Signer
from medsettle.gateway import registry
from medsettle.gateway.openapi import description
from typer.testing import CliRunner

from tests.cli.commands import DIRECTORY, Serving, gateway, one_area, run, serving
from tests.gateway.sales import AREA, PHARMACY, RETIRED, kit_at, sale, sold

pytestmark = pytest.mark.slow

_NEWCOMER = "990000000000000777"


def _line(server: Serving) -> Any:  # noqa: ANN401 - what it printed
    assert server.process.stdout is not None
    return json.loads(server.process.stdout.readline())


def _in_audit_tables(data: Path) -> list[str]:
    verify(data / "audit")
    with connect(data / "audit") as connection:
        table = connection.sql("select settlement from settlements").to_arrow_table()
    return [str(each) for each in table["settlement"].to_pylist()]


def _code(answer: Mapping[str, Any]) -> tuple[int, str]:
    return answer["infcode"], answer["err_msg"].partition("]")[0].removeprefix("[")


def test_what_was_answered_is_there_after_a_death_and_a_stop(tmp_path: Path) -> None:
    """Killed at once after its answer, the next process knows sign-in and sale, and sells once.

    It ends with 0 when it is told to, and the audit tables then hold what both recorded.
    """
    data = tmp_path / "data"
    with gateway(data) as server:
        kit = kit_at(server.address)
        request = sale(kit)
        first = sold(kit, request)
        server.process.kill()
        server.process.wait()

    with gateway(data) as server:
        # The sign-in of the dead process still counts.
        kit = kit_at(server.address)
        again = sold(kit, request)
        changed = {**request, "input": {**request["input"], "druginfo": {}}}
        other = kit.endpoint.ask("2102", changed)
        assert Exit.OK == server.stop()

    assert first == again
    assert (-2, "INVALID_REQUEST") == _code(other)
    assert [first["setl_id"]] == _in_audit_tables(data)


def test_a_stopped_gateway_has_finished_what_it_accepted(tmp_path: Path) -> None:
    """Stopped under load, what was answered is what is recorded; the others know nothing was done.

    Whoever comes while it stops is told -1, is cut off unheard, or finds nobody there.
    """
    data = tmp_path / "data"
    answered: list[str] = []
    refused: list[str] = []
    busy = threading.Event()

    with gateway(data) as server:
        kit = kit_at(server.address)
        kit.sign_no(PHARMACY, AREA)

        def sell() -> None:
            """Sell until nobody answers."""
            while True:
                try:
                    answer = kit.endpoint.ask("2102", sale(kit))
                except OutOfReach as error:
                    refused.append(str(error))
                    return
                if answer["infcode"] == -1:
                    refused.append(answer["err_msg"])
                    return
                answered.append(answer["output"]["setlinfo"]["setl_id"])
                if len(answered) > 40:
                    busy.set()

        with ThreadPoolExecutor(8) as pool:
            workers = [pool.submit(sell) for _ in range(8)]
            assert busy.wait(60)
            assert Exit.OK == server.stop()
            for worker in workers:
                worker.result(60)

    assert 8 == len(refused)
    assert sorted(answered) == sorted(_in_audit_tables(data))


def test_one_engine_answers_both_protocols(tmp_path: Path) -> None:
    """What is settled at the gateway of `serve` is found over gRPC, and can be cancelled there."""
    options = ("--gateway", "127.0.0.1:0", "--directory", DIRECTORY)
    with serving(tmp_path / "data", one_area(tmp_path), options) as server:
        assert server.gateway is not None
        kit = kit_at(server.gateway)
        request = sale(kit)
        first = sold(kit, request)
        with Client(server.address) as client:
            found = client.get(first["setl_id"])
            negative = client.cancel(
                first["setl_id"], institution=request["fixmedins_code"], request_id="CANCEL-1"
            )
        retried = kit.endpoint.ask("2102", request)
        assert Exit.OK == server.stop()

    assert (RETIRED, 200_000) == (found.columns["person"], found.columns["total_fen"])
    assert first["setl_id"] == negative.columns["original"]
    # The till that sends it again learns at the gateway what was done over gRPC.
    assert -2 == retried["infcode"]
    assert retried["err_msg"].startswith("[ALREADY_CANCELLED]")


def test_the_directory_is_read_again_on_sighup(tmp_path: Path) -> None:
    """A newcomer buys after SIGHUP; a faulty file is refused with its place."""
    directory = tmp_path / "directory"
    shutil.copytree(DIRECTORY, directory)
    with gateway(tmp_path / "data", directory) as server:
        kit = kit_at(server.address)
        unsigned = kit.endpoint.ask("2102", sale(kit, sign_in=False))
        unknown = kit.endpoint.ask("2102", sale(kit, _NEWCOMER))
        _add(directory / "persons.csv", "990000195309300020", "99000019530930003X")
        _add(directory / "enrolments.csv", "", "")
        server.process.send_signal(signal.SIGHUP)
        rules, reloaded = _line(server), _line(server)
        known = sold(kit, sale(kit, _NEWCOMER))

        with (directory / "persons.csv").open("a", encoding="utf-8") as file:
            file.write("broken\n")
        server.process.send_signal(signal.SIGHUP)
        _line(server)
        refused = _line(server)["refused"]
        still = sold(kit, sale(kit, _NEWCOMER))

    assert (-2, "NOT_SIGNED_IN") == _code(unsigned)
    assert -2 == unknown["infcode"]
    assert rules["reloaded"] > 0
    assert reloaded["directory"]["persons"] > 0
    assert _NEWCOMER == known["psn_no"] == still["psn_no"]
    assert any("persons.csv" in fault for fault in refused)


def _add(path: Path, certificate: str, another: str) -> None:
    """Add the rows of the retired person once more for a newcomer, who has another certificate."""
    rows = [row for row in path.read_text("utf-8").splitlines() if row.startswith(RETIRED)]
    with path.open("a", encoding="utf-8") as file:
        for row in rows:
            file.write(row.replace(RETIRED, _NEWCOMER).replace(certificate, another) + "\n")


def test_only_signed_requests_are_let_in_where_tokens_are_known(tmp_path: Path) -> None:
    """With --tokens a request needs the signature of a known client, whatever its envelope says.

    With --no-sign-in it needs no sign-in besides. The description is served to everybody.
    """
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps({"till": _bound("secret", PHARMACY), "other": "any"}))
    with gateway(tmp_path / "data", options=("--tokens", tokens, "--no-sign-in")) as server:
        right = kit_at(server.address, signer=Signer("till", "secret"))
        first = sold(right, sale(right, sign_in=False))
        for signer in (None, Signer("till", "guessed"), Signer("another", "secret")):
            wrong = kit_at(server.address, signer=signer)
            with pytest.raises(OutOfReach, match="HTTP 401"):
                wrong.endpoint.ask("2102", sale(wrong, sign_in=False))
        request = sale(right, sign_in=False)
        foreign = {name: _of_hospital(value) for name, value in request.items()}
        others = right.endpoint.ask("2102", foreign)
        with urllib.request.urlopen(f"http://{server.address}/openapi.json") as response:
            served = json.load(response)

    assert description(registry.transactions()) == served
    assert RETIRED == first["psn_no"]
    assert (-2, "INSTITUTION_NOT_YOURS") == _code(others)


def _bound(token: str, institution: str) -> dict[str, object]:
    """Return a client in the file of tokens, for one institution."""
    return {"token": token, "institutions": [institution]}


def _of_hospital(value: object) -> object:
    """Return a text of a pharmacy's request as a hospital writes it."""
    return value.replace(PHARMACY, "H11000000001") if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        pytest.param({"till": _bound("", PHARMACY)}, "without a name or token", id="no-token"),
        pytest.param({"till": ""}, "without a name or token", id="empty"),
        pytest.param({"till": {"token": "secret"}}, "institutions", id="unbound"),
        pytest.param({"till": {"token": "s", "institutions": []}}, "no institution", id="none"),
        pytest.param({}, "without a name or token", id="nobody"),
    ],
)
def test_a_file_of_tokens_that_names_nobody(tmp_path: Path, stated: object, words: str) -> None:
    """What is missing is told, and with which file."""
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps(stated))
    with pytest.raises(UnreadableFile, match=words):
        signatures(tokens)


def test_a_token_for_any_institution_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A text is the token alone: the client may speak for everybody, which the log says."""
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps({"till": "secret", "bound": _bound("other", PHARMACY)}))
    signatures(tokens)

    assert ["till" in each.message for each in caplog.records] == [True]


def test_wrong_options_end_before_anything_is_made(tmp_path: Path) -> None:
    """A folder or file that is none, and options that miss others, are told; no ledger is made."""
    data = tmp_path / "data"
    tokens = tmp_path / "tokens.json"
    tokens.write_text('{"till": ""}')
    known = ("--directory", DIRECTORY)
    calls: dict[str, tuple[object, ...]] = {
        "is no folder": ("gateway", "--directory", tmp_path / "none"),
        "without a name or token": ("gateway", *known, "--tokens", tokens),
        "gateway does nothing without directory": ("serve", "--gateway", "127.0.0.1:0"),
        "directory does nothing without gateway": ("serve", *known),
    }

    for words, call in calls.items():
        result = CliRunner().invoke(app, [*map(str, call), "--data", str(data)])
        code = result.exception.code if isinstance(result.exception, Quit) else result.exit_code
        assert code in {Exit.FINDING, Exit.USAGE}, result.output
        assert words in result.output
    assert not data.exists()


def test_an_address_that_is_taken_is_told(tmp_path: Path) -> None:
    """A second server on a port says so and ends with exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        busy = run(
            *("gateway", "--directory", DIRECTORY, "--rules", one_area(tmp_path)),
            *("--data", tmp_path / "data", "--listen", listen),
        )

    assert Exit.USAGE == busy.code
    assert f"cannot listen at {listen}" in busy.err
    assert "Traceback" not in busy.err
