"""A batch of claims as columns, and the check of every bound with all faults at once.

Rows (from JSON or gRPC) and Arrow batches become the same `ClaimBatch`. A faulty claim does not
stop the others: its faults are kept under its row, with paths such as `lines[1].amount_fen`, and
its lines are left out.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.claim_faults import checked_claim, told
from medsettle.core.coded import texts_at
from medsettle.core.line_arrays import LineArrays
from medsettle.core.negative_lines import original_lines
from medsettle.core.outcome import Rejection, invalid
from medsettle.core.quick_checks import (
    LINE_NAMES,
    Checked,
    InDoubt,
    Lists,
    checked_lists,
    lists_of,
    part_of,
    rows_of,
)
from medsettle.core.scopes import CareScope, scope_faults
from medsettle.core.table_rows import TableRows
from medsettle.errors import BatchTooLarge, Fault, InvalidRequest

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ClaimBatch:
    """Claims in order. `rows[i]` is claim i as checked values; line columns are concatenated.

    `line_claim` holds the claim of each line and rises; amounts are int64 fen, quantities 1/10,000
    units, prices micro-yuan, days int64 days since 1970-01-01. A negative line has the position of
    the line that it takes back in `original`, all others -1. `earmarks` has the mark of each line
    that bears one, by its position. `rejections` maps the faulty rows to their faults; a faulty row
    has no lines here. `scopes` has the splits of claims whose lines another engine split, by row.
    """

    rows: Sequence[dict[str, object]]
    rejections: dict[int, Rejection]
    line_claim: NDArray[np.int64]
    line_item: Sequence[str]
    line_day: NDArray[np.int64]
    quantity_e4: NDArray[np.int64]
    unit_price_e6: NDArray[np.int64]
    amount_fen: NDArray[np.int64]
    approval: NDArray[np.int8]
    original: NDArray[np.int64]
    earmarks: Mapping[int, str]
    scopes: Mapping[int, CareScope] = field(default_factory=dict)
    _columns: dict[str, Sequence[Any]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> Sequence[Any]:
        """Return a column of the claims as Python values; those of faulty claims mean nothing.

        Unlike `rows`, it makes no row of what came as columns.
        """
        if name not in self._columns:
            made = self.rows.column(name) if isinstance(self.rows, TableRows) else None
            self._columns[name] = [row[name] for row in self.rows] if made is None else made
        return self._columns[name]

    def scoped(self, scopes: Mapping[int, CareScope]) -> "ClaimBatch":
        """Return the batch with the splits of claims whose lines another engine split.

        A claim with a split that cannot be one of its lines is rejected, with all that is wrong;
        as any faulty one, it has no lines in the batch then.

        Args:
            scopes: The split of each such claim, by row; those of faulty claims are not looked at.
        """
        kept: dict[int, CareScope] = {}
        rejections: dict[int, Rejection] = {}
        for row, scope in sorted(scopes.items()):
            if row in self.rejections:
                continue
            if faults := scope_faults(self.rows[row], scope):
                rejections[row] = invalid(told(faults))
            else:
                kept[row] = scope
        batch = replace(self, scopes=kept, rejections=self.rejections | rejections)
        return batch._without_lines(rejections) if rejections else batch

    def refused(self, rejections: Mapping[int, Rejection]) -> "ClaimBatch":
        """Return the batch with some claims rejected, by row; those rejected before stay so."""
        if not rejections:
            return self
        batch = replace(self, rejections={**rejections, **self.rejections})
        return batch._without_lines(rejections)

    def _without_lines(self, rows: Collection[int]) -> "ClaimBatch":
        """Return the batch without the lines of some claims."""
        kept = ~np.isin(self.line_claim, [*rows])
        places = np.flatnonzero(kept)
        moved_to = np.cumsum(kept) - 1
        original = self.original[places]
        return replace(
            self,
            line_claim=self.line_claim[places],
            line_item=texts_at(self.line_item, places),
            line_day=self.line_day[places],
            quantity_e4=self.quantity_e4[places],
            unit_price_e6=self.unit_price_e6[places],
            amount_fen=self.amount_fen[places],
            approval=self.approval[places],
            original=np.where(original >= 0, moved_to[original], -1),
            earmarks={
                int(moved_to[at]): mark for at, mark in self.earmarks.items() if bool(kept[at])
            },
        )

    @classmethod
    def from_rows(cls, rows: Sequence[Row]) -> "ClaimBatch":
        """Return the batch of claims given as rows keyed by the columns of `schema.CLAIM`.

        Dates are `datetime.date` or text like 2024-05-01; `lines` is a list or tuple of rows keyed
        by `schema.LINE`.

        Raises:
            BatchTooLarge: More claims than one call may carry.
        """
        _check_count(len(rows))
        rejections: dict[int, Rejection] = {}
        return cls._joined([*_parts(rows, 0, rejections)], rejections)

    @classmethod
    def from_lists(
        cls,
        claims: Mapping[str, Sequence[Any]],
        lines: Mapping[str, Sequence[Any]],
        counts: Sequence[int],
    ) -> "ClaimBatch":
        """Return the batch of claims given as columns; the result is that of `from_rows`.

        Args:
            claims: A list for each column of `schema.CLAIM`, n values each, None where a claim
                states nothing; dates as in `from_rows`.
            lines: Likewise for each column of `schema.LINE`, the lines of all claims one after
                another.
            counts: The number of lines of each claim.

        Raises:
            BatchTooLarge: More claims than one call may carry.
        """
        _check_count(len(counts))
        lists = Lists(claims, lines, counts)
        try:
            return cls._joined([checked_lists(lists)], {})
        except InDoubt:
            return cls.from_rows(rows_of(lists))

    @classmethod
    def from_arrow(cls, table: pa.Table | pa.RecordBatch) -> "ClaimBatch":
        """Return the batch of claims given as an Arrow table with `schema.claim_schema()`.

        A column that is missing, unknown or of another type is a fault of every row.

        Raises:
            BatchTooLarge: More claims than one call may carry.
            InvalidRequest: A date or a moment is one that no calendar has.
        """
        _check_count(table.num_rows)
        if isinstance(table, pa.RecordBatch):
            table = pa.Table.from_batches([table])
        if table.num_rows < limits.TABLE_CLAIMS_MIN:
            return cls.from_rows(_rows_of(table))
        # The functions of Arrow load slowly, and whoever settles rows does without them.
        from medsettle.core import arrow_columns, claim_table  # noqa: PLC0415

        try:
            claims = claim_table.ClaimTable.of(table)
        except arrow_columns.Unusual:
            return cls.from_rows(_rows_of(table))
        arrays = claims.arrays()
        gone_through: dict[int, dict[str, object]] = {}
        rejections: dict[int, Rejection] = {}
        doubted = np.flatnonzero(claims.in_doubt(arrays))
        for at, row in zip(doubted.tolist(), _rows_of(table.take(doubted)), strict=True):
            faults: list[Fault] = []
            gone_through[at] = checked_claim(row, faults)
            if faults:
                rejections[at] = invalid(told(faults))
        lines = claims.line_columns(arrays, [*rejections])
        return cls(rows=TableRows(claims, gone_through), rejections=rejections, **lines)

    @classmethod
    def _joined(cls, parts: Sequence[Checked], rejections: dict[int, Rejection]) -> "ClaimBatch":
        lines: Mapping[str, Sequence[Any]]
        if len(parts) == 1:
            (part,) = parts
            rows, lines, arrays = part.rows, part.lines, part.arrays
        else:
            rows = [row for part in parts for row in part.rows]
            lines = {
                name: [each for part in parts for each in part.lines[name]] for name in LINE_NAMES
            }
            arrays = LineArrays.joined([part.arrays for part in parts])
        approvals, marks = lines["approval"], lines["earmark"]
        return cls(
            rows=rows,
            rejections=rejections,
            line_claim=arrays.claim,
            line_item=lines["item_code"],
            line_day=arrays.day,
            quantity_e4=arrays.quantity_e4,
            unit_price_e6=arrays.unit_price_e6,
            amount_fen=arrays.amount_fen,
            approval=np.array([int(code or 0) for code in approvals], dtype=np.int8)
            if any(approvals)
            else np.zeros(len(approvals), dtype=np.int8),
            original=original_lines(lines["line_id"], lines["original_line"], arrays.claim)
            if arrays.takes_back
            else np.full(len(approvals), -1, dtype=np.int64),
            earmarks={at: mark for at, mark in enumerate(marks) if mark} if any(marks) else {},
        )


def _check_count(claims: int) -> None:
    most = limits.CLAIMS_PER_BATCH_MAX
    if claims > most:
        message = f"{claims} claims, more than {most}; send them in several calls"
        raise BatchTooLarge([Fault("claims", message)])


def _parts(rows: Sequence[Row], first: int, rejections: dict[int, Rejection]) -> Iterator[Checked]:
    """Yield the rows in checked parts, keeping the faults of faulty ones.

    Rows in doubt are halved until the one at fault is found: the others are checked by columns.
    """
    try:
        yield checked_lists(lists_of(rows))
    except InDoubt:
        if len(rows) > 1:
            half = len(rows) // 2
            yield from _parts(rows[:half], first, rejections)
            yield from _parts(rows[half:], first + half, rejections)
            return
    else:
        return
    faults: list[Fault] = []
    claim = checked_claim(rows[0], faults)
    if faults:
        rejections[first] = invalid(told(faults))
        claim_lines: list[dict[str, object]] = []
    else:
        claim_lines = claim["lines"]  # type: ignore[assignment]
    yield part_of(claim, claim_lines)


def _rows_of(table: pa.Table) -> list[dict[str, object]]:
    try:
        rows: list[dict[str, object]] = table.to_pylist()
    except (pa.ArrowException, OverflowError, ValueError) as error:
        found = f"a date or a moment is none of any calendar: {error}"
        raise InvalidRequest([Fault("claims", found[: limits.MESSAGE_CHARS_MAX])]) from error
    return rows
