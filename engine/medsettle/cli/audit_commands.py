"""`medsettle audit`: look into the audit tables and verify their chain."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from medsettle.audit import connect, verify
from medsettle.cli.desks import AUDIT_FOLDER, LEDGER_FILE
from medsettle.cli.exits import Exit, Quit, say, told
from medsettle.cli.options import Data, Json
from medsettle.cli.show import print_rows_table
from medsettle.errors import AuditCorrupt

app = typer.Typer(no_args_is_help=True, help="Look into the audit tables and verify their chain.")

OVERVIEW = """
    select pooling_area as area, kind, count(*) as settlements, sum(total_fen)::bigint as total_fen,
           sum(fund_total_fen)::bigint as funds_fen, sum(account_fen)::bigint as account_fen,
           sum(cash_fen)::bigint as cash_fen
    from settlements group by all order by all
"""


def _tables(data: Path) -> Path:
    """Return the folder of the audit tables, which is empty where nothing was settled yet.

    Raises:
        FileNotFoundError: Neither tables nor a ledger; a misspelt folder must not pass as verified.
    """
    folder = data / AUDIT_FOLDER
    if not folder.is_dir() and not (data / LEDGER_FILE).is_file():
        raise FileNotFoundError(f"{data} holds no audit tables; name the folder with --data")
    return folder


@app.command()
def show(
    data: Data = Path("medsettle-data"),
    sql: Annotated[
        str, typer.Option(help="A query over settlements, payers, line_splits, ….")
    ] = OVERVIEW,
    as_json: Json = False,
) -> None:
    """Show sums by pooling area, or the answer to a query of yours.

    Columns that end in _fen are shown in yuan; --json gives fen.
    """
    import duckdb  # noqa: PLC0415 - loads slowly

    console = Console()
    with told(console, as_json=as_json), connect(_tables(data)) as connection:
        try:
            answer = connection.sql(sql)
            rows = answer.to_arrow_table().to_pylist() if answer is not None else []
        except duckdb.IOException as error:
            raise AuditCorrupt(f"a segment cannot be read: {error}; see audit verify") from error
        except duckdb.Error as error:
            say(console, "QUERY", [str(error)], as_json=as_json)
            raise Quit(Exit.USAGE) from error
    if as_json:
        console.out(orjson.dumps(rows, default=str).decode(), highlight=False)
        return
    if not rows:
        console.print("no rows")
        return
    print_rows_table(console, rows)


@app.command(name="verify")
def verify_tables(data: Data = Path("medsettle-data"), as_json: Json = False) -> None:
    """Verify the chain of the manifest and the hash of every file."""
    console = Console()
    with told(console, as_json=as_json):
        head = verify(_tables(data))
    if as_json:
        console.out(orjson.dumps(asdict(head), default=str).decode(), highlight=False)
    else:
        console.print(
            f"verified: {head.segments} segment(s) to ledger position {head.last_seq}, "
            f"digest {head.digest}",
            soft_wrap=True,
            highlight=False,
        )
        for path in head.unlisted:
            console.print(f"not listed, left by a crash: {escape(str(path))}", soft_wrap=True)
