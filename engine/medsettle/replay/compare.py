"""Compare each reform of a replay with the baseline: figures out of SQL, and files of them.

<out>/<reform>/claims.parquet        each claim in both worlds
<out>/<reform>/persons.parquet       each person in both worlds
<out>/<reform>/figures/<name>.parquet
<out>/<reform>/queries.sql           every query, as it was run in <out>
<out>/baseline/                      figures and queries of whether it comes out as recorded
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from medsettle import durable, limits
from medsettle.core.sql_text import quoted
from medsettle.errors import Fault, InvalidRequest, Precondition
from medsettle.ledger.scratch import clear_scratch, scratch
from medsettle.replay import compare_claims, response
from medsettle.replay.baseline_proof import baseline_proof
from medsettle.replay.compare_folders import Results
from medsettle.replay.compare_options import CASES, CompareOptions
from medsettle.replay.compare_queries import claim_figures, response_cells
from medsettle.replay.crossing_queries import crossings, stage_titles
from medsettle.replay.figure_forms import Figure, FigureForm, Shown, Shows, Words
from medsettle.replay.history import MANIFEST as HISTORY_MANIFEST
from medsettle.replay.layout import BASELINE, RESULTS_MANIFEST
from medsettle.replay.person_queries import person_figures
from medsettle.replay.reform_words import WORDS_FILE

if TYPE_CHECKING:
    import duckdb

FIGURES_FOLDER: Final = "figures"
QUERIES_FILE: Final = "queries.sql"
_FILES: Final = (
    *(compare_claims.CLAIMS_FILE, compare_claims.PERSONS_FILE, WORDS_FILE),
    QUERIES_FILE,
)
"""The files of a reform beside its figures."""


@dataclass(frozen=True, slots=True)
class ReformFigures:
    """The figures of one reform, in the order of a page, by name."""

    reform: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out of comparing reforms with the baseline."""

    results: Results
    options: CompareOptions
    out: Path
    baseline: Mapping[str, Figure]
    reforms: tuple[ReformFigures, ...]


def compare(results: Results, out: Path, options: CompareOptions | None = None) -> Comparison:
    """Return the figures of every reform, and write them.

    Args:
        results: Of `medsettle replay`, finished.
        out: A folder that is made where it is missing; files of an earlier comparison are replaced.
        options: Thresholds and the response; the usual ones where absent.

    Raises:
        Precondition: No claim is settled in both worlds.
        InvalidRequest: A file is damaged, sums are beyond what fits, or as `check_folder`.
        StoreUnavailable: The disk failed or is full.
    """
    import duckdb  # noqa: PLC0415 - loads slowly

    chosen = options or CompareOptions()
    check_folder(out)
    durable.make_folder(out)
    clear_scratch(out)
    found = []
    with scratch(out, limits.COMPARE_MEMORY) as connection:
        # Queries are run as they are printed. Of this setting DuckDB makes no pattern.
        connection.execute(f"set file_search_path = {quoted(str(out.absolute()))}")
        world = BASELINE
        try:
            baseline = baseline_proof(connection, results, out)
            durable.make_folder(out / BASELINE)
            texts = {name: figure.form.sql for name, figure in baseline.items()}
            _write(out / BASELINE, baseline, texts)
            for reform in results.reforms:
                world = reform
                found.append(_compared(connection, results, reform, out, chosen))
            _remove_others(out, {BASELINE, *results.reforms})
        except (duckdb.IOException, duckdb.OutOfMemoryException):
            raise
        except duckdb.Error as error:
            message = f"of {world} cannot be compared: {str(error).splitlines()[0]}; see "
            message += "whether the results and the history are whole, and replay again"
            raise InvalidRequest([Fault("results", message)]) from error
    return Comparison(results, chosen, out, baseline, tuple(found))


def check_folder(out: Path) -> None:
    """Refuse a folder in which queries cannot be run as they are printed, or that has other things.

    Raises:
        InvalidRequest: Its path has a comma, by which DuckDB tells folders apart; or it is that of
            a history or of results.
    """
    if "," in str(out.absolute()):
        message = f"{out.absolute()} has a comma, and queries are run and printed as of this "
        message += "folder, which DuckDB cannot be told then; name another folder"
        raise InvalidRequest([Fault("out", message)])
    for held in (HISTORY_MANIFEST, RESULTS_MANIFEST):
        if (out / held).exists():
            message = f"{out} has a {held}, so it is no folder for a report; name another"
            raise InvalidRequest([Fault("out", message)])


def _remove_others(out: Path, worlds: Collection[str]) -> None:
    """Remove what an earlier comparison in this folder wrote of reforms that this one has not.

    Its files alone: what somebody has put beside them stays, and the folder with it.
    """
    for own in sorted(out.iterdir()):
        figures = own / FIGURES_FOLDER
        if own.name in worlds or not (own / QUERIES_FILE).is_file() or not figures.is_dir():
            continue
        # The queries go last, so that whoever is killed in between is gone on for.
        for written in (*figures.glob("*.parquet"), *(own / name for name in _FILES)):
            written.unlink(missing_ok=True)
        for folder in (figures, own):
            if not any(folder.iterdir()):
                folder.rmdir()


def _compared(
    connection: "duckdb.DuckDBPyConnection",
    results: Results,
    reform: str,
    out: Path,
    options: CompareOptions,
) -> ReformFigures:
    claims, claims_text, persons_text = compare_claims.write_tables(
        connection, results, reform, out
    )
    if not claims:
        raise Precondition(
            f"no claim is settled in both {reform} and the baseline; see the column `outcome` of "
            f"{results.folder / 'claims' / reform}",
            reform=reform,
        )
    forms = [*claim_figures(reform), *person_figures(reform, options)]
    figures = {form.name: _answered(connection, form) for form in forms}
    met = [(row["baseline_policy"], row["reform_policy"]) for row in figures["policies"].rows()]
    titles = stage_titles(results.manifest.get("worlds", {}), reform, met)
    for form in (
        crossings(reform, titles),
        _left_out(compare_claims.left_out_sql(results, reform, out)),
    ):
        figures[form.name] = _answered(connection, form)
    if options.response is not None:
        _check_since(options.response.since, figures["overview"])
        cells = response_cells(reform, options.response.since.isoformat())
        figures["response"] = _responded(connection, figures["funds"], cells, options)
    texts = {"claims": claims_text, "persons": persons_text}
    texts |= {name: figure.form.sql for name, figure in figures.items()}
    _write(out / reform, figures, texts)
    return ReformFigures(reform, figures)


def _check_since(since: date, overview: Figure) -> None:
    """Refuse a response that begins after the last claim, which would tell no effect of it."""
    last = overview.rows()[0]["last_day"]
    assert isinstance(last, date)
    if since > last:
        message = f"is {since}, after the last day of service, {last}; name that day or "
        message += "one before it"
        raise InvalidRequest([Fault("--elasticity-from", message)])


def _answered(connection: "duckdb.DuckDBPyConnection", form: FigureForm) -> Figure:
    return Figure(form, connection.sql(form.sql).to_arrow_table())


def _left_out(sql: str) -> FigureForm:
    return FigureForm(
        "left_out",
        Words("What is not compared", "未纳入比较的结算"),
        Words(
            "Claims that were taken back, or that a world does not settle; their amounts are in no "
            "other figure.",
            "已撤销的，或某一政策下未结算的；其金额不计入其他各表。",
        ),
        sql,
        (
            Shown("baseline", Words("Before", "现行"), Shows.TEXT),
            Shown("reform", Words("After", "改革"), Shows.TEXT),
            Shown("claims", Words("Claims", "结算人次"), Shows.COUNT),
            Shown("total_fen", Words("Cost, where settled", "已结算者医疗费"), Shows.FEN),
        ),
    )


def _responded(
    connection: "duckdb.DuckDBPyConnection", funds: Figure, sql: str, options: CompareOptions
) -> Figure:
    assert options.response is not None
    payers = funds.table.column("payer").to_pylist()
    static = {payer: funds.number("change_fen", at) for at, payer in enumerate(payers)}
    cells = connection.sql(sql).to_arrow_table().to_pylist()
    found = response.effects(cells, static, options.response.elasticities)
    schema = pa.schema([("payer", pa.string())] + [(f"{n}_fen", pa.int64()) for n in _COLUMNS])
    table = pa.Table.from_pylist([asdict(each) for each in found], schema=schema)
    shown = [
        Shown(f"{case}_fen", _case_words(case, elasticity), Shows.CHANGE)
        for case, elasticity in zip(CASES, options.response.elasticities, strict=True)
    ]
    form = FigureForm(
        "response",
        Words("Budget effect with a response", "考虑需求反应的预算影响"),
        _response_note(options),
        sql,
        (
            Shown("payer", Words("Payer", "支付方"), Shows.TEXT, codes="payer"),
            Shown("static_fen", Words("Without a response", "不考虑反应"), Shows.CHANGE),
            *shown,
        ),
    )
    return Figure(form, table)


_COLUMNS = ("static", *CASES)
_CASE_WORDS = {"low": "低", "central": "中", "high": "高"}


def _case_words(case: str, elasticity: Fraction) -> Words:
    told = _decimal(elasticity)
    return Words(f"{case.capitalize()}, {told}", f"{_CASE_WORDS[case]}（{told}）")


def _decimal(elasticity: Fraction) -> str:
    millionths = abs(elasticity.numerator) * 10**6 // elasticity.denominator
    digits = f"{millionths // 10**6}.{millionths % 10**6:06d}".rstrip("0").rstrip(".")
    return f"−{digits}" if elasticity else "0"


def _response_note(options: CompareOptions) -> Words:
    assert options.response is not None
    since, source = options.response.since.isoformat(), options.response.source
    return Words(
        f"An assumption: from {since} on, people use more of what costs them less. The price of an "
        "area, insurance type, visit type and hospital level is the part of its cost that persons "
        "bear. Its change is the difference of the prices divided by their mean; extra cost is "
        "cost × elasticity × change, and each payer bears of it the part that it bears of the cost "
        "after the reform. The query gives the sums that this is worked out from, in exact "
        f"fractions rounded once. Elasticities: {source}",
        f"假设：自 {since} 起，自付价格下降则使用增加。价格为统筹区、险种、医疗类别与"
        "医院等级内个人负担占费用之比；价格变化为两价之差除以两价均值；"
        "新增费用 = 费用 × 弹性 × 价格变化，各方按改革后占费用之比分担。"
        f"查询给出计算所用合计，以精确分数计算，仅最后四舍五入。弹性来源：{source}",
    )


def _write(folder: Path, figures: Mapping[str, Figure], texts: Mapping[str, str]) -> None:
    """Write the figures of a reform as Parquet, and their queries as one text."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - beside DuckDB, which is loaded by now

    own = folder / FIGURES_FOLDER
    durable.make_folder(own)
    for left in own.glob("*.parquet"):
        left.unlink()
    for name, figure in figures.items():
        sink = pa.BufferOutputStream()
        pq.write_table(figure.table, sink, compression="zstd")
        durable.put(own / f"{name}.parquet", memoryview(sink.getvalue()))
    durable.sync_folder(own)
    queries = [f"-- {name}\n{_kept(folder, name, text)};\n" for name, text in texts.items()]
    durable.put(folder / QUERIES_FILE, "\n".join(queries).encode())
    durable.sync_folder(folder)


def _kept(folder: Path, name: str, text: str) -> str:
    """Return a query with where its answer is kept, for the two tables that others look at."""
    if name not in {"claims", "persons"}:
        return text
    return f"copy (\n{text}\n) to {quoted(f'{folder.name}/{name}.parquet')} (format parquet)"
