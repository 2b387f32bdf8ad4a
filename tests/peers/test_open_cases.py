"""The list of open cases: what stays in it, when each is due, and who else may read it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import apsw
import pytest
from medsettle import limits
from medsettle.errors import LedgerUnavailable
from medsettle.peers.open_cases import OpenCases, Unknown, open_rows

_US = 1_000_000
_FIRST_US = int(limits.CASE_SECONDS_FIRST * _US)
_UNKNOWN = Unknown("H1", "Q1", "SettleScoped", "999942", b"body", b"d" * 32, "P1", trouble="none")


@dataclass
class _Clock:
    """A clock that is set."""

    us: int = 1_000 * _US

    def __call__(self) -> int:
        """Return the present."""
        return self.us


@pytest.fixture(name="clock")
def _clock() -> _Clock:
    return _Clock()


@pytest.fixture(name="opened")
def _opened(tmp_path: Path, clock: _Clock) -> Iterator[Callable[[], OpenCases]]:
    """Yield what opens the list, again and again."""
    made: list[OpenCases] = []

    def opened() -> OpenCases:
        made.append(OpenCases(tmp_path / "peers.db", clock, lambda low, high: (low + high) / 2))
        return made[-1]

    yield opened
    for each in made:
        each.close()


def test_all_is_there_after_the_next_start(opened: Callable[[], OpenCases], clock: _Clock) -> None:
    """Deliveries with their attempts, unknowns with their bytes, and the position."""
    cases = opened()
    cases.open_deliveries([("S1", "999941"), ("S2", "999943")], 7)
    cases.open_unknown(_UNKNOWN)
    clock.us += _FIRST_US
    cases.put_off_deliveries(cases.due_deliveries()[:1], "gone")
    found = cases.deliveries(), cases.unknowns(), cases.position
    cases.close()
    cases.close()

    again = opened()
    assert found == (again.deliveries(), again.unknowns(), again.position)
    assert [("S1", 1, "gone"), ("S2", 0, "")] == [
        (each.record, each.attempts, each.trouble) for each in again.deliveries()
    ]
    assert again.is_unknown(("H1", "Q1"))
    assert replace(_UNKNOWN, opened_us=1_000 * _US) == again.unknown(("H1", "Q1"))
    assert not again.is_unknown(("H1", "Q2"))


def test_what_was_not_closed_properly_is_there(opened: Callable[[], OpenCases]) -> None:
    """A second handle sees what the first has written, which a killed process never closes."""
    opened().open_unknown(_UNKNOWN, synced=True)

    assert opened().is_unknown(_UNKNOWN.key)


def test_the_position_never_goes_back(opened: Callable[[], OpenCases]) -> None:
    """A place before that of now opens what it names, and changes nothing else."""
    cases = opened()
    for place in (5, 3, 9, 0):
        cases.open_deliveries([(f"S{place}", "999941")], place)

    assert (9, 4) == (cases.position, len(cases.deliveries()))


def test_a_delivery_is_opened_once(opened: Callable[[], OpenCases], clock: _Clock) -> None:
    """Opened again it keeps its moment and its attempts; closed, it is open anew."""
    cases = opened()
    cases.open_deliveries([("S1", "999941")], 1)
    clock.us += _FIRST_US
    cases.put_off_deliveries(cases.due_deliveries(), "gone")
    cases.open_deliveries([("S1", "999941")], 1)
    assert 1 == cases.deliveries()[0].attempts
    cases.close_deliveries(["S1", "S9"])
    assert [] == cases.deliveries()
    cases.open_deliveries([("S1", "999941")], 1)

    assert [(0, clock.us)] == [(each.attempts, each.opened_us) for each in cases.deliveries()]


def test_an_unknown_is_opened_once(opened: Callable[[], OpenCases]) -> None:
    """What is open already stays as it is, whatever comes under its id."""
    cases = opened()

    assert cases.open_unknown(_UNKNOWN, synced=True)
    assert not cases.open_unknown(replace(_UNKNOWN, method="CancelScoped", trouble="later"))
    assert ["SettleScoped"] == [each.method for each in cases.unknowns()]
    cases.close_unknown(_UNKNOWN.key)
    cases.close_unknown(_UNKNOWN.key)
    assert not cases.is_unknown(_UNKNOWN.key)
    assert cases.open_unknown(_UNKNOWN)


def test_pauses_double_up_to_a_bound(opened: Callable[[], OpenCases], clock: _Clock) -> None:
    """From the first pause on, each is twice the one before, and none is above the longest."""
    cases = opened()
    cases.open_deliveries([("S1", "999941")], 1)
    pauses = []
    for _ in range(40):
        seconds = cases.seconds_to_next()
        assert seconds is not None
        pauses.append(seconds)
        clock.us += round(seconds * _US)
        cases.put_off_deliveries(cases.due_deliveries(), "gone")
        assert [] == cases.due_deliveries()

    assert [0.5, 1, 2, 4, 8, 16, 30, 30] == pauses[:8]
    assert {limits.CASE_SECONDS_MAX} == {*pauses[6:]}
    assert 40 == cases.deliveries()[0].attempts


def test_an_unknown_is_tried_when_its_grace_ends(
    opened: Callable[[], OpenCases], clock: _Clock
) -> None:
    """Pauses double, none sleeps through the moment from which on it may be withdrawn."""
    cases = opened()
    cases.open_unknown(_UNKNOWN)
    begun, tried = clock.us, []
    for _ in range(9):
        seconds = cases.seconds_to_next()
        assert seconds is not None
        clock.us += round(seconds * _US)
        tried.append((clock.us - begun) / _US)
        (unknown,) = cases.due_unknowns()
        cases.put_off_unknowns([unknown], "gone")
        assert [] == cases.due_unknowns()

    grace = limits.UNKNOWN_GRACE_SECONDS
    assert [0.5, 1.5, 3.5, 7.5, grace] == tried[:5]
    assert [16, 30, 30, 30] == [after - before for before, after in pairwise(tried[4:])]


def test_pauses_are_drawn_apart(tmp_path: Path, clock: _Clock) -> None:
    """A fifth either way at most, so that what failed together does not return together."""
    asked = []

    def draw(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    cases = OpenCases(tmp_path / "peers.db", clock, draw)
    cases.open_unknown(_UNKNOWN)
    clock.us += _FIRST_US
    cases.put_off_unknowns([_UNKNOWN], "gone")

    assert [(0.8, 1.2)] == asked
    assert 1.2 == cases.seconds_to_next()
    cases.close()


def test_due_are_the_oldest_first_and_so_many(
    opened: Callable[[], OpenCases], clock: _Clock
) -> None:
    """Nothing is due before its pause is over; then the oldest are, up to the bound at once."""
    cases = opened()
    assert cases.seconds_to_next() is None
    most = limits.CASES_AT_ONCE_MAX
    cases.open_deliveries([("late", "999941")], 1)
    clock.us -= 10
    cases.open_deliveries([(f"S{number:04}", "999941") for number in range(most)], 1)
    assert [] == cases.due_deliveries()
    clock.us += _FIRST_US + 10

    due = [each.record for each in cases.due_deliveries()]
    assert most == len(due)
    assert "late" not in due
    assert 0.0 == cases.seconds_to_next()
    assert limits.CASE_SECONDS_FIRST == cases.age_seconds(clock.us - _FIRST_US)


@pytest.mark.parametrize(
    "write",
    [
        lambda connection: connection.pragma("application_id", 7),
        lambda connection: connection.pragma("user_version", 2),
        lambda connection: connection.execute("create table mine (x); pragma user_version = 1"),
    ],
)
def test_a_file_of_another_program_is_left_alone(
    tmp_path: Path, clock: _Clock, write: Callable[[apsw.Connection], object]
) -> None:
    """What it says is named, and nothing of it is changed."""
    path = tmp_path / "peers.db"
    connection = apsw.Connection(str(path))
    write(connection)
    connection.execute("create table kept (x)")
    connection.close()

    with pytest.raises(LedgerUnavailable, match="move it aside"):
        OpenCases(path, clock)
    connection = apsw.Connection(str(path))
    tables = connection.execute("select name from sqlite_schema where name = 'position'").fetchall()
    connection.close()
    assert [] == tables


def test_no_database_and_no_folder_are_told(tmp_path: Path, clock: _Clock) -> None:
    """A file of other bytes, and a place where none can be made."""
    (tmp_path / "text.db").write_text("no database at all, but some text" * 99, encoding="utf-8")

    for path in (tmp_path / "text.db", tmp_path / "nowhere" / "peers.db"):
        with pytest.raises(LedgerUnavailable, match="cannot be opened"):
            OpenCases(path, clock)


def test_another_process_reads_beside_it(opened: Callable[[], OpenCases], tmp_path: Path) -> None:
    """A person is told what is open while the engine writes, in the middle of a commit too."""
    cases = opened()
    cases.open_deliveries([("S1", "999941")], 1)
    cases.open_unknown(_UNKNOWN)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=1_060)
    writer = apsw.Connection(str(tmp_path / "peers.db"))
    writer.execute("begin immediate; delete from deliveries")

    rows = [*open_rows(tmp_path / "peers.db", moment)]

    writer.execute("rollback")
    writer.close()
    assert [
        {
            "kind": "delivery",
            "record": "S1",
            "area": "999941",
            "attempts": 0,
            "seconds": 60,
            "trouble": "",
        },
        {
            "kind": "unknown",
            "record": "H1/Q1",
            "area": "999942",
            "attempts": 0,
            "seconds": 60,
            "trouble": "none",
        },
    ] == rows
    assert [] == [*open_rows(tmp_path / "none.db", moment)]
    assert not (tmp_path / "none.db").exists()


def test_a_clock_that_is_set_back_lets_nothing_sleep(
    opened: Callable[[], OpenCases], clock: _Clock
) -> None:
    """What would be due in an hour is due now, and what lies ahead is old."""
    cases = opened()
    cases.open_deliveries([("S1", "999941")], 1)
    cases.open_unknown(_UNKNOWN)
    clock.us -= 3_600 * _US

    assert 0 == cases.seconds_to_next()
    assert 1 == len(cases.due_deliveries())
    assert 1 == len(cases.due_unknowns())
    assert cases.age_seconds(clock.us + 1) == limits.UNKNOWN_GRACE_SECONDS
