"""`medsettle ledger drill`: a copy made under load is restored, and is the same."""

from pathlib import Path
from random import Random

import apsw
import pytest
from medsettle.cli.exits import Exit
from medsettle.cli.ledger_drill import drilled
from medsettle.torture.crowd import Crowd
from medsettle.torture.kills import area_alone

from tests.cli.commands import run, serving
from tests.deployment.timed import Timed
from tests.engine.engines import engine_on, settled, stay
from tests.service.serving import Ticking
from tests.torture.simulating import SHAPES


@pytest.mark.slow
def test_a_drill_under_load_finds_the_same(tmp_path: Path) -> None:
    """Clients ask the whole time; copy, restored ledger and its audit tables are one."""
    known = Timed()
    with area_alone(SHAPES) as rules, serving(tmp_path / "data", rules) as server:
        asking = [True]
        pool = Crowd(Random(3), 4, known).ask(server.address, lambda: asking[0])
        try:
            assert known.answers.wait_for(150, 60.0)
            done = run("ledger", "drill", "--data", tmp_path / "data", "--json")
            assert known.answers.wait_for(1, 60.0)
        finally:
            asking[0] = False
            pool.shutdown()

    assert (Exit.OK, []) == (done.code, done.json["findings"]), done.out + done.err
    assert 100 < done.json["entries"] == done.json["audit_rows_to"]
    assert 0 < done.json["restored_seconds"]
    assert [] == list(tmp_path.glob("medsettle-drill-*"))


def test_what_the_copy_lacks_is_counted(tmp_path: Path) -> None:
    """An entry that came after the copy is one that would have been lost, with its age."""
    with engine_on(tmp_path) as engine:
        settled(engine, stay(1))
        (tmp_path / "drill").mkdir()
        late = False

        def clock() -> object:
            nonlocal late
            if not late:
                late = True
                settled(engine, stay(2))
            assert isinstance(engine.clock, Ticking)
            return engine.clock()

        # What it asks first is how late it is once the copy is whole.
        found = drilled(tmp_path / "ledger.db", tmp_path / "drill", clock)  # type: ignore[arg-type]

    assert (1, 1, []) == (found.entries, found.lost_entries, found.findings)
    assert 0 < found.lost_seconds


def test_a_ledger_that_is_damaged_is_told(tmp_path: Path) -> None:
    """A counter that does not follow from the entries ends the drill, and is named."""
    with engine_on(tmp_path) as engine:
        settled(engine, stay(1))
    connection = apsw.Connection(str(tmp_path / "ledger.db"))
    connection.execute("update counters set value = value + 1")
    connection.close()
    done = run("ledger", "drill", "--data", tmp_path)

    assert Exit.UNAVAILABLE == done.code
    assert "is damaged: counter " in done.err
