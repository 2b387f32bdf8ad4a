"""What is read of an engine's audit tables, and followed where it is reversed afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from medsettle.audit import Projector
from medsettle.clearing.hospitals.audited import audited_rows
from medsettle.clearing.hospitals.reports import Reported, report
from medsettle.clearing.hospitals.status import Stage, claim_status, verify
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.core.adjustments import Adjustment
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.ledger.opening import open_ledger

from tests.clearing.hospital_claims import BY, opened
from tests.engine.engines import id_of, rule_book, settled, stay
from tests.service.claims import AREA
from tests.service.serving import Ticking
from tests.stores import ledger_in

pytestmark = pytest.mark.slow

_MONDAY, _TUESDAY = date(2024, 6, 3), date(2024, 6, 4)
_LESS = {
    "pooled_fund_fen": -1_000,
    "fund_total_fen": -1_000,
    "person_total_fen": 1_000,
    "cash_fen": 1_000,
}


@dataclass
class Agency:
    """An engine, the clock that it reads, its audit tables, and what an agency made of them."""

    engine: Engine
    clock: Ticking
    audit: Path
    store: HospitalStore

    def on(self, day: date) -> None:
        """Let it be a day in China."""
        self.clock.moment = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)

    def read(self, first: date, last: date | None = None) -> Reported:
        """Read some days in."""
        with Projector(self.engine.ledger, self.audit) as projector:
            while projector.run_once():
                pass
        rows = audited_rows(self.store, self.audit, AREA, first, last or first)
        return report(self.store, rows, BY)

    def adjust(self, settlement: Settlement) -> None:
        """Correct a settlement: the pool pays 10.00 less."""
        told = Adjustment("H1", "A1", id_of(settlement), _LESS, "i/S1", "less", "an", "bo")
        self.engine.adjustments.adjust(told)

    def due_fen(self, settlement: Settlement) -> int:
        """Return what the pool owes of a settlement."""
        return sum(part.due_fen for part in self.store.parts(id_of(settlement)))


@pytest.fixture(name="agency")
def _agency(tmp_path: Path) -> Iterator[Agency]:
    ledger = open_ledger(ledger_in(tmp_path))
    with opened(tmp_path) as store:
        clock = Ticking(datetime(2024, 6, 3, 2, tzinfo=UTC))
        yield Agency(Engine(rule_book(), ledger, clock), clock, tmp_path / "audit", store)
        assert [] == verify(store)
    ledger.close()


def test_a_settlement_reversed_after_it_was_read_is_taken_back(agency: Agency) -> None:
    """Read on Monday and reversed on Tuesday: nothing of it is due, however often it is read."""
    first = settled(agency.engine, stay(1))
    fund_fen = first.fen("fund_total_fen")
    assert Reported(1, 0, 0) == agency.read(_MONDAY)
    assert fund_fen == agency.due_fen(first) > 0
    agency.on(_TUESDAY)
    agency.engine.reverse("H1", "R1", "V1")
    assert Reported(1, 0, 0) == agency.read(_TUESDAY)

    assert 0 == agency.due_fen(first)
    assert Stage.TAKEN_BACK is claim_status(agency.store, id_of(first)).stage
    assert Reported(0, 2, 0) == agency.read(_MONDAY, _TUESDAY)


def test_a_reversal_is_told_with_the_day_of_its_original_too(agency: Agency) -> None:
    """Whoever reads Monday again learns of it, though it was reversed on a day not asked for."""
    first = settled(agency.engine, stay(1))
    agency.read(_MONDAY)
    agency.on(_TUESDAY)
    agency.engine.reverse("H1", "R1", "V1")
    assert Reported(1, 1, 0) == agency.read(_MONDAY)

    assert 0 == agency.due_fen(first)


def test_what_was_reversed_before_it_was_read_never_was(agency: Agency) -> None:
    """Neither it nor its reversal nor its adjustments are read; what else was settled is."""
    first = settled(agency.engine, stay(1))
    second = settled(agency.engine, stay(2))
    agency.adjust(first)
    agency.engine.reverse("H1", "R1", "V1")
    assert Reported(1, 0, 0) == agency.read(_MONDAY)

    assert [] == agency.store.parts(id_of(first))
    assert second.fen("fund_total_fen") == agency.due_fen(second)


def test_a_reversal_takes_adjustments_with_it(agency: Agency) -> None:
    """Of a settlement that was adjusted and reversed, both read before, nothing is left."""
    first = settled(agency.engine, stay(1))
    agency.adjust(first)
    assert Reported(2, 0, 0) == agency.read(_MONDAY)
    assert first.fen("fund_total_fen") - 1_000 == agency.due_fen(first)
    agency.engine.reverse("H1", "R1", "V1")
    assert Reported(2, 2, 0) == agency.read(_MONDAY)

    assert 0 == agency.due_fen(first)


def test_a_cancel_is_read_with_its_own_day(agency: Agency) -> None:
    """It is no reversal: Monday has the settlement, Tuesday what took it back."""
    first = settled(agency.engine, stay(1))
    agency.on(_TUESDAY)
    agency.engine.cancel("H1", "C1", id_of(first))
    assert Reported(1, 0, 0) == agency.read(_MONDAY)
    assert 0 < agency.due_fen(first)
    assert Reported(1, 0, 0) == agency.read(_TUESDAY)
    assert 0 == agency.due_fen(first)
