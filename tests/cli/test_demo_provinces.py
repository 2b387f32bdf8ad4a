"""`medsettle demo --provinces` runs from end to end, and the books that it leaves agree."""

from pathlib import Path

import pytest
from medsettle.audit.three_books import Book, compare_books
from medsettle.cli.exits import Exit
from medsettle.ledger import SqliteLedger

from tests.cli.commands import run

pytestmark = pytest.mark.slow

_AREAS = ("999941", "999942")
_HUB = "hub"


def test_the_demonstration_between_areas_runs(tmp_path: Path) -> None:
    """It ends with books that agree, nothing open, and no process that holds a ledger."""
    ran = run("demo", "--provinces", "--json", "--keep", tmp_path)

    assert (Exit.OK, "") == (ran.code, ran.err)
    assert (True, 0, str(tmp_path)) == (
        *(ran.json["agrees"], ran.json["differences"]),
        ran.json["data"],
    )
    books = [Book(area, tmp_path / area / "data" / "audit", (area,)) for area in _AREAS]
    compared = compare_books(books, Book(_HUB, tmp_path / _HUB / "data" / "audit"))
    assert (ran.json["matched"], ran.json["withdrawn"]) == (compared.matched, compared.withdrawn)
    # Each kind of claim both ways, those that were taken back, and the rush.
    assert compared.matched > 30
    assert {_AREAS, _AREAS[::-1]} == {(each.debtor, each.creditor) for each in compared.owed}
    assert all(each.owed_fen == each.claimed_fen > 0 for each in compared.owed)
    for name in (*_AREAS, _HUB):
        shown = run("peers", "cases", "--data", tmp_path / name / "data")
        assert (Exit.OK, "nothing is open\n") == (shown.code, shown.out)
        # A server that still ran would hold the lock.
        SqliteLedger(tmp_path / name / "data" / "ledger.db").close()


def test_it_needs_the_fixtures(tmp_path: Path) -> None:
    """Elsewhere it says what to do, and starts nothing."""
    ran = run("demo", "--provinces", "--fixtures", tmp_path, "--keep", tmp_path / "data")

    assert Exit.USAGE == ran.code
    assert "name its fixtures with --fixtures" in ran.err
    assert not (tmp_path / "data").exists()
