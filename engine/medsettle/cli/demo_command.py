"""`medsettle demo`: its options."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medsettle.cli.exits import told
from medsettle.cli.options import Json, Rules


def demo(
    claims: Annotated[int, typer.Option(help="How many claims the day has.")] = 300,
    rules: Rules = Path("rules"),
    fixtures: Annotated[
        Path, typer.Option(help="The project's fixtures, for the second act.")
    ] = Path("fixtures"),
    keep: Annotated[Path | None, typer.Option(help="Folder to leave the data in.")] = None,
    provinces: Annotated[
        bool,
        typer.Option(
            "--provinces",
            help="Two areas and a hub instead, one of them killed; needs the fixtures.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve, settle a day, explain, cancel and query: the whole of medsettle in a minute.

    With --provinces three servers do so between two areas, and their books are compared.
    """
    console = Console()
    if provinces:
        from medsettle.cli.tour_provinces import run_provinces  # noqa: PLC0415 - as below

        with told(console, as_json=as_json):
            run_provinces(console, fixtures=fixtures, keep=keep, as_json=as_json)
        return
    from medsettle.cli.tour import run_tour  # noqa: PLC0415 - gRPC loads slowly

    with told(console, as_json=as_json):
        run_tour(console, rules=rules, fixtures=fixtures, count=claims, keep=keep, as_json=as_json)
