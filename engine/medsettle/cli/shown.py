"""What a command shows to a server: options that every command with `--server` has.

They are added to the commands, and read where a connection is opened, so that no command passes
them on.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    import grpc

    from medsettle.client import Client

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Shown:
    """The authority of the server, a certificate and its key, and a token; each may be missing."""

    tls_authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    token: str | None = None


_NOTHING: Final = Shown()
_SHOWN: Final[ContextVar[Shown]] = ContextVar("shown", default=_NOTHING)
# They have a server, and ask it for nothing that would be somebody's.
_OTHERS: Final = frozenset({"console", "certificates"})


def connected(server: str) -> "Client":
    """Return a client of a server, which is shown what the options of the command name.

    Raises:
        InvalidRequest: All that is wrong with what they name.
        OSError: A file cannot be read.
    """
    from medsettle.client import Client  # noqa: PLC0415 - loads gRPC

    return Client(server, credentials=_credentials(), token=_SHOWN.get().token)


def channel(server: str) -> "grpc.Channel":
    """Return a connection of gRPC itself, for what is no service of ours; no token is sent.

    Raises:
        InvalidRequest, OSError: As for `connected`.
    """
    from medsettle.client.channel import channel_to  # noqa: PLC0415 - loads gRPC

    return channel_to(server, _credentials(), None, ())


def _credentials() -> "grpc.ChannelCredentials | None":
    shown = _SHOWN.get()
    if shown.tls_authority is not None:
        from medsettle.identity.transport import caller_credentials  # noqa: PLC0415 - loads gRPC

        return caller_credentials(shown.tls_authority, shown.certificate, shown.key)
    if shown.certificate is not None or shown.key is not None:
        from medsettle.errors import Fault, InvalidRequest  # noqa: PLC0415

        text = "missing; a certificate is shown under TLS, which asks for the server's authority"
        raise InvalidRequest([Fault("--tls-authority", text)])
    return None


def with_options(command: Any) -> Any:  # noqa: ANN401 - a command of typer's own click
    """Return a command, or a group of them, of which each with `--server` takes these options."""
    for each in _commands(command):
        if any(option.name == "server" for option in each.params):
            each.params += _options()
    return command


def _commands(command: Any) -> Iterator[Any]:  # noqa: ANN401
    if isinstance(command, TyperGroup):
        for each in command.commands.values():
            yield from _commands(each)
    elif command.name not in _OTHERS:
        yield command


def _kept(name: str) -> Callable[[Value], Value]:
    """Return what keeps the value of an option."""

    def keep(value: Value) -> Value:
        stated: Any = value
        _SHOWN.set(replace(_SHOWN.get(), **{name: stated}))
        return value

    return keep


def _showing(
    tls_authority: Annotated[
        Path | None,
        typer.Option(
            callback=_kept("tls_authority"),
            help="Authority of the certificate of --server, as PEM: with it TLS is spoken.",
        ),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            callback=_kept("certificate"), help="Certificate that is shown to --server, as PEM."
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(callback=_kept("key"), help="Private key of --certificate, as PEM."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            callback=_kept("token"),
            envvar="MEDSETTLE_TOKEN",
            help="Token that is shown to --server; others see a command line, so rather set the "
            "variable.",
        ),
    ] = None,
) -> None:
    """Have the options that are added to other commands."""


def _options() -> list[Any]:
    """Return the options as commands have them; their values go to no function."""
    alone = typer.Typer(add_completion=False)
    alone.command()(_showing)
    options = [each for each in typer.main.get_command(alone).params if each.name != "help"]
    for each in options:
        each.expose_value = False
    return options
