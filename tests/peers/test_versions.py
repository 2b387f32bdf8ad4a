"""Engines of different versions: what an older or newer one is asked, and what survives it."""

import pytest
from google.rpc import error_details_pb2 as details  # type: ignore[import-untyped]
from medsettle import errors
from medsettle.errors import SettlementError
from medsettle.service import status
from medsettle.service.calls import Relayed
from medsettle.v1 import peer_service_pb2 as messages

from tests.peers.conftest import Run
from tests.peers.network import ALL, BODY, A, B, Plan, direct, error_of, network, through_hub

pytestmark = pytest.mark.slow


def test_a_method_newer_than_the_hub_is_passed_on(run: Run) -> None:
    """A hub passes on what it has no name for; the engine of the area says that it cannot."""

    async def told() -> SettlementError:
        async with network(through_hub()) as nodes:
            return await error_of(nodes["a"], method="SettleTomorrow")

    error = run(told())

    assert isinstance(error, errors.PeerTooOld)
    assert "SettleTomorrow" == error.metadata["method"]


@pytest.mark.parametrize(
    ("method", "word"),
    [
        ("SettleScopedVisit", "visits"),
        ("PreviewScopedVisit", "visits"),
        ("CancelScopedVisit", "visits"),
        ("ExplainScoped", "explain"),
        ("DeliverRecords", "deliver"),
    ],
)
def test_an_older_peer_is_not_asked_what_it_cannot(run: Run, method: str, word: str) -> None:
    """A method whose capability was not offered is refused, and the rest is answered."""

    async def told() -> tuple[SettlementError, bytes, list[str]]:
        old = Plan(areas=(B,), peers={"national": ("*",)}, capabilities=("settle",))
        async with network(through_hub(b=old)) as nodes:
            error = await error_of(nodes["a"], method=method)
            back = await nodes["a"].links.call("SettleScoped", B, BODY, seconds=5.0)
            return error, back, [method for method, _, _ in nodes["b"].echo.asked]

    error, back, asked = run(told())

    assert isinstance(error, errors.PeerTooOld)
    assert word == error.metadata["capability"]
    assert (BODY, ["SettleScoped"]) == (back, asked)


def test_a_newer_peer_is_asked_what_is_known(run: Run) -> None:
    """Capabilities that are not known here are kept for display and ignored."""

    async def told() -> tuple[bytes, messages.GreetResponse | None]:
        new = Plan(areas=(B,), peers={"a": (A,)}, capabilities=(*ALL, "clairvoyance"))
        async with network(direct(b=new)) as nodes:
            back = await nodes["a"].links.call("SettleScoped", B, BODY, seconds=5.0)
            return back, nodes["a"].links.greeted("b")

    back, greeted = run(told())

    assert BODY == back
    assert greeted is not None
    assert "clairvoyance" in greeted.capabilities
    assert ("b", [B], {"999941": "d1"}) == (
        greeted.name,
        list(greeted.areas),
        dict(greeted.rule_digests),
    )


def test_errors_of_tomorrow_survive_an_older_hub(run: Run) -> None:
    """A reason that nobody here knows is told as the nearest error, by code and whole text."""
    newer = status.status_of(errors.Precondition("It rains.", sky="grey"))
    info = details.ErrorInfo(reason="IT_RAINS", domain=status.DOMAIN, metadata={"sky": "grey"})
    newer.details[0].Pack(info)

    async def told() -> SettlementError:
        async with network(through_hub()) as nodes:
            nodes["b"].echo.error = Relayed(newer)
            return await error_of(nodes["a"])

    error = run(told())

    assert errors.Precondition is type(error)
    assert ("It rains.", {"sky": "grey", "reason": "IT_RAINS"}) == (error.message, error.metadata)
