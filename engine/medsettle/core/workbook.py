"""Excel workbooks of plain sheets, written part by part so that equal cells are equal bytes.

Libraries for workbooks write each number through a double and stamp the time of saving. A workbook
of plain sheets is little to write: amounts go from their fen into the file as text, and every date
in it is the same. A spreadsheet keeps 15 significant digits of a number, so a longer one is written
as text, which it shows whole.

The parts are those that ECMA-376 asks for in the least workbook, with one style for amounts.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from xml.sax.saxutils import escape

DIGITS_EXACT: Final = 15
SHEET_NAME_CHARS_MAX: Final = 31
"""ECMA-376 18.2.19: characters of the name of a sheet."""

_TIME: Final = (1980, 1, 1, 0, 0, 0)
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_OPEN: Final = "http://schemas.openxmlformats.org"
_MAIN: Final = f'xmlns="{_OPEN}/spreadsheetml/2006/main"'
_RELATION: Final = f"{_OPEN}/officeDocument/2006/relationships"
_SHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"

_PACKAGE: Final = f'<Relationships xmlns="{_OPEN}/package/2006/relationships">'
_ROOT_RELATIONS: Final = (
    f'{_PACKAGE}<Relationship Id="rId1" Type="{_RELATION}/officeDocument" '
    'Target="xl/workbook.xml"/><Relationship Id="rId2" '
    f'Type="{_OPEN}/package/2006/relationships/metadata/core-properties" '
    'Target="docProps/core.xml"/></Relationships>'
)
# Style 0 is plain, 1 an amount with two decimals, 2 a head in bold.
_STYLES: Final = (
    f'<styleSheet {_MAIN}><fonts count="2">'
    '<font><sz val="11"/><name val="Arial"/></font>'
    '<font><b/><sz val="11"/><name val="Arial"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="3"><xf xfId="0"/><xf numFmtId="4" xfId="0" applyNumberFormat="1"/>'
    '<xf fontId="1" xfId="0" applyFont="1"/></cellXfs><cellStyles count="1">'
    '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
# Columns wide enough for an amount; of rows below a head, the head stays where one scrolls.
_PLAIN_VIEW: Final = '<sheetView workbookViewId="0"/>'
_FROZEN_VIEW: Final = (
    '<sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
    'activePane="bottomLeft" state="frozen"/></sheetView>'
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


class Style(IntEnum):
    """How a cell looks, by its number among the styles of the workbook."""

    PLAIN = 0
    AMOUNT = 1
    HEAD = 2


@dataclass(frozen=True, slots=True)
class SheetCell:
    """A cell: its text, whether that is a number, and how it looks.

    A number is written as it stands in `text`, digits with a point; none goes through a double.
    """

    text: str
    number: bool = False
    style: Style = Style.PLAIN


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name, its rows with None for an empty cell, how many columns are made wide.

    `frozen` keeps the first row in sight.
    """

    name: str
    rows: Iterable[Sequence[SheetCell | None]]
    columns: int = 256
    frozen: bool = True


def head(text: str) -> SheetCell:
    """Return a cell in bold."""
    return SheetCell(text, style=Style.HEAD)


def workbook_bytes(sheets: Sequence[Sheet]) -> bytes:
    """Return the workbook of some sheets, whose rows are gone through once.

    The names of sheets differ, have at most `SHEET_NAME_CHARS_MAX` characters, and none of them is
    a bracket, a colon, a star, a question mark or a slash.
    """
    numbers = range(1, len(sheets) + 1)
    parts = {
        "[Content_Types].xml": _types(numbers),
        "_rels/.rels": _ROOT_RELATIONS,
        "docProps/core.xml": _CORE,
        "xl/workbook.xml": _book(sheets),
        "xl/_rels/workbook.xml.rels": _book_relations(numbers),
        "xl/styles.xml": _STYLES,
    }
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, text in parts.items():
            archive.writestr(_entry(name), _HEAD + text)
        for number, sheet in enumerate(sheets, 1):
            # Piece by piece: a sheet is ten times as long as what it is packed to.
            name = f"xl/worksheets/sheet{number}.xml"
            with archive.open(_entry(name), "w", force_zip64=True) as part:
                part.write(_HEAD.encode())
                for piece in _sheet(sheet):
                    part.write(piece.encode())
    return sink.getvalue()


def _types(numbers: Iterable[int]) -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" '
        f'ContentType="{_SHEET_TYPE}.worksheet+xml"/>'
        for number in numbers
    )
    return (
        f'<Types xmlns="{_OPEN}/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}.sheet.main+xml"/>'
        f'{sheets}<Override PartName="/xl/styles.xml" ContentType="{_SHEET_TYPE}.styles+xml"/>'
        '<Override PartName="/docProps/core.xml" '
        'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>'
    )


def _book(sheets: Sequence[Sheet]) -> str:
    names = "".join(
        f'<sheet name="{escape(sheet.name)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, sheet in enumerate(sheets, 1)
    )
    return (
        f'<workbook {_MAIN} xmlns:r="{_RELATION}"><bookViews><workbookView/></bookViews><sheets>'
        f"{names}</sheets></workbook>"
    )


def _book_relations(numbers: Sequence[int]) -> str:
    sheets = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATION}/worksheet" '
        f'Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    return (
        f'{_PACKAGE}{sheets}<Relationship Id="rId{len(numbers) + 1}" Type="{_RELATION}/styles" '
        'Target="styles.xml"/></Relationships>'
    )


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    # 3 is Unix: the system that writes must not show in the file.
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry


def _sheet(sheet: Sheet) -> Iterator[str]:
    view = _FROZEN_VIEW if sheet.frozen else _PLAIN_VIEW
    wide = f'<cols><col min="1" max="{sheet.columns}" width="20" customWidth="1"/></cols>'
    yield f"<worksheet {_MAIN}><sheetViews>{view}</sheetViews>{wide}<sheetData>"
    for row, cells in enumerate(sheet.rows):
        written = (_cell(row, at, cell) for at, cell in enumerate(cells) if cell is not None)
        yield f'<row r="{row + 1}">{"".join(written)}</row>'
    yield "</sheetData></worksheet>"


def _cell(row: int, at: int, cell: SheetCell) -> str:
    style = f' s="{cell.style.value}"' if cell.style else ""
    if cell.number:
        return f'<c r="{place(row, at)}"{style}><v>{cell.text}</v></c>'
    text = escape(cell.text)
    return f'<c r="{place(row, at)}"{style} t="inlineStr"><is><t>{text}</t></is></c>'


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
