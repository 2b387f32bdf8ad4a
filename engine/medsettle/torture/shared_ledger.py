"""One store in memory under several simulated engine processes, each with a handle of its own.

It keeps the promise of `Ledger.writing` as the store for several writers does: holders are locked
in one order, what a write read and had not locked lets it fail as overtaken, and so does a request
that somebody else recorded meanwhile.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from medsettle.core.counters import CounterKey
from medsettle.ledger.entries import (
    Entry,
    EntryKind,
    Holder,
    Overtaken,
    Recorded,
    card_holder,
    message_holder,
)
from medsettle.ledger.postgres_rows import moved
from medsettle.torture.baton import Baton
from medsettle.torture.memory_ledger import MemoryLedger, MemoryStore


@dataclass
class SharedStore:
    """The store, and who has locked whom: `exclusive` by one writer, `shared` by any number."""

    held: MemoryStore = field(default_factory=MemoryStore)
    exclusive: dict[Holder, int] = field(default_factory=dict)
    shared: dict[Holder, set[int]] = field(default_factory=dict)


@dataclass
class _Write:
    locked: frozenset[Holder]
    reading: frozenset[Holder]
    missing: set[Holder] = field(default_factory=set)


class SharedLedger(MemoryLedger):
    """The handle of one process on a store that others write too."""

    def __init__(self, store: SharedStore, process: int, baton: Baton) -> None:
        super().__init__(store.held)
        self._shared_store = store
        self.process = process
        self._baton = baton
        self._write: _Write | None = None

    def lock_order(self, holders: Iterable[Holder]) -> Sequence[Holder]:
        """Return holders in the order in which every process locks them."""
        return sorted(holders)

    @contextmanager
    def writing(self, holders: Iterable[Holder], reading: Iterable[Holder] = ()) -> Iterator[None]:
        """Keep holders from other processes; see `Ledger.writing`."""
        asked = tuple(holders)
        locked = frozenset(asked)
        looked_at = frozenset(reading) - locked
        taken: list[Holder] = []
        try:
            for holder in self.lock_order(dict.fromkeys((*asked, *sorted(looked_at)))):
                self._take(holder, exclusively=holder in locked)
                taken.append(holder)
            self._write = _Write(locked, looked_at)
            yield
        finally:
            self._write = None
            for holder in taken:
                self._give_back(holder)

    def append(self, entries: Sequence[Entry], create_time_us: int) -> int:
        """Record all entries, or none of them.

        Raises:
            Overtaken: See `Ledger.append`.
        """
        self._baton.pass_on()
        changed = moved(entries)
        write = self._write
        if write is None:
            with self.writing(changed):
                return self.append(entries, create_time_us)
        unlocked = changed - write.locked
        if unlocked or write.missing:
            raise Overtaken("decided on holders that were not locked", unlocked, write.missing)
        return super().append(entries, create_time_us)

    def counters(self, keys: Sequence[CounterKey]) -> dict[CounterKey, int]:
        """Return the values of these counters."""
        self._reads((key.pooling_area, key.person) for key in keys)
        return super().counters(keys)

    def events(self, holders: Sequence[Holder], kind: EntryKind) -> list[Recorded]:
        """Return the events of one kind that happened to these (area, person), in seq order."""
        self._reads(holders)
        return super().events(holders, kind)

    def card_events(self, cards: Sequence[Holder]) -> dict[Holder, list[Recorded]]:
        """Return the events of these (pooling area, card) in seq order; others are absent."""
        self._reads((area, card_holder(card)) for area, card in cards)
        return super().card_events(cards)

    def messages(self, subjects: Sequence[str]) -> dict[str, list[Recorded]]:
        """Return the messages about these subjects in seq order; others are absent."""
        self._reads(map(message_holder, subjects))
        return super().messages(subjects)

    def settled_since(self, persons: Sequence[tuple[str, str, int]]) -> list[Recorded]:
        """Return the settlements of these (area, person) from a service day on, in seq order."""
        self._reads((area, person) for area, person, _ in persons)
        return super().settled_since(persons)

    def person_counters(self, pooling_area: str, person: str) -> list[tuple[str, int, int]]:
        """Return (counter, period, value) of a person, sorted, the account among them."""
        self._reads([(pooling_area, person)])
        return super().person_counters(pooling_area, person)

    def counters_named(
        self, persons: Sequence[Holder], prefix: str
    ) -> list[tuple[CounterKey, int]]:
        """Return the counters above zero of these persons whose names begin with a prefix."""
        self._reads(persons)
        return super().counters_named(persons, prefix)

    def requests(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Recorded]:
        """Return the entries recorded under these (institution, request id); others are absent."""
        self._baton.pass_on()
        return super().requests(keys)

    def cancel_of(self, settlement: str) -> Recorded | None:
        """Return the entry that cancels this settlement or visit, or None."""
        self._baton.pass_on()
        return super().cancel_of(settlement)

    def _used(self, rule: str) -> Exception:
        """Return that another process got ahead: this one looked before it decided."""
        return Overtaken(rule)

    def _reads(self, holders: Iterable[Holder]) -> None:
        self._baton.pass_on()
        if self._write is not None:
            kept = self._write.locked | self._write.reading
            self._write.missing |= set(map(_pair, holders)) - kept

    def _take(self, holder: Holder, *, exclusively: bool) -> None:
        store = self._shared_store

        def free() -> bool:
            others = exclusively and store.shared.get(holder)
            return holder not in store.exclusive and not others

        self._baton.wait_for(free, f"{holder[1]}, whom another process keeps")
        if exclusively:
            store.exclusive[holder] = self.process
        else:
            store.shared.setdefault(holder, set()).add(self.process)

    def _give_back(self, holder: Holder) -> None:
        store = self._shared_store
        if store.exclusive.get(holder) == self.process:
            del store.exclusive[holder]
        store.shared.get(holder, set()).discard(self.process)


def _pair(holder: Sequence[Any]) -> Holder:
    return holder[0], holder[1]
