"""The page of a report: one HTML file without an address outside, for screens and for paper."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import Final
from xml.etree.ElementTree import Element

from medsettle.replay.baseline_proof import proof_words
from medsettle.replay.compare import Comparison, ReformFigures
from medsettle.replay.figure_forms import Words, shown_text
from medsettle.replay.layout import BASELINE
from medsettle.replay.reform_words import PolicyChange
from medsettle.replay.report_charts import Chart, charts, unit_of
from medsettle.replay.report_drawing import Unit
from medsettle.replay.report_html import (
    Child,
    element,
    figure_table,
    named,
    page_text,
    tag_of,
)
from medsettle.replay.report_queries import proved, queries
from medsettle.replay.report_sentences import assumptions, invented, summary, warnings
from medsettle.replay.report_versions import version_rows
from medsettle.replay.report_words import (
    ASSUMPTIONS,
    NOT_TOLD,
    SAME,
    VERSIONS,
    WHAT_IT_CHANGES,
    Language,
    first,
)

_TITLE: Final = Words("What these reforms would have cost", "改革测算报告")


@dataclass(frozen=True, slots=True)
class PageOptions:
    """How a page is made: its first language, and whether it has charts.

    Without a word on charts, they are drawn where matplotlib is installed.
    """

    language: Language = Language.EN
    charts: bool | None = None

    @property
    def drawn(self) -> bool:
        """Whether the page has charts."""
        return _installed() if self.charts is None else self.charts


def report_page(
    comparison: Comparison,
    changes: Mapping[str, Sequence[PolicyChange] | None],
    options: PageOptions,
) -> str:
    """Return the page of a comparison.

    Args:
        comparison: What was compared.
        changes: What each reform changes, None where nobody said.
        options: The language, and whether there are charts.

    Raises:
        Precondition: Charts are wanted and matplotlib is not installed.
    """
    language = options.language
    body = element(
        "body",
        _head_of_page(comparison, language),
        element(
            "main",
            _proof(comparison, language),
            *_reforms(comparison, changes, options),
            _assumptions(comparison, language),
            _versions(comparison, language),
            queries(comparison, language),
        ),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        # Whatever a text of a document may try, the page loads nothing and runs nothing.
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", first(_TITLE, language)),
        element("style", _style()),
    )
    return page_text(element("html", head, body, lang=tag_of(language)))


_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


@cache
def _style() -> str:
    return files("medsettle.replay").joinpath("report.css").read_text(encoding="utf-8")


def _head_of_page(comparison: Comparison, language: Language) -> Element:
    told = [
        element("p", first(summary(each.reform, each.figures), language))
        for each in comparison.reforms
    ]
    links = [element("li", element("a", first(_PROOF, language), href=f"#{BASELINE}"))]
    links += [
        element("li", element("a", each.reform, href=f"#r{number}"))
        for number, each in enumerate(comparison.reforms, 1)
    ]
    for place, words in (("assumptions", ASSUMPTIONS), ("versions", VERSIONS)):
        links.append(element("li", element("a", first(words, language), href=f"#{place}")))
    return element(
        "header",
        element("h1", *named(_TITLE, language)),
        *(
            element("p", first(words, language), class_="invented")
            for words in invented(comparison.results.history.source)
        ),
        *(
            element("p", first(words, language), class_="untouched")
            for words in warnings(comparison).values()
        ),
        element("div", *told, class_="summary"),
        _side_by_side(comparison, language) if len(comparison.reforms) > 1 else None,
        element("nav", element("ul", *links), aria_label=first(_CONTENTS, language)),
        element("p", first(_SIDEWAYS, language), class_="narrow note"),
    )


_SIDEWAYS: Final = Words(
    "Tables wider than the screen scroll sideways; a shade at their edge says that more follows.",
    "宽于屏幕的表格可左右滑动，边缘有阴影处表示尚有内容。",
)
_CONTENTS: Final = Words("Contents", "目录")
_PROOF: Final = Words("The baseline", "现行政策")
_SIDE_BY_SIDE: Final = Words("The reforms side by side", "各改革对照")
_SIDE_NOTE: Final = Words(
    "Amounts in yuan; shares of person-years with claims.",
    "金额单位：元；占比以有结算的人年为分母。",
)
_SIDES: Final = (
    ("funds", "change_fen", "fund_total", Words("Funds, change", "基金变化")),
    ("funds", "growth", "fund_total", Words("Funds, growth", "基金增幅")),
    ("funds", "change_fen", "person_total", Words("Persons' part, change", "个人负担变化")),
    ("winners", "person_years_share", "gains", Words("Share gaining", "受益占比")),
    ("winners", "person_years_share", "loses", Words("Share losing", "受损占比")),
)


def _side_by_side(comparison: Comparison, language: Language) -> Element:
    heads = [element("th", *named(Words("Reform", "改革"), language), scope="col")]
    heads += [
        element("th", *named(words, language), scope="col", class_="number") for *_, words in _SIDES
    ]
    rows = [
        element(
            "tr",
            element("th", each.reform, scope="row"),
            *(
                element("td", _taken(each, figure, column, key), class_="number")
                for figure, column, key, _ in _SIDES
            ),
        )
        for each in comparison.reforms
    ]
    return element(
        "section",
        element("h3", *named(_SIDE_BY_SIDE, language), id="side-by-side"),
        element(
            "div",
            element(
                "table",
                element("caption", first(_SIDE_NOTE, language)),
                element("thead", element("tr", *heads)),
                element("tbody", *rows),
            ),
            class_="scroll",
            tabindex="0",
            role="region",
            aria_labelledby="side-by-side",
        ),
    )


def _taken(each: ReformFigures, figure: str, column: str, key: str) -> str:
    """Return a cell of a figure: of the row that begins with a key."""
    found = each.figures[figure]
    begins = found.form.shown[0].name
    (shown,) = [one for one in found.form.shown if one.name == column]
    rows = [row for row in found.rows() if row[begins] == key]
    return shown_text(shown, rows[0]) if rows else "0.00 %"


def _proof(comparison: Comparison, language: Language) -> Element:
    found = comparison.baseline
    return element(
        "section",
        element("h2", *named(_PROOF, language), id=BASELINE),
        element("p", first(proof_words(found), language)),
        *(figure_table(BASELINE, figure, language) for figure in proved(comparison)),
        class_="baseline",
    )


def _reforms(
    comparison: Comparison,
    changes: Mapping[str, Sequence[PolicyChange] | None],
    options: PageOptions,
) -> Iterator[Element]:
    unit = unit_of([each.figures for each in comparison.reforms])
    for number, each in enumerate(comparison.reforms, 1):
        name = f"r{number}"
        yield element(
            "section",
            element("h2", each.reform, id=name),
            element("h3", *named(WHAT_IT_CHANGES, options.language)),
            *_change_words(changes.get(each.reform), options.language),
            *_drawn(name, each, options, unit),
            *(figure_table(name, figure, options.language) for figure in each.figures.values()),
            class_="reform",
        )


def _change_words(changes: Sequence[PolicyChange] | None, language: Language) -> Iterator[Element]:
    if changes is None:
        yield element("p", first(NOT_TOLD, language), class_="note")
        return
    if not changes:
        yield element("p", first(SAME, language))
    for change in changes:
        titles, names = change.heads
        yield element("h4", titles)
        yield element("p", names, class_="note")
        yield from _change_lines(change.lines)


def _change_lines(lines: Sequence[str]) -> Iterator[Element]:
    """Yield the lines of a difference as lists below their headings."""
    items: list[Child] = []
    for line in (*lines, ""):
        if line.startswith(" "):
            items.append(element("li", line.strip()))
        elif items:
            yield element("ul", *items)
            items = []
        if line and not line.startswith(" "):
            yield element("p", element("strong", line.removesuffix(":")))


def _drawn(name: str, each: ReformFigures, options: PageOptions, unit: Unit) -> Iterator[Element]:
    if not options.drawn:
        if options.charts is None:
            yield element("p", first(NO_CHARTS, options.language), class_="note")
        return
    yield element("h3", *named(Words("At a glance", "图示"), options.language))
    yield element(
        "div",
        *(
            _chart(name, chart, options.language)
            for chart in charts(name, each.figures, options.language, unit)
        ),
        class_="charts",
    )


NO_CHARTS: Final = Words(
    "Charts are left out: matplotlib is not installed; `pip install 'medsettle[report]'` adds it.",
    "未绘图：未安装 matplotlib，可用 pip install 'medsettle[report]' 安装。",
)


def _installed() -> bool:
    return find_spec("matplotlib") is not None


def _chart(name: str, chart: Chart, language: Language) -> Element:
    chart.svg.set("role", "img")
    told = first(chart.says, language)
    chart.svg.set("aria-label", f"{first(chart.words, language)}. {told}")
    to_table = element(
        "a", first(Words("The numbers", "数据"), language), href=f"#{name}-{chart.figure}"
    )
    return element(
        "figure",
        element("figcaption", *named(chart.words, language)),
        chart.svg,
        element("p", told, " ", to_table, class_="note"),
    )


def _assumptions(comparison: Comparison, language: Language) -> Element:
    told = assumptions(comparison.options, comparison.results.history.source)
    return element(
        "section",
        element("h2", *named(ASSUMPTIONS, language), id="assumptions"),
        element(
            "ul",
            *(element("li", first(words, language)) for words in told),
        ),
        class_="end",
    )


def _versions(comparison: Comparison, language: Language) -> Element:
    run = Words(
        "Each query of this page runs in DuckDB in its folder; all of a reform stand in "
        "queries.sql in the reform's folder.",
        "本页查询均可在其所在文件夹以 DuckDB 运行；各改革的全部查询见其文件夹中的 queries.sql。",
    )
    return element(
        "section",
        element("h2", *named(VERSIONS, language), id="versions"),
        element("p", first(run, language)),
        element(
            "div",
            element(
                "table",
                element("caption", first(VERSIONS, language)),
                element(
                    "tbody",
                    *(
                        element(
                            "tr",
                            element("th", name, scope="row"),
                            element("td", element("code", told)),
                        )
                        for name, told in version_rows(comparison)
                    ),
                ),
            ),
            class_="scroll",
            tabindex="0",
            role="region",
            aria_labelledby="versions",
        ),
    )
