"""The figures of a comparison as an Excel workbook: a sheet for each, and their queries."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from medsettle.core.money import half_away, plain_yuan
from medsettle.core.workbook import (
    DIGITS_EXACT,
    SHEET_NAME_CHARS_MAX,
    Sheet,
    SheetCell,
    Style,
    head,
    workbook_bytes,
)
from medsettle.replay.baseline_proof import proof_words
from medsettle.replay.compare import Comparison
from medsettle.replay.figure_forms import NUMBERS, Figure, Shown, Shows, Words, share_of
from medsettle.replay.layout import BASELINE
from medsettle.replay.reform_words import PolicyChange
from medsettle.replay.report_sentences import assumptions, summary, warnings
from medsettle.replay.report_versions import version_rows
from medsettle.replay.report_words import (
    ASSUMPTIONS,
    NOT_TOLD,
    SAME,
    VERSIONS,
    WHAT_IT_CHANGES,
    Language,
    both,
    cell_words,
)

WORKBOOK_FILE: Final = "figures.xlsx"

_UNITS: Final = {
    Shows.FEN: "yuan 元",
    Shows.CHANGE: "yuan 元",
    Shows.MEAN: "yuan 元",
    Shows.SHARE: "%",
    Shows.GROWTH: "%",
    Shows.PERCENT: "%",
}


Changes: TypeAlias = Mapping[str, Sequence[PolicyChange] | None]
"""What each reform changes, None where nobody said."""


def figures_workbook(comparison: Comparison, changes: Changes, language: Language) -> bytes:
    """Return the workbook: a cover, a sheet for each figure of each reform, and the queries.

    The sheet after the cover has what the page says in sentences: what each reform changes and
    comes to, what is assumed, and what all of it was made of.

    Amounts are yuan with two decimals, shares percent with two decimals, both written from whole
    numbers; what is longer than a spreadsheet keeps is text.
    """
    figures = [(BASELINE, BASELINE, figure) for figure in comparison.baseline.values()]
    figures += [
        (str(number), each.reform, figure)
        for number, each in enumerate(comparison.reforms, 1)
        for figure in each.figures.values()
    ]
    sheets = [Sheet("reforms", _cover(comparison, language), columns=2, frozen=False)]
    about = [[SheetCell(text) for text in row] for row in _about(comparison, changes, language)]
    sheets.append(Sheet("about", [[head("part"), head("of"), head("says")], *about], columns=3))
    for before, _, figure in figures:
        name = f"{before} {figure.form.name}"[:SHEET_NAME_CHARS_MAX]
        sheets.append(Sheet(name, _rows(figure, language), columns=len(figure.form.shown)))
    queries = [[head("reform"), head("figure"), head("query")]]
    queries += [
        [SheetCell(text) for text in (world, figure.form.name, figure.form.sql)]
        for _, world, figure in figures
    ]
    sheets.append(Sheet("queries", queries, columns=3))
    return workbook_bytes(sheets)


def _cover(comparison: Comparison, language: Language) -> list[list[SheetCell]]:
    rows = [[head("sheets"), head("reform")]]
    rows.append(
        [SheetCell(f"{BASELINE} …"), SheetCell(both(proof_words(comparison.baseline), language))]
    )
    rows += [
        [SheetCell(f"{number} …"), SheetCell(each.reform)]
        for number, each in enumerate(comparison.reforms, 1)
    ]
    return rows


def _about(
    comparison: Comparison, changes: Changes, language: Language
) -> Iterator[tuple[str, str, str]]:
    """Yield what the page says in sentences: the heading, of what, and what is said."""
    warned = warnings(comparison)
    for each in comparison.reforms:
        found = [warned[each.reform]] if each.reform in warned else []
        for words in (*found, summary(each.reform, each.figures)):
            yield both(_SUMMARY, language), each.reform, both(words, language)
        for line in _change_lines(changes.get(each.reform), language):
            yield both(WHAT_IT_CHANGES, language), each.reform, line
    for words in assumptions(comparison.options, comparison.results.history.source):
        yield both(ASSUMPTIONS, language), "", both(words, language)
    for name, told in version_rows(comparison):
        yield both(VERSIONS, language), name, told


_SUMMARY: Final = Words("Summary", "摘要")


def _change_lines(changes: Sequence[PolicyChange] | None, language: Language) -> Iterator[str]:
    if not changes:
        yield both(NOT_TOLD if changes is None else SAME, language)
        return
    for change in changes:
        yield from change.heads
        yield from (line.strip() for line in change.lines)


def _rows(figure: Figure, language: Language) -> Iterator[list[SheetCell | None]]:
    yield [head(_head(column, language)) for column in figure.form.shown]
    for row in figure.rows():
        yield [_cell(column, row, language) for column in figure.form.shown]


def _head(column: Shown, language: Language) -> str:
    unit = _UNITS.get(column.shows)
    return f"{both(column.words, language)} ({unit})" if unit else both(column.words, language)


def _cell(column: Shown, row: dict[str, object], language: Language) -> SheetCell | None:
    if column.shows not in NUMBERS or column.shows is Shows.GINI:
        text, words = cell_words(column, row, language)
        told = f"{text} {both(words, language).strip()}" if words is not None else text
        return SheetCell(told.strip())
    value = _whole(column, row)
    if value is None:
        return None
    plain = column.shows in {Shows.COUNT, Shows.PERCENT}
    text = str(value) if plain else plain_yuan(value)
    if len(text.lstrip("-").replace(".", "")) > DIGITS_EXACT:
        return SheetCell(text)
    return SheetCell(text, number=True, style=Style.PLAIN if plain else Style.AMOUNT)


def _whole(column: Shown, row: dict[str, object]) -> int | None:
    """Return a number as it stands, or in hundredths: fen of an amount, 0.01 % of a share."""
    if column.of is None:
        value = row[column.name]
        assert value is None or isinstance(value, int)
        return value
    share = share_of(row, column.of)
    if share is None:
        return None
    return half_away(share if column.shows is Shows.MEAN else share * 10_000)
