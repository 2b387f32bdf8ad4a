"""`medsettle audit prove` and `check-proof`: one entry, shown to be under a signed checkpoint."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medsettle.audit.proofs import PROOF_SUFFIX, NoProof, check_entry_proof, entry_proof, seq_of
from medsettle.cli.desks import AUDIT_FOLDER
from medsettle.cli.exits import UnreadableFile, told
from medsettle.cli.options import Data, Json
from medsettle.cli.show import print_json, print_lines
from medsettle.signing_keys import public_key

app = typer.Typer()


@app.command()
def prove(
    entry: Annotated[str, typer.Argument(help="Id of a settlement, or the position of an entry.")],
    data: Data = Path("medsettle-data"),
    out: Annotated[
        Path | None, typer.Option(help="File to write; else the entry's position, .tlog-proof.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the proof that an entry is under the newest checkpoint, with all of its rows.

    The file is all that check-proof needs, beside the public key of the log.
    """
    console = Console()
    with told(console, as_json=as_json):
        folder = data / AUDIT_FOLDER
        seq = int(entry) if entry.isdecimal() else seq_of(folder, entry)
        content = entry_proof(folder, seq)
        path = out or Path(f"{seq}{PROOF_SUFFIX}")
        path.write_bytes(content)
    if as_json:
        print_json(console, {"seq": seq, "file": str(path), "bytes": len(content)})
    else:
        print_lines(console, [f"{path}: proof of entry {seq}, {len(content):,} bytes"])


@app.command(name="check-proof")
def check_proof(
    file: Annotated[Path, typer.Argument(help="What audit prove wrote.")],
    key: Annotated[Path, typer.Option(help="Public key of the log, NAME.pub.pem.")],
    witness: Annotated[
        list[Path] | None,
        typer.Option(help="Public key of who must have countersigned; may be given often."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a proof by the file and the keys alone, and show what it proves."""
    console = Console()
    with told(console, as_json=as_json):
        keys = tuple(public_key(path) for path in witness or [])
        try:
            proven = check_entry_proof(file.read_bytes(), public_key(key), keys)
        except NoProof as error:
            raise UnreadableFile(f"{file} {error}") from error
    checkpoint = proven.checkpoint
    rows = {each["table"]: len(each["rows"]) for each in proven.tables}
    body = {
        "seq": proven.seq,
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "day": checkpoint.told("day"),
        "witnesses": [each.name for each in proven.witnesses],
        "tables": list(proven.tables),
    }
    if as_json:
        print_json(console, body)
        return
    shown = ", ".join(f"{count} of {table}" for table, count in rows.items()) or "none"
    lines = [
        f"entry {proven.seq} is under {checkpoint.named()} of {checkpoint.origin}",
        f"its rows: {shown}",
    ]
    lines += [f"countersigned by {each.name}" for each in proven.witnesses]
    print_lines(console, lines)
