"""A statement as an Excel workbook, written part by part so that equal cells are equal bytes.

Libraries for workbooks write each number through a double and stamp the time of saving. A workbook
of two plain sheets is little to write: amounts go from their fen into the file as text, and every
date in it is the same. A spreadsheet keeps 15 significant digits of a number, so a longer one is
written as text, which it shows whole.

The parts are those that ECMA-376 asks for in the least workbook, with one style for amounts.
"""

import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from medsettle.clearing.statement_cells import CellKind, Cells, StatedColumn

COVER_SHEET: Final = "statement"
ROWS_SHEET: Final = "rows"
DIGITS_EXACT: Final = 15

_TIME: Final = (1980, 1, 1, 0, 0, 0)
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OPEN: Final = "http://schemas.openxmlformats.org"
_MAIN: Final = f'xmlns="{_OPEN}/spreadsheetml/2006/main"'
_RELATION: Final = f"{_OPEN}/officeDocument/2006/relationships"
_SHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"

_TYPES: Final = (
    f'<Types xmlns="{_OPEN}/package/2006/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet2.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_SHEET_TYPE}.styles+xml"/>'
    '<Override PartName="/docProps/core.xml" '
    'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>'
)
_PACKAGE: Final = f'<Relationships xmlns="{_OPEN}/package/2006/relationships">'
_ROOT_RELATIONS: Final = (
    f'{_PACKAGE}<Relationship Id="rId1" Type="{_RELATION}/officeDocument" '
    'Target="xl/workbook.xml"/><Relationship Id="rId2" '
    f'Type="{_OPEN}/package/2006/relationships/metadata/core-properties" '
    'Target="docProps/core.xml"/></Relationships>'
)
_BOOK: Final = (
    f'<workbook {_MAIN} xmlns:r="{_RELATION}"><bookViews><workbookView/></bookViews><sheets>'
    f'<sheet name="{COVER_SHEET}" sheetId="1" r:id="rId1"/>'
    f'<sheet name="{ROWS_SHEET}" sheetId="2" r:id="rId2"/></sheets></workbook>'
)
_BOOK_RELATIONS: Final = (
    f'{_PACKAGE}<Relationship Id="rId1" Type="{_RELATION}/worksheet" '
    f'Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{_RELATION}/worksheet" '
    f'Target="worksheets/sheet2.xml"/><Relationship Id="rId3" Type="{_RELATION}/styles" '
    'Target="styles.xml"/></Relationships>'
)
# Style 0 is plain, 1 an amount with two decimals, 2 a head in bold.
_STYLES: Final = (
    f'<styleSheet {_MAIN}><fonts count="2"><font/><font><b/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="3"><xf xfId="0"/><xf numFmtId="4" xfId="0" applyNumberFormat="1"/>'
    '<xf fontId="1" xfId="0" applyFont="1"/></cellXfs><cellStyles count="1">'
    '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
# Columns wide enough for an amount; of the rows, the heads stay where one scrolls.
_WIDE: Final = '<cols><col min="1" max="256" width="20" customWidth="1"/></cols>'
_COVER_VIEW: Final = (
    f'<sheetViews><sheetView workbookViewId="0"/></sheetViews>{_WIDE.replace("256", "2")}'
)
_ROWS_VIEW: Final = (
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
    f'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>{_WIDE}'
)
_DATES: Final = "http://purl.org/dc/terms/"
_CORE: Final = (
    f'<cp:coreProperties xmlns:cp="{_OPEN}/package/2006/metadata/core-properties" '
    f'xmlns:dcterms="{_DATES}" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:creator>medsettle</dc:creator>'
    '<dcterms:created xsi:type="dcterms:W3CDTF">1980-01-01T00:00:00Z</dcterms:created>'
    '<dcterms:modified xsi:type="dcterms:W3CDTF">1980-01-01T00:00:00Z</dcterms:modified>'
    "</cp:coreProperties>"
)


def excel_bytes(
    cover: Sequence[tuple[str, str]], columns: Sequence[StatedColumn], rows: Sequence[Cells]
) -> bytes:
    """Return the workbook of a statement: a cover sheet of names and texts, and its rows."""
    heads = [_text_cell(0, at, column.head, 2) for at, column in enumerate(columns)]
    lines = (_row_cells(at, columns, row) for at, row in enumerate(rows, 1))
    covers = (
        [_text_cell(at, 0, name, 2), _text_cell(at, 1, text)]
        for at, (name, text) in enumerate(cover)
    )
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _ROOT_RELATIONS,
        "docProps/core.xml": _CORE,
        "xl/workbook.xml": _BOOK,
        "xl/_rels/workbook.xml.rels": _BOOK_RELATIONS,
        "xl/styles.xml": _STYLES,
    }
    sheets = {
        "xl/worksheets/sheet1.xml": _sheet(covers, _COVER_VIEW),
        "xl/worksheets/sheet2.xml": _sheet(_chained(heads, lines), _ROWS_VIEW),
    }
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, text in parts.items():
            archive.writestr(_entry(name), _HEAD + text)
        for name, pieces in sheets.items():
            # Piece by piece: a sheet is ten times as long as what it is packed to.
            with archive.open(_entry(name), "w", force_zip64=True) as part:
                part.write(_HEAD.encode())
                for piece in pieces:
                    part.write(piece.encode())
    return sink.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    # 3 is Unix: the system that writes must not show in the file.
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry


def _chained(first: list[str], rest: Iterator[list[str]]) -> Iterator[list[str]]:
    yield first
    yield from rest


def _sheet(rows: Iterator[list[str]], view: str) -> Iterator[str]:
    yield f"<worksheet {_MAIN}>{view}<sheetData>"
    for number, cells in enumerate(rows, 1):
        yield f'<row r="{number}">{"".join(cells)}</row>'
    yield "</sheetData></worksheet>"


def _row_cells(row: int, columns: Sequence[StatedColumn], cells: Cells) -> list[str]:
    return [
        _value_cell(row, at, column, cell)
        for at, (column, cell) in enumerate(zip(columns, cells, strict=True))
        if cell is not None
    ]


def _value_cell(row: int, at: int, column: StatedColumn, cell: str) -> str:
    number = column.kind in {CellKind.FEN, CellKind.INTEGER}
    if not number or len(cell.lstrip("-")) > DIGITS_EXACT:
        return _text_cell(row, at, column.for_people(cell))
    style = ' s="1"' if column.kind is CellKind.FEN else ""
    return f'<c r="{place(row, at)}"{style}><v>{column.for_people(cell)}</v></c>'


def _text_cell(row: int, at: int, text: str, style: int = 0) -> str:
    styled = f' s="{style}"' if style else ""
    return f'<c r="{place(row, at)}"{styled} t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def place(row: int, column: int) -> str:
    """Return the name of a cell as spreadsheets have it, row and column from 0.

    >>> place(0, 0), place(9, 26)
    ('A1', 'AA10')
    """
    letters, column = "", column + 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row + 1}"
