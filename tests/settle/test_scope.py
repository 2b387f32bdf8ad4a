"""Line scope: boundaries, receipts, the oracle, and sums that no order can change."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core.dates import DayArray
from medsettle.policy.catalogue import IN_SCOPE_POT, NOT_LISTED, NOT_VALID
from medsettle.settle.line_columns import LineSplits
from medsettle.settle.scope import pots, split_lines
from numpy.typing import NDArray

from tests.reference_lines import Item, reference_split
from tests.settle.charge_lines import (
    NEW_YEAR,
    Entry,
    Line,
    catalogue_of,
    charge_lines,
    columns_of,
    drawn_entries,
    parts_of,
)


def _split_one(folder: Path, entry: Entry, line: Line) -> tuple[int, ...]:
    return parts_of(split_lines(columns_of([line]), catalogue_of(folder, [entry])))[0]


_A = Entry(item_class="01", percent="0")
_CEILING = _A._replace(ceilings=("0", "50", "60"))


@pytest.mark.parametrize(
    ("entry", "line", "parts"),
    [
        pytest.param(_A, Line(), (0, 0, 0, 100), id="class-a"),
        pytest.param(Entry("03", "0"), Line(), (100, 0, 0, 0), id="class-c-whatever-its-ratio"),
        pytest.param(Entry(), Line(), (0, 0, 10, 90), id="class-b"),
        pytest.param(Entry(), Line(scheme=1), (0, 0, 20, 80), id="class-b-residents"),
        pytest.param(Entry(percent="100"), Line(), (100, 0, 0, 0), id="ratio-of-100-percent"),
        pytest.param(Entry(percent="99.9999"), Line(), (0, 0, 100, 0), id="ratio-rounded-to-all"),
        pytest.param(Entry(), Line(row=NOT_LISTED), (100, 0, 0, 0), id="not-listed"),
        pytest.param(Entry(), Line(row=NOT_VALID), (100, 0, 0, 0), id="not-valid-on-the-day"),
        pytest.param(Entry(), Line(amount_fen=0, price_e6=0), (0, 0, 0, 0), id="nothing"),
        pytest.param(Entry(), Line(amount_fen=1), (0, 0, 0, 1), id="one-fen"),
        pytest.param(Entry(), Line(amount_fen=4), (0, 0, 0, 4), id="below-half-a-fen"),
        pytest.param(Entry(), Line(amount_fen=5), (0, 0, 1, 4), id="half-a-fen-goes-up"),
    ],
)
def test_item_classes(tmp_path: Path, entry: Entry, line: Line, parts: tuple[int, ...]) -> None:
    """Class and ratio decide between scope, first-self-pay and own expense."""
    assert parts == _split_one(tmp_path, entry, line)


@pytest.mark.parametrize(
    ("restricted", "approval", "parts"),
    [
        pytest.param("yes", 0, (0, 0, 10, 90), id="restricted-none-needed"),
        pytest.param("yes", 1, (0, 0, 10, 90), id="restricted-approved"),
        pytest.param("yes", 2, (100, 0, 0, 0), id="restricted-refused"),
        pytest.param("no", 2, (0, 0, 10, 90), id="refused-without-a-restriction"),
    ],
)
def test_refused_use(
    tmp_path: Path, restricted: str, approval: int, parts: tuple[int, ...]
) -> None:
    """Only the refused use of a restricted item is own expense."""
    line = Line(approval=approval)

    assert parts == _split_one(tmp_path, Entry(restricted=restricted), line)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        pytest.param(Line(0, 6_000, 60_000_000), (0, 0, 0, 6_000), id="at-the-ceiling"),
        pytest.param(Line(0, 6_000, 60_000_001), (0, 0, 0, 6_000), id="a-micro-yuan-above"),
        pytest.param(Line(0, 6_001, 60_010_000), (0, 1, 0, 6_000), id="a-fen-above"),
        pytest.param(Line(0, 5_999, 59_990_000), (0, 0, 0, 5_999), id="a-fen-below"),
        pytest.param(Line(0, 6_000, 60_005_000), (0, 1, 0, 5_999), id="half-a-fen-goes-up"),
        pytest.param(Line(0, 6_000, 60_004_999), (0, 0, 0, 6_000), id="below-half-a-fen"),
        pytest.param(Line(0, 45_000, 150_000_000, 30_000), (0, 27_000, 0, 18_000), id="days"),
        pytest.param(Line(0, 7_500, 150_000_000, 5_000), (0, 4_500, 0, 3_000), id="half-a-day"),
        pytest.param(Line(0, 6_000, 60_000_000, level=2), (0, 1_000, 0, 5_000), id="level-2"),
        pytest.param(Line(0, 6_000, 60_000_000, level=1), (0, 6_000, 0, 0), id="ceiling-of-zero"),
        pytest.param(Line(0, 1, 0, level=1), (0, 1, 0, 0), id="zero-pays-not-even-a-fen"),
        pytest.param(
            Line(0, 4_167, 41_600, 10_000_000, level=1), (0, 4_167, 0, 0), id="zero-rounded-price"
        ),
        pytest.param(Line(0, 100, 160_000_000), (0, 100, 0, 0), id="never-above-the-amount"),
        pytest.param(
            Line(0, limits.LINE_AMOUNT_FEN_MAX, limits.UNIT_PRICE_E6_MAX, limits.QUANTITY_E4_MAX),
            (0, limits.LINE_AMOUNT_FEN_MAX, 0, 0),
            id="largest-product",
        ),
    ],
)
def test_ceiling_prices(tmp_path: Path, line: Line, parts: tuple[int, ...]) -> None:
    """What lies above the ceiling of the hospital's level is over limit, rounded half up."""
    assert parts == _split_one(tmp_path, _CEILING, line)


@pytest.mark.parametrize(
    ("price_e6", "level", "parts"),
    [
        pytest.param(60_000_000, 3, (0, 0, 0, 6_000), id="at-the-ceiling"),
        pytest.param(60_000_001, 3, (6_000, 0, 0, 0), id="a-micro-yuan-above"),
        pytest.param(1_000_000, 1, (6_000, 0, 0, 0), id="ceiling-of-zero"),
    ],
)
def test_ceiling_that_excludes_the_line(
    tmp_path: Path, price_e6: int, level: int, parts: tuple[int, ...]
) -> None:
    """Where the excess is own expense, a price above the ceiling excludes the whole line."""
    entry = _CEILING._replace(over_limit_as="own_expense")

    assert parts == _split_one(tmp_path, entry, Line(0, 6_000, price_e6, level=level))


def test_no_ceiling_is_not_a_ceiling_of_zero(tmp_path: Path) -> None:
    """A blank ceiling leaves the highest price in scope."""
    line = Line(0, limits.LINE_AMOUNT_FEN_MAX, limits.UNIT_PRICE_E6_MAX, 1, level=3)

    assert (0, 0, 0, limits.LINE_AMOUNT_FEN_MAX) == _split_one(tmp_path, _A, line)


def test_the_ratio_applies_below_the_ceiling(tmp_path: Path) -> None:
    """First-self-pay is taken from what the ceiling leaves."""
    entry = Entry(ceilings=("", "", "60"))

    assert (0, 27_000, 1_800, 16_200) == _split_one(
        tmp_path, entry, Line(0, 45_000, 150_000_000, 30_000)
    )


@pytest.mark.parametrize(
    ("percent", "amount_fen", "rounded_fen"),
    [
        pytest.param("5", 452, 23, id="4.52-at-5-percent"),
        pytest.param("84", 1_202_848, 1_010_392, id="12028.48-at-84-percent"),
        pytest.param("40", 5_382, 2_153, id="53.82-at-40-percent"),
        pytest.param("60", 16_987, 10_192, id="169.87-at-60-percent"),
        pytest.param("66.5", 23_300, 15_495, id="233-at-66.5-percent-half-up"),
        pytest.param("66.5", 46_600, 30_989, id="466-at-66.5-percent-exact"),
    ],
)
def test_published_receipts_round_half_up(
    tmp_path: Path, percent: str, amount_fen: int, rounded_fen: int
) -> None:
    """The shares printed on published receipts come out to the fen.

    Source: receipts of several provinces; the tie of 233 yuan tells half up from half even.
    """
    line = Line(0, amount_fen, amount_fen * 10_000)

    assert (0, 0, rounded_fen, amount_fen - rounded_fen) == _split_one(
        tmp_path, Entry(percent=percent), line
    )


@pytest.mark.parametrize(
    ("entry", "line", "parts"),
    [
        pytest.param(
            _A._replace(ceilings=("", "", "2")),
            Line(0, 600, 2_000_000, 30_000),
            (0, 0, 0, 600),
            id="price-is-the-ceiling",
        ),
        pytest.param(Entry("03", "100"), Line(0, 150, 1_500_000), (150, 0, 0, 0), id="class-c"),
        pytest.param(
            Entry("01", "100"),
            Line(0, 120_000, 120_000_000, 100_000),
            (120_000, 0, 0, 0),
            id="class-a-with-a-ratio-of-one",
        ),
    ],
)
def test_published_line_results(
    tmp_path: Path, entry: Entry, line: Line, parts: tuple[int, ...]
) -> None:
    """Line results of real uploads come out to the fen.

    Source: answers of two provincial platforms to line uploads in 2021 and 2022.
    """
    assert parts == _split_one(tmp_path, entry, line)


def _reference(line: Line, entries: Sequence[tuple[Entry, int | None]]) -> tuple[int, ...]:
    item = None
    if line.row >= 0:
        entry, ceiling_e6 = entries[line.row]
        item = Item(
            item_class=entry.item_class,
            ratio=Fraction(entry.percent) / 100,
            ceiling_yuan=None if ceiling_e6 is None else Fraction(ceiling_e6, 10**6),
            own_expense_above=entry.over_limit_as == "own_expense",
            restricted=entry.restricted == "yes",
        )
    price, quantity = Fraction(line.price_e6, 10**6), Fraction(line.quantity_e4, 10**4)
    return reference_split(item, price, quantity, line.amount_fen, str(line.approval))


@given(data=st.data())
def test_the_kernel_equals_the_oracle(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any lines under any entries split as exact fractions and plain ifs say, fen for fen."""
    entries = data.draw(st.lists(drawn_entries(), min_size=1, max_size=8))
    lines = data.draw(st.lists(charge_lines(len(entries)), min_size=1, max_size=40))
    catalogue = catalogue_of(tmp_path_factory.mktemp("scope"), [entry for entry, _ in entries])

    splits = split_lines(columns_of(lines), catalogue)

    assert [_reference(line, entries) for line in lines] == parts_of(splits)
    assert [line.amount_fen for line in lines] == [sum(parts) for parts in parts_of(splits)]


def test_no_lines_at_all(tmp_path: Path) -> None:
    """A batch without lines has no splits, and its claims have empty pots."""
    splits = split_lines(columns_of([]), catalogue_of(tmp_path, [Entry()]))

    assert [] == parts_of(splits)
    assert [[0] * 5] * 2 == pots(splits, np.zeros(0, dtype=np.int32), 2, 1).tolist()


def test_special_pots_stand_apart(tmp_path: Path) -> None:
    """The in-scope part of a line with a special pot goes there; the other parts stay."""
    entries = [Entry(pot="imported"), Entry(pot="domestic"), Entry(), Entry(item_class="03")]
    catalogue = catalogue_of(tmp_path, entries)
    rows = [0, 0, 1, 2, 3, NOT_LISTED]
    splits = split_lines(columns_of([Line(row) for row in rows]), catalogue)

    sums = pots(splits, np.array([0, 1, 1, 1, 1, 2], dtype=np.int32), 4, 2)

    assert [5, 5, 4, IN_SCOPE_POT, IN_SCOPE_POT, IN_SCOPE_POT] == splits.pot.tolist()
    assert [
        [0, 0, 10, 0, 0, 90],
        [100, 0, 30, 90, 90, 90],
        [100, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ] == sums.tolist()


def _splits_of(amount_fen: NDArray[np.int64], pot: NDArray[np.int64]) -> LineSplits:
    parts = np.stack([amount_fen * part for part in (1, 2, 3, 4)])
    return LineSplits(parts, pot.astype(np.int8))


@given(
    lines=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, limits.LINE_AMOUNT_FEN_MAX), st.integers(3, 5)),
        max_size=60,
    )
)
def test_pots_are_exact_sums(lines: list[tuple[int, int, int]]) -> None:
    """Pots equal sums of Python integers, whatever the order of the lines."""
    expected = [[0] * 6 for _ in range(5)]
    for claim, amount, pot in lines:
        for column, factor in ((0, 1), (1, 2), (2, 3), (pot, 4)):
            expected[claim][column] += factor * amount
    claim_column, amounts, pot_column = np.array(lines, dtype=np.int64).reshape(-1, 3).T
    splits = _splits_of(amounts, pot_column)

    assert expected == pots(splits, claim_column.astype(np.int32), 5, 2).tolist()


def test_a_lookup_feeds_the_kernel(tmp_path: Path) -> None:
    """Rows of the catalogue's lookup are what the kernel takes, missing ones included."""
    catalogue = catalogue_of(tmp_path, [_A, Entry()])
    days: DayArray = np.array([NEW_YEAR, NEW_YEAR, NEW_YEAR, NEW_YEAR - 1], dtype=np.int32)
    rows = catalogue.rows(["I001", "I000", "X", "I000"], days)
    lines = [Line(int(row)) for row in rows]

    assert [(0, 0, 10, 90), (0, 0, 0, 100), (100, 0, 0, 0), (100, 0, 0, 0)] == parts_of(
        split_lines(columns_of(lines), catalogue)
    )
