"""Clients that ask a real server until it dies, and later ask again what they have no answer to."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Final

from medsettle.client import Client
from medsettle.torture.acknowledged import Acknowledged
from medsettle.torture.client_calls import asked
from medsettle.torture.requests import Answer, Request
from medsettle.torture.workload import Workload

_CALL_SECONDS: Final = 3.0
_REPEATED: Final = 0.1
_ALTERED: Final = 0.1


@dataclass
class Crowd:
    """Clients of one ledger over many lives of its server; `known` has all they asked and heard."""

    rng: Random
    count: int
    known: Acknowledged = field(default_factory=Acknowledged)

    def __post_init__(self) -> None:
        """Let each client begin with what is recorded before anybody comes."""
        self._workload = Workload(self.rng)
        self._lock = threading.Lock()
        self._latest: deque[Request] = deque(maxlen=8)
        self._clients: list[Client] = []
        self._waiting: list[deque[Request]] = [deque() for _ in range(self.count)]
        for number, request in enumerate(self._workload.beginning()):
            self._waiting[number % self.count].append(request)

    @property
    def unanswered(self) -> int:
        """How many requests wait for an answer."""
        return sum(map(len, self._waiting))

    def ask(self, address: str, alive: Callable[[], bool]) -> ThreadPoolExecutor:
        """Begin to ask a server: first what has no answer yet, then more and more.

        Returns:
            The threads; each ends once the server is gone. Shutting it down waits for them.
        """
        self._clients = [Client(address, timeout=_CALL_SECONDS) for _ in range(self.count)]
        pool = ThreadPoolExecutor(self.count)
        for number in range(self.count):
            pool.submit(self._ask_until_dead, number, alive)
        return pool

    def hang_up(self) -> None:
        """Cut off the calls under way: their server is dead, and asking on would only take time."""
        for client in self._clients:
            client.close()

    def finish(self, address: str, seconds: float) -> list[Request]:
        """Ask a healthy server for what has no answer yet; return what still has none."""
        end = time.monotonic() + seconds
        left: list[Request] = []
        with Client(address, timeout=_CALL_SECONDS) as client:
            for waiting in self._waiting:
                while waiting and time.monotonic() < end:
                    if self._one(client, waiting[0]):
                        waiting.popleft()
                left += waiting
        return left

    def _ask_until_dead(self, number: int, alive: Callable[[], bool]) -> None:
        waiting = self._waiting[number]
        try:
            while alive():
                if not waiting:
                    waiting.extend(self._drawn())
                if self._one(self._clients[number], waiting[0]):
                    waiting.popleft()
        except Exception as bug:
            with self._lock:
                self.known.violations.append(f"a client met what is no answer: {bug!r}")

    def _drawn(self) -> list[Request]:
        with self._lock:
            chance = self.rng.random()
            if self._latest and chance < _REPEATED:
                # The same request at two tills, and again after its answer.
                return [self.rng.choice(self._latest)]
            if self._latest and chance < _REPEATED + _ALTERED:
                return [self._workload.altered(self.rng.choice(self._latest))]
            request = self._workload.request()
            if request.kind != "find":
                self._latest.append(request)
            return [request]

    def _one(self, client: Client, request: Request) -> bool:
        """Ask once; return whether the answer is final."""
        sent = time.monotonic()
        with self._lock:
            self.known.sends(request, sent)
        answer: Answer | None = asked(client, request)
        if answer is None:
            return False
        with self._lock:
            self.known.told(request, answer, time.monotonic(), sent)
            if answer.final:
                self._workload.heard(request, answer)
        return answer.final
