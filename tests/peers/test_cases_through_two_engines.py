"""Every case between areas comes out through two engines and a hub, and stands in three books.

Real servers: one with area 999941 alone, one with each insured area alone, a hub with no rules. The
tills ask the place of care.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple, TypeVar

import pytest
from medsettle.client import Client
from medsettle.core.request_states import RequestStatus
from medsettle.core.settlement import Settlement
from medsettle.errors import NotFound
from medsettle.torture.provinces_servers import HUB
from medsettle.torture.servers import Servers

from tests.peers.provinces import AREA_A, Case, Peer, VisitCase, cases, serving_peers, visit_cases

Found = TypeVar("Found")

_SECONDS_TO_COPY: Final = 20.0
_VERSIONS: Final = ("policy_digest", "catalogue_digest")


class Books(NamedTuple):
    """Clients of the place of care, the place of insurance and the hub."""

    care: Client
    home: Client
    hub: Client


@pytest.fixture(scope="module", name="addresses")
def _addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Yield where area A, every insured area and the hub are served, by their names."""
    every: list[Case | VisitCase] = [*cases(), *visit_cases()]
    insured = {str(case.row["pooling_area"]): case.insured_folder for case in every}
    peers = {AREA_A: Peer.of_area(AREA_A)}
    peers |= {area: Peer(area, folder) for area, folder in insured.items()}
    with ExitStack() as stack:
        sources = [stack.enter_context(Servers()) for _ in range(len(peers) + 1)]
        folder = tmp_path_factory.mktemp("provinces")
        yield stack.enter_context(serving_peers(peers, sources, folder))


@contextmanager
def _books(case: Case | VisitCase, addresses: Mapping[str, str]) -> Iterator[Books]:
    names = AREA_A, str(case.row["pooling_area"]), HUB
    with ExitStack() as stack:
        yield Books(*(stack.enter_context(Client(addresses[name])) for name in names))


def _soon(ask: Callable[[], Found]) -> Found:
    """Return what a hub answers once its copy is there, which comes behind the settlement."""
    end, pause = time.monotonic() + _SECONDS_TO_COPY, threading.Event()
    while True:
        try:
            return ask()
        except NotFound:
            if time.monotonic() > end:
                raise
            pause.wait(0.05)


def _amounts(settlement: Settlement) -> dict[str, object]:
    return {name: value for name, value in settlement.columns.items() if name.endswith("_fen")}


@pytest.mark.slow
@pytest.mark.parametrize("case", [each for each in cases() if not each.preview], ids=str)
def test_a_case_is_settled_and_stands_in_three_books(
    case: Case, addresses: Mapping[str, str]
) -> None:
    """The amounts are those expected; all three have one id, the same amounts and both versions."""
    with _books(case, addresses) as (care, home, hub):
        case.brought_along(home)
        settled = care.settle(case.row)
        again = care.settle(case.row)
        own_id = str(settled.columns["settlement"])
        books = [care.get(own_id), home.get(own_id), _soon(lambda: hub.get(own_id))]

    assert case.expect == {name: settled.fen(name) for name in case.expect}
    assert again.duplicate
    assert [book.columns["side"] for book in books] == ["care", None, "hub"]
    assert _amounts(settled) == _amounts(again)
    for book in books:
        assert own_id == book.columns["settlement"]
        assert _amounts(settled) == _amounts(book)
        assert [settled.columns[name] for name in _VERSIONS] == [
            book.columns[name] for name in _VERSIONS
        ]
        assert settled.paid_by_fund() == book.paid_by_fund()


@pytest.mark.slow
@pytest.mark.parametrize("case", [each for each in cases() if each.preview], ids=str)
def test_a_case_that_cannot_be_decided_is_previewed(
    case: Case, addresses: Mapping[str, str]
) -> None:
    """What the insured area cannot decide as a whole is shown at the place of care."""
    with _books(case, addresses) as (care, home, _):
        case.brought_along(home)
        preview = care.preview(case.row)

    assert case.expect == {name: preview.fen(name) for name in case.expect}


@pytest.mark.slow
@pytest.mark.parametrize("case", visit_cases(), ids=str)
def test_a_visit_is_settled_and_stands_in_three_books(
    case: VisitCase, addresses: Mapping[str, str]
) -> None:
    """A visit over several schemes is one in all three books, and is taken back in all of them."""
    with _books(case, addresses) as (care, home, hub):
        case.registered(home)
        visit = care.visits.settle(case.row)
        own_id = str(visit.visit)
        books = [client.visits.get(own_id) for client in (care, home)]
        books.append(_soon(lambda: hub.visits.get(own_id)))
        care.visits.cancel(own_id, institution=visit.institution, request_id=f"{case.name}-back")
        states = [
            client.find_request(visit.institution, visit.request_id).status
            for client in (care, home)
        ]

    for book in books:
        parts = {str(each.columns["insurance_type"]): each for each in book.settlements}
        assert case.expect == {
            scheme: {name: part.fen(name) for name in case.expect[scheme]}
            for scheme, part in parts.items()
        }
        assert [_amounts(each) for each in visit.settlements] == [
            _amounts(each) for each in book.settlements
        ]
    assert [RequestStatus.CANCELLED] * 2 == states
