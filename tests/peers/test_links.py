"""Calls between engines over real sockets: what arrives, and what is known where none does."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from medsettle import errors, limits
from medsettle.errors import Fault, SettlementError
from medsettle.peers.breaker import State
from medsettle.peers.config import Role
from medsettle.peers.handler import Caller

from tests.peers.conftest import Run
from tests.peers.network import BODY, A, B, Plan, direct, error_of, network, through_hub
from tests.peers.stations import a_moment

pytestmark = pytest.mark.slow


@asynccontextmanager
async def _silent() -> AsyncIterator[str]:
    """Yield the address of something that takes connections and says nothing."""
    held = []
    server = await asyncio.start_server(lambda _, out: held.append(out), "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for each in held:
            each.transport.abort()
        server.close()


async def _free_address() -> str:
    """Return an address at which nobody listens."""
    async with _silent() as address:
        return address


def test_a_hub_passes_on_what_it_does_not_know(run: Run) -> None:
    """Bytes arrive at the area's engine and come back as they were, unknown fields too."""

    async def told() -> tuple[bytes, tuple[str, bytes, Caller], int]:
        async with network(through_hub()) as nodes:
            back = await nodes["a"].links.call("SettleScoped", B, BODY, seconds=5.0)
            return back, nodes["b"].echo.asked[0], len(nodes["national"].echo.asked)

    back, (method, body, caller), at_hub = run(told())

    assert BODY == back == body
    assert ("SettleScoped", "national", B, 1) == (
        method,
        caller.neighbour,
        caller.to_area,
        caller.hops,
    )
    assert 0 == at_hub


def test_a_hub_answers_its_own_methods(run: Run) -> None:
    """What a hub keeps is handed to it, whatever area it is for, and not passed on by itself."""

    async def told() -> tuple[int, int]:
        hub = Plan(role=Role.HUB, peers={"a": (A,), "b": (B,)}, local_methods=("DeliverRecords",))
        async with network(through_hub(national=hub)) as nodes:
            await nodes["b"].links.call("DeliverRecords", A, b"", seconds=5.0)
            return len(nodes["national"].echo.asked), len(nodes["a"].echo.asked)

    assert (1, 0) == run(told())


@pytest.mark.parametrize(
    "error",
    [
        errors.NotFound("no such thing", settlement="S1", pooling_area=B),
        errors.InvalidRequest([Fault("claim.person", "missing"), Fault("claim", "no")]),
        errors.Overloaded("Nothing was recorded."),
        errors.LedgerUnavailable("Nothing was recorded."),
        errors.PeerUnreachable("Nothing was sent.", area=B),
        errors.OutcomeUnknown("Not known.", area=B),
        errors.CardExpired("It has passed.", card="C1", remedy_zh="请换卡。"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_are_rebuilt_two_engines_away(run: Run, error: SettlementError) -> None:
    """Class, message, metadata and faults of an error survive the hub."""

    async def told() -> SettlementError:
        async with network(through_hub()) as nodes:
            nodes["b"].echo.error = error
            return await error_of(nodes["a"])

    found = run(told())

    assert type(error) is type(found)
    assert vars(error) == vars(found)


@pytest.mark.parametrize(
    "error",
    [
        errors.InternalError("The call failed."),
        errors.LedgerFailed("What was being written may have been recorded."),
        KeyError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_peer_does_not_know_is_unknown(run: Run, error: Exception) -> None:
    """After a bug or a failed ledger of the other engine nobody knows what it recorded."""

    async def told() -> SettlementError:
        async with network(through_hub()) as nodes:
            nodes["b"].echo.error = error
            return await error_of(nodes["a"])

    assert isinstance(run(told()), errors.OutcomeUnknown)


def test_each_engine_on_the_way_has_less_time(run: Run) -> None:
    """The engine of the area has the margins of both engines less than the first caller waits."""

    async def told() -> float:
        async with network(through_hub()) as nodes:
            await nodes["a"].links.call("SettleScoped", B, b"", seconds=5.0)
            return nodes["b"].echo.asked[0][2].seconds

    left = run(told())

    assert 3.0 < left < 5.0 - 2 * limits.PEER_MARGIN_SECONDS


def test_the_hub_answers_before_the_caller_gives_up(run: Run) -> None:
    """Where the engine of the area hangs, it is the hub that says that nothing is known."""

    async def told() -> SettlementError:
        async with network(through_hub()) as nodes:
            nodes["b"].echo.hangs = True
            return await error_of(nodes["a"], seconds=1.0)

    error = run(told())

    assert isinstance(error, errors.OutcomeUnknown)
    assert "b" == error.metadata["peer"]


def test_too_little_time_is_not_passed_on(run: Run) -> None:
    """A hub that could not answer in time sends nothing, and says so."""

    async def told() -> tuple[SettlementError, int]:
        async with network(through_hub()) as nodes:
            await nodes["a"].links.call("FindScoped", B, b"", seconds=5.0)
            seconds = limits.PEER_MARGIN_SECONDS * 0.9
            return await error_of(nodes["a"], seconds=seconds), len(nodes["b"].echo.asked)

    error, asked = run(told())

    assert isinstance(error, errors.PeerUnreachable)
    assert 1 == asked


def test_a_dead_peer_is_unreachable_and_then_left_alone(run: Run) -> None:
    """A refused connection says that nothing was sent; soon calls fail without asking at all."""

    async def told() -> tuple[list[SettlementError], float, State]:
        address = await _free_address()
        plans = {"a": Plan(areas=(A,), peers={"b": (B,)})}
        async with network(plans, addresses={"b": address}) as nodes:
            first = [await error_of(nodes["a"]) for _ in range(limits.PEER_FAILURES_MAX)]
            begun = time.monotonic()
            then = [await error_of(nodes["a"]) for _ in range(100)]
            return first + then, time.monotonic() - begun, nodes["a"].links.state("b")

    found, taken, state = run(told())

    assert {errors.PeerUnreachable} == {type(each) for each in found}
    assert {B} == {each.metadata["area"] for each in found}
    assert ["left alone" in each.message for each in found] == [False] * 3 + [True] * 100
    assert state is State.OPEN
    # Some milliseconds here; the time of one connection would be far above.
    assert taken < limits.PEER_PAUSE_SECONDS_FIRST


def test_a_peer_that_never_greets_was_sent_nothing(run: Run) -> None:
    """Something that takes connections and is silent is unreachable, within the time to greet."""

    async def told() -> SettlementError:
        plans = {"a": Plan(areas=(A,), peers={"b": (B,)})}
        async with _silent() as address, network(plans, addresses={"b": address}) as nodes:
            return await error_of(nodes["a"], seconds=0.3)

    assert isinstance(run(told()), errors.PeerUnreachable)


def test_a_peer_that_greets_and_hangs_is_unknown_and_then_left_alone(run: Run) -> None:
    """Each call that was sent is unknown at its deadline; greetings alone close no breaker."""

    async def told() -> tuple[list[SettlementError], SettlementError, int]:
        async with network(direct()) as nodes:
            nodes["b"].echo.hangs = True
            sent = [
                await error_of(nodes["a"], seconds=0.2) for _ in range(limits.PEER_FAILURES_MAX)
            ]
            return sent, await error_of(nodes["a"]), len(nodes["b"].echo.asked)

    sent, after, asked = run(told())

    assert {errors.OutcomeUnknown} == {type(each) for each in sent}
    assert isinstance(after, errors.PeerUnreachable)
    assert limits.PEER_FAILURES_MAX == asked


def test_a_connection_is_greeted_once_and_again_after_a_failure(run: Run) -> None:
    """Calls after the first are sent at once; after one without an answer the next one greets."""

    async def told() -> list[int]:
        counts = []
        async with network(direct()) as nodes:
            for hangs in (False, False, True, False):
                nodes["b"].echo.hangs = hangs
                if hangs:
                    await error_of(nodes["a"], seconds=0.2)
                else:
                    await nodes["a"].links.call("SettleScoped", B, BODY, seconds=5.0)
                counts.append(nodes["b"].desk.calls)
        return counts

    assert [2, 3, 4, 6] == run(told())


def test_a_peer_that_comes_back_is_asked_again(run: Run) -> None:
    """Once the pause is over one call tries, and its answer lets all calls through."""

    async def told() -> bytes:
        async with network(direct()) as nodes:
            nodes["b"].echo.hangs = True
            for _ in range(limits.PEER_FAILURES_MAX):
                await error_of(nodes["a"], seconds=0.2)
            nodes["b"].echo.hangs = False
            while nodes["a"].links.state("b") is State.OPEN:
                await a_moment()
            return await nodes["a"].links.call("SettleScoped", B, BODY, seconds=5.0)

    assert BODY == run(told())


def test_a_peer_that_stops_in_the_middle_is_unknown(run: Run) -> None:
    """A connection that is cut after the call was sent leaves it open what became of it."""

    async def told() -> SettlementError:
        async with network(direct()) as nodes:
            nodes["b"].echo.hangs = True
            asking = asyncio.ensure_future(error_of(nodes["a"]))
            await nodes["b"].echo.arrived.wait()
            await nodes["b"].server.stop(None)
            return await asking

    assert isinstance(run(told()), errors.OutcomeUnknown)


def test_links_that_close_leave_calls_unknown(run: Run) -> None:
    """Calls under way end with an unknown outcome; none begins any more."""

    async def told() -> tuple[SettlementError, SettlementError]:
        async with network(direct()) as nodes:
            nodes["b"].echo.hangs = True
            asking = asyncio.ensure_future(error_of(nodes["a"]))
            await nodes["b"].echo.arrived.wait()
            await nodes["a"].links.close()
            return await asking, await error_of(nodes["a"])

    asked, after = run(told())

    assert isinstance(asked, errors.OutcomeUnknown)
    assert isinstance(after, errors.PeerUnreachable)


def test_a_caller_who_leaves_is_cancelled(run: Run) -> None:
    """A cancelled caller gets no error of ours, and the peer is not blamed."""

    async def told() -> tuple[bool, State]:
        async with network(direct()) as nodes:
            nodes["b"].echo.hangs = True
            asking = asyncio.ensure_future(
                nodes["a"].links.call("SettleScoped", B, b"", seconds=5.0)
            )
            await nodes["b"].echo.arrived.wait()
            asking.cancel()
            await asyncio.wait([asking])
            return asking.cancelled(), nodes["a"].links.state("b")

    assert (True, State.CLOSED) == run(told())


def test_a_peer_takes_so_many_calls_at_a_time(run: Run) -> None:
    """The last call that may be under way is sent; one more is not, and the rest go on."""

    async def told() -> tuple[SettlementError, int]:
        async with network(direct()) as nodes:
            links = nodes["a"].links
            await links.call("FindScoped", B, b"", seconds=5.0)
            nodes["b"].echo.hangs = True
            asking = [
                asyncio.ensure_future(links.call("SettleScoped", B, b"", seconds=30.0))
                for _ in range(limits.PEER_CALLS_MAX)
            ]
            while len(nodes["b"].echo.asked) <= limits.PEER_CALLS_MAX:
                nodes["b"].echo.arrived.clear()
                await nodes["b"].echo.arrived.wait()
            beyond = await error_of(nodes["a"])
            for each in asking:
                each.cancel()
            await asyncio.wait(asking)
            return beyond, len(nodes["b"].echo.asked) - 1

    beyond, asked = run(told())

    assert isinstance(beyond, errors.PeerUnreachable)
    assert limits.PEER_CALLS_MAX == asked


def test_messages_have_a_bound(run: Run) -> None:
    """A message above the bound is refused here, and not sent."""

    async def told() -> SettlementError:
        async with network(direct()) as nodes:
            body = b"\0" * (limits.PEER_MESSAGE_BYTES_MAX + 1)
            with pytest.raises(SettlementError) as raised:
                await nodes["a"].links.call("SettleScoped", B, body, seconds=5.0)
            return raised.value

    assert isinstance(run(told()), errors.BatchTooLarge)


def test_areas_that_nobody_reaches_are_refused(run: Run) -> None:
    """An area without a route is told here, and at a hub with its reason."""

    async def told() -> tuple[bool, SettlementError, SettlementError]:
        async with network(through_hub()) as nodes:
            links = nodes["national"].links
            return (
                links.reaches("999943"),
                await error_of(nodes["national"], area="999943"),
                await error_of(nodes["a"], area="999943"),
            )

    reached, here, away = run(told())

    assert not reached
    assert isinstance(here, errors.PeerNotKnown)
    assert isinstance(away, errors.PeerNotKnown)
