"""What is looked at of each call, where somebody asked for slow requests or for traces.

Without either nothing is noted, and a call costs one look at an attribute more.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Final, Protocol

from medsettle.phases import Phases
from medsettle.service.measuring import Way

TRACEPARENT: Final = "traceparent"
"""The header and metadata key of W3C Trace Context."""


@dataclass(slots=True, eq=False)
class Seen:
    """One call under way.

    Attributes:
        method: The method, or the number of the transaction.
        request_id: As the institution made it.
        begun_ns: When it began, in nanoseconds of `perf_counter_ns`.
        batch: The phases of the batch that it was in, once it has been.
        peer_ns: How long it waited for engines of other areas.
        span: Whatever traces keep of it.
    """

    way: Way
    method: str
    request_id: str
    begun_ns: int
    batch: Phases | None = None
    peer_ns: int = 0
    span: object = None
    ended_ns: int = 0
    watch: "CallWatch | None" = None


class Watcher(Protocol):
    """Is told of calls: the log of slow requests, or traces."""

    def begun(self, seen: Seen, traceparent: str | None) -> None:
        """Be told that a call has begun, and which span of its caller it belongs to."""
        ...

    def ended(self, seen: Seen, outcome: str, settlement: str) -> None:
        """Be told that a call has ended, and which settlement it answered, if any."""
        ...

    def peer_begun(self, seen: Seen, method: str, peer: str) -> tuple[object, str | None]:
        """Be told that another engine is asked; return a token, and the span to tell it."""
        ...

    def peer_ended(self, token: object, outcome: str) -> None:
        """Be told that it has answered, or has not."""
        ...


_current: ContextVar[Seen | None] = ContextVar("call", default=None)


class CallWatch:
    """Tells watchers of the calls of one desk."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        """Tell these; there is one at least."""
        assert watchers
        self._watchers = tuple(watchers)

    def begin(self, way: Way, method: str, request_id: str, traceparent: str | None) -> Seen:
        """Begin to look at a call, on the task that answers it."""
        seen = Seen(way, method, request_id, perf_counter_ns(), watch=self)
        _current.set(seen)
        for each in self._watchers:
            each.begun(seen, traceparent)
        return seen

    def end(self, seen: Seen, outcome: str, settlement: str = "") -> None:
        """Look at a call no more."""
        seen.ended_ns = perf_counter_ns()
        _current.set(None)
        for each in self._watchers:
            each.ended(seen, outcome, settlement)

    @contextmanager
    def peer(self, seen: Seen, method: str, peer: str) -> Iterator[Sequence[tuple[str, str]]]:
        """Yield what goes to another engine beside a call, while its answer is waited for."""
        begun = perf_counter_ns()
        told = [(each, *each.peer_begun(seen, method, peer)) for each in self._watchers]
        outcome = "OK"
        try:
            yield [(TRACEPARENT, parent) for _, _, parent in told if parent is not None]
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            seen.peer_ns += perf_counter_ns() - begun
            for each, token, _ in told:
                each.peer_ended(token, outcome)


def current() -> Seen | None:
    """Return the call that this task answers, where it is looked at."""
    return _current.get()


def asking(method: str, peer: str) -> AbstractContextManager[Sequence[tuple[str, str]]]:
    """Look at another engine being asked for the call of this task, where that is looked at."""
    seen = _current.get()
    if seen is None or seen.watch is None:
        return nullcontext(())
    return seen.watch.peer(seen, method, peer)


def settlement_of(answer: object) -> str:
    """Return the id of the settlement that a message of ours tells; empty where it tells none."""
    told = getattr(answer, "settlement", "")
    found = told if isinstance(told, str) else getattr(told, "settlement", "")
    return found if isinstance(found, str) else ""


def phases_ms(seen: Seen) -> Mapping[str, float]:
    """Return the milliseconds of each phase of a call that has ended, those of its batch whole."""
    batch = seen.batch
    found: dict[str, int] = {}
    if seen.peer_ns:
        found["peer"] = seen.peer_ns
    if batch is None:
        found["answer"] = seen.ended_ns - seen.begun_ns - seen.peer_ns
    else:
        found["waiting"] = max(0, batch.begun_ns - seen.begun_ns - seen.peer_ns)
        for name, begun, end in batch.spans():
            found[name] = found.get(name, 0) + end - begun
        found["answer"] = found.get("answer", 0) + max(0, seen.ended_ns - batch.ended_ns)
    return {name: round(each / 1e6, 3) for name, each in found.items()}
