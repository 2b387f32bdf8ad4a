"""`medsettle serve` and `medsettle gateway`: their options."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from medsettle.cli.desks import ledger_at
from medsettle.cli.exits import told
from medsettle.cli.options import (
    Data,
    Json,
    Ledger,
    ListKeys,
    Lists,
    NoSignIn,
    Rules,
    Tokens,
    list_folders,
)

if TYPE_CHECKING:
    from medsettle.cli.gateway_counter import CounterOptions
    from medsettle.peers.config import PeerConfig

_DIRECTORY = "Folder of institutions.csv, persons.csv and the other files of the directory."


def serve(
    rules: Rules = Path("rules"),
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    listen: Annotated[str, typer.Option(help="Host and port; port 0 chooses.")] = "127.0.0.1:50051",
    lists: Lists = None,
    list_keys: ListKeys = None,
    gateway: Annotated[
        str | None,
        typer.Option(help="Host and port of the national interface, with --directory."),
    ] = None,
    directory: Annotated[Path | None, typer.Option(help=_DIRECTORY)] = None,
    tokens: Tokens = None,
    no_sign_in: NoSignIn = False,
    peers: Annotated[
        Path | None,
        typer.Option(help="TOML file of the engines of other areas; see `medsettle peers check`."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve settlements over gRPC until SIGINT or SIGTERM; what was accepted is finished.

    With --peers claims of persons insured elsewhere are decided by the engine of their area, and
    this one decides for other places of care; a hub of such a file needs no rules. With --gateway
    the national interface is served as well, by the same engine. SIGHUP reads rules,
    invalid lists and the directory again: they replace the loaded ones between two calls, or, where
    a document has faults or a list is refused, the loaded ones stay.
    """
    from medsettle.cli.serving import Kept, serve_until_signal  # noqa: PLC0415 - gRPC loads slowly

    counter = _counter(gateway, directory, tokens, no_sign_in=no_sign_in)
    console = Console()
    with told(console, as_json=as_json):
        folders = list_folders(lists, list_keys)
        kept = Kept(rules, data, ledger_at(data, ledger), folders, _peers(peers))
        serve_until_signal(console, kept, listen=listen, counter=counter, as_json=as_json)


def gateway(
    directory: Annotated[Path, typer.Option(help=_DIRECTORY)],
    rules: Rules = Path("rules"),
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    listen: Annotated[str, typer.Option(help="Host and port; port 0 chooses.")] = "127.0.0.1:8080",
    lists: Lists = None,
    list_keys: ListKeys = None,
    tokens: Tokens = None,
    no_sign_in: NoSignIn = False,
    as_json: Json = False,
) -> None:
    """Serve the national JSON interface until SIGINT or SIGTERM; what was accepted is finished.

    Its description is at /openapi.json. SIGHUP reads rules, invalid lists and the directory again,
    as for `serve`.
    """
    from medsettle.cli.serving import Kept, serve_until_signal  # noqa: PLC0415 - loads the engine

    counter = _counter(listen, directory, tokens, no_sign_in=no_sign_in)
    console = Console()
    with told(console, as_json=as_json):
        kept = Kept(rules, data, ledger_at(data, ledger), list_folders(lists, list_keys))
        serve_until_signal(console, kept, listen=None, counter=counter, as_json=as_json)


def _peers(file: Path | None) -> "PeerConfig | None":
    if file is None:
        return None
    from medsettle.peers.config import read_peers  # noqa: PLC0415 - loads gRPC

    return read_peers(file)


def _counter(
    listen: str | None, directory: Path | None, tokens: Path | None, *, no_sign_in: bool
) -> "CounterOptions | None":
    if listen is None:
        if directory is not None or tokens is not None or no_sign_in:
            raise typer.BadParameter("--directory, --tokens and --no-sign-in belong to --gateway")
        return None
    if directory is None:
        raise typer.BadParameter("--gateway asks for --directory, the folder of institutions")
    from medsettle.cli.gateway_counter import CounterOptions  # noqa: PLC0415 - loads HTTP

    return CounterOptions(listen, directory, tokens, signs_in=not no_sign_in)
