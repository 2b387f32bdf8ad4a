"""A ledger in memory: the contract of `ledger.Ledger` over dictionaries, for simulations.

A `MemoryStore` is what survives a crash, a `MemoryLedger` the handle of one process on it, so that
a simulated restart is a new handle on the same store. It keeps the contract that the durable stores
keep, held to it by their own tests, and syncs nothing, so that ten thousand histories take minutes.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias, TypeVar, get_args

from medsettle import limits
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.errors import InternalError
from medsettle.ledger.entries import (
    DECIDED_KINDS,
    SETTLEMENT_KINDS,
    CounterMismatch,
    Entry,
    EntryKind,
    Holder,
    Moved,
    Posting,
    Recorded,
    deltas,
)
from medsettle.ledger.reading import last_before

_KINDS: Final = frozenset(get_args(EntryKind))
_NAMES: Final = {"cancel": "settle", "visit_cancel": "visit", "adjust": "settle"}
_SUBJECTS: Final = frozenset({"registration", "card", "message", "adjust"})
_NOBODYS: Final = DECIDED_KINDS | {"message"}
_NUMBERED: Final = frozenset({"settle", "visit"})

_Key: TypeAlias = tuple[str, str]
Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True)
class MemoryStore:
    """What is durable: entries in seq order with their postings, and what is found by a name."""

    entries: list[Recorded] = field(default_factory=list)
    postings: list[tuple[Posting, ...]] = field(default_factory=list)
    counters: dict[CounterKey, int] = field(default_factory=dict)
    by_settlement: dict[str, Recorded] = field(default_factory=dict)
    by_request: dict[_Key, Recorded] = field(default_factory=dict)
    by_number: dict[_Key, str] = field(default_factory=dict)
    cancels: dict[str, Recorded] = field(default_factory=dict)
    of_person: dict[_Key, list[Recorded]] = field(default_factory=dict)
    of_card: dict[_Key, list[Recorded]] = field(default_factory=dict)
    of_subject: dict[str, list[Recorded]] = field(default_factory=dict)

    def copy(self) -> "MemoryStore":
        """Return a store of its own with the same content."""
        return MemoryStore(
            list(self.entries),
            list(self.postings),
            dict(self.counters),
            dict(self.by_settlement),
            dict(self.by_request),
            dict(self.by_number),
            dict(self.cancels),
            {key: list(held) for key, held in self.of_person.items()},
            {key: list(held) for key, held in self.of_card.items()},
            {key: list(held) for key, held in self.of_subject.items()},
        )

    def add(self, recorded: Recorded, postings: tuple[Posting, ...]) -> None:
        """Keep an entry that was checked."""
        self.entries.append(recorded)
        self.postings.append(postings)
        self.by_settlement[recorded.settlement] = recorded
        self.by_request[recorded.institution, recorded.request_id] = recorded
        if recorded.kind in _NUMBERED and recorded.institution_settlement is not None:
            number = (recorded.institution, recorded.institution_settlement)
            self.by_number[number] = recorded.settlement
        if recorded.original is not None:
            self.cancels[recorded.original] = recorded
        holder = (recorded.pooling_area, recorded.person)
        self.of_person.setdefault(holder, []).append(recorded)
        if recorded.kind == "card":
            card = (recorded.pooling_area, str(recorded.subject))
            self.of_card.setdefault(card, []).append(recorded)
        if recorded.kind == "message":
            self.of_subject.setdefault(str(recorded.subject), []).append(recorded)
        for posting in postings:
            self.counters[posting.key] = self.counters.get(posting.key, 0) + posting.delta


class MemoryLedger:
    """A ledger over a `MemoryStore`."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = MemoryStore() if store is None else store

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def writing(
        self, holders: Iterable[Holder], reading: Iterable[Holder] = ()
    ) -> AbstractContextManager[None]:
        """Do nothing: this handle is the store's only writer."""
        return nullcontext()

    def append(self, entries: Sequence[Entry], create_time_us: int) -> int:
        """Record all entries, or none of them; see `ledger.Ledger.append`."""
        assert len(entries) <= limits.CLAIMS_PER_BATCH_MAX, len(entries)
        first = len(self.store.entries) + 1
        added = [
            (_recorded(seq, create_time_us, entry), _postings(entry))
            for seq, entry in enumerate(entries, first)
        ]
        self._check([recorded for recorded, _ in added])
        self._check_counters(postings for _, postings in added)
        for recorded, postings in added:
            self.store.add(recorded, postings)
        return first

    def requests(self, keys: Sequence[_Key]) -> dict[_Key, Recorded]:
        """Return the entries recorded under these (institution, request id); others are absent."""
        return _found(self.store.by_request, keys)

    def institution_settlements(self, keys: Sequence[_Key]) -> dict[_Key, str]:
        """Return the settlement id for each known (institution, settlement number)."""
        return _found(self.store.by_number, keys)

    def counters(self, keys: Sequence[CounterKey]) -> dict[CounterKey, int]:
        """Return the values of these counters; a key that was never posted to is absent, so 0."""
        return _found(self.store.counters, keys)

    def settlement(self, settlement: str) -> Recorded | None:
        """Return the entry with this id, or None."""
        return self.store.by_settlement.get(settlement)

    def cancel_of(self, settlement: str) -> Recorded | None:
        """Return the entry that cancels this settlement or visit, or None."""
        return self.store.cancels.get(settlement)

    def cancels_of(self, settlements: Sequence[str]) -> dict[str, Recorded]:
        """Return the entries that cancel these settlements or visits, by the original's id."""
        return _found(self.store.cancels, settlements)

    def events(self, holders: Sequence[_Key], kind: EntryKind) -> list[Recorded]:
        """Return the events of one kind that happened to these (area, person), in seq order."""
        wanted = {str(kind)} & _SUBJECTS
        return self._of_persons(dict.fromkeys(holders), wanted)

    def settled_since(self, persons: Sequence[tuple[str, str, int]]) -> list[Recorded]:
        """Return the settlements of these (area, person) from a service day on, in seq order."""
        found = [
            each
            for area, person, day in persons
            for each in self.store.of_person.get((area, person), ())
            if each.kind == "settle"
            and each.service_day >= day
            and each.settlement not in self.store.cancels
        ]
        return sorted(found, key=lambda each: each.seq)

    def card_events(self, cards: Sequence[_Key]) -> dict[_Key, list[Recorded]]:
        """Return the events of these (pooling area, card) in seq order; others are absent."""
        found = {card: self.store.of_card.get(card, []) for card in cards}
        return {card: list(events) for card, events in found.items() if events}

    def messages(self, subjects: Sequence[str]) -> dict[str, list[Recorded]]:
        """Return the messages about these subjects in seq order; others are absent."""
        return {
            subject: list(held) for subject, held in _found(self.store.of_subject, subjects).items()
        }

    def seq_before(self, create_time_us: int) -> int:
        """Return a seq up to which nothing was recorded from a moment on."""
        entries = self.store.entries
        return last_before(
            create_time_us, len(entries), lambda seq: entries[seq - 1].create_time_us
        )

    def page(
        self,
        *,
        after_seq: int,
        limit: int,
        pooling_area: str | None = None,
        institution: str | None = None,
        person: str | None = None,
        with_messages: bool = True,
    ) -> list[Recorded]:
        """Return up to `limit` entries after `after_seq` in seq order; every filter given holds."""
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        if with_messages and pooling_area is institution is person is None:
            return self.store.entries[after_seq : after_seq + limit]
        found = [
            each
            for each in self.store.entries[after_seq:]
            if pooling_area in {None, each.pooling_area}
            and institution in {None, each.institution}
            and person in {None, each.person}
            and (with_messages or each.kind != "message")
        ]
        return found[:limit]

    def latest(self, pooling_area: str, person: str, *, limit: int) -> list[Recorded]:
        """Return the last `limit` settlements and cancels of a person of an area, newest first."""
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        found = self._of_persons([(pooling_area, person)], SETTLEMENT_KINDS)
        return found[: -limit - 1 : -1]

    def person_counters(self, pooling_area: str, person: str) -> list[tuple[str, int, int]]:
        """Return (counter, period, value) of a person, sorted, the account among them."""
        return sorted(
            (key.counter, key.period, value)
            for key, value in self.store.counters.items()
            if (key.pooling_area, key.person) == (pooling_area, person)
        )

    def counters_named(self, persons: Sequence[_Key], prefix: str) -> list[tuple[CounterKey, int]]:
        """Return the counters above zero of these persons whose names begin with a prefix."""
        asked = set(map(tuple, persons))
        found = [
            (key, value)
            for key, value in self.store.counters.items()
            if value > 0 and key.counter.startswith(prefix) and (key[0], key[1]) in asked
        ]
        return sorted(found, key=lambda each: (*each[0][:2], each[0].period, each[0].counter))

    def history(self, key: CounterKey, *, after_seq: int, limit: int) -> list[Moved]:
        """Return up to `limit` changes of a counter after `after_seq`, in seq order."""
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        found: list[Moved] = []
        value = 0
        for entry, postings in zip(self.store.entries, self.store.postings, strict=True):
            for posting in postings:
                if posting.key != key:
                    continue
                value += posting.delta
                if entry.seq > after_seq:
                    found.append(_moved(entry, posting.delta, value))
        return found[:limit]

    def last_seq(self) -> int:
        """Return the seq of the last entry, 0 for an empty ledger."""
        return len(self.store.entries)

    def verify(self) -> CounterMismatch | None:
        """Return the first counter that is not the sum of its postings, None when all are."""
        posted: dict[CounterKey, int] = {}
        for posting in (each for postings in self.store.postings for each in postings):
            posted[posting.key] = posted.get(posting.key, 0) + posting.delta
        for key in sorted(self.store.counters.keys() | posted.keys()):
            value, sum_ = self.store.counters.get(key, 0), posted.get(key, 0)
            if value != sum_:
                return CounterMismatch(key, value, sum_)
        return None

    def postings(self, first_seq: int, last_seq: int) -> list[tuple[int, CounterKey, int]]:
        """Return (seq, key, delta) of all postings of some entries, by seq and key."""
        return [
            (seq, posting.key, posting.delta)
            for seq in range(first_seq, min(last_seq, self.last_seq()) + 1)
            for posting in sorted(self.store.postings[seq - 1], key=lambda each: each.key)
        ]

    def counters_after(self, key: CounterKey | None, *, limit: int) -> list[tuple[CounterKey, int]]:
        """Return up to `limit` counters after a key with their values, in the order of keys."""
        held = sorted(self.store.counters.items())
        return [(each, value) for each, value in held if key is None or each > key][:limit]

    def totals_before(self, seq: int, keys: Sequence[CounterKey]) -> dict[CounterKey, int]:
        """Return what the postings before an entry add up to, for each of some counters."""
        totals = dict.fromkeys(keys, 0)
        for _, key, delta in self.postings(1, seq - 1):
            if key in totals:
                totals[key] += delta
        return totals

    def recover(self) -> None:
        """Check what the last run left behind; memory is whole or gone."""

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""

    def _of_persons(self, holders: Iterable[_Key], kinds: AbstractSet[str]) -> list[Recorded]:
        held = (each for holder in holders for each in self.store.of_person.get(holder, ()))
        return sorted((each for each in held if each.kind in kinds), key=lambda each: each.seq)

    def _check(self, added: Sequence[Recorded]) -> None:
        """Raise InternalError if an entry breaks a rule of the ledger, by what it and others are.

        The rules are those that `sqlite_schema` states as constraints, under the same names.
        """
        store = self.store
        settlements, requests, numbers, cancels = set(), set(), set(), set()
        batch: dict[str, Recorded] = {}
        for each in added:
            if each.kind not in _KINDS:
                raise _refused(f"kind {each.kind!r} is unknown")
            self._check_original(each, batch)
            if (each.kind in _SUBJECTS) != (each.subject is not None):
                raise _refused("only_events_have_a_subject")
            if each.kind not in _NOBODYS and not (each.person and each.pooling_area):
                raise _refused("only_messages_and_decided_ids_have_no_person")
            key = (each.institution, each.request_id)
            if each.settlement in settlements or each.settlement in store.by_settlement:
                raise self._used(f"settlement {each.settlement} was used before")
            if key in requests or key in store.by_request:
                raise self._used(f"institution, request_id {key} were used before")
            if each.kind in _NUMBERED and each.institution_settlement is not None:
                number = (each.institution, each.institution_settlement)
                if number in numbers or number in store.by_number:
                    raise self._used(f"institution_settlement {number} was used before")
                numbers.add(number)
            if each.original is not None:
                if each.original in cancels or each.original in store.cancels:
                    raise self._used(f"original {each.original} was cancelled before")
                cancels.add(each.original)
            settlements.add(each.settlement)
            requests.add(key)
            batch[each.settlement] = each

    def _used(self, rule: str) -> Exception:
        """Return what a key that was used before is refused with: no other writer can be why."""
        return _refused(rule)

    def _check_original(self, entry: Recorded, batch: dict[str, Recorded]) -> None:
        of_kind, adjusts = _NAMES.get(entry.kind), entry.kind == "adjust"
        if (of_kind is None or adjusts) and entry.original is not None:
            raise _refused("only_cancels_have_an_original")
        if of_kind is None:
            return
        name = (entry.subject if adjusts else entry.original) or ""
        original = batch.get(name) or self.store.by_settlement.get(name)
        wanted = (of_kind, entry.pooling_area, entry.person)
        found = original and (original.kind, original.pooling_area, original.person)
        if found != wanted:
            raise _refused(f"entry of kind {entry.kind} names no settlement of its person")

    def _check_counters(self, added: Iterable[tuple[Posting, ...]]) -> None:
        values: dict[CounterKey, int] = {}
        for posting in (each for postings in added for each in postings):
            key = posting.key
            before = values[key] if key in values else self.store.counters.get(key, 0)
            values[key] = before + posting.delta
        for key, value in values.items():
            if value > limits.INT64_MAX:
                raise _refused(f"counters.value {value} of {key} is no int64")
            if value < 0:
                name = "account" if key.counter == ACCOUNT else "counter"
                raise _refused(f"{name}_not_below_zero: {key} would be {value}")


def _recorded(seq: int, create_time_us: int, entry: Entry) -> Recorded:
    if not isinstance(entry.record, bytes):
        raise TypeError(f"the record of {entry.settlement} is no bytes")
    return Recorded(
        seq,
        create_time_us,
        entry.kind,
        entry.settlement,
        entry.original,
        entry.institution,
        entry.request_id,
        entry.institution_settlement,
        entry.pooling_area,
        entry.person,
        entry.service_day,
        entry.content_digest,
        entry.record,
        entry.subject,
    )


def _postings(entry: Entry) -> tuple[Posting, ...]:
    return tuple(Posting(key, delta) for key, delta in deltas(entry).items())


def _moved(entry: Recorded, delta: int, value: int) -> Moved:
    return Moved(
        entry.seq,
        entry.create_time_us,
        entry.kind,
        entry.settlement,
        entry.institution,
        delta,
        value,
    )


def _found(held: dict[Key, Value], keys: Sequence[Key]) -> dict[Key, Value]:
    return {key: held[key] for key in keys if key in held}


def _refused(rule: str) -> InternalError:
    return InternalError(f"an entry breaks a rule of the ledger: {rule}", cause=rule)
