"""What tills asked and were told, and the promises that every answer must keep by itself.

An answer counts from the moment at which it leaves the server: whether the network then loses it is
the network's business, the promise has been made.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from medsettle import errors
from medsettle.torture.requests import Answer, Request

Key: TypeAlias = tuple[str, str]


@dataclass(slots=True)
class Sent:
    """A request, and when it was first sent, in seconds of the simulated clock."""

    request: Request
    moment: float


@dataclass(slots=True)
class Done:
    """What a request was acknowledged with first, and when."""

    request: Request
    answer: Answer
    moment: float
    fresh: bool


@dataclass
class Acknowledged:
    """Every request and answer of a run; `violations` has what no answer may do."""

    violations: list[str] = field(default_factory=list)
    sent: dict[Key, list[Sent]] = field(default_factory=dict)
    done: dict[Key, Done] = field(default_factory=dict)
    refused: list[tuple[Request, Answer]] = field(default_factory=list)

    def sends(self, request: Request, moment: float) -> None:
        """Note that a request is on its way for the first time, or once more."""
        known = self.sent.setdefault(request.key, [])
        if all(each.request != request for each in known):
            known.append(Sent(request, moment))

    def told(self, request: Request, answer: Answer, moment: float) -> None:
        """Hold an answer that leaves the server to all that left it before."""
        if answer.reason == errors.InternalError.reason:
            self.violations.append(f"{request} met a bug: {answer.message}")
        if not answer.final:
            return
        before = self.done.get(request.key)
        for fault in self._faults(request, answer, before):
            self.violations.append(f"{request}: {fault}")
        if not answer.done:
            self.refused.append((request, answer))
        elif before is None:
            self.done[request.key] = Done(request, answer, moment, fresh=not answer.duplicate)
        else:
            before.fresh |= not answer.duplicate

    def first_sent(self, request: Request) -> float:
        """Return when a request was first sent."""
        (found,) = (each for each in self.sent[request.key] if each.request == request)
        return found.moment

    def _faults(self, request: Request, answer: Answer, before: Done | None) -> Iterator[str]:
        if answer.done and before is not None:
            if before.request != request:
                yield f"done although its id was used before for {before.request}"
            elif answer.facts() != before.answer.facts():
                yield "a second answer differs from the first"
            elif before.fresh and not answer.duplicate and hasattr(answer.told, "duplicate"):
                yield "carried out twice"
        if answer.done:
            return
        if before is not None and before.request == request:
            yield f"acknowledged, then refused as {answer.reason}: {answer.message}"
        reused = answer.reason == errors.RequestIdReused.reason
        if reused and len(self.sent[request.key]) == 1:
            yield "refused as used before, but nothing else was asked under its id"
        if answer.reason == errors.NotFound.reason and request.kind in {"cancel", "visit_cancel"}:
            yield f"what it takes back was acknowledged, but is not found: {answer.message}"
