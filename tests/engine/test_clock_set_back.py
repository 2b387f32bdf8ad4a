"""A clock that is wrong moves no fen: it dates records and decides no rule."""

from datetime import timedelta
from pathlib import Path

from medsettle.books.conservation import discrepancies
from medsettle.engine import Engine

from tests.engine.engines import engine_on, settled, stay
from tests.service.serving import Ticking


def _clock(engine: Engine) -> Ticking:
    assert isinstance(engine.clock, Ticking)
    return engine.clock


def test_a_clock_that_jumps_changes_no_amount(tmp_path: Path) -> None:
    """Set back by a year and forward by ten between claims of a person: the same amounts."""
    rows = [stay(number, person="P") for number in (1, 2, 3)]
    for name in ("right", "wrong"):
        (tmp_path / name).mkdir()
    with engine_on(tmp_path / "right") as right:
        expected = [settled(right, row) for row in rows]
    with engine_on(tmp_path / "wrong") as wrong:
        found = []
        for row, days in zip(rows, (0, -366, 3_660), strict=True):
            _clock(wrong).moment += timedelta(days=days)
            found.append(settled(wrong, row))
        faults = list(discrepancies(wrong.ledger, tmp_path / "none"))  # type: ignore[arg-type]

    moments = [each.columns["create_time"] for each in found]
    assert moments[1] < moments[0] < moments[2]  # type: ignore[operator]
    for one, other in zip(expected, found, strict=True):
        dated = {"create_time": other.columns["create_time"]}
        assert one.columns | dated == other.columns
        assert one.amounts == other.amounts
    assert [1, 2, 3] == [each.columns["seq"] for each in found]
    assert [] == faults
