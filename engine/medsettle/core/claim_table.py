"""Claims as an Arrow table: which of them may have a fault, and their lines as arrays.

Nothing here makes a Python value of each line: bounds are asked of whole columns, codes are told
apart by dictionaries, and only the claims in doubt become rows, for `medsettle.core.claim_faults`
to go through. What is asked here may be stricter than what is said there, never laxer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import codes, schema
from medsettle.core.arrow_columns import (
    Mask,
    Unusual,
    by_name,
    days_in,
    mark,
    nulls_in,
    numbers_in,
    repeated,
    typed_columns,
    values_in,
    whole,
    years_of,
)
from medsettle.core.coded import Coded
from medsettle.core.dates import CHINA_STANDARD_TIME
from medsettle.core.line_arrays import LineArrays, doubtful_lines, totals
from medsettle.core.negative_lines import original_lines

_MICROSECONDS_PER_DAY: Final = 86_400 * 10**6
_AHEAD_MICROSECONDS: Final = CHINA_STANDARD_TIME.utcoffset(None) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class ClaimTable:
    """n claims as columns: `claims` by name, `lines` those of all claims one after another.

    What stands for nothing is null in every column. `starts` has shape (n + 1,): claim i has the
    lines from `starts[i]` to `starts[i + 1]`.
    """

    claims: Mapping[str, pa.Array]
    lines: Mapping[str, pa.Array]
    starts: NDArray[np.int64]
    broken: Mask

    @classmethod
    def of(cls, table: pa.Table) -> "ClaimTable":
        """Return a table with the columns of `schema.claim_schema()`; optional ones may be missing.

        Raises:
            Unusual: A column is missing, unknown, or of a type that is not the schema's.
        """
        arrays = by_name(table.column_names, [whole(each) for each in table.columns])
        bills = arrays.pop("lines", None)
        if bills is None or not pa.types.is_list(bills.type):
            raise Unusual
        items = bills.flatten()
        if not pa.types.is_struct(items.type) or items.null_count:
            raise Unusual
        names = [items.type.field(at).name for at in range(items.type.num_fields)]
        lines = by_name(names, items.flatten())
        counts = pc.fill_null(pc.list_value_length(bills), 0).to_numpy(zero_copy_only=False)
        return cls(
            claims=typed_columns(schema.CLAIM, arrays, len(bills)),
            lines=typed_columns(schema.LINE, lines, len(items)),
            starts=np.concatenate(([0], np.cumsum(counts, dtype=np.int64))),
            broken=nulls_in(bills) | (counts > limits.LINES_PER_CLAIM_MAX),
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def arrays(self) -> LineArrays:
        """Return the numbers of the lines; zeros stand for what is null."""
        return LineArrays(
            claims=len(self),
            claim=np.repeat(np.arange(len(self)), np.diff(self.starts)),
            day=days_in(self.lines["fee_date"]),
            quantity_e4=numbers_in(self.lines["quantity_e4"]),
            unit_price_e6=numbers_in(self.lines["unit_price_e6"]),
            amount_fen=numbers_in(self.lines["amount_fen"]),
            takes_back=self.lines["original_line"].null_count < len(self.lines["line_id"]),
        )

    def in_doubt(self, arrays: LineArrays) -> Mask:
        """Return which claims may have a fault, or take lines back, shape (n,)."""
        doubt = self.broken.copy()
        for column in schema.CLAIM:
            mark(doubt, column, self.claims[column.name])
        admission, service = (
            days_in(self.claims[f"{name}_date"]) for name in ("admission", "service")
        )
        doubt |= self._visits_in_doubt(admission, service)
        of_lines = ~nulls_in(self.lines["original_line"])
        for column in schema.LINE:
            mark(of_lines, column, self.lines[column.name])
        of_lines |= doubtful_lines(arrays, admission, service)
        of_lines |= repeated(self.lines["line_id"], arrays.claim)
        doubt[arrays.claim[of_lines]] = True
        return doubt | (totals(arrays) > limits.CLAIM_TOTAL_FEN_MAX)

    def _visits_in_doubt(self, admission: NDArray[np.int64], service: NDArray[np.int64]) -> Mask:
        """Return which claims may have dates or a credential that do not fit one another."""
        birth = days_in(self.claims["birth_date"])
        years = years_of(service) - years_of(birth)
        doubt = (birth > admission) | (admission > service) | (years > limits.AGE_YEARS_MAX)
        moment = self.claims["credential_time"]
        stated = ~nulls_in(moment)
        presented = (numbers_in(moment) + _AHEAD_MICROSECONDS) // _MICROSECONDS_PER_DAY
        doubt |= stated & ((presented < admission) | (presented > service))
        stated |= ~nulls_in(self.claims["card"])
        found: Mask = doubt | (stated & nulls_in(self.claims["credential_type"]))
        return found

    def line_columns(self, arrays: LineArrays, left_out: Sequence[int]) -> dict[str, Any]:
        """Return the columns of the lines as `ClaimBatch` has them, some claims left out."""
        lines = {
            name: self.lines[name]
            for name in ("item_code", "approval", "earmark", "original_line", "line_id")
        }
        if left_out:
            mask = ~np.isin(arrays.claim, left_out)
            arrays = arrays.chosen(mask)
            lines = {name: column.filter(pa.array(mask)) for name, column in lines.items()}
        items = lines["item_code"]
        marks = lines["earmark"]
        marked = np.flatnonzero(~nulls_in(marks))
        approvals = pc.index_in(lines["approval"], value_set=pa.array(list(codes.APPROVALS)))
        return {
            "line_claim": arrays.claim,
            "line_item": Coded(items.dictionary.to_pylist(), items.indices.to_numpy()),
            "line_day": arrays.day,
            "quantity_e4": arrays.quantity_e4,
            "unit_price_e6": arrays.unit_price_e6,
            "amount_fen": arrays.amount_fen,
            "approval": approvals.fill_null(0).to_numpy().astype(np.int8),
            "original": _originals(lines["line_id"], lines["original_line"], arrays.claim),
            "earmarks": dict(zip(marked.tolist(), marks.take(marked).to_pylist(), strict=True)),
        }

    def values(self, name: str) -> list[Any]:
        """Return a column of the claims as checked Python values."""
        return values_in(_CLAIM[name], self.claims[name])

    def rows(self, start: int, end: int) -> Iterator[dict[str, object]]:
        """Yield the checked rows of some claims."""
        first, last = int(self.starts[start]), int(self.starts[end])
        columns = [
            values_in(column, self.lines[column.name].slice(first, last - first))
            for column in schema.LINE
        ]
        lines = [dict(zip(_LINE, each, strict=True)) for each in zip(*columns, strict=True)]
        facts = [
            values_in(column, self.claims[column.name].slice(start, end - start))
            for column in schema.CLAIM
        ]
        places = (self.starts[start : end + 1] - first).tolist()
        for at, each in enumerate(zip(*facts, strict=True)):
            row: dict[str, object] = dict(zip(_CLAIM, each, strict=True))
            row["lines"] = lines[places[at] : places[at + 1]]
            yield row


@dataclass(slots=True)
class TableRows(Sequence[dict[str, object]]):
    """The claims of a table as checked rows, made when somebody asks for them.

    `others` are those that were made already, since they were in doubt.
    """

    table: ClaimTable
    others: Mapping[int, dict[str, object]]
    _made: dict[int, list[dict[str, object]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, at: int) -> dict[str, object]: ...
    @overload
    def __getitem__(self, at: slice) -> list[dict[str, object]]: ...
    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        if at in self.others:
            return self.others[at]
        part, place = divmod(at, _ROWS_MADE_AT_ONCE)
        if part not in self._made:
            start = part * _ROWS_MADE_AT_ONCE
            end = min(start + _ROWS_MADE_AT_ONCE, len(self))
            self._made[part] = list(self.table.rows(start, end))
        return self._made[part][place]

    def column(self, name: str) -> list[Any]:
        """Return a column of the claims as checked values."""
        found = self.table.values(name)
        for at, row in self.others.items():
            found[at] = row[name]
        return found

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)


# Rows of a table are made by columns, which costs less for many at once.
_ROWS_MADE_AT_ONCE: Final = 256
_CLAIM: Final = {column.name: column for column in schema.CLAIM}
_LINE: Final = {column.name: column for column in schema.LINE}


def _originals(ids: pa.Array, names: pa.Array, claim: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of the line that each line takes back, -1 where it takes back none."""
    found = np.full(len(ids), -1, dtype=np.int64)
    taking = ~nulls_in(names)
    if taking.any():
        places = np.flatnonzero(np.isin(claim, claim[taking]))
        own, named = (column.take(places).to_pylist() for column in (ids, names))
        within = original_lines(own, named, claim[places])
        found[places] = np.where(within >= 0, places[within], -1)
    return found
