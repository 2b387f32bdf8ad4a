"""`medsettle console`: its options."""

import os
import signal
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from medsettle.cli.console_child import tell_console
from medsettle.cli.desks import AUDIT_FOLDER, CLEARING_FOLDER, ledger_at, now
from medsettle.cli.exits import told
from medsettle.cli.options import PROXY, Behind, Data, Hosts, Json, Ledger, Proxy, Rules
from medsettle.cli.pseudonym_keys import Keys, keep_keys_in
from medsettle.errors import Precondition

if TYPE_CHECKING:
    from medsettle.console.people import FirstPerson

CONSOLE_FOLDER = "console"
_NEEDED = ("django", "plotly", "waitress", "whitenoise")


def check_console_is_installed() -> None:
    """Check that what the console needs beyond the engine is there.

    Raises:
        Precondition: It is not.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        text = f"{', '.join(missing)} not installed; run pip install 'medsettle[console]'"
        raise Precondition(f"the console needs more than the engine: {text}")


def console(
    rules: Rules = Path("rules"),
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    listen: Annotated[str, typer.Option(help="Host and port; port 0 chooses.")] = "127.0.0.1:8090",
    server: Annotated[
        str | None, typer.Option(help="Address of the engine that serves this ledger, to watch it.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Host and port where that engine tells its measurements.")
    ] = None,
    host: Hosts = None,
    behind: Behind = None,
    proxy: Proxy = PROXY,
    seal_public_key: Annotated[
        Path | None,
        typer.Option(
            help="Public key of the log, NAME.pub.pem: where the audit tables are verified, each "
            "checkpoint must be signed by it."
        ),
    ] = None,
    until_stdin_ends: Annotated[
        bool, typer.Option("--until-stdin-ends", help="End once standard input does.", hidden=True)
    ] = False,
    pseudonym_keys: Keys = None,
    as_json: Json = False,
) -> None:
    """Serve pages for clearing staff, actuaries, auditors and hospitals until SIGINT or SIGTERM.

    They look at the ledger and record nothing in it. Who may sign in, and who looked at what, is
    kept in the folder `console` of --data. Where nobody may sign in yet, an administrator is made
    and the password is told once.
    """
    keep_keys_in(pseudonym_keys)
    terminal = Console()
    with told(terminal, as_json=as_json):
        check_console_is_installed()
        from medsettle.console.place import Place  # noqa: PLC0415 - loads Django
        from medsettle.console.serving import serve  # noqa: PLC0415

        if seal_public_key is not None:
            from medsettle.signing_keys import public_key  # noqa: PLC0415 - loads cryptography

            public_key(seal_public_key)
        where = Place(
            rules=rules,
            data=data,
            ledger=ledger_at(data, ledger),
            state=data / CONSOLE_FOLDER,
            audit=data / AUDIT_FOLDER,
            clearing=data / CLEARING_FOLDER,
            server=server,
            metrics=metrics,
            seal_public_key=seal_public_key,
        )

        def begun(address: str, first: "FirstPerson | None") -> None:
            known = {} if first is None else {"name": first.name, "password": first.password}
            tell_console(terminal, {"console": address} | known, as_json=as_json)

        if until_stdin_ends:
            threading.Thread(target=_end_with_stdin, daemon=True).start()
        names = {"hosts": tuple(host or ()), "behind": tuple(behind or ())}
        serve(where, now, listen, begun, **names, proxy=proxy)


def _end_with_stdin() -> None:
    """Wait until whoever started this process is gone, and end it as SIGTERM does."""
    # Not by `sys.stdin`: its lock, held here, would abort an interpreter that ends meanwhile.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
