"""What the books have of the differences of a run, amount by amount and payer by payer.

What all books have alike adds nothing to how much they differ, so the sums of the differing rows
say by how much whole books do. A repeat that all books have has the rows of one of them: it is left
out.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from medsettle.clearing.matching.book import AMOUNTS, SHARES, Side


@dataclass(frozen=True, slots=True)
class FundSums:
    """One amount in the rows that differ.

    `fen` is by side what its book has, None where the book does not keep the amount.
    """

    name: str
    fen: dict[Side, int | None]

    @property
    def unequal_fen(self) -> int | None:
        """How far the books that keep it lie apart; None where fewer than two do."""
        known = [each for each in self.fen.values() if each is not None]
        return max(known) - min(known) if len(known) > 1 else None


def sums_by_fund(differences: pa.Table, sides: tuple[Side, ...]) -> list[FundSums]:
    """Return what the books of some sides have of a table of differences.

    Amounts of which no book has anything are left out.
    """
    unlike = differences.filter(pa.array(_unlike(differences)))
    rows = {side: pc.list_flatten(unlike[f"{side}_rows"].combine_chunks()) for side in sides}
    found = []
    for column in (*AMOUNTS, *SHARES):
        fen = {side: _sum(own, column.name) for side, own in rows.items()}
        if any(fen.values()):
            found.append(FundSums(column.name, fen))
    return found


def sums_of_totals(totals: pa.Table, sides: tuple[Side, ...]) -> list[FundSums]:
    """Return what whole books come to, of the table of totals of a run."""
    found = []
    for column in (*AMOUNTS, *SHARES):
        names = {side: f"{side}_{column.name}" for side in sides}
        fen = {
            side: pc.sum(totals[name]).as_py() or 0 if name in totals.column_names else None
            for side, name in names.items()
        }
        if any(fen.values()):
            found.append(FundSums(column.name, fen))
    return found


def _unlike(differences: pa.Table) -> list[bool]:
    """Return of each difference whether every book that has the record says what it has."""
    counts = {
        str(side): pc.list_value_length(differences[f"{side}_rows"]).to_pylist() for side in Side
    }
    held = differences["held_by"].to_pylist()
    return [all(counts[side][at] for side in sides) for at, sides in enumerate(held)]


def _sum(rows: pa.Array, name: str) -> int | None:
    if not len(rows):
        return 0
    total: int | None = pc.sum(pc.struct_field(rows, name)).as_py()
    return total
