"""Tills at two areas that ask until they have what they asked for, whatever fails between."""

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from random import Random
from typing import Final

from medsettle.client import Client
from medsettle.torture.acknowledged import Acknowledged, Key
from medsettle.torture.client_calls import asked
from medsettle.torture.provinces_workload import AREAS, ProvincesWorkload, area_of
from medsettle.torture.requests import Request

_CALL_SECONDS: Final = 4.0
_PAUSE_SECONDS: Final = 0.1
_REPEATED: Final = 0.12


@dataclass
class ProvincesCrowd:
    """Tills of two areas over many rounds; `known` has what the engine of each area was asked."""

    rng: Random
    addresses: Mapping[str, str]
    tills: int
    known: dict[str, Acknowledged] = field(default_factory=dict)
    answered: int = 0

    def __post_init__(self) -> None:
        """Begin with what is recorded before anybody comes."""
        self._workload = ProvincesWorkload(self.rng)
        self._lock = threading.Lock()
        self._ready = threading.Condition(self._lock)
        self._waiting: deque[Request] = deque(self._workload.beginning())
        self._latest: deque[Request] = deque(maxlen=8)
        self._undrawn = 0
        self.known = {area: Acknowledged(withdraws=True) for area in AREAS}

    @property
    def sent(self) -> dict[Key, Request]:
        """Every request that was sent, by its id; an id asks for one thing only."""
        return {
            key: sent[0].request
            for known in self.known.values()
            for key, sent in known.sent.items()
        }

    def begin(self) -> None:
        """Record what there is before anybody comes.

        Raises:
            TimeoutError: A server that nothing has happened to does not answer.
        """
        with self.asking(0) as round_:
            left = round_.finish(60.0)
        if left:
            raise TimeoutError(f"no answer to {left[0]} although nothing was done to a server")

    def asking(self, requests: int) -> "Round":
        """Begin a round: let the tills ask for so many new things, and what waits before."""
        with self._lock:
            self._undrawn += requests
        return Round(self)

    def wait_for(self, answers: int, seconds: float) -> None:
        """Wait until so many answers have come in all, at most so long."""
        with self._ready:
            self._ready.wait_for(lambda: self.answered >= answers, seconds)

    def take(self) -> Request | None:
        """Return what waits longest, or a new request; None where all of a round are asked."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            if not self._undrawn:
                return None
            self._undrawn -= 1
            return self._drawn()

    def give_back(self, request: Request) -> None:
        """Let a request wait that has no final answer."""
        with self._lock:
            self._waiting.appendleft(request)

    def _drawn(self) -> Request:
        if self._latest and self.rng.random() < _REPEATED:
            # The same request at two tills, and again after its answer.
            return self.rng.choice(self._latest)
        request = self._workload.request()
        if request.kind != "find":
            self._latest.append(request)
        return request

    def one(self, clients: Mapping[str, Client], request: Request) -> bool:
        """Ask once; return whether the answer is final."""
        area, sent = area_of(request), time.monotonic()
        known = self.known[area]
        with self._lock:
            known.sends(request, sent)
        answer = asked(clients[area], request)
        if answer is None or not answer.final:
            return False
        with self._ready:
            known.told(request, answer, time.monotonic(), sent)
            self._workload.heard(request, answer)
            self.answered += 1
            self._ready.notify_all()
        return True


class Round:
    """Tills at work; each asks one thing after another. Use it as a context manager."""

    def __init__(self, crowd: ProvincesCrowd) -> None:
        self._crowd = crowd
        self._end = float("inf")
        self._left: list[Request] = []
        self._clients = {
            area: Client(address, timeout=_CALL_SECONDS)
            for area, address in crowd.addresses.items()
        }
        self._pool = ThreadPoolExecutor(crowd.tills)
        self._tills = [self._pool.submit(self._work) for _ in range(crowd.tills)]

    def __enter__(self) -> "Round":
        return self

    def __exit__(self, *_: object) -> None:
        self._end = 0.0
        for client in self._clients.values():
            client.close()
        self._pool.shutdown()

    def finish(self, seconds: float) -> list[Request]:
        """Let the tills ask until all is answered, at most so long; return what is not."""
        self._end = time.monotonic() + seconds
        wait(self._tills)
        for till in self._tills:
            till.result()
        return self._left

    def _work(self) -> None:
        while (request := self._crowd.take()) is not None:
            while not self._crowd.one(self._clients, request):
                if time.monotonic() > self._end:
                    self._crowd.give_back(request)
                    self._left.append(request)
                    return
                time.sleep(_PAUSE_SECONDS)


def acknowledged_settlements(known: Iterable[Acknowledged]) -> tuple[int, int]:
    """Return how many settlements and visits were acknowledged, and how many of them elsewhere."""
    done = [
        each.request
        for one in known
        for each in one.done.values()
        if each.request.kind in {"settle", "visit"}
    ]
    elsewhere = sum(
        isinstance(each.content, dict) and each.content["pooling_area"] != area_of(each)
        for each in done
    )
    return len(done), elsewhere
