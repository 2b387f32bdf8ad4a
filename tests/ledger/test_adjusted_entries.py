"""Adjustments in every store: of a settlement of the same person, as many as there are."""

from collections.abc import Iterator

import pytest
from medsettle.ledger import Entry, Posting
from medsettle.ledger.opening import LedgerPlace, OpenLedger, open_ledger
from medsettle.torture.memory_ledger import MemoryLedger

from tests.ledger.building import AREA, PAID_KEY, REFUSED, entry


@pytest.fixture(name="ledger")
def _ledger(place: LedgerPlace) -> Iterator[OpenLedger]:
    with open_ledger(place) as opened:
        yield opened


def test_a_settlement_may_be_adjusted_often(ledger: OpenLedger) -> None:
    """Adjustments are found by the person; a cancel of the same settlement is still one."""
    ledger.append([entry(1, Posting(PAID_KEY, 9))], 5)
    ledger.append([entry(2, Posting(PAID_KEY, -2), kind="adjust", subject="S1")], 6)
    ledger.append([entry(3, kind="adjust", subject="S1")], 7)
    ledger.append([entry(4, Posting(PAID_KEY, -7), kind="cancel", original="S1")], 8)

    adjusted = ledger.events([(AREA, "P1")], "adjust")
    assert [(2, "S1"), (3, "S1")] == [(each.seq, each.subject) for each in adjusted]
    cancel = ledger.cancel_of("S1")
    assert cancel is not None
    assert 4 == cancel.seq
    assert ["cancel", "adjust", "adjust", "settle"] == [
        each.kind for each in ledger.latest(AREA, "P1", limit=9)
    ]
    assert {PAID_KEY: 0} == ledger.counters([PAID_KEY])


_REFUSED = [
    pytest.param(
        entry(2, kind="adjust", subject="S9"), "names no settlement", id="of-nothing-recorded"
    ),
    pytest.param(
        entry(2, kind="adjust", subject="S1", person="P2"), "names no settlement", id="of-another"
    ),
    pytest.param(
        entry(2, kind="adjust", subject="S1", original="S1"), "only_cancels", id="with-an-original"
    ),
    pytest.param(entry(2, kind="adjust"), "only_events|names no", id="without-a-settlement"),
]


@pytest.mark.parametrize(("second", "rule"), _REFUSED)
def test_an_adjustment_of_nothing_is_refused(ledger: OpenLedger, second: Entry, rule: str) -> None:
    """The store names the rule, and nothing of the batch stays."""
    ledger.append([entry(1)], 5)
    with pytest.raises(REFUSED, match=rule):
        ledger.append([second, entry(3)], 6)
    assert 1 == ledger.last_seq()


@pytest.mark.parametrize(("second", "rule"), _REFUSED)
def test_a_ledger_in_memory_refuses_the_same(second: Entry, rule: str) -> None:
    """Simulations keep to the rules of the stores."""
    ledger = MemoryLedger()
    ledger.append([entry(1)], 5)
    with pytest.raises(REFUSED, match=rule):
        ledger.append([second], 6)
