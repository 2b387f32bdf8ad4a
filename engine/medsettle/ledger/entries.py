"""What the ledger records, and what every ledger promises.

An *entry* is one durable event: a settlement, the cancel that takes one back, the visit whose
linked settlements stand beside it, the opening that a person brings along, a registration, a change
of what a relative sets aside, or something that happened to a card. It carries *postings*, the
changes it makes to the counters and the personal account of people. Entries are never changed and
never deleted; the value of a counter is the sum of the postings recorded for it.

Two kinds move nothing and only decide a request id for good. A *refusal* is the answer no, under
the id of the request that was refused. A *tombstone* stands under the id of a request that was
reversed before it arrived. Neither need know an area or a person; those are empty then.

A *message* is what an institution told and was answered where no money moves: that a visit begins,
what was done in it, a filing, a file. It has no postings and no original. Its subject is what it is
about, an id that we gave and that is unique over all areas; area and person may be empty.

An *adjustment* adds to the amounts of a settlement what two books agreed upon later. It has the
record of a settlement; its subject is the settlement that it adds to, since there may be several of
one, and `original` belongs to what takes back.

A reversal (冲正) of something that was recorded is an entry of the kind `cancel` or `visit_cancel`
like any other: the same postings, the same link to its original. Its record alone tells it from a
cancel, by `reversed_request`, the request id that it takes back.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from medsettle.core.counters import CounterKey

EntryKind: TypeAlias = Literal[
    "settle",
    "cancel",
    "visit",
    "visit_cancel",
    "opening",
    "registration",
    "relation",
    "card",
    "refusal",
    "tombstone",
    "message",
    "adjust",
]

SETTLEMENT_KINDS: Final[frozenset[EntryKind]] = frozenset({"settle", "cancel", "adjust"})
"""The kinds of entries whose record is that of a settlement: they add up to what stands."""

DECIDED_KINDS: Final = frozenset({"refusal", "tombstone"})
"""The kinds of entries that move nothing and only decide a request id."""

Holder: TypeAlias = tuple[str, str]
"""(Pooling area, whose): what a writer keeps to itself while it decides. See `card_holder`."""


def card_holder(card: str) -> str:
    """Return under which name a card is kept from other writers, among those of persons.

    No token of a person has a blank in it, so the two are never taken for one another.

    >>> card_holder("C1")
    'card C1'
    """
    return f"card {card}"


def message_holder(subject: str) -> Holder:
    """Return under which name the messages of a subject are kept from other writers.

    >>> message_holder("999900a1")
    ('', 'message 999900a1')
    """
    return "", f"message {subject}"


class Overtaken(Exception):
    """What a write decided on is not what there is; nothing was recorded. Decide again.

    Another process recorded the same request meanwhile, or the write moved something of `holders`
    or looked at something of `reading` that it had not kept from others; keep them the next time.
    No caller of an engine meets it: the engine decides again.
    """

    def __init__(
        self, message: str, holders: Iterable[Holder] = (), reading: Iterable[Holder] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.holders = frozenset(holders)
        self.reading = frozenset(reading)


@dataclass(frozen=True, slots=True)
class Posting:
    """A change of one counter: fen for amounts, plain numbers for counts; negative takes back."""

    key: CounterKey
    delta: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One event to be recorded.

    `settlement` is the id of this entry and unique; `original` names the settlement or visit a
    cancel takes back and is given for cancels only. `subject` is what an entry that is an event
    happened to, a registration or a card, what a message is about, or the settlement that is
    adjusted. `service_day` counts days since 1970-01-01. `content_digest` is 32 bytes over the
    content of the request, to tell a repetition from a reuse.
    `record` is opaque to the ledger. Postings on the same key are added up.
    """

    kind: EntryKind
    settlement: str
    original: str | None
    institution: str
    request_id: str
    institution_settlement: str | None
    pooling_area: str
    person: str
    service_day: int
    content_digest: bytes
    record: bytes
    postings: tuple[Posting, ...] = ()
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """One entry as recorded, without its postings.

    `seq` is its place in the ledger: from 1, without gaps, in commit order. `create_time_us` counts
    microseconds since 1970-01-01 UTC.
    """

    seq: int
    create_time_us: int
    kind: EntryKind
    settlement: str
    original: str | None
    institution: str
    request_id: str
    institution_settlement: str | None
    pooling_area: str
    person: str
    service_day: int
    content_digest: bytes
    record: bytes
    subject: str | None = None

    @property
    def belongs_to(self) -> str | None:
        """The settlement that a cancel takes back or an adjustment adds to; None for any other."""
        return self.subject if self.kind == "adjust" else self.original


@dataclass(frozen=True, slots=True)
class CounterMismatch:
    """A counter whose value is not the sum of the postings recorded for it."""

    key: CounterKey
    value: int
    posted: int


@dataclass(frozen=True, slots=True)
class Moved:
    """One change of a counter with the entry that made it, and the value it led to."""

    seq: int
    create_time_us: int
    kind: EntryKind
    settlement: str
    institution: str
    delta: int
    value: int


def deltas(entry: Entry) -> dict[CounterKey, int]:
    """Return what an entry changes each counter by; one that it leaves as it was is absent."""
    found: dict[CounterKey, int] = {}
    for posting in entry.postings:
        found[posting.key] = found.get(posting.key, 0) + posting.delta
    return {key: delta for key, delta in found.items() if delta}


class LedgerReader(Protocol):
    """The reading half of a ledger. Every method sees whole commits only.

    All methods raise `LedgerUnavailable` when the store cannot be read.
    """

    def requests(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Recorded]:
        """Return the entries recorded under these (institution, request id); others are absent."""
        ...

    def institution_settlements(
        self, keys: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], str]:
        """Return the settlement id for each known (institution, institution's settlement number).

        Cancelled settlements keep their number: what was used once is used.
        """
        ...

    def counters(self, keys: Sequence[CounterKey]) -> dict[CounterKey, int]:
        """Return the values of these counters; a key that was never posted to is absent, so 0."""
        ...

    def settlement(self, settlement: str) -> Recorded | None:
        """Return the entry with this id, or None."""
        ...

    def cancel_of(self, settlement: str) -> Recorded | None:
        """Return the entry that cancels this settlement or visit, or None."""
        ...

    def cancels_of(self, settlements: Sequence[str]) -> dict[str, Recorded]:
        """Return the entries that cancel these settlements or visits, by the id of the original."""
        ...

    def events(self, holders: Sequence[tuple[str, str]], kind: EntryKind) -> list[Recorded]:
        """Return the events of one kind that happened to these (area, person), in seq order."""
        ...

    def settled_since(self, persons: Sequence[tuple[str, str, int]]) -> list[Recorded]:
        """Return the settlements of these (area, person) from a service day on, in seq order.

        Settlements that have been cancelled are not among them.
        """
        ...

    def card_events(
        self, cards: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], list[Recorded]]:
        """Return the events of these (pooling area, card) in seq order; others are absent."""
        ...

    def messages(self, subjects: Sequence[str]) -> dict[str, list[Recorded]]:
        """Return the messages about these subjects in seq order; others are absent."""
        ...

    def seq_before(self, create_time_us: int) -> int:
        """Return a seq up to which nothing was recorded from a moment on, 0 for a first entry.

        Entries stand in the order of their commits, while the clocks of those that record them may
        differ by up to `limits.CLOCK_DISORDER_US`; so more entries before the moment may follow.
        """
        ...

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
        """Return up to `limit` entries after `after_seq` in seq order; every filter given holds.

        `limit` is at most `limits.PAGE_SIZE_MAX`. What an institution or a person has is found by
        an index where messages, which would be most of it, are left out.
        """
        ...

    def latest(self, pooling_area: str, person: str, *, limit: int) -> list[Recorded]:
        """Return the last `limit` settlements of a person of an area, newest first.

        Cancels and adjustments are among them. `limit` is at most `limits.PAGE_SIZE_MAX`.
        """
        ...

    def person_counters(self, pooling_area: str, person: str) -> list[tuple[str, int, int]]:
        """Return (counter, period, value) of a person, sorted, the account among them."""
        ...

    def counters_named(
        self, persons: Sequence[tuple[str, str]], prefix: str
    ) -> list[tuple[CounterKey, int]]:
        """Return the counters above zero of these (pooling area, person) whose names begin so.

        They come sorted by person, period and name.
        """
        ...

    def history(self, key: CounterKey, *, after_seq: int, limit: int) -> list[Moved]:
        """Return up to `limit` changes of a counter after `after_seq`, in seq order.

        `limit` is at most `limits.PAGE_SIZE_MAX`.
        """
        ...

    def postings(self, first_seq: int, last_seq: int) -> list[tuple[int, CounterKey, int]]:
        """Return (seq, key, delta) of all postings of some entries, by seq and key."""
        ...

    def last_seq(self) -> int:
        """Return the seq of the last entry, 0 for an empty ledger."""
        ...

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""
        ...


class Ledger(LedgerReader, Protocol):
    """A store of entries that one engine of this process writes."""

    def writing(
        self, holders: Iterable[Holder], reading: Iterable[Holder] = ()
    ) -> AbstractContextManager[None]:
        """Keep holders from other writers while one write is decided and appended.

        Inside, everything read of them is what `append` will find: no other process records
        anything of these holders, nor anything that changes those in `reading`, before this ends.
        `append` ends it; left without one, nothing was recorded. Where a store has one writer, this
        holds already. One at a time, on one thread.

        Args:
            holders: Whose entries and counters are decided on: (pooling area, person).
            reading: Who is looked at and not changed, such as a card or an institution; several
                writers may look at once.

        Raises:
            LedgerUnavailable: The store cannot be reached, or another writer kept a holder for too
                long. Nothing was recorded.
        """
        ...

    def append(self, entries: Sequence[Entry], create_time_us: int) -> int:
        """Record all entries in one durable transaction, or none of them.

        The entries get consecutive numbers in the order given; once this returns they survive a
        power cut. A counter may end below zero in no batch; inside a batch only its end counts.

        Args:
            entries: At most `limits.CLAIMS_PER_BATCH_MAX`. Cancels may follow their original in the
                same batch. No entries is no commit.
            create_time_us: Microseconds since 1970-01-01 UTC, the same for all.

        Returns:
            The seq of the first entry.

        Raises:
            Overtaken: Another process got ahead, where several write: a key was used before.
                Nothing was recorded. Decide again.
            InternalError: An entry breaks a rule: a key was used before, a counter or account would
                fall below zero. Nothing was recorded.
            LedgerUnavailable: The disk or the store failed. Nothing was recorded as far as is
                known; the message says where that is not known. A ledger in a file takes no more
                entries until it is opened again; one at a server does once that is back.
        """
        ...
