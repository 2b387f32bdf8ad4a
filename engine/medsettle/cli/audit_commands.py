"""`medsettle audit`: look into the audit tables and verify them."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console

from medsettle.audit import connect
from medsettle.audit.checkpoint_checks import Keys
from medsettle.audit.sealed_verification import Verified, verify_sealed
from medsettle.cli import proof_commands, seal_commands
from medsettle.cli.desks import AUDIT_FOLDER, LEDGER_FILE
from medsettle.cli.exits import AFTER_CORRUPTION, Exit, Quit, say, told
from medsettle.cli.options import Data, Json
from medsettle.cli.progress_lines import ForPrograms, ProgressLines
from medsettle.cli.seal_commands import checkpoint_in
from medsettle.cli.show import print_json, print_lines, print_rows_table
from medsettle.errors import AuditCorrupt
from medsettle.signing_keys import public_key

app = typer.Typer(
    no_args_is_help=True, help="Look into the audit tables, seal them, prove and verify."
)
app.add_typer(seal_commands.app)
app.add_typer(proof_commands.app)

_SHOWN_MAX: Final = 20

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
def verify_tables(
    data: Data = Path("medsettle-data"),
    key: Annotated[
        Path | None,
        typer.Option(help="Public key of the log: each checkpoint must be signed by it."),
    ] = None,
    witness: Annotated[
        list[Path] | None,
        typer.Option(
            help="Public key of who must have countersigned the newest; may be given often."
        ),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint noted elsewhere: the log must begin with it; only what came "
            "after is read."
        ),
    ] = None,
    note: Annotated[
        Path | None, typer.Option(help="File for the newest checkpoint, where nothing is wrong.")
    ] = None,
    progress: ForPrograms = False,
    as_json: Json = False,
) -> None:
    """Verify manifest, files, rows, seals and checkpoints, and name what was altered.

    The first row, file or line that is not as it was sealed comes first; all are counted. With
    --since what was altered before the checkpoint is not looked for again: keep it where nobody who
    writes here can change it.
    """
    console = Console()
    with told(console, as_json=as_json):
        keys = Keys(None if key is None else public_key(key), tuple(map(public_key, witness or [])))
        noted = None if since is None else checkpoint_in(since)
        tell = ProgressLines("segments", wanted=progress).tell
        verified = verify_sealed(_tables(data), keys, noted, tell)
        if note is not None and not verified.findings and verified.newest is not None:
            note.write_bytes(verified.newest.note.content())
    if as_json:
        print_json(console, _body(verified))
    elif verified.findings:
        say(console, AuditCorrupt.reason, _finding_lines(verified), as_json=False)
    else:
        print_lines(console, _verified_lines(verified))
    if verified.findings:
        raise Quit(Exit.FINDING)


def _body(verified: Verified) -> dict[str, Any]:
    newest = verified.newest
    findings = verified.findings.told()
    body: dict[str, Any] = {
        **asdict(verified.head),
        "sealed": verified.sealed,
        "root": verified.root.hex(),
        "since": verified.since,
        "checkpoints": len(verified.signed),
        "newest": None if newest is None else asdict(newest.checkpoint),
        "signatures": [] if newest is None else [each.name for each in newest.note.signatures],
        "counts": {kind.value: count for kind, count in verified.findings.counts.items()},
        "findings": [asdict(each) for each in findings],
    }
    if newest is not None:
        body["newest"]["root"] = newest.checkpoint.root.hex()
    if findings:
        body |= {"error": AuditCorrupt.reason, "messages": [each.message for each in findings]}
    return body


def _finding_lines(verified: Verified) -> list[str]:
    told = [f"{each.kind.value}: {each.message}" for each in verified.findings.told()]
    counted = ", ".join(f"{n} × {kind.value}" for kind, n in verified.findings.counts.items())
    more = len(verified.findings) - _SHOWN_MAX
    return [
        *told[:_SHOWN_MAX],
        *([f"{more} more"] if more > 0 else []),
        f"found: {counted}",
        AFTER_CORRUPTION,
    ]


def _verified_lines(verified: Verified) -> list[str]:
    head, newest = verified.head, verified.newest
    lines = [
        f"verified: {head.segments} segment(s) to ledger position {head.last_seq}, "
        f"digest {head.digest}",
        f"sealed: {verified.sealed} entries"
        + (f", root {verified.root.hex()}" if verified.sealed else "")
        + (f"; rows after {verified.since} were read" if verified.since else ""),
    ]
    if newest is not None:
        names = ", ".join(each.name for each in newest.note.signatures)
        lines.append(
            f"checkpoints: {len(verified.signed)}, the newest {newest.checkpoint.named()} of "
            f"{newest.checkpoint.origin}, with signatures of {names}"
        )
    return lines + [f"not listed, left by a crash: {path}" for path in head.unlisted]
