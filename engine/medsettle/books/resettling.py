"""Amounts follow the accumulators: each settlement worked out again from what stood before it.

The program of its policy runs once more on the recorded inputs, as for an explanation, and the
amounts must be the recorded ones. Of the inputs, the counters must be what all entries before it
moved, and what the settlement moves must be what the program says. So nobody was paid on a sum that
was not there.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import orjson

from medsettle import limits
from medsettle.books.discrepancies import Discrepancy
from medsettle.books.entry_laws import named_key
from medsettle.books.trial_balance import BooksReader
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import ACCOUNT, MUTUAL_AID, CounterKey
from medsettle.core.relatives import LIMIT_PREFIX, Person, Relation
from medsettle.core.settlement import Settlement
from medsettle.errors import InternalError, PolicyNotFound
from medsettle.ledger.entries import Recorded
from medsettle.ledger.records import decode_care, decode_settlement, postings_of
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.counter_keys import counter_keys
from medsettle.settle.explain import settled_again

_ITEMS = "item."


@dataclass
class Resettling:
    """Works settlements out again by a rule book, and those of other revisions by `others`.

    `settled` counts those that were, `unknown` those whose policy is not loaded in the revision
    that settled them; both grow while `discrepancies` is read.
    """

    reader: BooksReader
    book: RuleBook
    settled: int = 0
    unknown: int = 0
    others: Sequence[RuleBook] = ()

    def discrepancies(self, *, every: int = 1, first: int = 0) -> Iterator[Discrepancy]:
        """Yield every settlement that does not come out as recorded.

        Args:
            every: Look at one settlement of so many; 1 is all of them.
            first: Which of them: those whose place leaves this remainder.

        Raises:
            LedgerUnavailable: The ledger cannot be read.
        """
        after_seq = 0
        while page := self.reader.page(after_seq=after_seq, limit=limits.PAGE_SIZE_MAX):
            for recorded in page:
                if recorded.kind == "settle" and recorded.seq % every == first % every:
                    yield from self._settled(recorded)
            after_seq = page[-1].seq

    def _settled(self, recorded: Recorded) -> Iterator[Discrepancy]:
        try:
            record = orjson.loads(recorded.record)
            settlement = decode_settlement(recorded)
            if settlement.columns.get("side") is not None:
                # A copy: whoever decided it has the inputs.
                return
            policy = self._policy(settlement)
            if policy is None:
                self.unknown += 1
                return
            inputs: dict[str, int] = record["inputs"]
            trace = settled_again(policy, settlement, inputs)
            keys = _keys(policy, decode_care(recorded)[0], inputs)
            moved = {each.key: each.delta for each in postings_of(record, recorded)}
        except InternalError as error:
            yield _found(recorded, "the amounts", "those of its inputs", error.message)
            return
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            yield _found(recorded, "the record", "one that can be settled again", repr(error))
            return
        self.settled += 1
        yield from self._held(recorded, inputs, keys)
        yield from _moved(recorded, settlement, trace, keys, moved)

    def _policy(self, settlement: Settlement) -> CompiledPolicy | None:
        """Return the revision that settled it, if it is loaded."""
        for book in (self.book, *self.others):
            with suppress(PolicyNotFound):
                policy = book.policy(str(settlement.columns["policy"]))
                if policy.digest == settlement.columns["policy_digest"]:
                    return policy
        return None

    def _held(
        self, recorded: Recorded, inputs: dict[str, int], keys: dict[str, CounterKey]
    ) -> Iterator[Discrepancy]:
        """Find counters that were taken for something else than what stood there."""
        before = self.reader.totals_before(recorded.seq, list(keys.values()))
        for name, key in keys.items():
            stated = inputs.get(f"counter:{name}")
            if stated is None:
                continue
            held = self._limits(recorded) if name == MUTUAL_AID else before[key]
            if stated != held:
                yield _found(recorded, f"{named_key(key)} before it", str(held), str(stated))

    def _limits(self, recorded: Recorded) -> int:
        """Return what the limits of the person held together, as the waterfall sees it."""
        area, person = recorded.pooling_area, recorded.person
        keys = [
            CounterKey(area, person, counter, period)
            for counter, period, _ in self.reader.person_counters(area, person)
            if counter.startswith(LIMIT_PREFIX)
        ]
        held = self.reader.totals_before(recorded.seq, keys) if keys else {}
        return min(sum(held.values()), limits.AMOUNT_FEN_MAX)


def _keys(
    policy: CompiledPolicy, claim: dict[str, object], inputs: dict[str, int]
) -> dict[str, CounterKey]:
    """Return the counters of a claim by the names that its policy gives them."""
    columns = {name: np.array([value], dtype=np.int64) for name, value in inputs.items()}
    (keys,) = counter_keys(policy, ClaimBatch.from_rows([claim]), [0], columns)
    return keys


def _moved(
    recorded: Recorded,
    settlement: Settlement,
    trace: dict[str, int],
    keys: dict[str, CounterKey],
    moved: dict[CounterKey, int],
) -> Iterator[Discrepancy]:
    """Find moves that are not those of the program; items used up are the matter of the lines."""
    expected: dict[CounterKey, int] = {}
    for name, key in keys.items():
        if name != MUTUAL_AID and (amount := trace.get(f"counter:{name}", 0)):
            expected[key] = -amount if name == ACCOUNT else amount
    receiver = Person(recorded.pooling_area, recorded.person)
    for row in settlement.relatives:
        giver = Person(str(row["giver_area"]), str(row["giver"]))
        relation = Relation(giver, receiver, int(str(row["relation"])))
        paid = int(str(row["paid_fen"]))
        expected[relation.limit] = expected.get(relation.limit, 0) - paid
        expected[relation.used] = expected.get(relation.used, 0) + paid
    for key in dict.fromkeys([*expected, *moved]):
        if key.counter.startswith(_ITEMS):
            continue
        if expected.get(key, 0) != moved.get(key, 0):
            values = str(expected.get(key, 0)), str(moved.get(key, 0))
            yield _found(recorded, f"what it moves of {named_key(key)}", *values)


def _found(recorded: Recorded, key: str, expected: str, found: str) -> Discrepancy:
    return Discrepancy("settled again", recorded.seq, recorded.settlement, key, expected, found)
