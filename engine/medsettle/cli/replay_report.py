"""`medsettle replay-report`: compare the reforms of a replay with its baseline, on one page."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from medsettle.cli.exits import Exit, UnreadableFile, told
from medsettle.cli.options import Json, fen_named
from medsettle.errors import Fault, InvalidRequest
from medsettle.replay.compare import Comparison, ReformFigures
from medsettle.replay.compare_folders import Results
from medsettle.replay.compare_options import (
    BURDEN_FEN,
    BURDEN_PERCENT,
    CHANGE_FEN,
    CompareOptions,
    Response,
    elasticity,
)
from medsettle.replay.reform_words import PolicyChange, reform_changes
from medsettle.replay.report import Report, write_report
from medsettle.replay.report_page import NO_CHARTS, PageOptions
from medsettle.replay.report_sentences import summary, warnings
from medsettle.replay.report_words import Language, first
from medsettle.replay.worlds import worlds_of

_REPLAYED = "Folder that `medsettle replay` wrote."
_RULES = (
    "Folder of the rules that were replayed: with --reform, the page says in words what changes."
)

ResultsFolder = Annotated[Path, typer.Argument(metavar="RESULTS", help=_REPLAYED)]
HistoryFolder = Annotated[
    Path | None,
    typer.Option("--history", help="The history, where it lies elsewhere now."),
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder of the report; RESULTS/comparison without it.")
]
RulesFolder = Annotated[Path | None, typer.Option("--rules", help=_RULES)]
Reforms = Annotated[
    list[Path] | None,
    typer.Option("--reform", help="A reform as it was replayed, a file or a folder; repeatable."),
]
Elasticity = Annotated[
    str | None,
    typer.Option(help="How use responds to its price: low,central,high, such as -0.1,-0.2,-0.3."),
]
ElasticityFrom = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="First day of service whose claims respond."),
]
ElasticitySource = Annotated[
    str | None,
    typer.Option(help="Who found these elasticities and when, or that they are assumed."),
]
Change = Annotated[
    list[str] | None, typer.Option(help="Gains and losses in yuan that are counted; repeatable.")
]
BurdenPercent = Annotated[
    list[int] | None, typer.Option(help="Shares of cost in percent that are heavy; repeatable.")
]
Burden = Annotated[
    list[str] | None, typer.Option(help="Amounts in yuan that are heavy; repeatable.")
]
Charts = Annotated[
    bool | None,
    typer.Option("--charts/--no-charts", help="Charts; without a word, where matplotlib is."),
]


def replay_report(
    results: ResultsFolder,
    history: HistoryFolder = None,
    out: Out = None,
    rules: RulesFolder = None,
    reform: Reforms = None,
    elasticity: Elasticity = None,
    elasticity_from: ElasticityFrom = None,
    elasticity_source: ElasticitySource = None,
    change: Change = None,
    burden_percent: BurdenPercent = None,
    burden: Burden = None,
    language: Annotated[Language, typer.Option(help="Which stands first.")] = Language.EN,
    charts: Charts = None,
    as_json: Json = False,
) -> None:
    """Say who gains, who loses and what each fund would have paid, on a page and as tables.

    Writes report.html, which works offline and prints on A4, figures.xlsx, and for each reform its
    figures, claims and persons as Parquet, and the SQL of every figure.
    """
    console = Console()
    with told(console, as_json=as_json, refused=Exit.USAGE):
        since = elasticity_from.date() if elasticity_from is not None else None
        options = CompareOptions(
            change_fen=_fens("change", change) or CHANGE_FEN,
            burden_percent=tuple(burden_percent or BURDEN_PERCENT),
            burden_fen=_fens("burden", burden) or BURDEN_FEN,
            response=response_of(elasticity, since, elasticity_source),
        )
        page = PageOptions(language, charts)
        replayed = Results.open(results, history)
        changes = changes_of(rules, reform or [])
        report = write_report(replayed, out, changes=changes, options=options, page=page)
    if not as_json:
        for words in warnings(report.comparison).values():
            _say(console, f"[bold red]{escape(first(words, language))}[/]", markup=True)
    say_report(console, report, page, as_json=as_json)


def _fens(name: str, yuan: Sequence[str] | None) -> tuple[int, ...]:
    return tuple(fen_named(f"--{name}", each) for each in yuan or ())


def response_of(text: str | None, since: date | None, source: str | None) -> Response | None:
    """Return the response that three options ask for; None where they ask for none.

    Raises:
        InvalidRequest: One is given without the others, or is not what it should be.
    """
    if text is None and since is None and source is None:
        return None
    if text is None or since is None or source is None:
        message = "goes with --elasticity-from and --elasticity-source: a response is an "
        message += "assumption that begins on a day and has a source; give all three"
        raise InvalidRequest([Fault("--elasticity", message)])
    try:
        found = [elasticity(each) for each in text.split(",")]
    except ValueError as error:
        raise InvalidRequest([Fault("--elasticity", str(error))]) from error
    if len(found) != 3:
        message = f"has {len(found)} numbers; give low,central,high, such as -0.1,-0.2,-0.3"
        raise InvalidRequest([Fault("--elasticity", message)])
    return Response((found[0], found[1], found[2]), since, source)


def changes_of(
    rules: Path | None, overlays: Sequence[Path]
) -> dict[str, list[PolicyChange]] | None:
    """Return what reforms change, by the name of each; None where nobody asked.

    Raises:
        UnreadableFile: Reforms are named without their rules, or rules without a reform.
        PolicyRejected: A document has faults.
        InvalidRequest: Two reforms have one name.
        OSError: A file cannot be read.
    """
    if rules is None and not overlays:
        return None
    if rules is None or not overlays:
        raise UnreadableFile("--rules and --reform go together; give both")
    return reform_changes(worlds_of(rules, overlays))


def say_report(console: Console, report: Report, page: PageOptions, *, as_json: bool) -> None:
    """Say what a report says in short, and where its files are."""
    reforms = report.comparison.reforms
    if as_json:
        body = {
            "page": str(report.page),
            "workbook": str(report.workbook),
            "baseline": _proved(report.comparison),
            "reforms": [_told(each) for each in reforms],
            "warnings": {
                name: asdict(words) for name, words in warnings(report.comparison).items()
            },
        }
        console.out(orjson.dumps(body).decode(), highlight=False)
        return
    for each in reforms:
        _say(console, first(summary(each.reform, each.figures), page.language))
    if page.charts is None and not page.drawn:
        _say(console, first(NO_CHARTS, page.language))
    for path in (report.page, report.workbook):
        _say(console, str(path))


def _say(console: Console, text: str, *, markup: bool = False) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=markup)


def _proved(comparison: Comparison) -> dict[str, object]:
    (proof,) = comparison.baseline["proof"].rows()
    return {**proof, "differences": comparison.baseline["differences"].rows()}


def _told(each: ReformFigures) -> dict[str, object]:
    funds = {str(row["payer"]): row["change_fen"] for row in each.figures["funds"].rows()}
    years = {str(row["side"]): row["person_years"] for row in each.figures["winners"].rows()}
    overview = each.figures["overview"]
    return {
        "reform": each.reform,
        "claims": overview.number("claims"),
        "persons": overview.number("persons"),
        "summary": asdict(summary(each.reform, each.figures)),
        "person_years": overview.number("person_years"),
        "change_fen": funds,
        "person_years_by_side": years,
    }
