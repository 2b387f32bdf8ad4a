"""Rules read again by a running server: swapped between two calls, or refused whole."""

import json
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from medsettle.client import Client
from medsettle.core.settlement import Settlement

from tests.cli.claim_files import stay
from tests.cli.commands import RULES, Serving, serving

pytestmark = pytest.mark.slow

DOCUMENT = "110000/employee-inpatient.yaml"


def _rules(folder: Path) -> Path:
    """Return a copy of the rules of the area that the stay is insured in."""
    shutil.copytree(RULES / "110000", folder / "110000")
    return folder


def _reload(server: Serving) -> dict[str, Any]:
    """Ask the server to read its rules again, and return what it says of it."""
    server.process.send_signal(signal.SIGHUP)
    assert server.process.stdout is not None
    said: dict[str, Any] = json.loads(server.process.stdout.readline())
    return said


def _settled(client: Client, number: int) -> tuple[str, int]:
    """Return the digest of the policy that a stay was settled by, and what the pool paid."""
    answer = client.preview(stay(number))
    assert isinstance(answer, Settlement)
    columns = answer.columns
    return str(columns["policy_digest"]), int(str(columns["pooled_fund_fen"]))


def _while(work: Callable[[int], object], during: Callable[[], None]) -> int:
    """Repeat a work in a thread while something else is done; return how often it ran."""
    done = threading.Event()
    counts: Counter[str] = Counter()
    failed: list[BaseException] = []

    def repeat() -> None:
        while not done.is_set():
            try:
                work(counts["done"])
            except BaseException as error:
                failed.append(error)
                return
            counts["done"] += 1

    thread = threading.Thread(target=repeat)
    thread.start()
    during()
    done.set()
    thread.join(60)
    assert [] == failed
    return counts["done"]


def test_changed_rules_are_swapped_without_failing_a_request(tmp_path: Path) -> None:
    """Calls during a reload are all answered, by the old rules or the new, and then by the new."""
    rules = _rules(tmp_path / "rules")
    document = rules / DOCUMENT
    text = document.read_text("utf-8")
    changed = text.replace("1300元", "1200元")
    assert text != changed
    met: Counter[tuple[str, int]] = Counter()

    with serving(tmp_path / "data", rules) as server, Client(server.address) as client:
        before = _settled(client, 0)
        recorded = client.settle(stay(1, person="P-RECORDED"))
        assert isinstance(recorded, Settlement)
        explained = client.explain(str(recorded.columns["settlement"]))
        document.write_text(changed, "utf-8")
        answered = _while(
            lambda number: met.update([_settled(client, 10 + number)]), lambda: _reloads(server)
        )
        after = _settled(client, 2)
        # What the old rules settled is explained by the old rules, to the letter.
        again = client.explain(str(recorded.columns["settlement"]))

    assert before[0] != after[0]
    assert {before, after} >= set(met)
    assert answered == met.total()
    assert explained == again


def _reloads(server: Serving) -> None:
    for _ in range(3):
        assert _reload(server)["reloaded"] > 0


def test_a_bad_document_is_refused_and_the_old_rules_stay(tmp_path: Path) -> None:
    """Faults are told with file and line; claims are settled as before; mending it helps."""
    rules = _rules(tmp_path / "rules")
    document = rules / DOCUMENT
    text = document.read_text("utf-8")

    with serving(tmp_path / "data", rules) as server, Client(server.address) as client:
        before = _settled(client, 0)
        document.write_text(text.replace("1300元", "1300"), "utf-8")
        refused = _reload(server)["refused"]
        unchanged = _settled(client, 1)
        shutil.move(rules, tmp_path / "away")
        gone = _reload(server)["refused"]
        # The settings that name the folder are told of it first, then the policies in it.
        assert server.process.stdout is not None
        gone += json.loads(server.process.stdout.readline())["refused"]
        still = _settled(client, 2)
        shutil.move(tmp_path / "away", rules)
        document.write_text(text, "utf-8")
        mended = _reload(server)
        after = _settled(client, 3)

    assert refused
    assert all(fault.startswith(str(document)) for fault in refused)
    assert f"{rules} does not exist" in gone[0]
    assert f"{rules} cannot be read" in gone[1]
    assert {"reloaded"} == set(mended)
    assert {before} == {unchanged, still, after}
