"""Line scope: boundaries, receipts, the oracle, and sums that no order can change."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core.dates import DayArray
from medsettle.policy.catalogue import IN_SCOPE_POT, NOT_LISTED, NOT_VALID, Catalogue
from medsettle.policy.line_terms import LineTerms
from medsettle.settle.scope import LineColumns, LineSplits, pots, split_lines
from numpy.typing import NDArray

from tests.reference_lines import Item, reference_split

_HEADER = (
    "item_code,name,list_type,charge_type,valid_from,valid_until,item_class,"
    "pre_self_pay_310_percent,pre_self_pay_390_percent,"
    "ceiling_level_1_yuan,ceiling_level_2_yuan,ceiling_level_3_yuan,over_limit_as,pot,restricted"
)
_TERMS = LineTerms(("domestic", "imported"), full_price=False, per_settlement=False)
_MICRO_YUAN = 10**6
_NEW_YEAR = 19_723


class _Entry(NamedTuple):
    """A line of the catalogue, all texts; the ratio of residents is always 20 %."""

    item_class: str = "02"
    percent: str = "10"
    ceilings: tuple[str, str, str] = ("", "", "")
    over_limit_as: str = "over_limit"
    pot: str = ""
    restricted: str = "no"

    def line(self, code: str) -> str:
        start = f"{code},n,101,09,2024-01-01,,{self.item_class},{self.percent},20"
        return ",".join([start, *self.ceilings, self.over_limit_as, self.pot, self.restricted])


class _Line(NamedTuple):
    """A charge line; `row` is the position of its entry."""

    row: int = 0
    amount_fen: int = 100
    price_e6: int = _MICRO_YUAN
    quantity_e4: int = 10_000
    level: int = 3
    scheme: int = 0
    approval: int = 0


def _catalogue(folder: Path, entries: Sequence[_Entry]) -> Catalogue:
    path = folder / "catalogue.csv"
    lines = [entry.line(f"I{number:03d}") for number, entry in enumerate(entries)]
    path.write_text("\n".join([_HEADER, *lines]), encoding="utf-8")
    return Catalogue.load(path, _TERMS)


def _columns(lines: Sequence[_Line]) -> LineColumns:
    return LineColumns(
        row=np.array([line.row for line in lines], dtype=np.int32),
        scheme=np.array([line.scheme for line in lines], dtype=np.int8),
        price_level=np.array([line.level for line in lines], dtype=np.int8),
        quantity_e4=np.array([line.quantity_e4 for line in lines], dtype=np.int64),
        unit_price_e6=np.array([line.price_e6 for line in lines], dtype=np.int64),
        amount_fen=np.array([line.amount_fen for line in lines], dtype=np.int64),
        approval=np.array([line.approval for line in lines], dtype=np.int8),
    )


def _parts(splits: LineSplits) -> list[tuple[int, ...]]:
    columns = (
        splits.own_expense_fen,
        splits.over_limit_fen,
        splits.pre_self_pay_fen,
        splits.in_scope_fen,
    )
    return [tuple(row) for row in np.stack(columns, axis=1).tolist()]


def _split_one(folder: Path, entry: _Entry, line: _Line) -> tuple[int, ...]:
    return _parts(split_lines(_columns([line]), _catalogue(folder, [entry])))[0]


_A = _Entry(item_class="01", percent="0")
_CEILING = _A._replace(ceilings=("0", "50", "60"))


@pytest.mark.parametrize(
    ("entry", "line", "parts"),
    [
        pytest.param(_A, _Line(), (0, 0, 0, 100), id="class-a"),
        pytest.param(_Entry("03", "0"), _Line(), (100, 0, 0, 0), id="class-c-whatever-its-ratio"),
        pytest.param(_Entry(), _Line(), (0, 0, 10, 90), id="class-b"),
        pytest.param(_Entry(), _Line(scheme=1), (0, 0, 20, 80), id="class-b-residents"),
        pytest.param(_Entry(percent="100"), _Line(), (100, 0, 0, 0), id="ratio-of-100-percent"),
        pytest.param(_Entry(percent="99.9999"), _Line(), (0, 0, 100, 0), id="ratio-rounded-to-all"),
        pytest.param(_Entry(), _Line(row=NOT_LISTED), (100, 0, 0, 0), id="not-listed"),
        pytest.param(_Entry(), _Line(row=NOT_VALID), (100, 0, 0, 0), id="not-valid-on-the-day"),
        pytest.param(_Entry(), _Line(amount_fen=0, price_e6=0), (0, 0, 0, 0), id="nothing"),
        pytest.param(_Entry(), _Line(amount_fen=1), (0, 0, 0, 1), id="one-fen"),
        pytest.param(_Entry(), _Line(amount_fen=4), (0, 0, 0, 4), id="below-half-a-fen"),
        pytest.param(_Entry(), _Line(amount_fen=5), (0, 0, 1, 4), id="half-a-fen-goes-up"),
    ],
)
def test_item_classes(tmp_path: Path, entry: _Entry, line: _Line, parts: tuple[int, ...]) -> None:
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
    line = _Line(approval=approval)

    assert parts == _split_one(tmp_path, _Entry(restricted=restricted), line)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        pytest.param(_Line(0, 6_000, 60_000_000), (0, 0, 0, 6_000), id="at-the-ceiling"),
        pytest.param(_Line(0, 6_000, 60_000_001), (0, 0, 0, 6_000), id="a-micro-yuan-above"),
        pytest.param(_Line(0, 6_001, 60_010_000), (0, 1, 0, 6_000), id="a-fen-above"),
        pytest.param(_Line(0, 5_999, 59_990_000), (0, 0, 0, 5_999), id="a-fen-below"),
        pytest.param(_Line(0, 6_000, 60_005_000), (0, 1, 0, 5_999), id="half-a-fen-goes-up"),
        pytest.param(_Line(0, 6_000, 60_004_999), (0, 0, 0, 6_000), id="below-half-a-fen"),
        pytest.param(_Line(0, 45_000, 150_000_000, 30_000), (0, 27_000, 0, 18_000), id="days"),
        pytest.param(_Line(0, 7_500, 150_000_000, 5_000), (0, 4_500, 0, 3_000), id="half-a-day"),
        pytest.param(_Line(0, 6_000, 60_000_000, level=2), (0, 1_000, 0, 5_000), id="level-2"),
        pytest.param(_Line(0, 6_000, 60_000_000, level=1), (0, 6_000, 0, 0), id="ceiling-of-zero"),
        pytest.param(_Line(0, 1, 0, level=1), (0, 1, 0, 0), id="zero-pays-not-even-a-fen"),
        pytest.param(
            _Line(0, 4_167, 41_600, 10_000_000, level=1), (0, 4_167, 0, 0), id="zero-rounded-price"
        ),
        pytest.param(_Line(0, 100, 160_000_000), (0, 100, 0, 0), id="never-above-the-amount"),
        pytest.param(
            _Line(0, limits.LINE_AMOUNT_FEN_MAX, limits.UNIT_PRICE_E6_MAX, limits.QUANTITY_E4_MAX),
            (0, limits.LINE_AMOUNT_FEN_MAX, 0, 0),
            id="largest-product",
        ),
    ],
)
def test_ceiling_prices(tmp_path: Path, line: _Line, parts: tuple[int, ...]) -> None:
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

    assert parts == _split_one(tmp_path, entry, _Line(0, 6_000, price_e6, level=level))


def test_no_ceiling_is_not_a_ceiling_of_zero(tmp_path: Path) -> None:
    """A blank ceiling leaves the highest price in scope."""
    line = _Line(0, limits.LINE_AMOUNT_FEN_MAX, limits.UNIT_PRICE_E6_MAX, 1, level=3)

    assert (0, 0, 0, limits.LINE_AMOUNT_FEN_MAX) == _split_one(tmp_path, _A, line)


def test_the_ratio_applies_below_the_ceiling(tmp_path: Path) -> None:
    """First-self-pay is taken from what the ceiling leaves."""
    entry = _Entry(ceilings=("", "", "60"))

    assert (0, 27_000, 1_800, 16_200) == _split_one(
        tmp_path, entry, _Line(0, 45_000, 150_000_000, 30_000)
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
    line = _Line(0, amount_fen, amount_fen * 10_000)

    assert (0, 0, rounded_fen, amount_fen - rounded_fen) == _split_one(
        tmp_path, _Entry(percent=percent), line
    )


@pytest.mark.parametrize(
    ("entry", "line", "parts"),
    [
        pytest.param(
            _A._replace(ceilings=("", "", "2")),
            _Line(0, 600, 2_000_000, 30_000),
            (0, 0, 0, 600),
            id="price-is-the-ceiling",
        ),
        pytest.param(_Entry("03", "100"), _Line(0, 150, 1_500_000), (150, 0, 0, 0), id="class-c"),
        pytest.param(
            _Entry("01", "100"),
            _Line(0, 120_000, 120_000_000, 100_000),
            (120_000, 0, 0, 0),
            id="class-a-with-a-ratio-of-one",
        ),
    ],
)
def test_published_line_results(
    tmp_path: Path, entry: _Entry, line: _Line, parts: tuple[int, ...]
) -> None:
    """Line results of real uploads come out to the fen.

    Source: answers of two provincial platforms to line uploads in 2021 and 2022.
    """
    assert parts == _split_one(tmp_path, entry, line)


_PERCENTS = ("0", "4", "10", "12.3456", "33.3333", "66.5", "99.9999", "100")
_CEILINGS_E6 = (None, 0, 1, 33_333, 60_000_000, limits.UNIT_PRICE_E6_MAX)


def _yuan(micro_yuan: int | None) -> str:
    return "" if micro_yuan is None else f"{micro_yuan // 10**6}.{micro_yuan % 10**6:06d}"


@st.composite
def _entries(draw: st.DrawFn) -> tuple[_Entry, int | None]:
    ceiling_e6 = draw(st.sampled_from(_CEILINGS_E6))
    return (
        _Entry(
            item_class=draw(st.sampled_from(["01", "02", "03"])),
            percent=draw(st.sampled_from(_PERCENTS)),
            ceilings=(_yuan(ceiling_e6), "", "0"),
            over_limit_as=draw(st.sampled_from(["over_limit", "own_expense"])),
            restricted=draw(st.sampled_from(["yes", "no"])),
        ),
        ceiling_e6,
    )


@st.composite
def _charge_lines(draw: st.DrawFn, rows: int) -> _Line:
    near = draw(st.sampled_from([value for value in _CEILINGS_E6 if value is not None]))
    prices = st.one_of(
        st.integers(0, limits.UNIT_PRICE_E6_MAX),
        st.integers(max(0, near - 2), min(near + 2, limits.UNIT_PRICE_E6_MAX)),
    )
    amounts = st.one_of(st.integers(0, 100_000), st.integers(0, limits.LINE_AMOUNT_FEN_MAX))
    return _Line(
        row=draw(st.integers(NOT_VALID, rows - 1)),
        amount_fen=draw(amounts),
        price_e6=draw(prices),
        quantity_e4=draw(st.one_of(st.just(10_000), st.integers(1, limits.QUANTITY_E4_MAX))),
        level=1,
        approval=draw(st.integers(0, 2)),
    )


def _reference(line: _Line, entries: Sequence[tuple[_Entry, int | None]]) -> tuple[int, ...]:
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
    entries = data.draw(st.lists(_entries(), min_size=1, max_size=8))
    lines = data.draw(st.lists(_charge_lines(len(entries)), min_size=1, max_size=40))
    catalogue = _catalogue(tmp_path_factory.mktemp("scope"), [entry for entry, _ in entries])

    splits = split_lines(_columns(lines), catalogue)

    assert [_reference(line, entries) for line in lines] == _parts(splits)
    assert [line.amount_fen for line in lines] == [sum(parts) for parts in _parts(splits)]


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_blocks_leave_no_seam(tmp_path: Path, extra: int) -> None:
    """Lines around the size of a block split as they do alone."""
    catalogue = _catalogue(tmp_path, [_Entry(), _CEILING])
    count = limits.BLOCK_ROWS + extra
    lines = [_Line(at % 2, at, at * 10_000) for at in range(count)]
    edges = [0, 1, count - 2, count - 1]

    parts = _parts(split_lines(_columns(lines), catalogue))

    alone = [_parts(split_lines(_columns([lines[at]]), catalogue))[0] for at in edges]
    assert alone == [parts[at] for at in edges]
    assert list(range(count)) == [sum(row) for row in parts]


def test_no_lines_at_all(tmp_path: Path) -> None:
    """A batch without lines has no splits, and its claims have empty pots."""
    splits = split_lines(_columns([]), _catalogue(tmp_path, [_Entry()]))

    assert [] == _parts(splits)
    assert [[0] * 5] * 2 == pots(splits, np.zeros(0, dtype=np.int32), 2, 1).tolist()


def test_special_pots_stand_apart(tmp_path: Path) -> None:
    """The in-scope part of a line with a special pot goes there; the other parts stay."""
    entries = [_Entry(pot="imported"), _Entry(pot="domestic"), _Entry(), _Entry(item_class="03")]
    catalogue = _catalogue(tmp_path, entries)
    rows = [0, 0, 1, 2, 3, NOT_LISTED]
    splits = split_lines(_columns([_Line(row) for row in rows]), catalogue)

    sums = pots(splits, np.array([0, 1, 1, 1, 1, 2], dtype=np.int32), 4, 2)

    assert [5, 5, 4, IN_SCOPE_POT, IN_SCOPE_POT, IN_SCOPE_POT] == splits.pot.tolist()
    assert [
        [0, 0, 10, 0, 0, 90],
        [100, 0, 30, 90, 90, 90],
        [100, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ] == sums.tolist()


def _splits_of(amount_fen: NDArray[np.int64], pot: NDArray[np.int64]) -> LineSplits:
    return LineSplits(amount_fen, amount_fen * 2, amount_fen * 3, amount_fen * 4, pot)


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
    catalogue = _catalogue(tmp_path, [_A, _Entry()])
    days: DayArray = np.array([_NEW_YEAR, _NEW_YEAR, _NEW_YEAR, _NEW_YEAR - 1], dtype=np.int32)
    rows = catalogue.rows(["I001", "I000", "X", "I000"], days)
    lines = [_Line(int(row)) for row in rows]

    assert [(0, 0, 10, 90), (0, 0, 0, 100), (100, 0, 0, 0), (100, 0, 0, 0)] == _parts(
        split_lines(_columns(lines), catalogue)
    )
