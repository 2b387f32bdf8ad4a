"""What commands print, and how they open the stores of clearing: the same way for all of them."""

import io
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from medsettle.cli.clear_options import opened as months
from medsettle.cli.hospital_options import hospitals
from medsettle.cli.prepay_options import opened as prepayments
from medsettle.cli.show import grid, print_rows_table, print_table, show_rows
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row
from rich.console import Console


def _shown(rows: Sequence[Row], *, as_json: bool = False, more: str = "and [more]") -> str:
    console = Console(file=io.StringIO(), width=40)
    show_rows(console, rows, "nothing [is] due", as_json=as_json, more=[more])
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_rows_are_a_table_or_json() -> None:
    """Fen are yuan for people; what is not there is blank for them and null for programs."""
    rows: list[Row] = [{"line": "a", "paid_fen": 123_456, "due": None}]
    people = _shown(rows)

    assert ["line", "paid", "due"] == people.splitlines()[1].split()
    assert ["a", "1,234.56"] == people.splitlines()[3].split()
    assert people.endswith("\nand [more]\n")
    assert rows == json.loads(_shown(rows, as_json=True))


def test_what_has_no_value_is_an_empty_cell() -> None:
    """Of a query as wide as it is, too; nobody reads Python."""
    out = io.StringIO()
    print_rows_table(Console(file=out, width=80), [{"line": "a", "due": None}])

    assert "a" in out.getvalue()
    assert "None" not in out.getvalue()


_BILL = 123_456_789
# Two columns of twelve for words, three of twelve for amounts, three between any two, one outside.
_NARROWEST = 5 * 12 + 4 * 3 + 2


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_no_amount_is_cut_in_a_narrow_terminal(columns: int) -> None:
    """Words make room; where that is not enough the table is wider than the screen."""
    table = grid("a rather long-winded-head", "reason")
    for number in range(3):
        table.add_column(f"amount {number}", justify="right", no_wrap=True)
    amounts = [yuan_from_fen(_BILL + number) for number in range(3)]
    table.add_row("employee-inpatient-with-a-long-name", "because of this and of that", *amounts)
    out = io.StringIO()
    print_table(Console(file=out, width=columns), table)
    widest = max(map(len, out.getvalue().splitlines()))

    assert all(each in out.getvalue() for each in amounts)
    assert widest <= max(columns, _NARROWEST)


def test_without_rows_it_is_said_what_that_means() -> None:
    """In words for people, an empty list for programs."""
    assert "nothing [is] due\nand [more]\n" == _shown([])
    assert [] == json.loads(_shown([], as_json=True))


@pytest.mark.parametrize(("count", "left"), [(50, ""), (51, "… and 1 more; --json shows all")])
def test_of_many_rows_the_first_are_shown(count: int, left: str) -> None:
    """Fifty are; programs get all of them."""
    rows: list[Row] = [{"number": f"N{at:03d}"} for at in range(count)]
    people = _shown(rows)

    assert 50 == people.count("N0")
    assert left in people
    assert bool(left) is ("… and" in people)
    assert count == len(json.loads(_shown(rows, as_json=True)))


def test_no_cell_and_no_line_moves_a_terminal() -> None:
    """Characters that colour, erase or turn the way of reading are marked; Chinese stays."""
    shown = _shown([{"name": "示例省\x1b[2J\x9b1m\u202e"}], more="统筹\x1b[H\u2066")

    assert "示例省\N{REPLACEMENT CHARACTER}[2J" in shown
    assert "统筹\N{REPLACEMENT CHARACTER}[H" in shown
    assert not {"\x1b", "\x9b", "\u202e", "\u2066"} & set(shown)


@pytest.mark.parametrize(
    ("opened", "file", "says"),
    [
        (months, "months.db", "holds no closed months; name the folder with --data, or close one"),
        (prepayments, "prepayments.db", "holds no prepayments; name the folder with --data"),
        (hospitals, "hospitals.db", "holds nothing of what hospitals are paid; name the folder"),
    ],
)
def test_only_who_begins_a_store_makes_it(
    tmp_path: Path,
    opened: Callable[..., AbstractContextManager[Any]],
    file: str,
    says: str,
) -> None:
    """A wrong folder stays as it was and is told; what records the first of it makes it."""
    with pytest.raises(FileNotFoundError, match=says):
        opened(tmp_path)
    assert [] == list(tmp_path.iterdir())
    with opened(tmp_path, new=True):
        assert (tmp_path / "clearing" / file).is_file()
    with opened(tmp_path):
        pass
