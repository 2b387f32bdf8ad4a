"""What must hold of a ledger after a run: everything acknowledged is there, once, and right.

The sequential model is the engine itself on a ledger without faults, asked one request after
another in the order of the ledger. Whatever batches, repetitions, restarts and lost answers did,
the ledger must be byte for byte what that gives. What the model could get wrong as the engine does
is held to laws that know no rule: a cancel takes back what its original moved, and nothing else.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.books.conservation import discrepancies
from medsettle.books.trial_balance import BooksReader
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.messages import MessageState
from medsettle.core.relatives import LIMIT_PREFIX, PREFIX
from medsettle.core.request_states import RequestStatus
from medsettle.core.settlement import Settlement
from medsettle.core.visits import Visit
from medsettle.engine import Engine
from medsettle.engine.messages import Messages
from medsettle.ledger.entries import DECIDED_KINDS, SETTLEMENT_KINDS, Entry, LedgerReader, Recorded
from medsettle.ledger.records import decode_postings, decode_settlement
from medsettle.policy.rule_book import RuleBook
from medsettle.privacy.pseudonyms import KEYS_FOLDER, Pseudonyms
from medsettle.torture.acknowledged import Acknowledged, Decided, Doubled, Lost
from medsettle.torture.memory_ledger import MemoryLedger
from medsettle.torture.requests import Request, replayed

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class OtherContent(Exception):
    """The model would record another request than the one that stands in the ledger."""


def entries_of(ledger: LedgerReader) -> list[Recorded]:
    """Return every entry of a ledger, in seq order."""
    found: list[Recorded] = []
    while page := ledger.page(after_seq=len(found), limit=limits.PAGE_SIZE_MAX):
        found += page
    return found


def faults_of(
    book: RuleBook, ledger: LedgerReader, entries: Sequence[Recorded], known: Acknowledged
) -> Iterator[str]:
    """Yield every promise that a ledger breaks, in words.

    Args:
        book: The rules by which it was written.
        ledger: The ledger after the run.
        entries: Its entries in seq order.
        known: What was asked and acknowledged.
    """
    yield from recorded_faults(ledger, entries, known)
    model = _Model(book, entries)
    yield from model.faults(known)
    yield from _counter_faults(ledger, model.ledger)


def books_faults(ledger: BooksReader, audit: Path) -> Iterator[str]:
    """Yield what ledger and audit tables hold that does not follow from the entries alone.

    The books are kept in double entry and know nothing of tills or requests
    (`medsettle.books.conservation`).
    """
    # Keys that were never made tell nothing: the tables of a simulation have persons as they are.
    keys = Pseudonyms(audit.parent / KEYS_FOLDER)
    return map(str, discrepancies(ledger, audit, pseudonyms=keys))


def recorded_faults(
    ledger: LedgerReader, entries: Sequence[Recorded], known: Acknowledged
) -> Iterator[str]:
    """Yield what can be said without the model, which takes as long as the run itself did."""
    yield from _acknowledged_faults(entries, known)
    yield from _order_faults(entries, known)
    yield from _cancel_faults(entries)
    yield from _record_faults(ledger, entries)


def _acknowledged_faults(entries: Sequence[Recorded], known: Acknowledged) -> Iterator[str]:
    by_key: dict[tuple[str, str], Recorded] = {}
    for seq, entry in enumerate(entries, 1):
        key = (entry.institution, entry.request_id)
        if entry.seq != seq:
            yield f"entry {entry.seq} stands at place {seq}"
        if key in by_key:
            yield Doubled(f"{key} is recorded twice, as {by_key[key].seq} and {entry.seq}")
        by_key[key] = entry
    for key, decided in known.decided.items():
        yield from _decided_faults(decided, by_key.get(key))
    for key, reversed_ in known.originals.items():
        found, state = by_key.get(key), reversed_.state
        if found is None:
            yield Lost(f"{reversed_.reversal} was told {state.status}, but nothing is recorded")
        elif (found.kind == "tombstone") != (state.status is RequestStatus.TOMBSTONE):
            yield f"{reversed_.reversal} was told {state.status}, recorded is a {found.kind}"


def _decided_faults(decided: Decided, found: Recorded | None) -> Iterator[str]:
    if found is None:
        said = "acknowledged" if decided.answer.done else f"refused ({decided.answer.reason})"
        yield Lost(f"{decided.request} was {said} and is lost")
    elif decided.answer.done == (found.kind in DECIDED_KINDS):
        said = decided.answer.reason or "done"
        yield f"{decided.request} was told {said}, recorded is a {found.kind}"
    elif (told := _told_place(decided)) is not None and told != (found.settlement, found.seq):
        yield f"{decided.request} was told {told}, recorded is {found.settlement} {found.seq}"


def _told_place(decided: Decided) -> tuple[str, int] | None:
    """Return the id and the place that an answer named, None where it names none."""
    told = decided.answer.told
    if isinstance(told, Visit):
        return str(told.visit), told.seq or 0
    if isinstance(told, MessageState):
        return Messages.id_of(told.message), told.seq
    if isinstance(told, Settlement):
        seq = told.columns["seq"]
        assert isinstance(seq, int)
        return str(told.columns["settlement"]), seq
    return None


def _order_faults(entries: Sequence[Recorded], known: Acknowledged) -> Iterator[str]:
    """Yield what stands behind something that was asked only after it was acknowledged."""
    earliest: tuple[float, Request] | None = None
    for entry in reversed(entries):
        done = known.decided.get((entry.institution, entry.request_id))
        if done is None:
            continue
        sent = known.first_sent(done.request)
        if earliest is not None and earliest[0] < sent:
            yield f"{done.request} stands before {earliest[1]}, acknowledged before it was sent"
        if earliest is None or done.moment < earliest[0]:
            earliest = (done.moment, done.request)


def _cancel_faults(entries: Sequence[Recorded]) -> Iterator[str]:
    """Yield every cancel that is not its original with each amount and each change negative."""
    originals = {each.settlement: each for each in entries if each.kind == "settle"}
    taken_back: set[str] = set()
    for entry in entries:
        if entry.kind != "cancel":
            continue
        original = originals[str(entry.original)]
        if original.settlement in taken_back:
            yield Doubled(f"{original.settlement} was taken back twice, again by {entry.seq}")
        taken_back.add(original.settlement)
        yield from _restored_faults(entry, original)
        amounts = decode_settlement(original).columns, decode_settlement(entry).columns
        for name in (each for each in amounts[0] if each.endswith("_fen")):
            if name != "account_balance_fen" and amounts[0][name] != -_fen(amounts[1][name]):
                yield f"cancel {entry.seq} has {amounts[1][name]} as {name}, not the negative"


def _restored_faults(cancel: Recorded, original: Recorded) -> Iterator[str]:
    """Yield every counter to which a cancel does not give back what its original moved.

    Money that a relative set aside goes back to where it would be now, which is the account of the
    giver where the two are bound no more: accounts and limits agree in their sum.
    """
    moved, restored = _changes(original), _changes(cancel)
    for name in moved | restored:
        if moved[name] != -restored[name]:
            yield f"cancel {cancel.seq} gives back {restored[name]} of {name}, not {-moved[name]}"


def _changes(entry: Recorded) -> Counter[str]:
    changes: Counter[str] = Counter()
    for posting in decode_postings(entry):
        key = posting.key
        money = key.counter == ACCOUNT or key.counter.startswith(LIMIT_PREFIX)
        changes["accounts and limits" if money else str(key)] += posting.delta
    return changes


def _record_faults(ledger: LedgerReader, entries: Sequence[Recorded]) -> Iterator[str]:
    """Yield every counter of a policy that is not what the records of settlements add up to.

    Accounts and relatives' limits are moved by more than settlements; the model has them.
    """
    sums: Counter[CounterKey] = Counter()
    for entry in entries:
        if entry.kind in SETTLEMENT_KINDS:
            for posting in decode_postings(entry):
                sums[posting.key] += posting.delta
    for person in dict.fromkeys((each.pooling_area, each.person) for each in entries):
        for name, period, value in ledger.person_counters(*person):
            due = sums[CounterKey(*person, name, period)]
            if name != ACCOUNT and not name.startswith(PREFIX) and value != due:
                yield f"{name} of {person[1]} holds {value}, the records add up to {due}"


def _fen(value: object) -> int:
    assert isinstance(value, int)
    return value


class _Model:
    """The engine alone, made to say again what a ledger holds."""

    def __init__(self, book: RuleBook, entries: Sequence[Recorded]) -> None:
        self._entries = entries
        self._moment_us = 0
        self.ledger = _Expecting(entries)
        self._engine = Engine(book, self.ledger, self._clock)

    def _clock(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self._moment_us)

    def faults(self, known: Acknowledged) -> Iterator[str]:
        """Yield where the ledger is not what its requests give, one after another."""
        while (seq := self.ledger.last_seq()) < len(self._entries):
            entry = self._entries[seq]
            self._moment_us = entry.create_time_us
            key = (entry.institution, entry.request_id)
            asked = [each.request for each in known.sent.get(key, [])]
            if entry.kind == "tombstone":
                asked = known.reversals.get(key, [])
            refusals = []
            for each in asked:
                try:
                    answer = replayed(self._engine, each)
                except OtherContent:
                    continue
                if self.ledger.last_seq() > seq:
                    break
                refusals.append(f"{answer.reason} {answer.message}")
            if self.ledger.last_seq() == seq:
                why = "; ".join(refusals) or "nobody asked for it"
                yield f"entry {entry.seq} ({entry.kind} {entry.request_id}) cannot be: {why}"
                return
        yield from self.ledger.differences


class _Expecting(MemoryLedger):
    """A ledger that knows what will be recorded, and notes what comes otherwise."""

    def __init__(self, expected: Sequence[Recorded]) -> None:
        super().__init__()
        self._expected = expected
        self.differences: list[str] = []

    def append(self, entries: Sequence[Entry], create_time_us: int) -> int:
        """Record the entries if they are what stands at their places.

        Raises:
            OtherContent: They come from a request of other content.
        """
        first = self.last_seq() + 1
        for seq, entry in enumerate(entries, first):
            if seq > len(self._expected):
                self.differences.append(f"entry {seq} ({entry.request_id}) is missing")
                continue
            expected = self._expected[seq - 1]
            if entry.content_digest != expected.content_digest:
                raise OtherContent(entry.request_id)
            for name in _NAMES:
                due, found = getattr(entry, name), getattr(expected, name)
                if due != found:
                    self.differences.append(f"entry {seq}: {name} is {found!r}, due is {due!r}")
        return super().append(entries, create_time_us)


_NAMES: Final = (
    "kind",
    "settlement",
    "original",
    "institution_settlement",
    "person",
    "service_day",
    "record",
)


def _counter_faults(ledger: LedgerReader, model: MemoryLedger) -> Iterator[str]:
    """Yield every counter that is not the fold of the ledger, and every one below zero."""
    mismatch = getattr(ledger, "verify")()  # noqa: B009 - every store has it, the protocol not yet
    if mismatch is not None:
        yield f"{mismatch.key} holds {mismatch.value}, its postings add up to {mismatch.posted}"
    for area, person in model.store.of_person:
        due = _held(model.person_counters(area, person))
        found = _held(ledger.person_counters(area, person))
        for name in sorted(due.keys() | found.keys()):
            if due.get(name, 0) != found.get(name, 0):
                yield f"{person}: {name} holds {found.get(name, 0)}, the fold is {due.get(name, 0)}"
            if found.get(name, 0) < 0:
                kind = "account" if name[0] == ACCOUNT else "counter"
                yield f"{person}: the {kind} {name} is below zero: {found[name]}"


def _held(rows: Sequence[tuple[str, int, int]]) -> Mapping[tuple[str, int], int]:
    return {(counter, period): value for counter, period, value in rows}
