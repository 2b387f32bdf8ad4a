"""`medsettle serve` and `medsettle gateway`: their options."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from medsettle.cli.console_command import check_console_is_installed
from medsettle.cli.desks import ledger_at
from medsettle.cli.exits import Exit, told
from medsettle.cli.identity_options import IdentityOptions
from medsettle.cli.observing import LogLevel, LogTo, Observing, Slow, TracesPercent, TracesTo
from medsettle.cli.options import (
    PROXY,
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
from medsettle.cli.pseudonym_keys import Keys, keep_keys_in
from medsettle.cli.setting_options import Config, read_settings, with_settings
from medsettle.configuration.reading import Effective
from medsettle.errors import Precondition
from medsettle.logs.lines import STDERR

if TYPE_CHECKING:
    from medsettle.cli.gateway_counter import CounterOptions
    from medsettle.cli.serving import Kept
    from medsettle.peers.config import PeerConfig

_DIRECTORY = "Folder of institutions.csv, persons.csv and the other files of the directory."


@with_settings
def serve(*, config: Config = None, as_json: Json = False, settings: Mapping[str, Any]) -> None:
    """Serve settlements over gRPC until SIGINT or SIGTERM; what was accepted is finished.

    Every option may stand in a TOML file or in the environment as well; an option goes before a
    variable, and that before the file. With --peers claims of persons insured elsewhere are decided
    by the engine of their area, and this one decides for other places of care; a hub of such a file
    needs no rules. With --gateway the national interface is served as well, by the same engine.
    With --console a process beside this one serves the pages of `medsettle console`, and is started
    again where it ends. The audit tables are sealed behind it, and with --seal-key each day that
    ended gets a signed checkpoint.

    With tls_authority callers show a certificate that says who they are, with access_tokens a
    token; each role may do what its work takes, and an institution sees its own alone. Without
    either, everybody who reaches the port is let in, so it is one of this machine alone. Who asked
    for what is kept in the folder `access` of --data; see `medsettle access log`.

    SIGHUP reads the settings, rules, invalid lists, the directory, certificates and tokens again:
    they replace the loaded ones between two calls, or, where a document has faults or a list is
    refused, the loaded ones stay. What can only be changed by a restart is told.
    """
    terminal = Console()
    with told(terminal, as_json=as_json, refused=Exit.FINDING):
        with told(terminal, as_json=as_json, refused=Exit.USAGE):
            found = read_settings(config, settings)
        from medsettle.cli.serving import serve_until_signal  # noqa: PLC0415 - loads gRPC

        keep_keys_in(found.path("pseudonym_keys"))
        kept = _kept(found)
        beside = kept.peers is not None and kept.peers.tls is None
        kept.identity.check(found.text("listen") or "", has_peers_beside=beside)
        if kept.console is not None:
            _check_console(kept.peers)
        serve_until_signal(
            terminal,
            kept,
            listen=found.text("listen"),
            counter=_counter_of(found),
            as_json=as_json,
            again=lambda: read_settings(config, settings),
        )


def _kept(found: Effective) -> "Kept":
    """Return what is served, as the settings say."""
    from medsettle.cli.sealing_child import seal_key  # noqa: PLC0415 - loads cryptography
    from medsettle.cli.serving import Kept  # noqa: PLC0415 - loads gRPC

    data, rules = found.path("data"), found.path("rules")
    assert data is not None, "it has a default"
    assert rules is not None, "it has a default"
    named = [("--host", each) for each in found.texts("host")]
    named += [("--behind", each) for each in found.texts("behind")]
    named.append(("--proxy", found.text("proxy") or PROXY))
    return Kept(
        rules,
        data,
        ledger_at(data, found.text("ledger")),
        list_folders(found.path("lists"), found.path("list_keys")),
        _peers(found.path("peers")),
        found.text("metrics"),
        found.text("console"),
        tuple(word for each in named for word in each),
        seal_key(found.path("seal_key"), found.text("seal_origin")),
        identity_of(found),
        _observing_of(found),
        found,
    )


def _observing_of(found: Effective) -> Observing:
    return Observing(
        found.text("log") or STDERR,
        found.text("log_level") or "info",
        found.number("slow") or None,
        found.text("traces"),
        found.number("traces_percent"),
    )


def identity_of(found: Effective) -> IdentityOptions:
    """Return who is let in, as the settings say."""
    return IdentityOptions(
        certificate=found.path("tls_certificate"),
        key=found.path("tls_key"),
        authority=found.path("tls_authority"),
        revoked=found.path("revoked"),
        tokens=found.path("access_tokens"),
        token_listen=found.text("token_listen"),
        insecure=found.truth("insecure"),
    )


def _counter_of(found: Effective) -> "CounterOptions | None":
    listen, directory = found.text("gateway"), found.path("directory")
    if listen is None or directory is None:
        return None
    from medsettle.cli.gateway_counter import CounterOptions  # noqa: PLC0415 - loads HTTP

    signs_in = not found.truth("no_sign_in")
    return CounterOptions(listen, directory, found.path("tokens"), signs_in=signs_in)


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
    pseudonym_keys: Keys = None,
    log: LogTo = STDERR,
    log_level: LogLevel = "info",
    slow: Slow = None,
    traces: TracesTo = None,
    traces_percent: TracesPercent = 100,
    as_json: Json = False,
) -> None:
    """Serve the national JSON interface until SIGINT or SIGTERM; what was accepted is finished.

    Its description is at /openapi.json. SIGHUP reads rules, invalid lists and the directory again,
    as for `serve`. It reads no file of settings: `serve --config` with the settings gateway and
    directory does, is measured and signs its seals; this command is to try with.
    """
    # These load HTTP and the engine.
    from medsettle.cli.gateway_counter import CounterOptions  # noqa: PLC0415
    from medsettle.cli.serving import Kept, serve_until_signal  # noqa: PLC0415

    keep_keys_in(pseudonym_keys)
    seen = Observing(log, log_level, slow, traces, traces_percent)
    counter = CounterOptions(listen, directory, tokens, signs_in=not no_sign_in)
    console = Console()
    with told(console, as_json=as_json):
        folders = list_folders(lists, list_keys)
        kept = Kept(rules, data, ledger_at(data, ledger), folders, observing=seen)
        serve_until_signal(console, kept, listen=None, counter=counter, as_json=as_json)


def _peers(file: Path | None) -> "PeerConfig | None":
    if file is None:
        return None
    from medsettle.peers.config import read_peers  # noqa: PLC0415 - loads gRPC

    return read_peers(file)


def _check_console(peers: "PeerConfig | None") -> None:
    """Check what would else be found out by a console that ends again and again.

    Raises:
        Precondition: The console is not installed, or there are no rules for it to show.
    """
    check_console_is_installed()
    if peers is not None and not peers.areas:
        raise Precondition(
            "a hub has no rules that a console could show; run `medsettle console` with --rules"
        )
