"""Pictures are drawn from a record; it runs where the packages of `make bench` are installed."""

from pathlib import Path

from benchmarks import plots, report
from tests.benchmarks.records import record


def test_pictures_of_a_record_are_drawn(tmp_path: Path) -> None:
    """Every picture the page shows is drawn from a whole record, the same bytes each time."""
    first = plots.draw(record(), tmp_path / "first")
    second = plots.draw(record(), tmp_path / "second")

    assert sorted(report.PICTURES) == sorted(path.stem for path in first)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
