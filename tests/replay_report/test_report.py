"""The page and the workbook say what the queries beside them say, and need nothing from outside."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from medsettle.errors import InvalidRequest, Precondition
from medsettle.replay.compare_folders import Results
from medsettle.replay.compare_options import CompareOptions, Response
from medsettle.replay.figure_forms import FigureForm, Shown, Shows
from medsettle.replay.reform_words import PolicyChange, keep_words, kept_words, policy_changes
from medsettle.replay.report import Report, write_report
from medsettle.replay.report_page import PageOptions
from medsettle.replay.report_words import Language

from tests.replay_report.compared_worlds import REFORMS, books
from tests.replay_report.conftest import Replayed
from tests.replay_report.page_reading import Node, Page

_CHANGES = {reform: policy_changes(books()["baseline"], books()[reform]) for reform in REFORMS}
_THREE = (Fraction(-1, 10), Fraction(-1, 5), Fraction(-3, 10))
_OPTIONS = CompareOptions(response=Response(_THREE, date(2025, 7, 1), "invented for a test"))


@pytest.fixture(scope="module")
def report(replayed: Replayed, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Return the report of the small replay, with a response."""
    results = Results.open(replayed.folder / "results", replayed.folder / "history")
    out = tmp_path_factory.mktemp("report")
    return write_report(results, out, changes=_CHANGES, options=_OPTIONS)


@pytest.fixture(scope="module")
def page(report: Report) -> Page:
    """Return its page, read strictly."""
    return Page(report.page.read_text(encoding="utf-8"))


def test_the_page_is_html(page: Page) -> None:
    """Nested as it should be, one document type, no id twice, every reference to one that is."""
    everything = page.every()
    ids = [each.attributes["id"] for each in everything if "id" in each.attributes]
    referred = [
        value.removeprefix("#")
        for each in everything
        for name, value in each.attributes.items()
        if name == "aria-labelledby" or (name == "href" and value.startswith("#"))
    ]
    referred += [
        found
        for each in everything
        for value in each.attributes.values()
        for found in re.findall(r"url\(#([^)]+)\)", value)
    ]

    assert "DOCTYPE html" == page.declared
    assert len(ids) == len(set(ids))
    assert set(referred) <= set(ids)
    assert len(referred) > len(REFORMS) * 20


def test_the_page_needs_nothing_from_outside(page: Page) -> None:
    """No script, no handler, no link but to itself, no address in a style; a policy says so too."""
    for each in page.every():
        assert each.tag not in {"script", "link", "img", "iframe", "object", "base", "form"}
        for name, value in each.attributes.items():
            assert not name.startswith("on")
            assert "src" not in name
            assert "//" not in value
            if name == "href":
                assert value.startswith("#")
    (style,) = page.root.all("style")
    assert "url(" not in style.text()
    assert "@import" not in style.text()
    (policy,) = [
        each.attributes["content"]
        for each in page.root.all("meta")
        if each.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")


def test_the_page_can_be_read_without_eyes(page: Page) -> None:
    """Charts have names, tables have captions and heads with scopes, the page has a language."""
    (html,) = page.root.all("html")
    charts = page.root.all("svg")

    assert "en" == html.attributes["lang"]
    assert len(REFORMS) * 8 == len(charts)
    for chart in charts:
        assert "img" == chart.attributes["role"]
        assert len(chart.attributes["aria-label"]) > 10
    for table in page.root.all("table"):
        assert table.all("caption")
        assert all(each.attributes.get("scope") in {"col", "row"} for each in table.all("th"))


def test_every_figure_is_its_query_run_anew(
    page: Page, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each query of the page, as it stands there, gives the cells of the table beside it.

    Shares and amounts are put into words here once more, by decimal arithmetic.
    """
    monkeypatch.chdir(report.page.parent)
    seen = 0
    with duckdb.connect(":memory:") as connection:
        for reform, section in _reform_sections(page, report):
            forms = reform.figures
            for part in section.all("section"):
                (code,) = part.all("pre")
                form = forms[code.attributes["data-query"]].form
                rows = connection.sql(code.text()).to_arrow_table().to_pylist()
                if form.name == "response":
                    rows = forms["response"].rows()
                told = [_own_texts(row) for table in part.all("tbody") for row in table.all("tr")]
                shown = [column for column in form.shown if column.on_page]
                expected = [[_expected(column, row) for column in shown] for row in rows]
                assert len(expected) == len(told), form.name
                for cells, texts in zip(expected, told, strict=True):
                    assert cells == [_plain(*pair) for pair in zip(shown, texts, strict=True)]
                seen += 1
    assert seen == sum(len(each.figures) for each in report.comparison.reforms)


def test_paper_has_every_query_and_one_unit(page: Page, report: Report) -> None:
    """Nothing unfolds there: queries stand at the end under the names that tables tell."""
    (paper,) = [
        each for each in page.root.all("section") if each.attributes.get("class") == "paper end"
    ]
    names = [each.text() for each in paper.all("h4")]
    queries = dict(zip(names, (each.text() for each in paper.all("pre")), strict=True))
    told = [
        each.text().removeprefix("Query: ")
        for each in page.root.all("p")
        if each.attributes.get("class") == "paper"
    ]
    assert [*queries] == told
    proof = report.comparison.baseline["proof"].form.sql
    wanted = {"baseline-proof": proof} | {
        f"r{number}-{name}": figure.form.sql
        for number, each in enumerate(report.comparison.reforms, 1)
        for name, figure in each.figures.items()
    }
    assert wanted == queries
    text = report.page.read_text(encoding="utf-8")
    assert ".paper { display: none; }" in text
    axes = re.findall(r"pays? more, ([0-9a-z, ]*yuan)", text)
    assert 4 * len(report.comparison.reforms) <= len(axes)
    assert 1 == len({*axes})


def _reform_sections(page: Page, report: Report) -> Iterator[tuple[Any, Node]]:
    sections = [each for each in page.root.all("section") if each.attributes.get("class")]
    found = [each for each in sections if each.attributes["class"] == "reform"]
    yield from zip(report.comparison.reforms, found, strict=True)


def _own_texts(row: Node) -> list[str]:
    return [
        each.own_text()
        for each in row.children
        if isinstance(each, Node) and each.tag in {"th", "td"}
    ]


_WORDS = {
    "gains": "Gains",
    "loses": "Loses",
    "same": "Stays the same",
    "deductible": "Deductible",
    "cap": "Cap",
    "cost": "A share of cost",
    "amount": "An amount",
    "total_fen": "Cost",
    "baseline_fund_total_fen": "Funds, before",
    "reform_fund_total_fen": "Funds, after",
    "baseline_person_total_fen": "Persons' part, before",
    "reform_person_total_fen": "Persons' part, after",
    "payouts": "Payouts beside the bill",
    "total": "Cost",
}


def _expected(column: Shown, row: dict[str, Any]) -> str:
    """Return a cell as it should read, by rules of its own."""
    two = Decimal("0.01")
    if column.shows is Shows.GINI:
        n, total, weighted = (int(row[name]) for name in ("n", "sum", "weighted"))
        exact = Decimal(2 * weighted - (n + 1) * total) / Decimal(n * total)
        return str(exact.quantize(Decimal("0.0001"), ROUND_HALF_UP))
    if column.of is not None:
        above, below = (row[name] for name in column.of)
        if not below:
            return "none"
        scale = 1 if column.shows is Shows.MEAN else 10_000
        hundredths = (Decimal(above) * scale / Decimal(below)).quantize(Decimal(1), ROUND_HALF_UP)
        return str((hundredths / 100).quantize(two) + 0)  # so that nothing has no sign
    return _expected_value(column, row[column.name])


def _expected_value(column: Shown, value: Any) -> str:  # noqa: ANN401
    if value is None:
        return "none"
    if column.shows in {Shows.FEN, Shows.CHANGE}:
        return str((Decimal(value) / 100).quantize(Decimal("0.01")))
    if column.codes in {"payer", "side", "crossed", "measured"}:
        return _WORDS.get(value, str(value).replace("_", " ").capitalize())
    return str(value)


def _plain(column: Shown, text: str) -> str:
    """Return the number of a cell without commas, signs of typography and units."""
    if column.shows in {Shows.TEXT, Shows.DAY}:
        return text
    plain = text.replace(",", "").replace("−", "-").replace("+", "").removesuffix(" %")
    if plain == "–":
        return "none"
    if Decimal(plain) == 0:
        assert not text.startswith(("+", "−")), text
    return plain


def test_the_reform_is_told_in_words(page: Page) -> None:
    """What `policy diff` says: the values, from when, and the titles of both documents."""
    text = page.root.text()

    for said in (
        "pooled_fund cap on payment per fund_paid: from 50,000.00 to 30,000.00, as of 2025-01-01",
        "large_amount rate: from 85% to 95%, as of 2025-01-01",
        "示例门诊待遇 → 示例门诊待遇调整 (虚构)",
    ):
        assert said in text
    assert "1,800.00" in text
    assert "1,200.00" in text


def test_the_page_says_what_it_was_made_of(page: Page, report: Report) -> None:
    """Versions, the digest of the history, and those of the policies that the replay tells."""
    text = page.root.text()

    assert report.comparison.results.history.digest in text
    assert "program duckdb" in text
    for each in books()["july"].policies:
        assert f"world july policies {each.policy.name} digest{each.digest}" in text
    assert str(report.page.parent) not in text


def test_a_text_cannot_become_a_part_of_the_page(replayed: Replayed, tmp_path: Path) -> None:
    """Whatever a document says is text: no element and no attribute of it comes to be."""
    hostile = '</style><script>alert("1")</script><b onclick=x>&amp;'
    change = PolicyChange(
        hostile, hostile, "0", hostile, hostile, "1", "2025", ("Values:", hostile)
    )
    results = Results.open(replayed.folder / "results", replayed.folder / "history")
    worlds = {
        "baseline": {"policies": {hostile: {"digest": "0"}}},
        "july": {"policies": {hostile: {"digest": "1"}}},
    }
    results = replace(results, manifest={**results.manifest, "worlds": worlds})
    options = PageOptions(charts=False)

    found = write_report(results, tmp_path, changes={"july": [change]}, page=options)

    read = Page(found.page.read_text(encoding="utf-8"))
    assert not read.root.all("script")
    assert not [each for each in read.every() if "onclick" in each.attributes]
    assert hostile in read.root.text()
    assert not read.root.all("svg")


def test_words_of_a_reform_are_kept(replayed: Replayed, report: Report, tmp_path: Path) -> None:
    """A later report without documents tells them still; one that never had them says how."""
    results = Results.open(replayed.folder / "results", replayed.folder / "history")
    options = PageOptions(charts=False)

    again = write_report(results, report.page.parent, options=_OPTIONS)
    assert "large_amount rate: from 85% to 95%" in again.page.read_text(encoding="utf-8")
    assert _CHANGES["july"] == kept_words(report.page.parent / "july")
    other = write_report(results, tmp_path, page=options)
    assert "name the rules and the reforms with --rules and --reform" in other.page.read_text(
        encoding="utf-8"
    )
    (tmp_path / "july" / "reform.json").write_text("[{}]")
    with pytest.raises(InvalidRequest, match="holds no words of a reform"):
        write_report(results, tmp_path, page=options)


def test_words_of_other_documents_are_refused(replayed: Replayed, tmp_path: Path) -> None:
    """Given or kept: each digest and each policy that was not replayed, and a name of no world.

    Nothing is compared before.
    """
    results = Results.open(replayed.folder / "results", replayed.folder / "history")
    (july,) = _CHANGES["july"]
    name, new = july.after, july.after_digest

    def said(folder: Path, changes: dict[str, list[PolicyChange]] | None) -> list[str]:
        with pytest.raises(InvalidRequest) as caught:
            write_report(results, folder, changes=changes, page=PageOptions(charts=False))
        return [fault.message for fault in caught.value.faults]

    other = {"july": [replace(july, before_digest="b", after_digest="a")], "august": [july]}
    given = "the rules given with july are not those of the replay: "
    remedy = "; name the rules that were replayed"
    assert [
        f"no world is called 'august'; {results.folder} has ceiling, july: name these",
        f"{given}{july.before} has the digest b there, and baseline was replayed with "
        f"{july.before_digest}{remedy}",
        f"{given}{name} has the digest a there, and july was replayed with {new}{remedy}",
    ] == said(tmp_path / "none", other)
    (unknown,) = said(tmp_path / "none", {"july": [july, replace(july, after="x")]})
    assert f"july was replayed with no policy of this name{remedy}" in unknown
    assert not (tmp_path / "none").exists()
    keep_words(tmp_path / "july", [replace(july, after_digest="a")])
    (kept,) = said(tmp_path, None)
    path = tmp_path / "july" / "reform.json"
    assert kept.startswith(
        f"the words in {path} are not those of the replay: {name} has the digest a there"
    )
    assert kept.endswith("; remove it, or name the rules with --rules and --reform")


def test_equal_replays_give_equal_bytes(replayed: Replayed, tmp_path: Path) -> None:
    """Page, workbook and queries, charts among them: a difference is a difference of figures."""
    results = Results.open(replayed.folder / "results", replayed.folder / "history")
    found = [write_report(results, tmp_path / each, changes=_CHANGES) for each in ("a", "b")]

    one, other = ([each.workbook.read_bytes(), each.page.read_bytes()] for each in found)
    assert one == other


def test_chinese_may_stand_first(replayed: Replayed, tmp_path: Path) -> None:
    """Names of figures, sentences and charts; the English names stand beside them."""
    results = Results.open(replayed.folder / "results", replayed.folder / "history")

    found = write_report(results, tmp_path, page=PageOptions(Language.ZH))

    read = Page(found.page.read_text(encoding="utf-8"))
    (html,) = read.root.all("html")
    assert "zh-CN" == html.attributes["lang"]
    assert "改革测算报告 What these reforms would have cost" == read.root.all("h1")[0].text()
    assert "若实施 july，基金将" in read.root.text()
    labels = [each.text() for chart in read.root.all("svg") for each in chart.all("text")]
    assert "受益" in labels


def test_charts_say_what_they_need(
    replayed: Replayed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without matplotlib a page that asks for charts is refused, with the way to get them."""
    results = Results.open(replayed.folder / "results", replayed.folder / "history")
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(Precondition, match=r"pip install 'medsettle\[report\]'"):
        write_report(results, tmp_path, page=PageOptions(charts=True))


def test_the_workbook_has_the_same_figures(report: Report) -> None:
    """Read by another program: a sheet a figure, amounts in yuan, shares in percent."""
    book = openpyxl.load_workbook(report.workbook)

    names = ["baseline proof", "baseline differences"]
    names += [
        f"{number} {name}"
        for number, each in enumerate(report.comparison.reforms, 1)
        for name in each.figures
    ]
    assert ["reforms", "about", *names, "queries"] == book.sheetnames
    for number, each in enumerate(report.comparison.reforms, 1):
        for figure in each.figures.values():
            head, *told = book[f"{number} {figure.form.name}"].iter_rows(values_only=True)
            assert len(head) == len(figure.form.shown)
            assert len(told) == figure.table.num_rows
            _check_sheet(figure.form, figure.rows(), told)
    queries = {row[:2]: row[2] for row in book["queries"].iter_rows(values_only=True)}
    assert report.comparison.reforms[0].figures["funds"].form.sql == queries["ceiling", "funds"]


def _check_sheet(
    form: FigureForm, rows: list[dict[str, Any]], told: Sequence[tuple[object, ...]]
) -> None:
    for row, cells in zip(rows, told, strict=True):
        for column, cell in zip(form.shown, cells, strict=True):
            if column.shows in {Shows.TEXT, Shows.DAY, Shows.GINI}:
                continue
            expected = _expected(column, row)
            assert (cell is None) == (expected == "none")
            assert cell is None or Decimal(expected) == Decimal(str(cell))
