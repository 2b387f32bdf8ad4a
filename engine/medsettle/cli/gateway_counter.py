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
from medsettle.gateway.office_file import read_office
from medsettle.gateway.openapi import description
from medsettle.gateway.signatures import Client, Signatures, Signed, Unsigned
from medsettle.gateway.statement_terms import StatementTerms
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.service.http_server import HttpServer

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
        self._office = read_office(options.directory)
        self._signatures = signatures(options.tokens)

    def open(self, desk: "Desk") -> HttpServer:
        """Return a server that has begun to answer at a desk.

        Raises:
            OSError: The address cannot be listened at.
        """
        own = self._office
        office = Office(
            desk,
            self.directory,
            now,
            self._options.signs_in,
            statements=StatementTerms(own.six_digit_results, own.accounts_reconciled),
            files_enclosed=own.files_enclosed,
        )
        transactions = registry.transactions()
        app = Gateway(Dispatch(office, transactions), self._signatures, description(transactions))
        server = HttpServer(app, self._options.listen)
        server.start()
        return server


@contextlib.contextmanager
def counter_of(options: CounterOptions) -> Iterator[Counter]:
    """Yield the counter that options describe, its directory read.

    Raises:
        InvalidRequest: Everything that is wrong with the files of the directory, or `office.json`.
        UnreadableFile: The file of tokens is none.
        OSError: A file cannot be read.
    """
    with contextlib.closing(FileDirectory(options.directory)) as directory:
        yield Counter(options, directory)


def signatures(tokens: Path | None) -> Signatures:
    """Return what judges the headers of requests.

    Args:
        tokens: A JSON object of clients by name, each with its `token` and its `institutions`; a
            text in place of those two is a token for any institution. None lets everybody in.

    Raises:
        UnreadableFile: The file is no such object, or names nobody.
        OSError: The file cannot be read.
    """
    if tokens is None:
        return Unsigned()
    try:
        found = msgspec.json.decode(tokens.read_bytes(), type=dict[str, str | _Registered])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        asked = '{"NAME": {"token": "SECRET", "institutions": ["CODE"]}} is asked'
        raise UnreadableFile(f"{tokens}: {error}; {asked}") from error
    clients = {name: _client(name, each) for name, each in found.items()}
    if not clients or not all(each.name and each.token for each in clients.values()):
        raise UnreadableFile(f"{tokens}: a client without a name or token; write both")
    for each in clients.values():
        if each.institutions is None:
            say(logged.ANY_INSTITUTION, client=each.name, tokens=tokens)
        elif not each.institutions:
            raise UnreadableFile(f"{tokens}: client {each.name!r} has no institution; name some")
    return Signed(clients, now)


class _Registered(msgspec.Struct, forbid_unknown_fields=True):
    """A client in the file of tokens."""

    token: str
    institutions: list[str]


def _client(name: str, stated: str | _Registered) -> Client:
    if isinstance(stated, str):
        return Client(name, stated)
    return Client(name, stated.token, frozenset(stated.institutions))
