"""Invented bills over an invented catalogue, and what the reference makes of them.

Half the items are class A, two in five class B with a first-self-pay ratio, the rest class C; three
in ten have a ceiling price that differs by hospital level.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from medsettle.core.codes import POT_NAMES
from medsettle.policy.catalogue import Catalogue
from medsettle.policy.line_terms import LineTerms
from numpy.typing import NDArray

from benchmarks.anchor.claims import Columns, FenArray

SEED: Final = 5
LINES_PER_CLAIM: Final = 60
PPM_ONE: Final = 1_000_000
# Micro-yuan times 1/10,000 of a unit in one fen.
PER_FEN: Final = 10**8
_ITEMS: Final = 20_000
_LEVELS: Final = 3
_E6_PER_FEN: Final = 10_000
_E4: Final = 10_000
_HEADER: Final = (
    "item_code,name,list_type,charge_type,valid_from,valid_until,item_class,"
    "pre_self_pay_310_percent,ceiling_level_1_yuan,ceiling_level_2_yuan,ceiling_level_3_yuan,"
    "over_limit_as,pot,restricted"
)


@dataclass(frozen=True, slots=True)
class Bills:
    """Lines in order of their claims, each naming the row of its item in the catalogue.

    `level` is 1 to 3; the catalogue has class C items at a ratio of one, so that two columns say
    what an item is worth.
    """

    catalogue: Catalogue
    claim: NDArray[np.int64]
    row: NDArray[np.int32]
    level: NDArray[np.int8]
    quantity_e4: NDArray[np.int64]
    unit_price_e6: NDArray[np.int64]
    amount_fen: FenArray

    @property
    def claims(self) -> int:
        """The number of claims."""
        return int(self.claim[-1]) + 1

    @property
    def ratio_ppm(self) -> NDArray[np.int64]:
        """First-self-pay ratio by row of the catalogue, shape (items,)."""
        return self.catalogue.pre_self_pay_ppm[:, 0].copy()


@dataclass(frozen=True, slots=True)
class Lists:
    """Bills as lists: the columns of the lines, and of the catalogue by row."""

    columns: list[list[int]]
    ratios_ppm: list[int]
    ceilings_e6: list[list[int]]
    claims: int


def write_catalogue(path: Path) -> Catalogue:
    """Write an invented catalogue as the file a pooling area would keep, and load it."""
    random = np.random.default_rng(SEED)
    classes = random.choice(3, _ITEMS, p=(0.5, 0.4, 0.1)) + 1
    percents = np.where(classes == 2, random.choice((5, 10, 20, 30), _ITEMS), 0)
    percents[classes == 3] = 100
    base_fen = np.exp(random.normal(8.0, 1.0, _ITEMS)).astype(np.int64) + 1
    capped = random.random(_ITEMS) < 0.3
    lines = [_HEADER]
    facts = zip(
        classes.tolist(), percents.tolist(), base_fen.tolist(), capped.tolist(), strict=True
    )
    for number, (item_class, percent, fen, has_ceiling) in enumerate(facts):
        prices = [f"{own // 100}.{own % 100:02}" for own in (fen, fen * 5 // 4, fen * 3 // 2)]
        cells = prices if has_ceiling else [""] * _LEVELS
        excess = "over_limit" if has_ceiling else ""
        lines.append(
            f"009999{number:021},性能测试虚构项目{number},201,01,2020-01-01,,{item_class:02},"
            f"{percent},{','.join(cells)},{excess},,no"
        )
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return Catalogue.load(path, LineTerms((), full_price=False, per_settlement=False))


def random_bills(catalogue: Catalogue, claims: int, seed: int = SEED) -> Bills:
    """Return bills of `LINES_PER_CLAIM` lines each."""
    random = np.random.default_rng(seed + 1)
    count = claims * LINES_PER_CLAIM
    price_fen = np.exp(random.normal(8.0, 1.5, count)).astype(np.int64) + 1
    units = random.integers(1, 20, count)
    return Bills(
        catalogue=catalogue,
        claim=np.repeat(np.arange(claims), LINES_PER_CLAIM),
        row=random.integers(0, len(catalogue), count).astype(np.int32),
        level=np.repeat(random.integers(1, _LEVELS + 1, claims), LINES_PER_CLAIM).astype(np.int8),
        quantity_e4=units * _E4,
        unit_price_e6=price_fen * _E6_PER_FEN,
        amount_fen=units * price_fen,
    )


def lists_of(bills: Bills) -> Lists:
    """Return the lines as lists of Python integers, with the catalogue's."""
    columns = (bills.claim, bills.row, bills.level, bills.quantity_e4, bills.unit_price_e6)
    return Lists(
        [column.tolist() for column in (*columns, bills.amount_fen)],
        bills.ratio_ppm.tolist(),
        bills.catalogue.ceiling_e6.tolist(),
        bills.claims,
    )


def split_lists(lists: Lists) -> list[list[int]]:
    """Return the national pots of each claim: one line after another, in plain integers."""
    ratios, ceilings = lists.ratios_ppm, lists.ceilings_e6
    sums = [[0] * len(POT_NAMES) for _ in range(lists.claims)]
    for claim, row, level, quantity, price, amount in zip(*lists.columns, strict=True):
        pots = sums[claim]
        ratio = ratios[row]
        if ratio == PPM_ONE:
            pots[0] += amount
            continue
        over = pre = 0
        above = price - ceilings[row][level - 1]
        if above > 0:
            over = min((above * quantity + PER_FEN // 2) // PER_FEN, amount)
        if ratio:
            pre = ((amount - over) * ratio + PPM_ONE // 2) // PPM_ONE
        pots[1] += over
        pots[2] += pre
        pots[3] += amount - over - pre
    return sums


def columns_of(sums: list[list[int]]) -> Columns:
    """Return the pots as int64 columns."""
    table = np.array(sums, dtype=np.int64).T
    return {name: column.copy() for name, column in zip(POT_NAMES, table, strict=True)}


def reference(bills: Bills) -> Columns:
    """Return the national pots of each claim, in plain Python integers."""
    return columns_of(split_lists(lists_of(bills)))
