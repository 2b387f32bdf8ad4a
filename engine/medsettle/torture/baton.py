"""Threads of which one runs at a time, and a seed decides which: several processes in one.

A thread gives the baton back wherever another process could get in between: at each question to a
shared store and each wait for a lock. When all of them wait and nobody can go on, that is a
deadlock, and it is said instead of waited for.
"""

import threading
from collections.abc import Callable, Sequence
from random import Random


class Deadlock(Exception):
    """Everybody waits for somebody else; the message says who for what."""


class _Abandoned(BaseException):
    """Ends a thread that will never get the baton again."""


class Baton:
    """Runs works by turns; between `pass_on` and `wait_for` a work has everything to itself."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._back = threading.Semaphore(0)
        self._go: dict[int, threading.Semaphore] = {}
        self._waits: dict[int, tuple[Callable[[], bool], str]] = {}
        self._of_thread: dict[int, int] = {}
        self._finished: set[int] = set()
        self._abandoned = False
        self._bugs: list[BaseException] = []
        self.turns = 0
        """How often the baton was handed over: the clock of these works."""

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Return when all works have returned.

        Raises:
            Deadlock: Some wait for one another.
            Exception: The first that a work raised.
        """
        threads = [
            threading.Thread(target=self._work, args=(number, work), daemon=True)
            for number, work in enumerate(works)
        ]
        self._go = {number: threading.Semaphore(0) for number in range(len(works))}
        for thread in threads:
            thread.start()
        try:
            while (left := [each for each in self._go if each not in self._finished]) != []:
                self._hand_over(self._ready(left))
        finally:
            self._abandoned = True
            for number in self._go:
                self._go[number].release()
            for thread in threads:
                thread.join()
        if self._bugs:
            raise self._bugs[0]

    def pass_on(self) -> None:
        """Let others go first; does nothing outside of a work."""
        number = self._of_thread.get(threading.get_ident())
        if number is not None and not self._abandoned:
            self._back.release()
            self._wait(number)

    def wait_for(self, ready: Callable[[], bool], what: str) -> None:
        """Return once `ready` says so; `what` says in words what is waited for."""
        number = self._of_thread.get(threading.get_ident())
        if number is not None:
            self._waits[number] = (ready, what)
        self.pass_on()
        assert ready(), f"nobody else could give back {what}"

    def _ready(self, left: Sequence[int]) -> int:
        found = [each for each in left if each not in self._waits or self._waits[each][0]()]
        if not found:
            waits = "; ".join(f"process {each} waits for {self._waits[each][1]}" for each in left)
            raise Deadlock(f"deadlock: {waits}")
        return self._rng.choice(found)

    def _hand_over(self, number: int) -> None:
        self.turns += 1
        self._waits.pop(number, None)
        self._go[number].release()
        self._back.acquire()

    def _work(self, number: int, work: Callable[[], None]) -> None:
        self._of_thread[threading.get_ident()] = number
        try:
            self._wait(number)
            work()
        except _Abandoned:
            return
        except BaseException as bug:
            self._bugs.append(bug)
        finally:
            self._finished.add(number)
            self._back.release()

    def _wait(self, number: int) -> None:
        self._go[number].acquire()
        if self._abandoned:
            raise _Abandoned
