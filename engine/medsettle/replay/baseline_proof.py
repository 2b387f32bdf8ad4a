"""Whether the baseline of a replay comes out as recorded: figures of a report, and a sentence.

What a reform would have cost is as good as the baseline that it is held to; so a report tells how
many claims were recorded, how many of them come out as recorded, and the first that do not.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from medsettle import limits
from medsettle.core.columns import Kind
from medsettle.core.sql_text import SQL_TYPES, quoted
from medsettle.errors import Fault, InvalidRequest
from medsettle.replay.compare_folders import Results
from medsettle.replay.compare_queries import CLAIMS
from medsettle.replay.figure_forms import Figure, FigureForm, Shown, Shows, Words
from medsettle.replay.layout import AMOUNTS, DIFFERENCE, RECORDED

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

_RECORDED: Final = tuple(f"{RECORDED}{name}" for name in AMOUNTS)


def baseline_proof(
    connection: "duckdb.DuckDBPyConnection", results: Results, out: "Path"
) -> dict[str, Figure]:
    """Return the figures of the baseline by name: `proof`, and the first `differences`.

    Args:
        connection: It sees `out` as its folder.
        results: What is compared.
        out: The folder of the comparison.

    Raises:
        InvalidRequest: The list of differences has not as many claims as the replay found.
        duckdb.Error: A file is damaged.
    """
    forms = (_proof(results, out), _differences(results, out))
    found = {form.name: Figure(form, connection.sql(form.sql).to_arrow_table()) for form in forms}
    listed, told = found["proof"].number("differing"), results.differing
    if listed != told:
        message = f"{results.folder / 'differences'} lists {listed:,} claims that come out "
        message += f"otherwise than recorded, and the replay found {told:,}; replay again"
        raise InvalidRequest([Fault("results", message)])
    return found


def _proof(results: Results, out: "Path") -> FigureForm:
    columns = ", ".join(f"null::{SQL_TYPES[Kind.FEN]} as {name}" for name in _RECORDED)
    sql = f"""\
select
    count(*) as claims,
    count(*) filter (recorded) as recorded,
    count(*) filter (recorded) - any_value(differing) as as_recorded,
    any_value(differing) as differing
from (
    select coalesce({", ".join(_RECORDED)}) is not null as recorded
    from (
        from read_parquet({quoted(results.history_claims(out))}, union_by_name = true)
        union all by name
        select {columns} where false
    )
), (select count(*) as differing from {_listed(results, out)})"""  # noqa: S608 - files of our own
    return FigureForm(
        "proof",
        Words("Whether the baseline comes out as recorded", "现行政策是否复现原结算"),
        Words(
            "Claims that were settled before, fen by fen: every amount of a settlement, also of "
            "those that were taken back. Claims without a recorded settlement prove nothing.",
            "原已结算者逐分核对结算各项金额，含已撤销者；无原结算者无从核对。",
        ),
        sql,
        (
            CLAIMS,
            Shown("recorded", Words("Recorded", "有原结算"), Shows.COUNT),
            Shown("as_recorded", Words("Come out as recorded", "与原结算相同"), Shows.COUNT),
            Shown("differing", Words("Come out otherwise", "与原结算不同"), Shows.COUNT),
        ),
    )


def _differences(results: Results, out: "Path") -> FigureForm:
    most = limits.REPORT_DIFFERENCES_MAX
    sql = f"""\
select {", ".join(quoted_name(column.name) for column in DIFFERENCE)}
from {_listed(results, out)}
order by claim
limit {most}"""  # noqa: S608
    heads = {
        "claim": Words("Claim", "结算序号"),
        "settlement": Words("Settlement", "结算ID"),
        "stage": Words("Stage", "阶段"),
        "column": Words("Column", "列"),
        "recorded": Words("Recorded", "原值"),
        "replayed": Words("Replayed", "重算值"),
    }
    return FigureForm(
        "differences",
        Words("Claims that come out otherwise", "与原结算不同的记录"),
        Words(
            f"The first {most}, each with the first stage and column that differs; amounts are "
            "fen. All are in the folder `differences` of the replay.",
            f"前 {most} 条，列出首个不同的阶段与列，金额单位为分；"
            "全部见重算结果的 differences 文件夹。",
        ),
        sql,
        tuple(Shown(name, words, Shows.TEXT) for name, words in heads.items()),
    )


def _listed(results: Results, out: "Path") -> str:
    """Return what reads the differences; a cluster may write no file where there are none."""
    if results.has_differences:
        return f"read_parquet({quoted(results.differences(out))}, union_by_name = true)"
    columns = (
        f"null::{SQL_TYPES[column.kind]} as {quoted_name(column.name)}" for column in DIFFERENCE
    )
    return f"(select {', '.join(columns)} where false)"


def quoted_name(name: str) -> str:
    """Return the name of a column as it is written in SQL; `column` is a word of SQL."""
    return f'"{name}"'


def proof_words(figures: Mapping[str, Figure]) -> Words:
    """Return in a sentence whether the baseline comes out as recorded."""
    proof = figures["proof"]
    recorded, differing = proof.number("recorded"), proof.number("differing")
    if not recorded:
        return Words("Nothing was recorded to hold the baseline to.", "无原结算可供核对现行政策。")
    if not differing:
        return Words(
            f"The baseline comes out as recorded in {recorded:,} of {recorded:,} recorded claims.",
            f"现行政策复现全部 {recorded:,} 次原结算。",
        )
    return Words(
        f"The baseline comes out otherwise than recorded in {differing:,} of {recorded:,} recorded "
        "claims: look at these before the figures of a reform.",
        f"{recorded:,} 次原结算中有 {differing:,} 次未能复现：查看改革测算之前应先核对。",
    )
