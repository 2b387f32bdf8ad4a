"""The loops over charge lines: in blocks, as plain Python and as machine code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core.coded import Coded
from medsettle.core.dates import day_number
from medsettle.policy.catalogue import NOT_LISTED, NOT_VALID, Catalogue
from medsettle.policy.line_terms import LineTerms
from medsettle.settle import native_lines
from medsettle.settle.item_rows import item_rows
from medsettle.settle.scope import pots, split_and_sum, split_lines
from numpy.typing import NDArray

from tests.settle.charge_lines import (
    Entry,
    Line,
    catalogue_of,
    charge_lines,
    columns_of,
    drawn_entries,
    parts_of,
)

_CEILING = Entry(item_class="01", percent="0", ceilings=("0", "50", "60"))


@contextmanager
def _plain() -> Iterator[None]:
    """Let the loops run as plain Python."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, native_lines.__name__)
        yield


@contextmanager
def _native() -> Iterator[None]:
    """Let the loops run as machine code."""
    assert native_lines.__name__ in sys.modules
    yield


_LOOPS = (_plain, _native)
_RULES = [
    LineTerms(("domestic",), full_price=full_price, per_settlement=per_settlement)
    for full_price in (False, True)
    for per_settlement in (False, True)
]


@given(data=st.data())
def test_machine_code_is_the_same_arithmetic(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Plain Python and machine code make the same parts and pots, whatever lines may have."""
    entries = data.draw(st.lists(drawn_entries(), min_size=1, max_size=4))
    lines = data.draw(st.lists(charge_lines(len(entries)), max_size=12))
    count = len(lines)

    def drawn(values: st.SearchStrategy[Any], kind: type) -> NDArray[Any]:
        return np.array(data.draw(st.lists(values, min_size=count, max_size=count)), dtype=kind)

    some = data.draw(st.lists(st.booleans(), min_size=3, max_size=3))
    claim = np.sort(drawn(st.integers(0, 3), np.int64))
    columns = replace(
        columns_of(lines),
        claim=claim,
        covered_e4=drawn(st.integers(0, 20_000), np.int64) if some[0] else None,
        marked_pot=drawn(st.integers(-1, 4), np.int64).clip(-1) if some[1] else None,
        unowed=drawn(st.booleans(), np.bool_) if some[2] else None,
    )
    if columns.marked_pot is not None:
        columns.marked_pot[columns.marked_pot < 4] = -1
    folder, terms = tmp_path_factory.mktemp("native"), data.draw(st.sampled_from(_RULES))
    catalogue = replace(catalogue_of(folder, [entry for entry, _ in entries]), terms=terms)
    found = []
    for loops in _LOOPS:
        with loops():
            sums = np.zeros((5, 4), dtype=np.int64)
            splits = split_and_sum(columns, catalogue, claim, sums)
            again = split_lines(columns, catalogue)
            found.append((parts_of(splits), splits.pot.tolist(), sums.tolist()))
        assert parts_of(again) == parts_of(splits)
        assert sums.T.tolist() == pots(splits, claim, 4, 1).tolist()
    assert found[0] == found[1]


@pytest.mark.parametrize("bands", [False, True])
def test_items_by_number_have_the_rows_of_their_codes(tmp_path: Path, bands: bool) -> None:
    """Versions before, in and after force, unknown codes and bands: by number as by code."""
    head = (
        "item_code,name,list_type,charge_type,valid_from,valid_until,item_class,"
        "pre_self_pay_310_percent,ceiling_level_1_yuan,ceiling_level_2_yuan,ceiling_level_3_yuan,"
        "over_limit_as,pot,restricted,unit_price_above_yuan"
    )
    versions = [
        *("A,n,201,01,2020-01-01,2021-01-01,01,0,,,,,,no,", "A,n,201,01,2022-01-01,,01,0,,,,,,no,"),
        *("B,n,201,01,2020-01-01,2021-01-01,01,0,,,,,,no,", "C,n,201,01,2021-06-01,,01,0,,,,,,no,"),
    ]
    versions += ["C,n,201,01,2021-06-01,,02,10,,,,,,no,5"] if bands else []
    path = tmp_path / "catalogue.csv"
    path.write_text("\n".join([head, *versions]), encoding="utf-8")
    catalogue = Catalogue.load(path, LineTerms((), full_price=False, per_settlement=False))
    texts = ("C", "?", "A", "B")
    dates = (date(2019, 12, 31), *(date(year, month, 1) for year in _YEARS for month in (1, 6)))
    days = np.repeat([day_number(each) for each in dates], len(texts))
    items = Coded(texts, np.tile(np.arange(len(texts), dtype=np.int32), len(dates)))
    prices = np.where(np.arange(len(items)) % 8 < 4, 1, 10**7)

    found = item_rows(catalogue, items, days, prices)
    by_code = item_rows(catalogue, list(items), days, prices)

    assert native_lines.__name__ in sys.modules
    assert catalogue.rows(list(items), days, prices).tolist() == found.tolist() == by_code.tolist()
    assert {NOT_LISTED, NOT_VALID, *range(len(catalogue))} == set(found.tolist())


_YEARS = (2020, 2021, 2022)


def test_a_line_outside_the_catalogue_is_a_bug(tmp_path: Path) -> None:
    """A row, scheme or price level that no table has is never read from a neighbouring cell."""
    catalogue = catalogue_of(tmp_path, [Entry(), Entry()])
    inside = columns_of([Line(1, level=3)] * 3)
    wrong = (("row", 2), ("scheme", 2), ("scheme", -1), ("price_level", 4), ("price_level", 0))

    for loops in _LOOPS:
        with loops():
            split_lines(inside, catalogue)
            for name, value in wrong:
                column = getattr(inside, name).copy()
                column[1] = value
                with pytest.raises((AssertionError, IndexError)):
                    split_lines(replace(inside, **{name: column}), catalogue)


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_blocks_leave_no_seam(tmp_path: Path, extra: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines around the size of a block split as they do alone."""
    monkeypatch.setattr(limits, "BLOCK_LINES", 512)
    monkeypatch.setattr(limits, "CACHED_LINES", 64)
    catalogue = catalogue_of(tmp_path, [Entry(), _CEILING])
    count = 2 * limits.BLOCK_LINES + extra
    lines = [Line(at % 2, at, at * 10_000) for at in range(count)]

    for loops in _LOOPS:
        with loops():
            parts = parts_of(split_lines(columns_of(lines), catalogue))

        alone = [parts_of(split_lines(columns_of([line]), catalogue))[0] for line in lines]
        assert alone == parts
        assert list(range(count)) == [sum(row) for row in parts]
