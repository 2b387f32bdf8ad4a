"""Invalid lists read again by a running server: no request is dropped, nothing faulty gets in."""

import json
import shutil
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from medsettle.client import Client
from medsettle.core.cards import CardAction, CardEvent, CardKind
from medsettle.errors import CardOnInvalidList

from tests.cards.desks import at
from tests.cards.lists import NATIONAL, lost, write_list
from tests.cli.claim_files import stay
from tests.cli.commands import RULES, Serving, run, serving

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


def _rules(folder: Path) -> Path:
    """Return a copy of the rules of the area that the stay is insured in; it keeps cards."""
    shutil.copytree(RULES / "110000", folder / "110000")
    return folder


def _issue(client: Client, card: str, person: str) -> None:
    """Issue a card to somebody and activate it, before the stay."""
    for action, stated in (
        (CardAction.ISSUE, {"person": person, "kind": CardKind.PHYSICAL}),
        (CardAction.ACTIVATE, {}),
    ):
        client.cards.record(
            CardEvent(
                institution="AGENCY",
                request_id=f"{card}-{action}",
                pooling_area="110000",
                card=card,
                action=action,
                effective_time=at(4, 1),
                in_person=True,
                **stated,  # type: ignore[arg-type]
            )
        )


def _settled(client: Client, number: int, card: str = "C1") -> int | None:
    """Settle a stay with a card, and return the version of the nation's list it was held to."""
    own = {"person": f"P-{card}", "credential_type": "03", "card": card}
    answer = client.settle(stay(number, **own))
    assert f"R{number}" == answer.columns["request_id"]
    version = answer.columns["national_list_version"]
    return None if version is None else int(str(version))


def test_a_list_is_swapped_while_claims_are_settled(tmp_path: Path) -> None:
    """Every claim of four callers is answered, and held to one list: never to an older one again.

    As soon as the server says that it has a version, claims record that one; a card that it names
    for the first time is refused from then on, and one that it does not name settles on.
    """
    write_list(tmp_path, NATIONAL, 1, lost("C9"))
    stop = threading.Event()

    def call(address: str, first: int) -> list[int | None]:
        found: list[int | None] = []
        with Client(address) as client:
            while not stop.is_set():
                found.append(_settled(client, first + 4 * len(found)))
        return found

    options, rules = _options(tmp_path), _rules(tmp_path / "rules")
    with (
        serving(tmp_path / "data", rules, options) as server,
        Client(server.address) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        for card in ("C1", "C3"):
            _issue(client, card, f"P-{card}")
        calls = [pool.submit(call, server.address, 10_000 + first) for first in range(4)]
        told, met = [], []
        listed: list[int | str | None] = []
        try:
            for version in range(2, 6):
                write_list(tmp_path, NATIONAL, version, lost("C9", *["C3"] * (version > 3)))
                told.append(_reload(server)["lists"]["national"])
                met.append(_settled(client, version))
                try:
                    listed.append(_settled(client, 100 + version, "C3"))
                except CardOnInvalidList as error:
                    listed.append(f"refused by {error.metadata['list_version']}")
        finally:
            stop.set()
        found = [each.result() for each in calls]
        assert 0 == server.stop()

    assert [2, 3, 4, 5] == told == met
    assert [2, 3, "refused by 4", "refused by 5"] == listed
    for versions in found:
        assert versions
        assert versions == sorted(versions, key=lambda each: each or 0)
    assert {1, 2, 3, 4, 5} >= {each for versions in found for each in versions}
    assert len({each for versions in found for each in versions}) > 1


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


def test_a_list_whose_successor_never_came_is_told_and_used(tmp_path: Path) -> None:
    """The centre of cards is away: its last list goes on counting, and that it is old is said."""
    write_list(tmp_path, NATIONAL, 3, lost("C1"))
    with (
        serving(tmp_path / "data", options=_options(tmp_path)) as server,
        Client(server.address) as client,
    ):
        said = _reload(server)
        checked = client.cards.check("999999", "C1")

    assert ({"national": 3}, []) == (said["lists"], said["refused"])
    (overdue,) = said["overdue"]
    assert "list national version 3 was due again on 20" in overdue
    assert (False, "national") == (checked.valid, checked.level)


def test_a_server_does_not_start_with_a_faulty_list(tmp_path: Path) -> None:
    """Nothing is served by half of the lists that were asked for."""
    write_list(tmp_path, NATIONAL, 3, lost("C1")).write_bytes(b"")
    ran = run("serve", "--data", tmp_path / "data", "--json", *_options(tmp_path))

    assert (1, "INVALID_LIST_REJECTED") == (ran.code, ran.json["error"])
