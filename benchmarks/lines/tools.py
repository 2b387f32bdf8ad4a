"""Splitting and summing charge lines on each tool.

The lines name rows of one catalogue. The kernel answers every question its catalogue may ask
(restricted uses, items without a valid entry, special pots, excess that makes a line own expense)
although these bills ask none of them, takes the lines in any order, and keeps the parts of every
line beside the sums of its claim; NumPy by hand and DuckDB do what these bills need and no more.
"From item codes" begins a step earlier: its lines name items, by the number of a text as an Arrow
dictionary does, and a day.
"""

from dataclasses import replace
from typing import Final, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
from medsettle.core.coded import Coded
from medsettle.core.codes import POT_NAMES
from medsettle.settle import native_lines
from medsettle.settle.item_rows import item_rows
from medsettle.settle.line_columns import LineColumns
from medsettle.settle.scope import split_and_sum

from benchmarks.anchor.claims import Columns, FenArray
from benchmarks.anchor.names import DUCKDB, NUMBA, PYTHON
from benchmarks.anchor.tools import Tool, optional
from benchmarks.lines import bills
from benchmarks.lines.bills import LINES_PER_CLAIM, PER_FEN, PPM_ONE, Bills
from benchmarks.sections.names import LINE_BLOCKS

# A day on which every version of the invented catalogue is in force.
_DAY: Final = 19_844
_Prepared: TypeAlias = tuple[LineColumns, FenArray, Bills]

# --- the kernel --------------------------------------------------------------------------------


def _line_columns(batch: Bills) -> _Prepared:
    count = len(batch.row)
    lines = LineColumns(
        row=batch.row,
        scheme=np.zeros(count, dtype=np.int8),
        price_level=batch.level,
        quantity_e4=batch.quantity_e4,
        unit_price_e6=batch.unit_price_e6,
        amount_fen=batch.amount_fen,
        approval=np.zeros(count, dtype=np.int8),
    )
    return lines, np.empty((len(POT_NAMES), count), dtype=np.int64), batch


def _run_kernel(prepared: _Prepared) -> FenArray:
    lines, parts, batch = prepared
    sums = np.zeros((len(POT_NAMES), batch.claims), dtype=np.int64)
    split_and_sum(lines, batch.catalogue, batch.claim, sums, parts)
    return sums.T


def _coded_columns(batch: Bills) -> tuple[Coded, _Prepared]:
    used, numbers = np.unique(batch.row, return_inverse=True)
    codes = batch.catalogue.item_codes
    texts = [codes[item] for item in batch.catalogue.item[used].tolist()]
    return Coded(texts, numbers.astype(np.int32)), _line_columns(batch)


def _run_from_codes(prepared: tuple[Coded, _Prepared]) -> FenArray:
    items, (lines, parts, batch) = prepared
    days = np.full(len(lines), _DAY, dtype=np.int64)
    row = item_rows(batch.catalogue, items, days, lines.unit_price_e6)
    return _run_kernel((replace(lines, row=row), parts, batch))


def _columns(sums: FenArray) -> Columns:
    return {name: sums[:, number] for number, name in enumerate(POT_NAMES)}


# --- NumPy by hand -----------------------------------------------------------------------------

# Claims whose lines stay in the cache with all that is made of them.
_CLAIMS_PER_BLOCK: Final = 256


def _flat(batch: Bills) -> tuple[Bills, FenArray, FenArray]:
    return batch, batch.ratio_ppm, batch.catalogue.ceiling_e6.ravel()


def _run_by_hand(prepared: tuple[Bills, FenArray, FenArray]) -> FenArray:
    batch, ratios, ceilings = prepared
    sums = np.empty((batch.claims, len(POT_NAMES)), dtype=np.int64)
    for first in range(0, batch.claims, _CLAIMS_PER_BLOCK):
        claims = sums[first : first + _CLAIMS_PER_BLOCK]
        start = first * LINES_PER_CLAIM
        part = slice(start, start + len(claims) * LINES_PER_CLAIM)
        row, amount, price = batch.row[part], batch.amount_fen[part], batch.unit_price_e6[part]
        wide = row.astype(np.intp)
        ratio = ratios.take(wide)
        ceiling = ceilings.take(wide * 3 + (batch.level[part] - 1))
        own = np.where(ratio == PPM_ONE, amount, 0)
        over = np.maximum(price - ceiling, 0)
        over *= batch.quantity_e4[part]
        _round(over, PER_FEN)
        rest = amount - own
        np.minimum(over, rest, out=over)
        rest -= over
        pre = rest * ratio
        _round(pre, PPM_ONE)
        rest -= pre
        # Lines lie in order of their claims, so many to each.
        for number, column in enumerate((own, over, pre, rest)):
            column.reshape(-1, LINES_PER_CLAIM).sum(axis=1, out=claims[:, number])
    return sums


def _round(product: FenArray, divisor: int) -> None:
    product += divisor // 2
    unsigned = product.view(np.uint64)
    unsigned //= np.uint64(divisor)


# --- DuckDB ------------------------------------------------------------------------------------

_STATEMENT: Final = f"""
WITH priced AS (
    SELECT claim, amount_fen, ratio_ppm, amount_fen * (ratio_ppm = {PPM_ONE})::BIGINT AS own,
        (greatest(unit_price_e6 - ceiling_e6, 0) * quantity_e4 + {PER_FEN // 2}) // {PER_FEN}
            AS excess
    FROM lines JOIN catalogue USING (row, level)
), limited AS (
    SELECT *, least(amount_fen - own, excess) AS over FROM priced
), split AS (
    SELECT *, ((amount_fen - own - over) * ratio_ppm + {PPM_ONE // 2}) // {PPM_ONE} AS pre
    FROM limited
)
SELECT sum(own)::BIGINT AS own_expense, sum(over)::BIGINT AS over_limit,
    sum(pre)::BIGINT AS pre_self_pay, sum(amount_fen - own - over - pre)::BIGINT AS in_scope
FROM split GROUP BY claim ORDER BY claim
"""


def _tables(batch: Bills) -> tuple[duckdb.DuckDBPyConnection, pa.Table]:
    catalogue, ratios = batch.catalogue, batch.ratio_ppm
    levels = catalogue.ceiling_e6.shape[1]
    items = pa.table(
        {
            "row": np.repeat(np.arange(len(catalogue), dtype=np.int32), levels),
            "level": np.tile(np.arange(1, levels + 1, dtype=np.int8), len(catalogue)),
            "ratio_ppm": np.repeat(ratios, levels),
            "ceiling_e6": catalogue.ceiling_e6.ravel(),
        }
    )
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.register("items", items)
    connection.execute("CREATE TABLE catalogue AS SELECT * FROM items")
    names = ("claim", "row", "level", "quantity_e4", "unit_price_e6", "amount_fen")
    return connection, pa.table({name: getattr(batch, name) for name in names})


def _run_statement(prepared: tuple[duckdb.DuckDBPyConnection, pa.Table]) -> pa.Table:
    connection, lines = prepared
    connection.register("lines", lines)
    return connection.sql(_STATEMENT).to_arrow_table()


def _from_table(table: pa.Table) -> Columns:
    return {name: table[name].to_numpy().astype(np.int64, copy=False) for name in POT_NAMES}


# A server has loaded it before the port opens.
assert native_lines


def _numba_tool() -> Tool | None:
    module = optional("benchmarks.lines.numba_loop")
    return None if module is None else Tool(NUMBA, module.prepare, module.run, _columns)


_KNOWN: Final = (
    Tool("medsettle", _line_columns, _run_kernel, _columns),
    Tool("medsettle, from item codes", _coded_columns, _run_from_codes, _columns),
    _numba_tool(),
    Tool(LINE_BLOCKS, _flat, _run_by_hand, _columns),
    Tool(DUCKDB, _tables, _run_statement, _from_table),
    Tool(PYTHON, bills.lists_of, bills.split_lists, bills.columns_of),
)
TOOLS: Final = tuple(tool for tool in _KNOWN if tool is not None)
