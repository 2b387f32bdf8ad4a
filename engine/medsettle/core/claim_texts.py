"""The claims of a table as JSON: what digests and records have of them, made by columns.

The texts are to the byte what an encoder writes of the rows, of which none is made here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medsettle.core import json_columns as texts_of
from medsettle.core import schema
from medsettle.core.arrow_columns import Mask, nulls_in, numbers_in
from medsettle.core.claim_table import ClaimTable
from medsettle.core.columns import Column, Kind
from medsettle.core.json_columns import NULL, Texts, joined, members

_CODES: Final = ("line_id", "item_code")


@dataclass(frozen=True, slots=True, eq=False)
class ClaimTexts:
    """n claims of a table as JSON.

    `place` says which text each claim of the table has, -1 where it has none. `claims` are whole
    claims as records have them; `contents` what digests are of: names in order, and only what is
    stated. `facts` are the members that a settlement repeats of its claim, `line_codes` and
    `line_amounts` what it repeats of the lines, as columns of a table.
    """

    place: NDArray[np.int64]
    claims: pa.StringArray
    contents: pa.StringArray
    facts: pa.StringArray
    line_codes: pa.StringArray
    line_amounts: Texts
    starts: NDArray[np.int64]
    """Shape (n + 1,): where the lines of each claim begin among those of all n."""

    @classmethod
    def of(cls, table: ClaimTable, left_out: Sequence[int]) -> "ClaimTexts | None":
        """Return the texts of a table's claims, without some and without those that have no lines.

        None where none are left.

        Args:
            table: The claims.
            left_out: Positions of those in which something may be wrong.
        """
        counts = np.diff(table.starts)
        chosen = counts > 0
        chosen[[*left_out]] = False
        if not chosen.any():
            return None
        place = np.where(chosen, np.cumsum(chosen) - 1, -1)
        rows = lines = None
        if not chosen.all():
            rows = pa.array(np.flatnonzero(chosen))
            lines = pa.array(np.flatnonzero(np.repeat(chosen, counts)))
        of_claims = _members(schema.CLAIM, table.claims, rows)
        starts = np.concatenate(([0], np.cumsum(counts[chosen])))
        of_lines = _line_members(table.lines, lines, starts)
        size = len(starts) - 1
        count = texts_of.of_numbers(np.diff(starts)[None, :])[0]
        told = {name: each.texts for name, each in of_lines.items()}
        return cls(
            place=place,
            claims=_claims(of_claims, told, count, size),
            contents=_contents(of_claims, of_lines, count, size),
            facts=joined(members({own: of_claims[own].texts for own in schema.REPEATED}), size),
            line_codes=joined(members({name: told[name] for name in _CODES}), size),
            line_amounts=told["amount_fen"],
            starts=starts,
        )


@dataclass(frozen=True, slots=True)
class _Member:
    """What claims state by one name; `absent` says which state nothing, None for none of them."""

    texts: Texts
    absent: Mask | None

    def stated(self, name: str, mark: str = ",") -> Texts:
        """Return the member with a mark in front, nothing where it is absent."""
        if self.absent is not None and self.absent.all():
            return ""
        head = f"{mark}{texts_of.of_value(name)}:"
        if isinstance(self.texts, str) and self.absent is None:
            return head + self.texts
        made = pc.binary_join_element_wise(head, self.texts, "")
        return made if self.absent is None else pc.if_else(pa.array(self.absent), "", made)


def _members(
    columns: Sequence[Column], arrays: Mapping[str, pa.Array], rows: pa.Array | None
) -> dict[str, _Member]:
    found = {}
    for column in columns:
        array = arrays[column.name] if rows is None else arrays[column.name].take(rows)
        found[column.name] = _Member(texts_of.of_column(column, array), _absent(column, array))
    return found


def _absent(column: Column, array: pa.Array) -> Mask | None:
    if column.kind is Kind.CODES:
        lengths = pc.fill_null(pc.list_value_length(array), 0)
        absent: Mask = lengths.to_numpy(zero_copy_only=False) == 0
    else:
        absent = nulls_in(array)
    return absent if absent.any() else None


def _line_members(
    arrays: Mapping[str, pa.Array], lines: pa.Array | None, starts: NDArray[np.int64]
) -> dict[str, _Member]:
    """Return the columns of the lines of claims; one is absent where no line of a claim has it."""
    found = {}
    for column in schema.LINE:
        array = arrays[column.name] if lines is None else arrays[column.name].take(lines)
        if array.null_count == len(array):
            found[column.name] = _Member(NULL, np.ones(len(starts) - 1, dtype=np.bool_))
            continue
        texts = texts_of.of_column(column, array)
        if column.kind is Kind.CODE:
            numbers = texts_of.numbered(array)
        elif column.kind is Kind.DATE:
            numbers = array.view(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
        else:
            numbers = numbers_in(array)
        absent = None
        if array.null_count:
            absent = np.logical_and.reduceat(nulls_in(array), starts[:-1])
        found[column.name] = _Member(texts_of.within(texts, starts, numbers), absent)
    return found


def _claims(
    of_claims: Mapping[str, _Member], lines: Mapping[str, Texts], count: Texts, size: int
) -> pa.StringArray:
    """Return whole claims; columns that came later are told where they are stated."""
    always = {
        name: each.texts
        for name, each in of_claims.items()
        if name not in schema.CLAIM_COLUMNS_LATER
    }
    later = [of_claims[column.name] for column in schema.CLAIM if column.name not in always]
    names = [column.name for column in schema.CLAIM if column.name not in always]
    told = [each.stated(name) for each, name in zip(later, names, strict=True)]
    table = ["{", *members({"rows": count}), ',"columns":{', *members(lines), "}}"]
    return joined(["{", *members(always), *told, ',"lines":', *table, "}"], size)


def _contents(
    of_claims: Mapping[str, _Member], of_lines: Mapping[str, _Member], count: Texts, size: int
) -> pa.StringArray:
    """Return the contents of claims as `engine.requests.content_digest` takes them."""
    parts: list[Texts] = []
    for name in sorted([*of_claims, "lines"]):
        if name == "lines":
            parts += [',"lines":{"columns":', *_object(of_lines), ',"rows":', count, "}"]
        else:
            parts.append(of_claims[name].stated(name, "," if parts else "{"))
    return joined([*parts, "}"], size)


def _object(of_lines: Mapping[str, _Member]) -> list[Texts]:
    """Return the columns of lines in the order of their names; the first is in every line."""
    first, *others = sorted(of_lines)
    told = [of_lines[name].stated(name) for name in others]
    return [of_lines[first].stated(first, "{"), *told, "}"]
