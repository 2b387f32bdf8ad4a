"""Engines on one store that are asked about one thing at once, in many orders of their steps."""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import pytest
from medsettle.core.request_states import RequestStatus, Reversal
from medsettle.core.settlement import Settlement
from medsettle.core.visits import Visit
from medsettle.engine import Engine
from medsettle.torture.baton import Baton
from medsettle.torture.requests import Answer, Kind, Request, replayed
from medsettle.torture.shared_ledger import SharedLedger, SharedStore
from medsettle.torture.workload import Workload

from tests.torture.simulating import rule_book

pytestmark = pytest.mark.slow

_ORDERS = range(60)
_MOMENT = datetime(2024, 6, 1, tzinfo=UTC)


def _engines(seed: int) -> tuple[Baton, Callable[[int], Engine]]:
    """Return what decides whose turn it is, and the engines of processes on one store."""
    baton, store = Baton(Random(seed)), SharedStore()

    def engine(process: int) -> Engine:
        return Engine(rule_book(), SharedLedger(store, process, baton), lambda: _MOMENT)

    return baton, engine


def _at_once(
    seed: int, kind: Kind, second: Callable[[Request, str], Request]
) -> tuple[Answer, Answer]:
    """Return the answers of two engines to a cancel and to what else comes at the same time.

    Args:
        seed: Decides the order of their steps.
        kind: What is taken back: `settle` or `visit`.
        second: Makes the other request, of the original and its id.
    """
    baton, engine = _engines(seed)
    workload = Workload(Random(1))
    for request in workload.beginning():
        assert replayed(engine(0), request).done
    original, settled = workload.request(kind), None
    while settled is None or not settled.done:
        original = workload.request(kind)
        settled = replayed(engine(0), original)
    told = settled.told
    assert isinstance(told, Settlement | Visit)
    own = str(told.visit if isinstance(told, Visit) else told.columns["settlement"])
    cancel_kind: Kind = "cancel" if kind == "settle" else "visit_cancel"
    cancel = Request(cancel_kind, original.institution, "X1", own)
    answers: dict[int, Answer] = {}

    def work(process: int, request: Request) -> Callable[[], None]:
        asked = engine(process)
        return lambda: answers.update({process: replayed(asked, request)})

    other = second(original, own)
    baton.run([work(1, cancel), work(2, cancel if other == original else other)])
    return answers[1], answers[2]


@pytest.mark.parametrize("kind", ["settle", "visit"])
def test_a_cancel_sent_to_two_engines_has_one_answer(kind: Kind) -> None:
    """One engine takes back, the other answers from the record; neither refuses."""
    for seed in _ORDERS:
        both = _at_once(seed, kind, lambda original, _: original)

        assert ["", ""] == [each.reason for each in both], seed
        assert [False, True] == sorted(each.duplicate for each in both)
        assert both[0].facts() == both[1].facts()


@pytest.mark.parametrize("kind", ["settle", "visit"])
def test_a_reversal_beside_a_cancel_finds_what_became_of_its_original(kind: Kind) -> None:
    """Whichever comes first takes back; the reversal says which, and is never refused."""
    seen = set()
    for seed in _ORDERS:
        cancel, reversal = _at_once(
            seed,
            kind,
            lambda original, _: Request("reverse", original.institution, "X2", original.request_id),
        )

        assert isinstance(reversal.told, Reversal), (seed, reversal)
        status = reversal.told.original.status
        expected = RequestStatus.CANCELLED if cancel.done else RequestStatus.REVERSED
        assert expected is status
        assert cancel.reason in {"", "ALREADY_CANCELLED"}
        seen.add(status)
    assert {RequestStatus.CANCELLED, RequestStatus.REVERSED} == seen


def test_a_reversal_beside_its_original_and_a_cancel_is_never_refused() -> None:
    """Its original may come, and be cancelled, after the reversal has looked for it."""
    seen = {_reversal_beside_all(seed) for seed in range(4 * len(_ORDERS))}

    assert {RequestStatus.TOMBSTONE, RequestStatus.CANCELLED, RequestStatus.REVERSED} <= seen


def _reversal_beside_all(seed: int) -> RequestStatus:
    """Return what a reversal finds while another engine settles its original and cancels it."""
    baton, engine = _engines(seed)
    workload = Workload(Random(1))
    for request in workload.beginning():
        assert replayed(engine(0), request).done
    original = workload.request("settle")
    answers: list[Answer] = []

    def settles_and_cancels() -> None:
        first = engine(1)
        told = replayed(first, original).told
        if isinstance(told, Settlement):
            own = str(told.columns["settlement"])
            replayed(first, Request("cancel", original.institution, "X1", own))

    def reverses() -> None:
        asked = Request("reverse", original.institution, "X2", original.request_id)
        answers.append(replayed(engine(2), asked))

    baton.run([settles_and_cancels, reverses])
    (answer,) = answers
    assert isinstance(answer.told, Reversal), (seed, answer)
    return answer.told.original.status
