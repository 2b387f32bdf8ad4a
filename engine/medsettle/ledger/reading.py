"""The reading half of every ledger in a database: one question, one statement, one snapshot.

The questions and what their answers become are the same in each store; the words differ, and so
does how many keys are handed over at once. A store gives its words (`ReadStatements`) and says how
rows are fetched.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from medsettle import limits
from medsettle.core.counters import CounterKey
from medsettle.ledger.entries import CounterMismatch, EntryKind, Moved, Recorded
from medsettle.ledger.listing import ListStatements, Row, SettlementLists, Value

ENTRY_COLUMNS: tuple[str, ...] = (
    "seq",
    "create_time_us",
    "kind",
    "settlement",
    "original",
    "institution",
    "request_id",
    "institution_settlement",
    "pooling_area",
    "person",
    "service_day",
    "content_digest",
    "record",
    "subject",
)


_KEY = "pooling_area, person, counter, period"
# What constraints and triggers forbid, looked for all the same: rows of each are findings.
DAMAGE: Final[dict[str, str]] = {
    "select count(*), max(seq) from entries having count(*) <> coalesce(max(seq), 0)": (
        "the number of entries and the last number differ"
    ),
    "select institution, request_id from entries group by 1, 2 having count(*) > 1": (
        "a request id is recorded twice"
    ),
    "select c.seq, c.original from entries c left join entries o on o.settlement = c.original "
    "where c.original is not null and (o.seq is null or o.seq >= c.seq)": (
        "a cancel has no original before it"
    ),
    "select a.seq, a.subject from entries a left join entries o on o.settlement = a.subject "
    "where a.kind = 'adjust' and (o.seq is null or o.seq >= a.seq)": (
        "an adjustment has no settlement before it"
    ),
    "select distinct p.seq from postings p left join entries e on e.seq = p.seq "
    "where e.seq is null": "postings belong to no entry",
}


def last_before(create_time_us: int, last_seq: int, moment_of: Callable[[int], int]) -> int:
    """Return a seq up to which nothing was recorded from a moment on.

    A moment that lies before the one asked for by more than clocks differ has none behind it, among
    the entries before, that does not; so halving finds a place although moments are not quite in
    order.

    Args:
        create_time_us: The moment.
        last_seq: Of the last entry, 0 where there is none.
        moment_of: Returns when an entry was recorded.
    """
    wanted = create_time_us - limits.CLOCK_DISORDER_US
    low, high = 0, last_seq
    while low < high:
        middle = (low + high + 1) // 2
        if moment_of(middle) < wanted:
            low = middle
        else:
            high = middle - 1
    return low


@dataclass(frozen=True, slots=True)
class ReadStatements(ListStatements):
    """The questions of a reader in the words of one store.

    `mark` stands for one value. Those from `requests` to `counters_named`, and `cancels_of`, take
    keys, the others plain values; all that answer with entries select `ENTRY_COLUMNS`.
    """

    requests: str
    institution_settlements: str
    counters: str
    events: str
    card_events: str
    messages: str
    settled_since: str
    counters_named: str
    settlement: str
    cancel_of: str
    cancels_of: str
    latest: str
    person_counters: str
    history: str
    moment: str
    last_seq: str
    first_mismatch: str


class EntryReader(SettlementLists):
    """Reads entries and counters by the statements of a store. Safe to share between threads."""

    _statements: ReadStatements

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def requests(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Recorded]:
        """Return the entries recorded under these (institution, request id); others are absent."""
        found = (Recorded(*row) for row in self._keyed(self._statements.requests, keys))
        return {(recorded.institution, recorded.request_id): recorded for recorded in found}

    def institution_settlements(
        self, keys: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], str]:
        """Return the settlement id for each known (institution, institution's settlement number).

        Cancelled settlements keep their number: what was used once is used.
        """
        rows = self._keyed(self._statements.institution_settlements, keys)
        return {(institution, number): settlement for institution, number, settlement in rows}

    def counters(self, keys: Sequence[CounterKey]) -> dict[CounterKey, int]:
        """Return the values of these counters; a key that was never posted to is absent, so 0."""
        return {keys[index]: value for index, value in self._counter_values(keys)}

    def settlement(self, settlement: str) -> Recorded | None:
        """Return the entry with this id, or None."""
        rows = self._rows(self._statements.settlement, (settlement,))
        return Recorded(*rows[0]) if rows else None

    def cancel_of(self, settlement: str) -> Recorded | None:
        """Return the entry that cancels this settlement or visit, or None."""
        rows = self._rows(self._statements.cancel_of, (settlement,))
        return Recorded(*rows[0]) if rows else None

    def cancels_of(self, settlements: Sequence[str]) -> dict[str, Recorded]:
        """Return the entries that cancel these settlements or visits, by the id of the original."""
        keys = [(settlement,) for settlement in settlements]
        found = (Recorded(*row) for row in self._keyed(self._statements.cancels_of, keys))
        return {str(recorded.original): recorded for recorded in found}

    def events(self, holders: Sequence[tuple[str, str]], kind: EntryKind) -> list[Recorded]:
        """Return the events of one kind that happened to these (area, person), in seq order."""
        keys = [(*holder, kind) for holder in dict.fromkeys(holders)]
        return [Recorded(*row) for row in self._keyed(self._statements.events, keys)]

    def card_events(
        self, cards: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], list[Recorded]]:
        """Return the events of these (pooling area, card) in seq order; others are absent."""
        rows = self._keyed(self._statements.card_events, list(dict.fromkeys(cards)))
        found: dict[tuple[str, str], list[Recorded]] = {}
        for recorded in (Recorded(*row) for row in rows):
            found.setdefault((recorded.pooling_area, str(recorded.subject)), []).append(recorded)
        return found

    def messages(self, subjects: Sequence[str]) -> dict[str, list[Recorded]]:
        """Return the messages about these subjects in seq order; others are absent."""
        keys = [(subject,) for subject in dict.fromkeys(subjects)]
        found: dict[str, list[Recorded]] = {}
        for recorded in (Recorded(*row) for row in self._keyed(self._statements.messages, keys)):
            found.setdefault(str(recorded.subject), []).append(recorded)
        return found

    def settled_since(self, persons: Sequence[tuple[str, str, int]]) -> list[Recorded]:
        """Return the settlements of these (area, person) from a service day on, in seq order.

        Settlements that have been cancelled are not among them.
        """
        return [Recorded(*row) for row in self._keyed(self._statements.settled_since, persons)]

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
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        filters = {"pooling_area": pooling_area, "institution": institution, "person": person}
        given = {name: value for name, value in filters.items() if value is not None}
        mark = self._statements.mark
        # The words are those of the indexes, by which a store knows that they will do.
        conditions = "" if with_messages else " and e.kind <> 'message'"
        conditions += "".join(f" and e.{name} = {mark}" for name in given)
        rows = self._rows(
            f"{self._statements.page}{conditions} order by e.seq limit {mark}",
            (after_seq, *given.values(), limit),
        )
        return [Recorded(*row) for row in rows]

    def latest(self, pooling_area: str, person: str, *, limit: int) -> list[Recorded]:
        """Return the last `limit` settlements and cancels of a person of an area, newest first.

        `limit` is at most `limits.PAGE_SIZE_MAX`.
        """
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        rows = self._rows(self._statements.latest, (person, pooling_area, limit))
        return [Recorded(*row) for row in rows]

    def person_counters(self, pooling_area: str, person: str) -> list[tuple[str, int, int]]:
        """Return (counter, period, value) of a person, sorted, the account among them."""
        rows = self._rows(self._statements.person_counters, (pooling_area, person))
        return [(counter, period, value) for counter, period, value in rows]

    def counters_named(
        self, persons: Sequence[tuple[str, str]], prefix: str
    ) -> list[tuple[CounterKey, int]]:
        """Return the counters above zero of these persons whose names begin with a prefix."""
        # The last letter of what begins with the prefix lies below the next letter.
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        rows = self._keyed(self._statements.counters_named, persons, prefix, end)
        return [(CounterKey(*key), value) for *key, value in rows]

    def history(self, key: CounterKey, *, after_seq: int, limit: int) -> list[Moved]:
        """Return up to `limit` changes of a counter after `after_seq`, in seq order.

        `limit` is at most `limits.PAGE_SIZE_MAX`.
        """
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        rows = self._rows(self._statements.history, (*key, after_seq, *key, after_seq, limit))
        return [Moved(*row) for row in rows]

    def last_seq(self) -> int:
        """Return the seq of the last entry, 0 for an empty ledger."""
        return int(self._rows(self._statements.last_seq, ())[0][0])

    def seq_before(self, create_time_us: int) -> int:
        """Return a seq up to which nothing was recorded from a moment on; see `LedgerReader`."""
        moment = self._statements.moment
        return last_before(
            create_time_us, self.last_seq(), lambda seq: int(self._rows(moment, (seq,))[0][0])
        )

    def verify(self) -> CounterMismatch | None:
        """Return the first counter that is not the sum of its postings, None when all are.

        Reads every posting; counters are compared in the order of their keys.
        """
        rows = self._rows(self._statements.first_mismatch, ())
        if not rows:
            return None
        *key, value, posted = rows[0]
        return CounterMismatch(CounterKey(*key), int(value), int(posted))

    def postings(self, first_seq: int, last_seq: int) -> list[tuple[int, CounterKey, int]]:
        """Return (seq, key, delta) of all postings of some entries, by seq and key."""
        mark = self._statements.mark
        rows = self._rows(
            f"select seq, {_KEY}, delta from postings "  # noqa: S608 - our own column names
            f"where seq between {mark} and {mark} order by seq, {_KEY}",
            (first_seq, last_seq),
        )
        return [(seq, CounterKey(*key), delta) for seq, *key, delta in rows]

    def counters_after(self, key: CounterKey | None, *, limit: int) -> list[tuple[CounterKey, int]]:
        """Return up to `limit` counters with their values, in the order of their keys.

        Args:
            key: The last key of the page before; None for the first page.
            limit: At most `limits.PAGE_SIZE_MAX`.
        """
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        mark = self._statements.mark
        rows = self._rows(
            f"select {_KEY}, value from counters "  # noqa: S608 - our own column names
            f"where ({_KEY}) > ({mark}, {mark}, {mark}, {mark}) order by {_KEY} limit {mark}",
            (*(key or CounterKey("", "", "", 0)), limit),
        )
        return [(CounterKey(*found), value) for *found, value in rows]

    def totals_before(self, seq: int, keys: Sequence[CounterKey]) -> dict[CounterKey, int]:
        """Return what the postings before an entry add up to, for each of some counters."""
        mark = self._statements.mark
        statement = (
            "select coalesce(sum(delta), 0) from postings "  # noqa: S608 - our own marks
            f"where pooling_area = {mark} and person = {mark} and counter = {mark} "
            f"and period = {mark} and seq < {mark}"
        )
        return {key: int(self._rows(statement, (*key, seq))[0][0]) for key in keys}

    def damage(self) -> list[str]:
        """Return what is wrong with numbers and keys, which a store does not let happen."""
        return [
            f"{words}: {' '.join(map(str, row))}"
            for statement, words in DAMAGE.items()
            for row in self._rows(statement, ())
        ]

    @abstractmethod
    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""

    @abstractmethod
    def _keyed(self, statement: str, keys: Sequence[Sequence[Value]], *values: Value) -> list[Row]:
        """Return the answer to one statement about all keys; without a key there is none."""

    @abstractmethod
    def _counter_values(self, keys: Sequence[CounterKey]) -> Iterable[tuple[int, int]]:
        """Return (position of the key, value) of the counters that were posted to."""
