"""`medsettle config`: which settings there are, what each is, and where that comes from."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from medsettle.cli.exits import told
from medsettle.cli.options import Json
from medsettle.cli.setting_options import Config
from medsettle.cli.show import print_json, print_table
from medsettle.configuration.reading import Effective, effective
from medsettle.configuration.table import SETTINGS

app = typer.Typer(
    no_args_is_help=True, help="Settings of a server: a TOML file, variables, options of serve."
)


@app.command()
def show(config: Config = None, as_json: Json = False) -> None:
    """Show the value of every setting and where it comes from; what is secret is hidden."""
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        found = effective(config)
    if as_json:
        print_json(console, {name: {"value": v, "from": o} for name, v, o in _rows(found)})
        return
    table = Table("setting", "value", "from")
    for row in _rows(found):
        table.add_row(*row)
    print_table(console, table)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="TOML file of settings.")], as_json: Json = False
) -> None:
    """Check a file together with the environment: all faults at once, each with its line.

    What its paths name has to be there; what is in those files, only `serve` reads.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        found = effective(file, looking=True)
    stated = sum(origin.startswith(str(file)) for origin in found.origins.values())
    if as_json:
        print_json(console, {"file": str(file), "stated": stated})
    else:
        console.print(f"{file}: {stated} settings, no faults", highlight=False)


def _rows(found: Effective) -> list[tuple[str, str, str]]:
    return [
        (each.name, each.shown(found.values[each.name]), found.origins[each.name])
        for each in SETTINGS
    ]
