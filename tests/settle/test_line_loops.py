"""The loops over charge lines: in blocks, as plain Python and as machine code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.policy.line_terms import LineTerms
from medsettle.settle import native_lines
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
