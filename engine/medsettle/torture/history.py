"""Is a recorded history linearisable? The linear-time check of a system that shows its own order.

The ledger numbers what it recorded, so nothing is searched for. First the order must agree with
real time: what had ended before another call began stands before it. Then every write is done once
more, in the order of the ledger, by a fresh engine on a fresh ledger: entries and answers must be
the same to the fen. What records nothing (reads, previews, repeated requests, refusals) is placed
between: after all that had ended before it began, before all that began after it had ended, and
after every such call that came before. It must have been answered as the fresh engine answers
there.

The state between two entries is asked, never changed: an operation that would record something
where it was answered no is stopped at the commit.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from medsettle import limits
from medsettle.core.request_states import Reversal
from medsettle.core.settlement import Row, Settlement
from medsettle.core.visits import RegistrationState, Visit
from medsettle.engine.requests import content_digest
from medsettle.ledger.entries import Ledger, LedgerReader, Recorded
from medsettle.torture.calls import Answer, Call, Operation, Refused
from medsettle.torture.history_model import EngineOn, Model, difference

_MARKED: Final = (Settlement, Visit, RegistrationState, Reversal)


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that a history breaks, in one sentence with the calls concerned."""

    law: str
    message: str

    def __str__(self) -> str:
        return f"{self.law}: {self.message}"


@dataclass(slots=True)
class _Write:
    """All calls of one request id, and where the ledger has it."""

    operation: Operation
    begun: int
    answered: int | None = None
    calls: list[Call] = field(default_factory=list)
    first_seq: int = 0
    last_seq: int = 0


_Writes = dict[tuple[str, str, str], _Write]
"""Writes by institution and request id; reversals, whose ids may stay free, apart."""


@dataclass(slots=True)
class _Asked:
    """A call that recorded nothing, between which entries it can stand."""

    call: Call
    open_from: int
    least: int
    most: int
    stale: bool = True


def violations(
    calls: Sequence[Call], reader: LedgerReader, model_ledger: Ledger, engine_on: EngineOn
) -> Iterator[Violation]:
    """Yield what a history breaks; it is linearisable where nothing comes.

    Args:
        calls: All calls that any client made since the ledger was new.
        reader: The ledger of the server, at rest.
        model_ledger: A ledger that is new, for the model.
        engine_on: Makes the model's engine, by the rules that the server had.
    """
    writes = _writes(calls)
    entries = list(_entries(reader))
    yield from _placed(entries, writes)
    yield from _two_answers(writes.values())
    in_order = sorted(
        (each for each in writes.values() if each.first_seq), key=lambda each: each.first_seq
    )
    yield from _real_time(in_order)
    asked = _asked(calls, writes, in_order, len(entries))
    yield from _replayed(entries, writes, asked, Model(model_ledger, engine_on))


def _entries(reader: LedgerReader) -> Iterator[Recorded]:
    after_seq = 0
    while page := reader.page(after_seq=after_seq, limit=limits.PAGE_SIZE_MAX):
        yield from page
        after_seq = page[-1].seq


def _key(operation: Operation) -> tuple[str, str, str] | None:
    if operation.key is None:
        return None
    return (*operation.key, "reverse" if operation.kind == "reverse" else "")


def _writes(calls: Iterable[Call]) -> _Writes:
    found: _Writes = {}
    for call in calls:
        if (key := _key(call.operation)) is None:
            continue
        found.setdefault(key, _Write(call.operation, call.start)).calls.append(call)
    for write in found.values():
        # Two contents under one id: the one that was recorded is told by who was answered.
        first = min(write.calls, key=lambda call: (not _is_new(call.answer), call.start))
        write.operation = first.operation
        same = [call.start for call in write.calls if call.operation == write.operation]
        write.begun = min(same)
    return found


def _placed(entries: Sequence[Recorded], writes: _Writes) -> Iterator[Violation]:
    """Give each write its place; find entries that nobody asked for, and answers without one."""
    current: _Write | None = None
    for entry in entries:
        write = _writer(entry, writes)
        if write is not None:
            current = write
            write.first_seq = write.first_seq or entry.seq
        elif current is None or not _is_part(entry, current):
            yield Violation("unasked", f"entry {entry.seq} has a request id that no client sent")
            continue
        current.last_seq = entry.seq
    for write in writes.values():
        kept = [call for call in write.calls if _is_recorded(call.answer)]
        if write.first_seq:
            # A request is done when the first answer that knows of it has come.
            write.answered = min((call.end for call in kept), default=None)
        elif kept:
            yield Violation(
                "lost", f"{kept[0]} was acknowledged, and the ledger has no entry of it"
            )


def _writer(entry: Recorded, writes: _Writes) -> _Write | None:
    """Return the calls that recorded an entry.

    It has their request id; but a tombstone has that of the request which never settles, and the
    reversal that put it there leaves its own id free for something else.
    """
    institution, request_id = entry.institution, entry.request_id
    if entry.kind == "tombstone":
        asked = [
            each
            for each in writes.values()
            if each.operation.kind == "reverse"
            and (each.operation.institution, each.operation.name) == (institution, request_id)
        ]
        told = [each for each in asked if any(_is_new(call.answer) for call in each.calls)]
        return next(iter([*told, *asked]), None)
    reversal = writes.get((institution, request_id, "reverse"))
    if reversal is not None:
        content: Row = {"original_request_id": reversal.operation.name}
        if content_digest("reversal", content) == entry.content_digest:
            return reversal
    return writes.get((institution, request_id, ""))


def _is_part(entry: Recorded, whole: _Write) -> bool:
    """Return whether an entry was recorded together with a visit, under an id made of its own."""
    institution, request_id = whole.operation.institution, whole.operation.request_id
    return entry.institution == institution and entry.request_id.startswith(f"{request_id}.")


def _is_recorded(answer: Answer) -> bool:
    if isinstance(answer, Reversal):
        # One that found nothing left to take back leaves its own id free.
        return not answer.duplicate
    return answer is not None and not isinstance(answer, Refused)


def _is_new(answer: Answer) -> bool:
    """Return whether an answer says that this very call recorded it."""
    return isinstance(answer, _MARKED) and not answer.duplicate


def _two_answers(writes: Iterable[_Write]) -> Iterator[Violation]:
    for write in writes:
        new = [call for call in write.calls if _is_new(call.answer)]
        if len(new) > 1:
            yield Violation("twice", f"{new[0]} and {new[1]} were both told that it was new")


def _real_time(in_order: Sequence[_Write]) -> Iterator[Violation]:
    """Find a write that stands after one that began only when it had ended."""
    latest: _Write | None = None
    for write in in_order:
        if latest is not None and write.answered is not None and write.answered < latest.begun:
            yield Violation(
                "order",
                f"{write.calls[0]} had ended before {latest.calls[0]} began, and stands at "
                f"{write.first_seq}, after {latest.first_seq}",
            )
        if latest is None or write.begun > latest.begun:
            latest = write


def _asked(
    calls: Iterable[Call],
    writes: _Writes,
    in_order: Sequence[_Write],
    last_seq: int,
) -> list[_Asked]:
    """Return the calls that recorded nothing, by their start, each with where it can stand."""
    ended = sorted((each.answered, each.last_seq) for each in in_order if each.answered is not None)
    begun = sorted((each.begun, each.first_seq) for each in in_order)
    highest, lowest = [0], [last_seq + 1]
    for _, seq in ended:
        highest.append(max(highest[-1], seq))
    for _, seq in reversed(begun):
        lowest.append(min(lowest[-1], seq))
    found = []
    for call in sorted(calls, key=lambda each: each.start):
        key = _key(call.operation)
        write = writes[key] if key is not None else None
        if call.answer is None or (write is not None and _is_of(call, write)):
            continue
        after = highest[bisect_left(ended, (call.start, 0))]
        before = lowest[len(begun) - bisect_left(begun, (call.end + 1, 0))] - 1
        # Who is answered from the record was answered after it was written.
        known = write.last_seq if write is not None and _is_recorded(call.answer) else 0
        found.append(_Asked(call, after, max(after, known), before))
    return found


def _is_of(call: Call, write: _Write) -> bool:
    """Return whether a call has its place from the entry of its request id."""
    if not write.first_seq:
        return False
    if call.operation.kind == "open":
        # Its answer is the state of the person, for the first as for a repeated call.
        return len(write.calls) == 1
    return _is_new(call.answer)


def _replayed(
    entries: Sequence[Recorded],
    writes: _Writes,
    asked: Sequence[_Asked],
    model: Model,
) -> Iterator[Violation]:
    """Do every write again in the order of the ledger, and place the other calls between."""
    waiting = list(reversed(asked))
    opened: list[_Asked] = []
    seq = 0
    while True:
        while waiting and waiting[-1].open_from <= seq:
            opened.append(waiting.pop())
        found: list[Violation] = []
        opened = list(_left(opened, seq, model, found))
        yield from found
        if seq == len(entries):
            return
        entry = entries[seq]
        write = _writer(entry, writes)
        if write is None:
            return  # Nobody asked for it, which is said already; nothing after it can be judged.
        answer = model.record(write.operation, entry.create_time_us)
        done = list(model.ledger.page(after_seq=seq, limit=limits.PAGE_SIZE_MAX))
        theirs = list(entries[seq : seq + max(len(done), 1)])
        if done != theirs:
            yield _other_entry(write, entry, done, theirs)
            return
        for call in write.calls:
            if _is_of(call, write) and call.answer is not None and call.answer != answer:
                yield Violation("answer", f"{call}: {difference(answer, call.answer)}")
        for each in opened:
            each.stale = each.stale or _concerns(theirs, each.call.operation)
        seq += len(theirs)


def _other_entry(
    write: _Write, entry: Recorded, done: Sequence[Recorded], theirs: Sequence[Recorded]
) -> Violation:
    if not done:
        return Violation("entry", f"entry {entry.seq}: {write.calls[0]} would record nothing there")
    own, other = next(pair for pair in zip(done, theirs, strict=False) if pair[0] != pair[1])
    return Violation("entry", f"entry {entry.seq}: {write.calls[0]}: {difference(own, other)}")


def _concerns(entries: Sequence[Recorded], operation: Operation) -> bool:
    """Return whether entries can change the answer to an operation."""
    person = operation.person
    return person is None or any(
        # A cancel may give money back to somebody else's account.
        (each.pooling_area, each.person) == person or each.kind in {"relation", "cancel"}
        for each in entries
    )


def _left(
    opened: Sequence[_Asked], seq: int, model: Model, found: list[Violation]
) -> Iterator[_Asked]:
    """Yield the calls that do not stand here; those that could stand nowhere are found.

    Calls come by their start. One whose predecessor is not placed yet cannot stand before it.
    """
    blocked: int | None = None
    for each in opened:
        call = each.call
        here = each.least <= seq and (blocked is None or blocked >= call.start)
        answer: Answer = None
        if here and (each.stale or seq >= each.most):
            answer = model.ask(call.operation)
            each.stale = False
            if answer == call.answer:
                continue
        if seq >= each.most:
            why = difference(answer, call.answer) if here else "a call before it stands later"
            found.append(Violation("read", f"{call}, after entries {each.least} to {seq}: {why}"))
            continue
        blocked = call.end if blocked is None else min(blocked, call.end)
        yield each
