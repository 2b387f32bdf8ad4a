"""The fold of moves in the order of the ledger, around the size in which they are handed over."""

from pathlib import Path

import pytest
from medsettle import limits
from medsettle.books.fold import Fold
from medsettle.core.counters import CounterKey
from medsettle.ledger import SqliteLedger


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_no_move_is_lost_between_two_pages(tmp_path: Path, more: int) -> None:
    """Moves up and down leave nothing, and the one that has no other is found."""
    count = limits.BOOKS_ROWS_MAX + more
    keys = [CounterKey("999900", f"P{number}", "account", 0) for number in range(7)]
    with SqliteLedger(tmp_path / "ledger.db") as ledger, Fold(tmp_path) as fold:
        for at in range(count):
            fold.add(at + 1, {keys[at // 2 % 7]: -1 if at % 2 else 1})
        found = [str(each) for each in fold.discrepancies(ledger, count)]

    expected = [f"last moved by entry {count}: expected 1, found none"] if count % 2 else []
    assert len(expected) == len(found)
    assert all(one in two for one, two in zip(expected, found, strict=True))


def test_a_value_that_falls_below_zero_on_the_way_is_found(tmp_path: Path) -> None:
    """A counter that ends where it should may still have been below zero before."""
    key = CounterKey("999900", "P", "account", 0)
    with SqliteLedger(tmp_path / "ledger.db") as ledger, Fold(tmp_path) as fold:
        for seq, delta in enumerate((5, -6, 1), 1):
            fold.add(seq, {key: delta})
        (found,) = fold.discrepancies(ledger, 3)

    assert (2, "-1") == (found.seq, found.found)


@pytest.mark.parametrize(("fen", "findings"), [(0, 0), (1, 1)])
def test_values_are_bounded(tmp_path: Path, fen: int, findings: int) -> None:
    """A counter may hold the largest amount, and not one fen more."""
    key = CounterKey("999900", "P", "account", 0)
    with SqliteLedger(tmp_path / "ledger.db") as ledger, Fold(tmp_path) as fold:
        fold.add(1, {key: limits.AMOUNT_FEN_MAX + fen})
        fold.add(2, {key: -limits.AMOUNT_FEN_MAX - fen})
        found = list(fold.discrepancies(ledger, 2))

    assert findings == len(found)
