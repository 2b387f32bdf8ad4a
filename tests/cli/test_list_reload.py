"""Invalid lists read again by a running server: no request is dropped, nothing faulty gets in."""

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from medsettle.client import Client
from medsettle.core.settlement import Settlement

from tests.cards.lists import NATIONAL, lost, write_list
from tests.cli.claim_files import stay
from tests.cli.commands import Serving, run, serving

pytestmark = pytest.mark.slow


def _options(folder: Path) -> tuple[object, ...]:
    return ("--lists", folder / "lists", "--list-keys", folder / "keys")


def _reload(server: Serving) -> dict[str, Any]:
    """Ask the server to read everything again, and return what it says of the lists."""
    server.process.send_signal(signal.SIGHUP)
    assert server.process.stdout is not None
    assert "reloaded" in json.loads(server.process.stdout.readline())
    said: dict[str, Any] = json.loads(server.process.stdout.readline())
    return said


def _area_without_cards(number: int) -> dict[str, Any]:
    """Return the stay, its card presented; the area of the stay keeps cards, this one does not."""
    return stay(number, credential_type="01")


def test_a_list_is_swapped_while_claims_are_settled(tmp_path: Path) -> None:
    """Every claim of four callers is answered, whatever is reloaded meanwhile."""
    write_list(tmp_path, NATIONAL, 1, lost("C1"))
    answers: list[Settlement] = []
    with serving(tmp_path / "data", options=_options(tmp_path)) as server:
        stop = threading.Event()

        def call(first: int) -> None:
            with Client(server.address) as client:
                number = first
                while not stop.is_set():
                    answers.append(client.settle(_area_without_cards(number)))
                    number += 4

        callers = [threading.Thread(target=call, args=(first,)) for first in range(4)]
        for caller in callers:
            caller.start()
        versions = []
        for version in range(2, 6):
            write_list(tmp_path, NATIONAL, version, lost("C1", f"C{version}"))
            versions.append(_reload(server)["lists"]["national"])
        settled = len(answers)
        stop.set()
        for caller in callers:
            caller.join()
        with Client(server.address) as client:
            checked = client.cards.check("999999", "C5")
        assert 0 == server.stop()

    assert [2, 3, 4, 5] == versions
    assert settled > 0
    assert len(answers) == len({str(each.columns["settlement"]) for each in answers})
    assert (False, "national") == (checked.valid, checked.level)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(lambda path: path.write_bytes(b""), "the signature is not", id="emptied"),
        pytest.param(lambda path: path.unlink(), "is gone", id="removed"),
    ],
)
def test_a_faulty_list_is_refused_and_the_old_one_stays(
    tmp_path: Path, spoil: Callable[[Path], object], why: str
) -> None:
    """The server says which and why, and goes on by the list it had."""
    path = write_list(tmp_path, NATIONAL, 3, lost("C1"))
    with (
        serving(tmp_path / "data", options=_options(tmp_path)) as server,
        Client(server.address) as client,
    ):
        spoil(path)
        said = _reload(server)
        checked = client.cards.check("999999", "C1")

    assert {"national": 3} == said["lists"]
    assert why in said["refused"][0]
    assert (False, "national") == (checked.valid, checked.level)


def test_a_server_does_not_start_with_a_faulty_list(tmp_path: Path) -> None:
    """Nothing is served by half of the lists that were asked for."""
    write_list(tmp_path, NATIONAL, 3, lost("C1")).write_bytes(b"")
    ran = run("serve", "--data", tmp_path / "data", "--json", *_options(tmp_path))

    assert (1, "INVALID_LIST_REJECTED") == (ran.code, ran.json["error"])
