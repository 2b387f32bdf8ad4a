"""Counting a day as its segments come: its ends, its institutions, tables that are made anew."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from medsettle.audit import Projector
from medsettle.console.today_counts import TodayCounts
from medsettle.core.claims import ClaimBatch
from medsettle.engine import Engine
from medsettle.ledger.sqlite import SqliteLedger, SqliteReader
from medsettle.policy.book import load_rule_book

from tests.service.claims import claim
from tests.service.serving import RULES

_LAST_MOMENT_OF_MAY = datetime(2024, 5, 31, 15, 59, 59, 999_999, UTC)
_FIRST_OF_JUNE = datetime(2024, 5, 31, 16, tzinfo=UTC)
_LAST_OF_JUNE_FIRST = datetime(2024, 6, 1, 15, 59, 59, 999_999, UTC)
_SECOND_OF_JUNE = datetime(2024, 6, 1, 16, tzinfo=UTC)


@dataclass
class Bench:
    """An engine whose clock is set by hand, and the counts of the day behind it."""

    folder: Path
    moment: datetime
    engine: Engine
    reader: SqliteReader
    counts: TodayCounts

    def settle(self, number: int, moment: datetime, institution: str = "H1") -> None:
        """Settle a claim of 500 yuan at a moment, and write the audit tables."""
        self.moment = moment
        rows = [claim(number, institution=institution)]
        self.engine.settle(ClaimBatch.from_rows(rows))
        self.project()

    def project(self) -> None:
        """Write what is new into the audit tables, as one segment."""
        with Projector(self.reader, self.folder / "audit") as projector:
            projector.run_once()

    def records(self, institution: str | None = None) -> list[tuple[int, int]]:
        """Return the hours with settlements of the day of the clock, and how many there are."""
        self.counts.counted(institution)
        self.counts.wait()
        counted = self.counts.counted(institution)
        assert (0, "") == (counted.uncounted, counted.trouble)
        found = [(at, hour.records.get("settle", 0)) for at, hour in enumerate(counted.hours)]
        return [(at, records) for at, records in found if records]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Yield an engine with an empty ledger."""
    book = load_rule_book(RULES)
    made: list[Bench] = []

    def clock() -> datetime:
        return made[0].moment if made else _FIRST_OF_JUNE

    path = tmp_path / "ledger.db"
    with SqliteLedger(path) as ledger, SqliteReader(path) as reader:
        counts = TodayCounts(reader, tmp_path / "audit", clock)
        made.append(Bench(tmp_path, _FIRST_OF_JUNE, Engine(book, ledger, clock), reader, counts))
        yield made[0]


def test_a_day_is_from_midnight_to_midnight(bench: Bench) -> None:
    """Of China Standard Time, to the microsecond; the next day begins at nothing."""
    bench.settle(1, _LAST_MOMENT_OF_MAY)
    bench.settle(2, _FIRST_OF_JUNE)
    assert [(0, 1)] == bench.records()
    bench.settle(3, _LAST_OF_JUNE_FIRST)
    assert [(0, 1), (23, 1)] == bench.records()
    bench.moment = _SECOND_OF_JUNE
    assert [] == bench.records()
    bench.settle(4, _SECOND_OF_JUNE)
    assert [(0, 1)] == bench.records()
    assert date(2024, 6, 2) == bench.counts.counted().day


def test_institutions_are_counted_apart_and_together(bench: Bench) -> None:
    """Bills of 500 yuan each: two of one, one of another."""
    bench.settle(1, _FIRST_OF_JUNE, institution="H1")
    bench.settle(2, _FIRST_OF_JUNE, institution="H1")
    bench.settle(3, _FIRST_OF_JUNE, institution="H2")
    assert [(0, 3)] == bench.records()
    assert ([(0, 2)], [(0, 1)]) == (bench.records("H1"), bench.records("H2"))
    assert [] == bench.records("H3")
    totals = [bench.counts.counted(name).fen("total_fen") for name in (None, "H1", "H2", "H3")]
    assert [150_000, 100_000, 50_000, 0] == totals


def test_tables_that_are_made_anew_are_counted_anew(bench: Bench) -> None:
    """Nothing is counted twice when the folder was moved aside and written again."""
    bench.settle(1, _FIRST_OF_JUNE)
    bench.settle(2, _FIRST_OF_JUNE)
    assert [(0, 2)] == bench.records()
    shutil.rmtree(bench.folder / "audit")
    assert [] == bench.records()
    bench.project()
    assert [(0, 2)] == bench.records()


def test_what_the_tables_do_not_have_is_told(bench: Bench) -> None:
    """An entry of the ledger that is not projected yet is behind, and is not counted."""
    bench.settle(1, _FIRST_OF_JUNE)
    bench.engine.settle(ClaimBatch.from_rows([claim(2)]))
    assert [(0, 1)] == bench.records()
    assert 1 == bench.counts.counted().behind


def test_a_segment_that_is_missing_is_told_and_counted_once_it_is_back(bench: Bench) -> None:
    """What was counted stays, and nothing after the missing one is counted before it."""
    bench.settle(1, _FIRST_OF_JUNE)
    assert [(0, 1)] == bench.records()
    bench.settle(2, _FIRST_OF_JUNE)
    (file,) = (bench.folder / "audit" / "settlements").rglob("*0002.parquet")
    file.rename(file.with_suffix(".away"))
    bench.counts.counted()
    bench.counts.wait()
    counted = bench.counts.counted()
    assert (1, 1) == (counted.uncounted, counted.records("settle"))
    assert file.name in counted.trouble
    bench.counts.wait()
    file.with_suffix(".away").rename(file)
    assert [(0, 2)] == bench.records()
