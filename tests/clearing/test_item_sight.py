"""A run closes, supersedes and changes only what it could see of what another run found."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from medsettle.clearing.items.item import Part, Run, State, Terms
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.clearing.matching.reconcile import By
from medsettle.cli.reconcile_books import Only
from medsettle.cli.reconcile_runs import Asked, run_reconciliation

from tests.clearing import books
from tests.clearing.differences import (
    AREA,
    MOMENT,
    SAID,
    TWO,
    book_row,
    difference,
    happened,
    later,
    of_columns,
    only_care,
    scope,
    table,
    unequal_amount,
)

_AGAIN = frozenset({"again"})
_ALL = ("settlement", "kind", "original", "total_fen", "cash_fen", "policy")
_OF_ALL = dict.fromkeys(TWO, _ALL)


def _but(*names: str) -> tuple[str, ...]:
    return tuple(name for name in _ALL if name not in names)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[ItemStore]:
    with ItemStore(tmp_path / "clearing") as store:
        yield store


@pytest.mark.parametrize(
    ("had", "empty", "sees"),
    [
        pytest.param(_OF_ALL, {}, True, id="the-same"),
        pytest.param(_OF_ALL | {Side.CARE: (*_ALL, "card")}, {}, True, id="more"),
        pytest.param(_OF_ALL | {Side.CARE: _but("cash_fen")}, {}, False, id="care-has-no-cash"),
        pytest.param(_OF_ALL | {Side.INSURED: _but("policy")}, {}, False, id="no-rules-of-insured"),
        # A day without a cancel: the file has the column, and it is empty.
        pytest.param(
            dict.fromkeys(TWO, _but("original")),
            dict.fromkeys(TWO, ("original",)),
            True,
            id="no-value-of-the-day",
        ),
    ],
)
def test_a_run_of_fewer_columns_closes_and_supersedes_nothing(
    store: ItemStore, had: dict[Side, tuple[str, ...]], empty: dict[Side, tuple[str, ...]], *,
    sees: bool,
) -> None:  # fmt: skip
    """Cash that a book does not state differs from nothing; the item was not looked for."""
    store.record_run(of_columns(scope(), _OF_ALL), table(unequal_amount("S1")), 9, MOMENT)
    second = store.record_run(of_columns(scope(), had, empty), table(), 10, later(1))

    assert (int(sees), sees) == (second.closed, State.CLOSED == store.item("1").state)
    assert (2 if sees else None) == store.run(1).superseded_by


def test_what_one_book_alone_had_was_not_compared(store: ItemStore) -> None:
    """Only care stated cards, so nothing was found by them: a run without them closes as well."""
    cards: dict[Side, tuple[str, ...]] = {
        Side.CARE: (*_ALL, "card", "record_time"),
        Side.INSURED: (*_ALL, "record_time"),
    }
    store.record_run(of_columns(scope(), cards), table(unequal_amount("S1")), 9, MOMENT)
    assert 1 == store.record_run(of_columns(scope(), _OF_ALL), table(), 10, later(1)).closed


def test_columns_of_two_books_count_though_the_third_has_others(store: ItemStore) -> None:
    """Cash is of insurance and care, the rules of care and the nation: each is asked of both."""
    had = {
        Side.INSURED: ("settlement", "cash_fen"),
        Side.CARE: ("settlement", "cash_fen", "policy"),
        Side.NATIONAL: ("settlement", "policy", "card"),
    }
    three = scope(sides=tuple(Side))
    store.record_run(of_columns(three, had), table(unequal_amount("S1")), 9, MOMENT)
    without = had | {Side.NATIONAL: ("settlement", "card")}
    assert 0 == store.record_run(of_columns(three, without), table(), 10, later(1)).closed
    cardless = had | {Side.NATIONAL: ("settlement", "policy")}
    assert 1 == store.record_run(of_columns(three, cardless), table(), 10, later(2)).closed


def test_a_run_that_sees_less_changes_nothing_of_what_it_sees_alike(store: ItemStore) -> None:
    """Totals and rules differ; a run without totals finds the rules, and voids no decision."""
    both = unequal_amount("S1")
    both[f"{Side.CARE}_rows"][0]["policy_digest"] = "x"
    both[f"{Side.INSURED}_rows"][0]["policy_digest"] = "y"
    names = ("settlement", "pooled_fund_fen", "policy_digest")
    store.record_run(of_columns(scope(), dict.fromkeys(TWO, names)), table(both), 9, MOMENT)
    terms = Terms(Side.CARE, Side.INSURED)
    proposed = store.propose("1", Action.ADJUST, "an", SAID, MOMENT, terms)
    less = of_columns(scope(), dict.fromkeys(TWO, ("settlement", "policy_digest")))

    def seen(care_digest: str) -> dict[str, object]:
        amounts = dict.fromkeys(name for name in book_row("S1") if name.endswith("_fen"))
        rows = {
            Side.INSURED: [book_row("S1", **amounts, policy_digest="y")],
            Side.CARE: [book_row("S1", **amounts, policy_digest=care_digest)],
        }
        return difference(DifferenceClass.VERSION, rows, at_risk_fen=0)

    store.record_run(less, table(seen("x")), 9, later(1))
    item = store.item("1")
    assert (proposed, "found") == (item, happened(store, item)[-1])
    store.record_run(less, table(), 10, later(2))
    assert proposed == store.item("1")
    # Another fact is one, however little else the run sees.
    store.record_run(less, table(seen("z")), 9, later(3))
    item = store.item("1")
    assert (State.OPEN, DifferenceClass.VERSION, "changed") == (
        *(item.state, item.difference_class),
        happened(store, item)[-1],
    )


def test_repeats_of_one_kind_are_no_word_on_another(store: ItemStore) -> None:
    """Where a book has no admissions, stays are not looked for, and the item of one stays open."""
    twice = difference(DifferenceClass.DUPLICATE, {Side.INSURED: [book_row("S1")]})
    whole = scope(part=Part(repeats=frozenset({"again", "stays"})))
    store.record_run(whole, table(twice), 9, MOMENT)
    store.record_run(scope(part=Part(repeats=_AGAIN)), table(), 9, later(1))
    assert (State.OPEN, None) == (store.item("1").state, store.run(1).superseded_by)
    store.record_run(whole, table(), 9, later(2))
    assert State.CLOSED == store.item("1").state


def test_care_at_home_is_not_closed_by_a_run_that_leaves_it_out(store: ItemStore) -> None:
    """Care elsewhere is in both runs, care in the area of insurance in the first alone."""
    home = {**only_care("S1"), "care_area": AREA}
    store.record_run(scope(part=Part(local=True)), table(home, only_care("S2")), 9, MOMENT)
    store.record_run(scope(), table(), 9, later(1))
    assert [State.OPEN, State.CLOSED] == [store.item(name).state for name in ("1", "2")]
    assert store.run(1).superseded_by is None


# --- from the files of books on ------------------------------------------------------------------

_FIRST, _SECOND = date(2026, 3, 1), date(2026, 3, 2)


def _cancel(of: books.Row, settlement: str) -> books.Row:
    amounts = {name: -value for name, value in of.items() if name.endswith("_fen")}
    own = {"settlement": settlement, "kind": "cancel", "original": of["settlement"]}
    return of | amounts | own


def _run(
    folder: Path,
    rows: Mapping[Side, Sequence[books.Row]],
    without: Mapping[Side, frozenset[str]] | None = None,
    day: date | None = None,
    *,
    repeats: bool = False,
) -> Run:
    """Compare Parquet books of some rows, without some columns, and record the run."""
    paths = {side: folder / f"{side}.parquet" for side in rows}
    for side, path in paths.items():
        pq.write_table(books.table(rows[side], (without or {}).get(side, frozenset())), path)
    only = Only(day, day)
    asked = Asked("a-with-b", paths, only, By.JOIN, {}, folder, None, repeats=repeats)
    return run_reconciliation(asked, lambda: MOMENT)


def test_a_book_without_a_column_leaves_what_was_found_by_it(tmp_path: Path) -> None:
    """Cash differs; a book of care without cash agrees, and the item waits for one with it."""
    own = [books.row("S1"), books.row("S2")]
    care = [books.row("S1"), books.row("S2", cash_fen=2_000)]
    assert 1 == _run(tmp_path, {Side.INSURED: own, Side.CARE: care}).opened

    rows = {Side.INSURED: own, Side.CARE: own}
    without = _run(tmp_path, rows, {Side.CARE: frozenset({"cash_fen"})})
    assert (0, 0) == (without.differences, without.closed)
    assert 1 == _run(tmp_path, rows).closed


def test_a_day_without_a_cancel_closes_what_a_month_with_one_found(tmp_path: Path) -> None:
    """On the second day no row has an original; nothing of it is hidden from who looks again."""
    cancelled = books.row("S1", record_date=_FIRST)
    own = [
        cancelled,
        _cancel(cancelled, "C1"),
        books.row("S2", record_date=_SECOND),
    ]
    unlike = [*own[:2], own[2] | {"cash_fen": 2_000}]
    assert 1 == _run(tmp_path, {Side.INSURED: own, Side.CARE: unlike}).opened

    again = _run(tmp_path, dict.fromkeys(TWO, own[2:]), day=_SECOND)
    assert (_SECOND, 1) == (again.first_day, again.closed)


def test_what_repeats_could_not_be_looked_for_stays_open(tmp_path: Path) -> None:
    """The visit was sent twice; without the ids of visits nobody can say that it was not."""
    facts = {"encounter": "V1", "service_date": _FIRST, "record_date": _FIRST}
    twice = [books.row("S1", **facts), books.row("S2", **facts)]
    rows = dict.fromkeys(TWO, twice)
    assert 1 == _run(tmp_path, rows, repeats=True).opened

    once = dict.fromkeys(TWO, twice[:1])
    lacking = dict.fromkeys(TWO, frozenset({"encounter"}))
    assert 0 == _run(tmp_path, once, lacking, repeats=True).closed
    assert 0 == _run(tmp_path, once).closed
    assert 1 == _run(tmp_path, once, repeats=True).closed
