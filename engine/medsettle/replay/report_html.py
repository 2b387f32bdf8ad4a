"""HTML out of elements: whatever text is put into a page is escaped by whoever writes the page."""

from collections.abc import Mapping
from typing import TypeAlias
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from medsettle.replay.figure_forms import NUMBERS, Figure, Shown, Shows, Words
from medsettle.replay.report_words import Language, cell_words, first, second

Child: TypeAlias = Element | str | None


def element(tag: str, *children: Child, **attributes: str) -> Element:
    """Return an element; `class_` and the like lose their last `_`, other `_` become hyphens.

    >>> ElementTree.tostring(element("p", "a < b", element("b", "c"), class_="x"), "unicode")
    '<p class="x">a &lt; b<b>c</b></p>'
    """
    names = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    made = Element(tag, names)
    last: Element | None = None
    for child in children:
        if isinstance(child, str):
            if last is None:
                made.text = (made.text or "") + child
            else:
                last.tail = (last.tail or "") + child
        elif child is not None:
            made.append(child)
            last = child
    return made


def page_text(root: Element) -> str:
    """Return a whole page."""
    return "<!DOCTYPE html>\n" + ElementTree.tostring(root, "unicode", method="html") + "\n"


def named(words: Words, language: Language) -> tuple[Child, ...]:
    """Return words in the first language, and small beside them in the other."""
    other = Language.EN if language is Language.ZH else Language.ZH
    beside = second(words, language)
    if not beside or beside == first(words, language):
        return (first(words, language),)
    return (
        first(words, language),
        " " if first(words, language) else None,
        element("span", beside, class_="beside", lang=_TAGS[other]),
    )


def tag_of(language: Language) -> str:
    """Return the language as HTML names it."""
    return _TAGS[language]


_TAGS = {Language.EN: "en", Language.ZH: "zh-CN"}


def figure_table(name: str, figure: Figure, language: Language) -> Element:
    """Return the table of a figure with its note, and its query folded below."""
    form = figure.form
    shown = [column for column in form.shown if column.on_page]
    rows = figure.rows()
    table = element(
        "table",
        element("caption", _caption(shown, language)),
        element(
            "thead",
            element(
                "tr",
                *(
                    element("th", *named(column.words, language), scope="col", **_number(column))
                    for column in shown
                ),
            ),
        ),
        element("tbody", *(_row(shown, row, language) for row in rows)),
        data_figure=form.name,
    )
    heading = element("h3", *named(form.words, language), id=f"{name}-{form.name}")
    note = first(form.note, language)
    query = {"en": "Query", "zh": "查询"}[language]
    return element(
        "section",
        heading,
        element("p", note, class_="note") if note else None,
        element(
            "div",
            table if rows else element("p", {"en": "None.", "zh": "无。"}[language]),
            class_="scroll",
            tabindex="0",
            role="region",
            aria_labelledby=f"{name}-{form.name}",
        ),
        element(
            "details",
            element("summary", query),
            element("pre", element("code", form.sql), data_query=form.name),
        ),
        element("p", f"{query}: ", element("code", query_name(name, form.name)), class_="paper"),
    )


def query_name(reform: str, figure: str) -> str:
    """Return under which name paper lists the query of a figure."""
    return f"{reform}-{figure}"


def _caption(shown: list[Shown], language: Language) -> str:
    amounts = any(column.shows in {Shows.FEN, Shows.CHANGE, Shows.MEAN} for column in shown)
    words = Words("Amounts in yuan.", "金额单位：元。") if amounts else Words("", "")
    return first(words, language)


def _number(column: Shown) -> dict[str, str]:
    return {"class_": "number"} if column.shows in NUMBERS else {}


def _row(shown: list[Shown], row: Mapping[str, object], language: Language) -> Element:
    cells = []
    for at, column in enumerate(shown):
        text, words = cell_words(column, row, language)
        children: tuple[Child, ...] = (text,)
        if words is not None:
            children = (text, " ", element("span", *_beside(words, language), class_="beside"))
        if at == 0:
            cells.append(element("th", *children, scope="row", **_number(column)))
        else:
            cells.append(element("td", *children, **_number(column)))
    return element("tr", *cells)


def _beside(words: Words, language: Language) -> tuple[str, ...]:
    return tuple(filter(None, (f"{first(words, language)} {second(words, language)}".strip(),)))
