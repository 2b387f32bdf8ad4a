"""Hindsight: settle a person's later claims once more, as if an earlier one had never been.

Nothing is recorded. Each later claim runs through the settler that settled it, in ledger order, on
the counters that it would have seen: what the ledger held at its place, and what the settlements
before it would have moved otherwise. What happened besides settlements, such as an opening or a
grant, is taken as it was; refused claims are not asked anew.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from medsettle import errors, limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.hindsight import Comparison, LaterSettlement, compared_shares
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.relatives import Granted, Person, received
from medsettle.core.settlement import Settlement
from medsettle.engine.copies import refuse_copy
from medsettle.engine.reading import nothing_to_compare
from medsettle.engine.visit_entries import part_ids
from medsettle.ledger.entries import LedgerReader, Recorded
from medsettle.ledger.records import decode_care, decode_postings, decode_scope, decode_settlement
from medsettle.settle.run import Settled, Settler

# What counters alone decide; any other refusal of what was settled is one of the rules loaded now.
_OF_COUNTERS = {Outcome.POLICY_GAP, Outcome.COUNTER_FULL}
_REVISIONS = ("policy", "policy_digest", "catalogue_digest")


@dataclass(frozen=True, slots=True)
class Hindsight:
    """Compares what is recorded with what would have been."""

    ledger: LedgerReader
    settler: Settler

    def without(
        self, settlement: str, *, later_max: int = limits.LATER_SETTLEMENTS_MAX
    ) -> Comparison:
        """Return a person's later settlements as recorded, and as they would be without one.

        Args:
            settlement: Id of a settlement or a visit, cancelled since or not. One settlement of a
                visit stands for all of it.
            later_max: How many later settlements are looked at.

        Raises:
            NotFound: No settlement and no visit is recorded under that id.
            DecidedElsewhere: It is a copy of what another area's engine decided, which alone has
                the person's counters.
            PolicyNotFound: A later one was settled by a revision that is not loaded.
        """
        gone = self._gone(settlement)
        refuse_copy(decode_settlement(gone[0]), "say what would have been without it")
        world = _World(self.ledger)
        for each in gone:
            world.let_move(each.settlement, Counter(), _moved(each))
        ids = {each.settlement for each in gone}
        later: list[LaterSettlement] = []
        seen = 0
        for entry in self._after(gone[0]):
            if entry.kind == "cancel":
                assert entry.original is not None, "a cancel has an original"
                world.take_back(entry.original)
            elif entry.kind == "settle" and entry.settlement not in ids:
                if seen == later_max:
                    return Comparison(tuple(later), complete=False)
                seen += 1
                compared = self._compared(entry, world)
                if self.ledger.cancel_of(entry.settlement) is None:
                    later.append(compared)
        return Comparison(tuple(later))

    def _gone(self, settlement: str) -> list[Recorded]:
        """Return the settlements that are to have never been, in ledger order."""
        found = self.ledger.settlement(settlement)
        if found is not None and found.kind == "settle":
            visit = decode_settlement(found).columns["visit"]
            if visit is None:
                return [found]
            found = self.ledger.settlement(str(visit))
        if found is None or found.kind != "visit":
            raise nothing_to_compare(settlement)
        parts = [self.ledger.settlement(each) for each in part_ids(found)]
        return [part for part in parts if part is not None]

    def _after(self, first: Recorded) -> Iterator[Recorded]:
        """Yield what is recorded of the person after an entry, in ledger order."""
        after_seq = first.seq
        while True:
            page = self.ledger.page(
                after_seq=after_seq,
                limit=limits.PAGE_SIZE_MAX,
                pooling_area=first.pooling_area,
                person=first.person,
                with_messages=False,
            )
            yield from page
            if len(page) < limits.PAGE_SIZE_MAX:
                return
            after_seq = page[-1].seq

    def _compared(self, entry: Recorded, world: "_World") -> LaterSettlement:
        recorded = decode_settlement(entry)
        result = self._again(entry, world)
        refused = isinstance(result, Rejection)
        if not isinstance(result, Rejection):
            _check_revision(recorded, result.settlement)
            moved = Counter[CounterKey]()
            for key, delta in result.moved:
                moved[key] += delta
            columns = result.settlement.columns
            world.let_move(entry.settlement, moved, _moved(entry))
        elif result.outcome in _OF_COUNTERS:
            world.let_move(entry.settlement, Counter(), _moved(entry))
        else:
            raise _not_loaded(recorded, result.message)
        day = recorded.columns["service_date"]
        return LaterSettlement(
            settlement=entry.settlement,
            seq=entry.seq,
            service_date=day,  # type: ignore[arg-type]
            institution=entry.institution,
            shares=compared_shares(recorded.columns, None if refused else columns),
            refusal=f"{result.outcome.name}: {result.message}"
            if isinstance(result, Rejection)
            else "",
        )

    def _again(self, entry: Recorded, world: "_World") -> Settled | Rejection:
        """Return what a recorded claim is settled to on the counters of a world."""
        claim, _ = decode_care(entry)
        batch = ClaimBatch.from_rows([claim])
        if (scope := decode_scope(entry)) is not None:
            batch = batch.scoped({0: scope})
        if batch.rejections:
            return batch.rejections[0]
        results = self.settler.run(
            batch,
            [0],
            lambda keys: world.values(keys, entry.seq),
            refuse_gaps=True,
            limits_of=lambda persons: world.limits(persons, entry.seq),
        )
        return results[0]


@dataclass
class _World:
    """The counters as they would have been, told by how far they are from the recorded ones."""

    ledger: LedgerReader
    apart: dict[str, Counter[CounterKey]] = field(default_factory=dict)
    _histories: dict[CounterKey, tuple[list[int], list[int]]] = field(default_factory=dict)

    def let_move(
        self, settlement: str, moved: Counter[CounterKey], recorded: Counter[CounterKey]
    ) -> None:
        """Let a settlement move counters otherwise than it was recorded to, until it is cancelled.

        Args:
            settlement: Its id.
            moved: What it would have moved.
            recorded: What it did move.
        """
        apart = Counter(moved)
        apart.subtract(recorded)
        self.apart[settlement] = apart

    def take_back(self, settlement: str) -> None:
        """Cancel a settlement: in both worlds what it moved is back where it was."""
        self.apart.pop(settlement, None)

    def values(self, keys: Sequence[CounterKey], seq: int) -> dict[CounterKey, int]:
        """Return what counters would have held before an entry."""
        return {
            # What a grant took may not have been there; nothing is paid from below zero.
            key: max(0, self._before(key, seq) + sum(each[key] for each in self.apart.values()))
            for key in keys
        }

    def limits(self, persons: Sequence[Person], seq: int) -> dict[Person, list[Granted]]:
        """Return the relatives' limits that would not have been used up, in order of binding."""
        found: dict[Person, list[Granted]] = {}
        for person in persons:
            rows = self.ledger.person_counters(*person)
            named = (received(person, counter, number) for counter, number, _ in rows)
            relations = sorted(filter(None, named), key=lambda each: each.number)
            held = self.values([each.limit for each in relations], seq)
            granted = [Granted(each, held[each.limit]) for each in relations if held[each.limit]]
            if granted:
                found[person] = granted
        return found

    def _before(self, key: CounterKey, seq: int) -> int:
        """Return what the ledger held of a counter before an entry."""
        if key not in self._histories:
            self._histories[key] = self._read(key)
        seqs, held = self._histories[key]
        place = bisect_left(seqs, seq)
        return held[place - 1] if place else 0

    def _read(self, key: CounterKey) -> tuple[list[int], list[int]]:
        seqs: list[int] = []
        held: list[int] = []
        while True:
            page = self.ledger.history(
                key, after_seq=seqs[-1] if seqs else 0, limit=limits.PAGE_SIZE_MAX
            )
            seqs += [each.seq for each in page]
            held += [each.value for each in page]
            if len(page) < limits.PAGE_SIZE_MAX:
                return seqs, held


def _moved(entry: Recorded) -> Counter[CounterKey]:
    moved = Counter[CounterKey]()
    for posting in decode_postings(entry):
        moved[posting.key] += posting.delta
    return moved


def _check_revision(recorded: Settlement, again: Settlement) -> None:
    for name in _REVISIONS:
        if recorded.columns[name] != again.columns[name]:
            found = f"{name} {recorded.columns[name]}; loaded is {again.columns[name]}"
            raise _not_loaded(recorded, f"it has {found}")


def _not_loaded(recorded: Settlement, why: str) -> errors.PolicyNotFound:
    settlement = str(recorded.columns["settlement"])
    return errors.PolicyNotFound(
        f"settlement {settlement} cannot be settled again as it was: {why}. Load the rules of that "
        "time",
        settlement=settlement,
    )
