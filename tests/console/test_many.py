"""The year before the day, which `--console-settlements` makes as long as somebody wants."""

from datetime import UTC, date, datetime
from pathlib import Path

from medsettle.audit import query
from medsettle.core.settlement import Settlement

from tests.cli.commands import one_area
from tests.console.many import last_settlements, settle_many

_UNTIL = date(2026, 3, 10)
_COUNT = 70


def _day(settlement: Settlement) -> date:
    moment = settlement.columns["create_time"]
    assert isinstance(moment, datetime)
    return moment.astimezone(UTC).date()


def test_a_year_is_settled_and_projected(tmp_path: Path) -> None:
    """As many as are wanted, each recorded on the day of its service, before the day; no more."""
    data = tmp_path / "data"
    assert [] == last_settlements(data, _COUNT)
    settle_many(data, one_area(tmp_path), _COUNT, _UNTIL)
    found = last_settlements(data, _COUNT)
    with query.connect(data / "audit") as connection:
        ((audited,),) = connection.execute("select count(*) from settlements").fetchall()

    assert (_COUNT, _COUNT, 3) == (len(found), audited, len(last_settlements(data, 3)))
    assert [] == [each for each in found if _day(each) != each.columns["service_date"]]
    assert all(_day(each) < _UNTIL for each in found)
