"""`medsettle health`: whether a server takes calls, for those who start, watch and replace it."""

import http.client
from contextlib import closing
from http import HTTPStatus
from typing import Annotated, Final

import typer
from rich.console import Console

from medsettle.cli.exits import Exit, Quit, told, visible
from medsettle.cli.options import Json
from medsettle.cli.show import print_json
from medsettle.configuration.setting import checked_address

_SECONDS: Final = 2.0
_SERVING: Final = "SERVING"
_UNREACHABLE: Final = "UNREACHABLE"


def health(
    server: Annotated[str, typer.Option(help="Address of the server.")] = "127.0.0.1:50051",
    part: Annotated[
        str, typer.Option(help="One service, live, ready, or medsettle.projection; else all of it.")
    ] = "",
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Ask /readyz at this host and port, that of the measurements, instead: it takes "
            "no certificate."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether a server takes calls: exit code 0 where it does, 3 where nobody answers so.

    Where callers of --server have to show a certificate, this is one of them; a token is not
    asked for.
    """
    console = Console()
    if metrics is not None and part:
        raise typer.BadParameter("--part is asked of --server; leave it or --metrics out")
    with told(console, as_json=as_json):
        asked = server if metrics is None else metrics
        status, why = _health(server, part) if metrics is None else _readiness(metrics)
    if as_json:
        print_json(console, {"server": asked, "status": status} | ({"why": why} if why else {}))
    else:
        console.print(f"{asked}: {status}", highlight=False)
        if why:
            console.print(visible(why), highlight=False, markup=False, soft_wrap=True)
    if status != _SERVING:
        raise Quit(Exit.UNAVAILABLE)


def _health(server: str, part: str) -> tuple[str, str]:
    """Return what gRPC health says of a part of a server, and why where nothing is said."""
    import grpc  # noqa: PLC0415 - loads slowly, and help needs none
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415

    from medsettle.cli.shown import channel  # noqa: PLC0415
    from medsettle.client.failures import failure_of  # noqa: PLC0415

    request = health_pb2.HealthCheckRequest(service=part)
    with channel(server) as connection:
        try:
            answer = health_pb2_grpc.HealthStub(connection).Check(  # type: ignore[attr-defined]
                request, timeout=_SECONDS
            )
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return "NO_SUCH_PART", ""
            return _UNREACHABLE, str(failure_of(error).error)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)), ""


def _readiness(address: str) -> tuple[str, str]:
    """Return what the port of measurements says of its server, and why where it says nothing."""
    try:
        checked_address(address)
    except ValueError as error:
        raise typer.BadParameter(f"--metrics {error}") from error
    with closing(http.client.HTTPConnection(address, timeout=_SECONDS)) as connection:
        try:
            connection.request("GET", "/readyz")
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return _UNREACHABLE, str(error) or type(error).__name__
    known = {HTTPStatus.OK: _SERVING, HTTPStatus.SERVICE_UNAVAILABLE: "NOT_SERVING"}
    if status in known:
        return known[HTTPStatus(status)], ""
    return _UNREACHABLE, f"answers /readyz with {status}; is it the port of measurements?"
