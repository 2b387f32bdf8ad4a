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


def _at_once(
    seed: int, kind: Kind, second: Callable[[Request, str], Request]
) -> tuple[Answer, Answer]:
    """Return the answers of two engines to a cancel and to what else comes at the same time.

    Args:
        seed: Decides the order of their steps.
        kind: What is taken back: `settle` or `visit`.
        second: Makes the other request, of the original and its id.
    """
    baton, store = Baton(Random(seed)), SharedStore()

    def engine(process: int) -> Engine:
        return Engine(rule_book(), SharedLedger(store, process, baton), lambda: _MOMENT)

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
