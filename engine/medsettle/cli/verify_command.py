"""`medsettle verify`: whether a statement is what its parties signed, and if not, where."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medsettle.clearing.statements.checks import Verified, verify_statement
from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.options import Json
from medsettle.cli.show import print_json, print_lines
from medsettle.signing_keys import public_key

_SHOWN_MAX = 20


def verify(
    statement: Annotated[Path, typer.Argument(help="Folder of a statement.")],
    key: Annotated[
        list[Path] | None,
        typer.Option(help="Public key of a party that must have signed; may be given often."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify a statement: its signatures, its files, and every row and column of them."""
    console = Console()
    with told(console, as_json=as_json):
        keys = [public_key(path) for path in key or []]
        verified = verify_statement(statement, keys)
    if as_json:
        print_json(console, _body(verified))
    else:
        print_lines(console, _lines(verified, keys_given=bool(keys)))
    if verified.findings:
        raise Quit(Exit.FINDING)


def _body(verified: Verified) -> dict[str, object]:
    head = verified.manifest.head
    return {
        "statement": head.number,
        "month": f"{head.month:%Y-%m}",
        "rows": verified.manifest.row_count,
        "verified": not verified.findings,
        "findings": [
            {
                "file": each.file,
                "row": each.row,
                "line": each.line,
                "column": each.column,
                "message": each.message,
            }
            for each in verified.findings
        ],
        "signed_by": list(verified.signed_by),
        "trusted": list(verified.trusted),
        "notes": list(verified.notes),
    }


def _lines(verified: Verified, *, keys_given: bool) -> list[str]:
    head, count = verified.manifest.head, len(verified.findings)
    about = f"{head.number} of {head.month:%Y-%m}, {verified.manifest.row_count} row(s)"
    lines = [f"not verified: {about}" if count else f"verified: {about}"]
    lines += [f"  {finding}" for finding in verified.findings[:_SHOWN_MAX]]
    if count > _SHOWN_MAX:
        lines.append(f"  and {count - _SHOWN_MAX} more; see --json")
    # Where keys were given, notes tell of the signatures by others.
    trust = "a key that was given" if keys_given else "a key not vouched for"
    signed_by = verified.trusted if keys_given else verified.signed_by
    lines += [f"  signed by {fingerprint}, {trust}" for fingerprint in signed_by]
    return lines + [f"  note: {note}" for note in verified.notes]
