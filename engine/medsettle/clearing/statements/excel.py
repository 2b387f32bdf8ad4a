"""A statement as an Excel workbook: a cover sheet of names and texts, and a sheet of its rows."""

from collections.abc import Iterator, Sequence
from typing import Final

from medsettle.clearing.statements.cells import CellKind, Cells, StatedColumn
from medsettle.core.workbook import DIGITS_EXACT, Sheet, SheetCell, Style, head, workbook_bytes

COVER_SHEET: Final = "statement"
ROWS_SHEET: Final = "rows"


def excel_bytes(
    cover: Sequence[tuple[str, str]], columns: Sequence[StatedColumn], rows: Sequence[Cells]
) -> bytes:
    """Return the workbook of a statement: a cover sheet of names and texts, and its rows."""
    covers = [[head(name), SheetCell(text)] for name, text in cover]
    return workbook_bytes(
        [
            Sheet(COVER_SHEET, covers, columns=2, frozen=False),
            Sheet(ROWS_SHEET, _rows(columns, rows)),
        ]
    )


def _rows(
    columns: Sequence[StatedColumn], rows: Sequence[Cells]
) -> Iterator[Sequence[SheetCell | None]]:
    yield [head(column.head) for column in columns]
    for row in rows:
        yield [
            None if cell is None else _value_cell(column, cell)
            for column, cell in zip(columns, row, strict=True)
        ]


def _value_cell(column: StatedColumn, cell: str) -> SheetCell:
    number = column.kind in {CellKind.FEN, CellKind.INTEGER}
    if not number or len(cell.lstrip("-")) > DIGITS_EXACT:
        return SheetCell(column.for_people(cell))
    style = Style.AMOUNT if column.kind is CellKind.FEN else Style.PLAIN
    return SheetCell(column.for_people(cell), number=True, style=style)
