"""`medsettle serve`: its options."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medsettle.cli.desks import ledger_at
from medsettle.cli.exits import told
from medsettle.cli.options import Data, Json, Ledger, ListKeys, Lists, Rules, list_folders


def serve(
    rules: Rules = Path("rules"),
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    listen: Annotated[str, typer.Option(help="Host and port; port 0 chooses.")] = "127.0.0.1:50051",
    lists: Lists = None,
    list_keys: ListKeys = None,
    as_json: Json = False,
) -> None:
    """Serve settlements over gRPC until SIGINT or SIGTERM; what was accepted is finished.

    SIGHUP reads rules and invalid lists again: they replace the loaded ones between two calls, or,
    where a document has faults or a list is refused, the loaded ones stay.
    """
    from medsettle.cli.serving import serve_until_signal  # noqa: PLC0415 - gRPC loads slowly

    console = Console()
    with told(console, as_json=as_json):
        serve_until_signal(
            console,
            rules=rules,
            data=data,
            ledger=ledger_at(data, ledger),
            listen=listen,
            lists=list_folders(lists, list_keys),
            as_json=as_json,
        )
