"""The load generator against a real server: every claim is settled, and every wrong fen is seen."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import grpc
import pytest
from medsettle.engine import Engine
from medsettle.ledger.opening import open_ledger
from medsettle.policy.book import load_rule_book
from medsettle.v1 import settlement_service_pb2 as settlements

from benchmarks.load import answers, claims, pacing
from benchmarks.load.pacing import Timings
from benchmarks.load.sending import SETTLE_MANY, SETTLE_ONE, Calls, made_ahead
from tests.service.serving import Ticking, running_loop, serving
from tests.stores import ledger_in

_ROOT = Path(__file__).parents[2]
_BILLS = claims.draw_bills("T", lines=5, persons=7)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a server of the one area that the claims are of."""
    folder = tmp_path_factory.mktemp("load")
    copytree(claims.RULES / claims.AREA, folder / "rules" / claims.AREA)
    with open_ledger(ledger_in(folder)) as ledger, running_loop() as loop:
        engine = Engine(load_rule_book(folder / "rules"), ledger, Ticking())
        with serving(engine, loop) as served:
            yield served.address


@pytest.fixture(scope="module")
def timings(address: str) -> Timings:
    """Return what became of 40 claims sent four at a time."""
    bodies = made_ahead(claims.requests(_BILLS), 10)
    with Calls(address, SETTLE_ONE, bodies, deadline_seconds=20) as calls:
        return pacing.closed_loop(calls, 4, 1.0, pacing.MachineClock(), calls_max=40)


def test_every_claim_is_settled_and_checked(timings: Timings) -> None:
    """Forty calls have forty latencies and forty answers, none of them wrong."""
    assert {} == dict(timings.errors)
    assert 40 == len(timings.latencies) == len(timings.answers)
    assert [] == answers.wrong_settlements(_BILLS, timings.answers)


def test_wrong_answers_are_seen(timings: Timings) -> None:
    """A fen too many in one share, a swapped answer and a duplicate are each told."""
    (first, content), (second, other) = sorted(timings.answers)[:2]
    settlement = settlements.Settlement.FromString(content)
    settlement.cash_fen += 1
    again = settlements.Settlement.FromString(content)
    again.duplicate = True

    (shares,) = answers.wrong_settlements(_BILLS, [(first, settlement.SerializeToString())])
    (swapped,) = answers.wrong_settlements(_BILLS, [(first, other)])
    (twice,) = answers.wrong_settlements(_BILLS, [(first, again.SerializeToString())])

    assert first != second
    assert shares.endswith("shares of the person")
    assert "request id" in swapped
    assert twice.endswith("a duplicate")


def test_streams_are_settled_and_checked(address: str) -> None:
    """Two messages of eight claims are answered, and an answer to other claims is seen."""
    bills = claims.draw_bills("S", lines=3, persons=5)
    spans = [range(0, 8), range(8, 16)]
    bodies = [
        settlements.SettleClaimsRequest(arrow_stream=claims.stream(bills, span)).SerializeToString()
        for span in spans
    ]
    with Calls(address, SETTLE_MANY, bodies.__getitem__, deadline_seconds=20) as calls:
        found = pacing.closed_loop(calls, 1, 1.0, pacing.MachineClock(), calls_max=2)

    told = [(spans[number], content) for number, content in found.answers]
    assert [] == answers.wrong_streams(bills, told)
    swapped = [(spans[1 - number], content) for number, content in found.answers]
    assert len(answers.wrong_streams(bills, swapped)) > 8


def test_a_call_to_nobody_is_an_error() -> None:
    """A call that no server takes is counted under its code and has no latency."""
    bodies = made_ahead(claims.requests(_BILLS), 1)
    calls = Calls("127.0.0.1:1", SETTLE_ONE, bodies, deadline_seconds=5)

    found = pacing.closed_loop(calls, 1, 1.0, pacing.MachineClock(), calls_max=1)

    assert {"UNAVAILABLE": 1} == dict(found.errors)
    assert [] == found.latencies


@pytest.mark.slow
def test_the_echo_decodes_and_encodes(timings: Timings, tmp_path: Path) -> None:
    """The echo answers with a settlement of the same lines under the id of the claim sent."""
    path = tmp_path / "answer.bin"
    path.write_bytes(timings.answers[0][1])
    words = [sys.executable, "-m", "benchmarks.load.echo_server", "--answer", str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["serving"]
        with grpc.insecure_channel(address) as channel:
            body = next(claims.requests(claims.draw_bills("E", lines=5)))
            method: Any = channel.unary_unary(SETTLE_ONE)
            answer = method(body, timeout=20)
        process.terminate()

    told = settlements.Settlement.FromString(answer)
    assert ("E-0", 5) == (told.request_id, len(told.lines))
    assert 0 == process.returncode


def test_claims_of_persons_insured_elsewhere_say_so() -> None:
    """Message and row name both areas and the filing, and items are of the place of care."""
    bills = claims.draw_bills("E", lines=2, insured="999942")

    claim = settlements.CreateSettlementRequest.FromString(next(claims.requests(bills))).claim
    row = claims.row(bills, 0)

    assert ("999942", claims.AREA) == (claim.pooling_area, claim.care_area)
    assert ("999942", claims.AREA) == (row["pooling_area"], row["care_area"])
    assert claim.filing == row["filing"] == "long_term"
    assert claim.filing_date == claim.service_date
