"""Random histories of a ledger against a model that is a list and a dictionary."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from medsettle.ledger import ACCOUNT, CounterKey, Entry, Posting
from medsettle.ledger.opening import open_ledger

from tests.ledger.building import AREA, REFUSED, entry, recorded, sums
from tests.stores import new_place

_KEYS = [
    CounterKey(AREA, person, counter, period)
    for person in ("P1", "P2")
    for counter, period in ((ACCOUNT, 0), ("fund_paid", 2024), ("fund_paid", 2025))
]
_POSTINGS = st.lists(
    st.builds(Posting, st.sampled_from(_KEYS), st.integers(-60, 100)), max_size=4
).map(tuple)
# Few request ids and few numbers, so that they meet again.
_CLAIMS = st.tuples(
    st.integers(1, 40), st.none() | st.integers(1, 40), st.sampled_from(("P1", "P2")), _POSTINGS
)


class LedgerMachine(RuleBasedStateMachine):
    """A ledger beside the list of entries that it should hold."""

    store = "sqlite"

    @initialize()
    def open(self) -> None:
        """Start with an empty ledger and an empty list."""
        self.folder = tempfile.TemporaryDirectory()
        self.place = new_place(self.store, Path(self.folder.name))
        self.ledger = open_ledger(self.place)
        self.held: list[Entry] = []
        self.made = 0

    def teardown(self) -> None:
        """Let go of the file."""
        self.ledger.close()
        self.folder.cleanup()

    @rule(claims=st.lists(_CLAIMS, min_size=1, max_size=4))
    def settle(self, claims: list[tuple[int, int | None, str, tuple[Posting, ...]]]) -> None:
        """Send a batch of claims; some ids may have been used, some balances may not suffice."""
        batch = []
        for request, number, person, postings in claims:
            self.made += 1
            batch.append(
                entry(
                    self.made,
                    *postings,
                    request_id=f"Q{request}",
                    institution_settlement=None if number is None else f"N{number}",
                    person=person,
                )
            )
        self._append(batch)

    @rule(position=st.integers(0, 30))
    def cancel(self, position: int) -> None:
        """Take back any entry with the opposite postings; most have been taken back, or cannot."""
        if not self.held:
            return
        original = self.held[position % len(self.held)]
        self.made += 1
        opposite = (Posting(posting.key, -posting.delta) for posting in original.postings)
        taken_back = entry(
            self.made,
            *opposite,
            kind="cancel",
            original=original.settlement,
            person=original.person,
        )
        self._append([taken_back])

    @rule()
    def reopen(self) -> None:
        """Close and open, as a restart does."""
        self.ledger.close()
        self.ledger = open_ledger(self.place)

    @invariant()
    def holds_what_the_list_holds(self) -> None:
        """Entries, their names and the counters are those of the list."""
        expected = [recorded(seq, 7, one) for seq, one in enumerate(self.held, 1)]
        assert expected == self.ledger.page(after_seq=0, limit=1_000)
        totals = sums(self.held)
        found = self.ledger.counters(_KEYS)
        assert {key: totals.get(key, 0) for key in _KEYS} == {
            key: found.get(key, 0) for key in _KEYS
        }
        assert self.ledger.verify() is None
        keys = [(one.institution, one.request_id) for one in self.held]
        by_request = self.ledger.requests(keys)
        assert dict(zip(keys, expected, strict=True)) == by_request

    def _append(self, batch: list[Entry]) -> None:
        if self._allowed(batch):
            assert len(self.held) + 1 == self.ledger.append(batch, 7)
            self.held += batch
        else:
            with pytest.raises(REFUSED):
                self.ledger.append(batch, 7)

    def _allowed(self, batch: list[Entry]) -> bool:
        after = self.held + batch
        requests = [one.request_id for one in after]
        numbers = [one.institution_settlement for one in after if one.kind == "settle"]
        given = [number for number in numbers if number is not None]
        originals = [one.original for one in after if one.kind == "cancel"]
        settled = {one.settlement for one in after if one.kind == "settle"}
        unique = all(len(names) == len(set(names)) for names in (requests, given, originals))
        return unique and set(originals) <= settled and min(sums(after).values(), default=0) >= 0


class PostgresMachine(LedgerMachine):
    """The same in PostgreSQL."""

    store = "postgres"


LedgerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=20)
PostgresMachine.TestCase.settings = settings(max_examples=12, stateful_step_count=20)
test_ledger_machine = pytest.mark.slow(LedgerMachine.TestCase)
test_postgres_machine = pytest.mark.slow(PostgresMachine.TestCase)
