"""Tills of several areas, each asking the engine of its own, many at once."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition
from time import perf_counter
from typing import Final

from medsettle import errors
from medsettle.client import Client
from medsettle.core.settlement import Settlement
from medsettle.core.visits import Visit
from medsettle.demo.provinces_day import Request

_AT_ONCE: Final = 12
_CALL_SECONDS: Final = 2.0
_AGAIN: Final = frozenset(
    each.reason
    for each in (
        *(errors.OutcomeUnknown, errors.PeerUnreachable, errors.PersonPending),
        *(errors.Overloaded, errors.LedgerUnavailable),
    )
)
NO_ANSWER: Final = "NO_ANSWER"
"""The reason where a till's own engine did not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a till was told: a settlement or visit, or an error."""

    request: Request
    told: Settlement | Visit | None
    error: Exception | None
    seconds: float

    @property
    def reason(self) -> str:
        """Why there is no answer, by the reason of its error; empty where there is one."""
        if self.error is None:
            return ""
        return self.error.reason if isinstance(self.error, errors.SettlementError) else NO_ANSWER

    @property
    def final(self) -> bool:
        """Whether the same request would be answered so again."""
        if self.error is None:
            return True
        return isinstance(self.error, errors.SettlementError) and self.reason not in _AGAIN

    @property
    def settlement(self) -> Settlement:
        """The settlement, where it is one."""
        assert isinstance(self.told, Settlement)
        return self.told


@dataclass
class Tills:
    """Asks for claims, at the address of the area where care is given."""

    addresses: Mapping[str, str]
    _answered: int = 0
    _heard: Condition = field(default_factory=Condition)

    def ask(
        self, requests: Sequence[Request], after: int = 0, then: Callable[[], None] | None = None
    ) -> list[Answer]:
        """Return the answers to requests that are sent at once.

        Args:
            requests: Sent in this order, a dozen at a time.
            after: After how many answers `then` is done, once, while others are under way.
            then: What happens in between.
        """
        self._answered = 0
        clients = {area: self.client(area) for area in self.addresses}
        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                asked = [pool.submit(self._asked, clients[each.care], each) for each in requests]
                if then is not None:
                    with self._heard:
                        self._heard.wait_for(lambda: self._answered >= after)
                    then()
                return [each.result() for each in asked]
        finally:
            for client in clients.values():
                client.close()

    def ask_until_answered(self, requests: Sequence[Request], seconds_max: float) -> list[Answer]:
        """Return the answers to requests that are sent again, by the same ids, until all are told.

        What has no answer after these seconds is returned as it is.
        """
        end = perf_counter() + seconds_max
        by_id = {each.request_id: each for each in requests}
        told: dict[str, Answer] = {}
        while left := [each for name, each in by_id.items() if name not in told]:
            found = self.ask(left)
            late = perf_counter() > end
            told |= {each.request.request_id: each for each in found if late or each.final}
        return [told[name] for name in by_id]

    def client(self, area: str) -> Client:
        """Return a connection that gives up soon, as a till with a queue before it does."""
        return Client(self.addresses[area], timeout=_CALL_SECONDS)

    def _asked(self, client: Client, request: Request) -> Answer:
        begun = perf_counter()
        told: Settlement | Visit | None = None
        error: Exception | None = None
        try:
            if request.kind == "visit":
                told = client.visits.settle(request.claim)
            else:
                told = client.settle(request.claim)
        except (errors.SettlementError, TimeoutError, ConnectionError) as refused:
            error = refused
        with self._heard:
            self._answered += 1
            self._heard.notify_all()
        return Answer(request, told, error, perf_counter() - begun)
