"""Charge lines and catalogues of one test, and how Hypothesis draws them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from medsettle import limits
from medsettle.policy.catalogue import NOT_VALID, Catalogue
from medsettle.policy.line_terms import LineTerms
from medsettle.settle.line_columns import LineColumns, LineSplits

_HEADER = (
    "item_code,name,list_type,charge_type,valid_from,valid_until,item_class,"
    "pre_self_pay_310_percent,pre_self_pay_390_percent,"
    "ceiling_level_1_yuan,ceiling_level_2_yuan,ceiling_level_3_yuan,over_limit_as,pot,restricted"
)
_TERMS = LineTerms(("domestic", "imported"), full_price=False, per_settlement=False)
_MICRO_YUAN = 10**6
NEW_YEAR = 19_723


class Entry(NamedTuple):
    """A line of the catalogue, all texts; the ratio of residents is always 20 %."""

    item_class: str = "02"
    percent: str = "10"
    ceilings: tuple[str, str, str] = ("", "", "")
    over_limit_as: str = "over_limit"
    pot: str = ""
    restricted: str = "no"

    def line(self, code: str) -> str:
        """Return it as a line of the file."""
        start = f"{code},n,101,09,2024-01-01,,{self.item_class},{self.percent},20"
        return ",".join([start, *self.ceilings, self.over_limit_as, self.pot, self.restricted])


class Line(NamedTuple):
    """A charge line; `row` is the position of its entry."""

    row: int = 0
    amount_fen: int = 100
    price_e6: int = _MICRO_YUAN
    quantity_e4: int = 10_000
    level: int = 3
    scheme: int = 0
    approval: int = 0


def catalogue_of(folder: Path, entries: Sequence[Entry]) -> Catalogue:
    """Return a catalogue of some entries, from a file in a folder."""
    path = folder / "catalogue.csv"
    lines = [entry.line(f"I{number:03d}") for number, entry in enumerate(entries)]
    path.write_text("\n".join([_HEADER, *lines]), encoding="utf-8")
    return Catalogue.load(path, _TERMS)


def columns_of(lines: Sequence[Line]) -> LineColumns:
    """Return lines as columns."""
    return LineColumns(
        row=np.array([line.row for line in lines], dtype=np.int32),
        scheme=np.array([line.scheme for line in lines], dtype=np.int8),
        price_level=np.array([line.level for line in lines], dtype=np.int8),
        quantity_e4=np.array([line.quantity_e4 for line in lines], dtype=np.int64),
        unit_price_e6=np.array([line.price_e6 for line in lines], dtype=np.int64),
        amount_fen=np.array([line.amount_fen for line in lines], dtype=np.int64),
        approval=np.array([line.approval for line in lines], dtype=np.int8),
    )


def parts_of(splits: LineSplits) -> list[tuple[int, ...]]:
    """Return the parts of each line."""
    columns = (
        splits.own_expense_fen,
        splits.over_limit_fen,
        splits.pre_self_pay_fen,
        splits.in_scope_fen,
    )
    return [tuple(row) for row in np.stack(columns, axis=1).tolist()]


_PERCENTS = ("0", "4", "10", "12.3456", "33.3333", "66.5", "99.9999", "100")
_CEILINGS_E6 = (None, 0, 1, 33_333, 60_000_000, limits.UNIT_PRICE_E6_MAX)


def _yuan(micro_yuan: int | None) -> str:
    return "" if micro_yuan is None else f"{micro_yuan // 10**6}.{micro_yuan % 10**6:06d}"


@st.composite
def drawn_entries(draw: st.DrawFn) -> tuple[Entry, int | None]:
    """Return an entry with its ceiling in micro-yuan at the first level."""
    ceiling_e6 = draw(st.sampled_from(_CEILINGS_E6))
    return (
        Entry(
            item_class=draw(st.sampled_from(["01", "02", "03"])),
            percent=draw(st.sampled_from(_PERCENTS)),
            ceilings=(_yuan(ceiling_e6), "", "0"),
            over_limit_as=draw(st.sampled_from(["over_limit", "own_expense"])),
            restricted=draw(st.sampled_from(["yes", "no"])),
        ),
        ceiling_e6,
    )


@st.composite
def charge_lines(draw: st.DrawFn, rows: int) -> Line:
    """Return a line of one of so many rows, or of none."""
    near = draw(st.sampled_from([value for value in _CEILINGS_E6 if value is not None]))
    prices = st.one_of(
        st.integers(0, limits.UNIT_PRICE_E6_MAX),
        st.integers(max(0, near - 2), min(near + 2, limits.UNIT_PRICE_E6_MAX)),
    )
    amounts = st.one_of(st.integers(0, 100_000), st.integers(0, limits.LINE_AMOUNT_FEN_MAX))
    return Line(
        row=draw(st.integers(NOT_VALID, rows - 1)),
        amount_fen=draw(amounts),
        price_e6=draw(prices),
        quantity_e4=draw(st.one_of(st.just(10_000), st.integers(1, limits.QUANTITY_E4_MAX))),
        level=1,
        approval=draw(st.integers(0, 2)),
    )
