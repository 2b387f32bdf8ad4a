"""What became of each sealed record, as the store, the receipts and the engine have it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from medsettle.core.request_states import RequestStatus
from medsettle.offline.records import receipt_of
from medsettle.offline.settling import Engine, refund_words
from medsettle.offline.store import Closing, Decided, State
from medsettle.offline.till import Found


class Fate(StrEnum):
    """What became of one sealed record."""

    SETTLED = "settled"
    TAKEN_BACK = "taken back"
    REFUSED = "refused"
    ONLINE = "doubled online"
    WAITING = "waiting"
    MISSING = "missing"
    TAMPERED = "tampered"
    REORDERED = "reordered"
    FORGOTTEN = "forgotten by the engine"

    @property
    def open(self) -> bool:
        """Whether somebody has to do something about it."""
        return self not in {Fate.SETTLED, Fate.TAKEN_BACK}


@dataclass(frozen=True, slots=True)
class Line:
    """One record and what became of it; `closing` says who saw to it, None for nobody yet.

    `next` is what is to be done about it, empty for nothing, and `taken_fen` the cash that was
    taken at the till, None where nothing that can be trusted tells it.
    """

    seq: int
    request_id: str
    fate: Fate
    said: str = ""
    decided: Decided | None = None
    closing: Closing | None = None
    taken_fen: int | None = None
    next: str = ""

    @property
    def open(self) -> bool:
        """Whether somebody has to do something about it still."""
        return self.fate.open and self.closing is None


_NEXT = {
    Fate.WAITING: "run `medsettle offline settle` where the engine can be reached",
    Fate.REFUSED: "mend the cause and settle it under a new request id, or bill it by hand",
    Fate.MISSING: "look for the store or a copy that has it; the receipt is the patient's proof",
    Fate.TAMPERED: "settle the bill from its paper under a new request id, and find out who did it",
    Fate.REORDERED: "find out who moved it; its signed number counts",
    Fate.FORGOTTEN: "the ledger was restored from before: settle it anew by the same request id",
}

_OF_MONEY = {Fate.SETTLED, Fate.TAKEN_BACK, Fate.ONLINE}
"""Of these the patient's money is what is to be seen to."""


def reconciled(
    found: Sequence[Found],
    decided: Mapping[int, Decided],
    closings: Mapping[int, Closing],
    receipts: Iterable[str] = (),
    engine: Engine | None = None,
) -> list[Line]:
    """Return a line for each record that was ever made, as far as anything tells of it.

    Args:
        found: The records, as `read_back` returns them.
        decided: What the engine answered, by number.
        closings: Who saw to records, by number.
        receipts: What patients were given; it tells of records that the store has lost at its end.
        engine: Asked whether it still has what it answered; None asks nobody.
    """
    lines = [_line(each, decided.get(each.seq), engine) for each in found]
    lines += _missing(found, decided, receipts)
    lines.sort(key=lambda line: line.seq)
    return [replace(each, closing=closings.get(each.seq)) for each in lines]


def _line(found: Found, decided: Decided | None, engine: Engine | None) -> Line:
    if found.wrong:
        return _said(found, Fate.TAMPERED, found.wrong, decided, _NEXT[Fate.TAMPERED])
    fate, said = _became(found, decided, engine)
    todo = _NEXT.get(fate, "")
    if decided is not None and fate in _OF_MONEY:
        todo = refund_words(decided)
    if found.moved:
        said = f"{found.moved}; {fate} {said}".rstrip()
        todo = "; ".join(filter(None, (todo, _NEXT[Fate.REORDERED])))
        fate = Fate.REORDERED
    return _said(found, fate, said, decided, todo)


def _said(found: Found, fate: Fate, said: str, decided: Decided | None, todo: str) -> Line:
    taken = None if found.content is None else found.content.paid_fen
    return Line(found.seq, found.request_id, fate, said, decided, taken_fen=taken, next=todo)


def _became(found: Found, decided: Decided | None, engine: Engine | None) -> tuple[Fate, str]:
    """Return what became of a record that is as it was signed, wherever it stands."""
    if decided is None:
        return Fate.WAITING, ""
    if decided.state is State.REFUSED:
        return Fate.REFUSED, f"{decided.reason}: {decided.message}"
    return _standing(found, decided, engine)


def _standing(found: Found, decided: Decided, engine: Engine | None) -> tuple[Fate, str]:
    """Return whether what the engine answered still stands there."""
    if decided.state is State.ONLINE:
        return Fate.ONLINE, f"settled online as {decided.settlement}"
    if engine is None:
        return Fate.SETTLED, decided.settlement
    assert found.header is not None
    state = engine.find_request(found.header.institution, found.request_id)
    if state.status in {RequestStatus.CANCELLED, RequestStatus.REVERSED}:
        return Fate.TAKEN_BACK, f"{decided.settlement} by {state.taken_back_by}"
    if state.status is RequestStatus.COMMITTED and state.entry == decided.settlement:
        return Fate.SETTLED, decided.settlement
    return Fate.FORGOTTEN, f"{decided.settlement} was answered, and is {state.status} there"


def _missing(
    found: Sequence[Found], decided: Mapping[int, Decided], receipts: Iterable[str]
) -> Iterator[Line]:
    """Yield the records that something tells of and that are not there."""
    there = {each.seq for each in found}
    named: dict[int, str] = {}
    by_seq = {each.seq: each for each in found if each.header is not None}
    for receipt in receipts:
        seq = int(receipt.partition("-")[0])
        known = by_seq.get(seq)
        if known is not None and receipt_of(seq, known.digest) != receipt:
            said = f"receipt {receipt} is of another record of that number than the one here"
            yield Line(seq, "", Fate.MISSING, said, next=_NEXT[Fate.MISSING])
        elif known is None and seq not in there:
            named[seq] = f"receipt {receipt} tells of it"
    last = max((*there, *decided, *named), default=0)
    for seq in range(1, last + 1):
        if seq not in there:
            said = named.get(seq, "a later record tells of it")
            yield Line(seq, "", Fate.MISSING, said, next=_NEXT[Fate.MISSING])
