"""`medsettle statement`: make a statement of a table, and sign it as a party."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from medsettle.cli.exits import UnreadableFile, told
from medsettle.cli.options import Json
from medsettle.cli.show import print_told

# Reading Parquet and making keys load slowly, and help needs neither.
if TYPE_CHECKING:
    from medsettle.clearing.statements.statements import StatedParty

app = typer.Typer(
    no_args_is_help=True, help="Make statements that both parties sign; see also verify."
)

Folder = Annotated[Path, typer.Argument(help="Folder of the statement.")]


@app.command()
def keygen(
    name: Annotated[str, typer.Argument(help="Whose key it is: NAME.key.pem, NAME.pub.pem.")],
    out: Annotated[Path, typer.Option(help="Folder of the two files.")] = Path(),
    as_json: Json = False,
) -> None:
    """Make a key to sign statements with, and its public half for the others."""
    from medsettle.signing_keys import fingerprint_of, make_key  # noqa: PLC0415

    console = Console()
    with told(console, as_json=as_json):
        private, public, key = make_key(name, out)
        fingerprint = fingerprint_of(key)
    body = {"private": str(private), "public": str(public), "fingerprint": fingerprint}
    print_told(console, body, [f"{private} (keep it to yourself)", str(public)], as_json=as_json)


@app.command()
def make(
    table: Annotated[Path, typer.Argument(help="A table: .parquet or .arrow.")],
    out: Annotated[Path, typer.Option(help="A new folder for the statement.")],
    number: Annotated[str, typer.Option(help="Its number.")],
    title: Annotated[str, typer.Option(help="What it is about.")],
    month: Annotated[str, typer.Option(help="Month of clearing, such as 2026-03.")],
    party: Annotated[
        list[str],
        typer.Option(help="AREA:NAME, or AREA:NAME:KEY.pub.pem where its key is agreed upon."),
    ],
    as_json: Json = False,
) -> None:
    """Write a table as Excel, CSV and Parquet, with a manifest that names every row."""
    from medsettle.clearing.months.month import month_of  # noqa: PLC0415
    from medsettle.clearing.statements.statements import StatementHead, make_statement  # noqa: PLC0415

    console = Console()
    with told(console, as_json=as_json):
        try:
            first = month_of(month)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
        head = StatementHead(number, title, first, tuple(map(_party, party)))
        manifest = make_statement(out, _table(table), head)
    body = {
        "statement": number,
        "folder": str(out),
        "rows": manifest.row_count,
        "sums_fen": dict(manifest.sums_fen),
        "files": dict(manifest.hashes),
    }
    said = [f"{out}: {manifest.row_count} row(s) of {number}; sign it with statement sign"]
    print_told(console, body, said, as_json=as_json)


@app.command()
def sign(
    folder: Folder,
    key: Annotated[Path, typer.Option(help="Private key of the party, NAME.key.pem.")],
    as_json: Json = False,
) -> None:
    """Verify a statement and add a signature to it; the other party does the same after."""
    from medsettle.clearing.statements.checks import verify_statement  # noqa: PLC0415
    from medsettle.clearing.statements.statements import sign_statement  # noqa: PLC0415
    from medsettle.errors import Precondition  # noqa: PLC0415
    from medsettle.signing_keys import fingerprint_of, private_key  # noqa: PLC0415

    console = Console()
    with told(console, as_json=as_json):
        private = private_key(key)
        verified = verify_statement(folder)
        findings = verified.findings
        if findings:
            raise Precondition(
                f"{folder} is not what it says: {findings[0]}. Nothing was signed; see verify"
            )
        path = sign_statement(folder, verified.manifest, private)
        fingerprint = fingerprint_of(private.public_key())
        parties = " or ".join(map(str, verified.manifest.head.signers(fingerprint)))
    body = {"signature": str(path), "fingerprint": fingerprint, "party": parties}
    print_told(console, body, [f"signed for {parties} by {fingerprint}: {path}"], as_json=as_json)


def _party(text: str) -> "StatedParty":
    from medsettle.clearing.statements.statements import StatedParty  # noqa: PLC0415
    from medsettle.signing_keys import fingerprint_of, public_key  # noqa: PLC0415

    area, _, rest = text.partition(":")
    name, _, key = rest.partition(":")
    fingerprint = fingerprint_of(public_key(Path(key))) if key else ""
    return StatedParty(area, name, fingerprint)


def _table(path: Path) -> Any:  # noqa: ANN401 - pyarrow comes without types
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.ipc  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        if path.suffix == ".arrow":
            with pa.memory_map(str(path)) as file:
                return pa.ipc.open_file(file).read_all()
    except pa.ArrowInvalid as error:
        raise UnreadableFile(f"{path} cannot be read: {error}") from error
    raise UnreadableFile(f"{path} is no table; name a .parquet or .arrow file")
