"""A page of text whose wrapped lines keep their indent, for terminals and files alike."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

INDENT = 2
_AMOUNT_WIDTH = 14
_GAP = 2
_TEXT_WIDTH_MIN = 20


class Page:
    """Prints headings, texts, amounts and rows, wrapped at the width of the console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def head(self, text: str, *, space: bool = True) -> None:
        """Print the heading of a part."""
        if space:
            self._console.print()
        self._wrapped("", text, 0, "bold")

    def text(self, text: str, *, indent: int = INDENT, style: str = "") -> None:
        """Print a text that wraps inside its indent."""
        self._wrapped("", text, indent, style)

    def amount(self, amount: str, text: str, style: str = "") -> None:
        """Print an amount with what it is, the text wrapping beside it."""
        self._wrapped(f"{amount:>{INDENT + _AMOUNT_WIDTH}}", text, BESIDE, style)

    def rows(self, rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> None:
        """Print rows in columns, some of them right-justified; the last column wraps."""
        found = [list(row) for row in rows]
        if not found:
            return
        widths = [max(cell_len(row[at]) for row in found) for at in range(len(found[0]) - 1)]
        for *cells, last in found:
            start = " " * INDENT
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True)):
                space = " " * (width - cell_len(cell))
                start += (space + cell if at in right else cell + space) + " " * _GAP
            self._wrapped(start, last, cell_len(start), "")

    def _wrapped(self, start: str, text: str, indent: int, style: str) -> None:
        width = max(self._console.width - indent, _TEXT_WIDTH_MIN)
        # Blanks and the end of a line are all one to a reader of a wrapped text.
        lines = list(Text(" ".join(text.split()), style).wrap(self._console, width)) or [Text()]
        for line in lines:
            line.rstrip()
            before = start.ljust(indent) if start else " " * indent
            whole = Text(before + " " * max(indent - cell_len(before), 0)).append_text(line)
            whole.rstrip()
            self._console.print(whole, soft_wrap=True, highlight=False)
            start = ""


BESIDE = INDENT + _AMOUNT_WIDTH + _GAP
"""Indent of what stands beside an amount."""
