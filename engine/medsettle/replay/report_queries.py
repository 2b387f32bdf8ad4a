"""The queries of a report for paper, where nothing unfolds."""

from xml.etree.ElementTree import Element

from medsettle.replay.compare import Comparison
from medsettle.replay.figure_forms import Figure, Words
from medsettle.replay.layout import BASELINE
from medsettle.replay.report_html import element, named, query_name
from medsettle.replay.report_words import Language


def proved(comparison: Comparison) -> list[Figure]:
    """Return the figures of the baseline that are shown: without a difference none is listed."""
    found = comparison.baseline
    return [figure for name, figure in found.items() if name == "proof" or figure.table.num_rows]


def queries(comparison: Comparison, language: Language) -> Element:
    """Return all queries for paper, where nothing unfolds."""
    named_forms = [(BASELINE, figure.form) for figure in proved(comparison)]
    named_forms += [
        (f"r{number}", figure.form)
        for number, each in enumerate(comparison.reforms, 1)
        for figure in each.figures.values()
    ]
    return element(
        "section",
        element("h2", *named(Words("Queries", "查询"), language)),
        *(
            child
            for name, form in named_forms
            for child in (
                element("h4", element("code", query_name(name, form.name))),
                element("pre", element("code", form.sql)),
            )
        ),
        class_="paper end",
    )
