"""The counter of the national interface: what the options of `gateway` and `serve` name, opened."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from medsettle.cli.desks import now
from medsettle.cli.exits import UnreadableFile
from medsettle.gateway import registry
from medsettle.gateway.app import Gateway
from medsettle.gateway.directory_files import FileDirectory
from medsettle.gateway.dispatch import Dispatch
from medsettle.gateway.office import Office
from medsettle.gateway.openapi import description
from medsettle.gateway.serving import GatewayServer
from medsettle.gateway.signatures import Signatures, Signed, Unsigned

if TYPE_CHECKING:
    from medsettle.service.desk import Desk


@dataclass(frozen=True, slots=True)
class CounterOptions:
    """Where the national interface is served, and for whom.

    `directory` is a folder of institutions and persons. `tokens` is a file of the secrets of
    clients who sign their requests; without it everybody who reaches the port is let in. With
    `signs_in`, operators sign in by 9001 first.
    """

    listen: str
    directory: Path
    tokens: Path | None
    signs_in: bool


class Counter:
    """The national interface at a desk, as options have it."""

    def __init__(self, options: CounterOptions, directory: FileDirectory) -> None:
        self._options = options
        self.directory = directory
        self._signatures = signatures(options.tokens)

    def open(self, desk: "Desk") -> GatewayServer:
        """Return a server that has begun to answer at a desk.

        Raises:
            OSError: The address cannot be listened at.
        """
        office = Office(desk, self.directory, now, self._options.signs_in)
        transactions = registry.transactions()
        app = Gateway(Dispatch(office, transactions), self._signatures, description(transactions))
        try:
            server = GatewayServer(app, self._options.listen)
        except (OSError, ValueError, OverflowError) as error:
            listen = self._options.listen
            raise OSError(f"cannot listen at {listen}: {error}; choose another address") from error
        server.start()
        return server


@contextlib.contextmanager
def counter_of(options: CounterOptions) -> Iterator[Counter]:
    """Yield the counter that options describe, its directory read.

    Raises:
        InvalidRequest: Everything that is wrong with the files of the directory.
        UnreadableFile: The file of tokens is none.
        OSError: A file cannot be read.
    """
    with contextlib.closing(FileDirectory(options.directory)) as directory:
        yield Counter(options, directory)


def signatures(tokens: Path | None) -> Signatures:
    """Return what judges the headers of requests.

    Args:
        tokens: A JSON object of secrets by the client's name; None lets everybody in.

    Raises:
        UnreadableFile: The file is no such object, or names nobody.
        OSError: The file cannot be read.
    """
    if tokens is None:
        return Unsigned()
    try:
        found = msgspec.json.decode(tokens.read_bytes(), type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{tokens}: {error}; one object of tokens by client is asked") from (
            error
        )
    if not found or not all(found) or not all(found.values()):
        raise UnreadableFile(f"{tokens}: a client without a name or token; write both")
    return Signed(found, now)
