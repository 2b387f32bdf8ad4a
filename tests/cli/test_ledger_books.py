"""`medsettle ledger books`: the trial balance on a terminal and for programs."""

from pathlib import Path

import pytest
from medsettle.cli.exits import Exit

from tests.books.histories import lived
from tests.cli.commands import run

pytestmark = pytest.mark.slow


def test_books_are_printed_by_area_and_account(tmp_path: Path) -> None:
    """Each sum of the table leaves nothing, and programs get the rows in fen."""
    lived(tmp_path)
    by_area = run("ledger", "books", "--data", tmp_path, "--by", "area")
    by_account = run("ledger", "books", "--data", tmp_path, "--by", "account", "--json").json

    sums = [line for line in by_area.out.splitlines() if "sum 合计" in line]
    assert len(sums) == 4
    assert all(line.split()[-1] == "0.00" for line in sums)
    assert by_account["difference_fen"] == 0
    assert by_account["debit_fen"] == sum(row["debit_fen"] for row in by_account["rows"]) > 0
    (balance,) = (
        row["debit_fen"] - row["credit_fen"]
        for row in by_account["rows"]
        if (row["title"], row["holder"]) == ("personal_account", "G")
    )
    assert 40_000 == balance


def test_books_of_nothing_are_a_wrong_call(tmp_path: Path) -> None:
    """A folder without a ledger must not pass as balanced."""
    ran = run("ledger", "books", "--data", tmp_path, "--json")

    assert (Exit.USAGE, "USAGE") == (ran.code, ran.json["error"])
