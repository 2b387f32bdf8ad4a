"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Rules = Annotated[Path, typer.Option(help="Folder of the rule documents.")]
RulesBeside = Annotated[
    Path | None,
    typer.Option("--rules", help="Folder of the rule documents; without it that of the examples."),
]
Paths = Annotated[list[Path], typer.Argument(help="Documents, or folders of them.")]
Data = Annotated[Path, typer.Option(help="Folder of ledger and audit tables.")]
Overlays = Annotated[
    list[Path] | None,
    typer.Option("--overlay", help="A reform to apply to the rules; may be given several times."),
]
Server = Annotated[
    str | None, typer.Option(help="Address of a server; without it the engine is embedded.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
