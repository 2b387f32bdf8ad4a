"""What tills asked and were told, and the promises that every answer must keep by itself.

An answer counts from the moment at which it leaves the server: whether the network then loses it is
the network's business, the promise has been made.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from medsettle import errors
from medsettle.core.request_states import RequestState, RequestStatus, Reversal
from medsettle.torture.requests import Answer, Request

Key: TypeAlias = tuple[str, str]

# Refusals that leave the id as it is: a malformed request has none, and an id or a number that is
# taken, or reversed, stays what it is.
_NOT_RECORDED: Final = frozenset(
    {
        errors.InvalidRequest.reason,
        errors.RequestIdReused.reason,
        errors.RequestReversed.reason,
        errors.DuplicateSettlement.reason,
    }
)


class Lost(str):
    """A fault: something that was acknowledged is not there."""

    __slots__ = ()


class Doubled(str):
    """A fault: something is there, or was done, twice."""

    __slots__ = ()


@dataclass(slots=True)
class Sent:
    """A request, and when it was first sent, in seconds of the simulated clock."""

    request: Request
    moment: float


@dataclass(slots=True)
class Decided:
    """What was first said of a request id for good, and when: done, or refused on record."""

    request: Request
    answer: Answer
    moment: float
    fresh: bool


@dataclass(slots=True)
class Reversed:
    """What a reversal was first told of its original, and when."""

    reversal: Request
    state: RequestState
    moment: float


@dataclass
class Acknowledged:
    """Every request and answer of a run; `violations` has what no answer may do.

    `withdraws` says that a server may let a request never settle by itself, which it does where it
    cannot learn what another engine made of it.
    """

    withdraws: bool = False
    violations: list[str] = field(default_factory=list)
    sent: dict[Key, list[Sent]] = field(default_factory=dict)
    reversals: dict[Key, list[Request]] = field(default_factory=dict)
    decided: dict[Key, Decided] = field(default_factory=dict)
    originals: dict[Key, Reversed] = field(default_factory=dict)

    @property
    def done(self) -> dict[Key, Decided]:
        """What was acknowledged as done, by request id."""
        return {key: each for key, each in self.decided.items() if each.answer.done}

    def sends(self, request: Request, moment: float) -> None:
        """Note that a request is on its way for the first time, or once more."""
        if request.kind == "find":
            return
        known = self.sent.setdefault(request.key, [])
        if all(each.request != request for each in known):
            known.append(Sent(request, moment))
            if request.kind == "reverse":
                self.reversals.setdefault(request.original, []).append(request)

    def told(self, request: Request, answer: Answer, moment: float, sent: float) -> None:
        """Hold an answer that leaves the server to all that left it before.

        Args:
            request: The request.
            answer: What it is answered with.
            moment: Now.
            sent: When this attempt was sent; what was acknowledged before, its answer has to know.
        """
        if answer.reason == errors.InternalError.reason:
            self.violations.append(f"{request} met a bug: {answer.message}")
        if not answer.final:
            return
        for fault in self._faults(request, answer, sent):
            self.violations.append(type(fault)(f"{request}: {fault}"))
        if request.kind != "find":
            self._remember(request, answer, moment)

    def first_sent(self, request: Request) -> float:
        """Return when a request was first sent."""
        (found,) = (each for each in self.sent[request.key] if each.request == request)
        return found.moment

    def _remember(self, request: Request, answer: Answer, moment: float) -> None:
        told = answer.told
        if isinstance(told, Reversal):
            reversed_ = Reversed(request, told.original, moment)
            self.originals.setdefault(request.original, reversed_)
            if not _records_its_id(told):
                return  # Its own id is free for something else.
        if answer.reason in _NOT_RECORDED:
            return
        known = self.decided.setdefault(
            request.key, Decided(request, answer, moment, fresh=not answer.duplicate)
        )
        known.fresh |= not answer.duplicate

    def _faults(self, request: Request, answer: Answer, sent: float) -> Iterator[str]:
        if isinstance(answer.told, RequestState):
            yield from self._query_faults(request, answer.told, sent)
            return
        if isinstance(answer.told, Reversal):
            yield from self._reversal_faults(request, answer.told)
        before = self.decided.get(request.key)
        if before is not None:
            yield from _repetition_faults(request, answer, before, sent)
        if answer.done:
            yield from self._tombstone_faults(request, answer, sent)
            return
        reused = answer.reason == errors.RequestIdReused.reason
        if reused and len(self.sent[request.key]) == 1 and request.key not in self.reversals:
            yield "refused as used before, but nothing else was asked under its id"
        reversed_ = answer.reason == errors.RequestReversed.reason
        if reversed_ and request.key not in self.reversals and not self.withdraws:
            yield "refused as reversed, but nobody reversed it"
        if answer.reason == errors.NotFound.reason and request.kind in {"cancel", "visit_cancel"}:
            yield Lost(f"what it takes back was acknowledged, but is not found: {answer.message}")

    def _tombstone_faults(self, request: Request, answer: Answer, sent: float) -> Iterator[str]:
        known = self.originals.get(request.key)
        if known is None or known.state.status is not RequestStatus.TOMBSTONE:
            return
        told = answer.told
        # What records nothing under its id leaves none to be found, so that it may have been done
        # before the tombstone although its answer came later: only who asked afterwards is refused.
        at_once = isinstance(told, Reversal) and not _records_its_id(told) and sent <= known.moment
        if not at_once:
            yield Doubled(f"done although {known.reversal} let it never settle")

    def _reversal_faults(self, request: Request, told: Reversal) -> Iterator[str]:
        now, known = told.original, self.originals.get(request.original)
        if now.status in {RequestStatus.UNKNOWN, RequestStatus.COMMITTED}:
            yield f"a reversal left its original {now.status}"
        if known is not None and known.state != now:
            yield f"the original is {now.status} by {now.taken_back_by}, and was {known.state}"
        decided = self.decided.get(request.original)
        if now.status is RequestStatus.TOMBSTONE and decided is not None:
            yield Lost(f"a tombstone stands under {decided.request}, which was acknowledged")

    def _query_faults(self, request: Request, state: RequestState, sent: float) -> Iterator[str]:
        decided = self.decided.get(request.key)
        if decided is not None and decided.moment < sent:
            fits = decided.answer.done == (state.status is not RequestStatus.REJECTED)
            if not fits or state.status in {RequestStatus.UNKNOWN, RequestStatus.TOMBSTONE}:
                yield Lost(f"is {state.status}, but {decided.request} was answered before")
        known = self.originals.get(request.key)
        if known is not None and known.moment < sent and known.state.status is not state.status:
            yield f"is {state.status}, but {known.reversal} was told {known.state.status}"


def _repetition_faults(
    request: Request, answer: Answer, before: Decided, sent: float
) -> Iterator[str]:
    """Yield where an answer is not that of the first decision about its request id."""
    if before.request != request:
        told = answer.told
        # Of what records nothing under its id nothing is found: as with tombstones above.
        unseen = isinstance(told, Reversal) and not _records_its_id(told)
        decided_first = unseen and sent <= before.moment
        if answer.done and not ((isinstance(told, Reversal) and answer.duplicate) or decided_first):
            yield Doubled(f"done although its id was used before for {before.request}")
        return
    if answer.reason != before.answer.reason:
        said = [each.reason or "done" for each in (before.answer, answer)]
        yield f"was {said[0]} ({before.answer.message}), is now {said[1]} ({answer.message})"
    elif answer.facts() != before.answer.facts():
        yield "a second answer differs from the first"
    elif answer.done and before.fresh and not answer.duplicate and _is_marked(answer):
        yield Doubled("carried out twice")


def _records_its_id(told: Reversal) -> bool:
    """Whether a reversal took something back, and so recorded an entry under its own id.

    What it found decided is answered only, and a tombstone stands under the id of the original.
    """
    return not told.duplicate and told.original.status is RequestStatus.REVERSED


def _is_marked(answer: Answer) -> bool:
    """Whether answers of this kind say that they are duplicates."""
    return hasattr(answer.told, "duplicate")
