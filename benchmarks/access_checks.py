"""What it costs to ask who calls: one server open to everybody, by token, and under mutual TLS.

    python -m benchmarks.access_checks --rounds 15

Each round gives every way its turn and takes ratios within the round, by CPU of the process, which
is client and server together: what is added is the server's, the transport's and, under TLS, both
ends' encryption. Checkouts are of 30 lines, one at a time, recorded in a ledger of a folder that is
thrown away.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc
from medsettle.engine import Engine
from medsettle.identity.access_log import AccessLog
from medsettle.identity.admission import Admission
from medsettle.identity.authority import DOMAIN, Wanted, add_certificates
from medsettle.identity.certificates import spiffe_id
from medsettle.identity.revoked import read_revoked
from medsettle.identity.roles import Role
from medsettle.identity.tokens import new_token, read_tokens
from medsettle.identity.transport import ServerTls, caller_credentials
from medsettle.identity.watched_file import WatchedFile
from medsettle.ledger.opening import open_ledger
from medsettle.rule_cache import rule_book
from medsettle.service.server import Identity, Server, start
from medsettle.v1 import person_service_pb2 as persons

from benchmarks.load import claims
from benchmarks.load.sending import SETTLE_ONE
from benchmarks.record import Measured
from benchmarks.rounds import Case, take_turns, timed

_LINES: Final = 30
_BILLS: Final = 20_000
_GET: Final = "/medsettle.v1.PersonService/GetPerson"


class _Way(NamedTuple):
    """How a server is asked: what it knows callers by, and what a call shows."""

    name: str
    address: str
    credentials: grpc.ChannelCredentials | None
    metadata: tuple[tuple[str, str], ...]


def _now() -> datetime:
    return datetime.now(UTC)


def _served(stack: ExitStack, folder: Path) -> list[_Way]:
    """Start a server for each way, and return how each is asked."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    ca = folder / "ca"
    institution = str(claims.row(_bills(), 0)["institution"])
    caller = Wanted("caller", spiffe_id(DOMAIN, Role.INSTITUTION, institution))
    add_certificates(ca, [Wanted("server"), caller], _now())
    (folder / "revoked").touch()
    token = new_token(
        *(folder / "tokens", "bench", Role.INSTITUTION),
        moment=_now(),
        days=1,
        institutions=(institution,),
    )
    book = rule_book(claims.RULES)

    def at(name: str, admission: Admission | None, port: ServerTls | None) -> str:
        (folder / name).mkdir()
        ledger: Any = stack.enter_context(open_ledger(folder / name / "ledger.db"))
        identity = None
        if admission is not None:
            log = stack.enter_context(closing(AccessLog(folder / name / "access", _now)))
            identity = Identity(admission, log)
        starting = start(
            *(Engine(book, ledger, _now), "127.0.0.1:0"),
            identity=identity,
            credentials=None if port is None else port.credentials(certificates=True),
        )
        server: Server = asyncio.run_coroutine_threadsafe(starting, loop).result(60)
        stack.callback(lambda: asyncio.run_coroutine_threadsafe(server.stop(0), loop).result(60))
        return server.address

    tls = ServerTls(ca / "server.pem", ca / "server.key", ca / "ca.pem")
    shown = caller_credentials(ca / "ca.pem", ca / "caller.pem", ca / "caller.key")
    by_token = Admission(_now, tokens=WatchedFile(folder / "tokens", read_tokens))
    revoked = WatchedFile(folder / "revoked", read_revoked)
    by_certificate = Admission(_now, certificates=True, revoked=revoked)
    header = (("authorization", f"Bearer {token.secret}"),)
    return [
        _Way("open", at("open", None, None), None, ()),
        _Way("open, logged", at("logged", Admission(_now), None), None, ()),
        _Way("by token, logged", at("token", by_token, None), None, header),
        _Way("mutual TLS, everybody", at("everybody", None, tls), shown, ()),
        _Way("mutual TLS, logged", at("tls", by_certificate, tls), shown, ()),
    ]


def _bills() -> claims.Bills:
    return claims.draw_bills("access", lines=_LINES)


def _checkouts() -> Callable[[], bytes]:
    """Return what gives a new checkout each time, made ahead."""
    made = claims.requests(_bills())
    ahead: list[bytes] = [next(made) for _ in range(_BILLS)]
    place = count()
    return lambda: ahead[next(place) % _BILLS]


def _cases(
    stack: ExitStack, ways: Sequence[_Way], path: str, body: Callable[[], bytes]
) -> Iterator[Case]:
    for way in ways:
        if way.credentials is None:
            channel = grpc.insecure_channel(way.address)
        else:
            channel = grpc.secure_channel(way.address, way.credentials)
        method: Any = stack.enter_context(channel).unary_unary(path)

        def ask(method: Any = method, way: _Way = way) -> None:
            method(body(), metadata=way.metadata, timeout=30)

        yield Case(way.name, 1, timed(ask))


def _table(title: str, found: Sequence[Measured]) -> list[str]:
    lines = [f"{title}: µs of CPU a call, and beside the open server, median of rounds"]
    base = found[0]
    for each in found:
        ratios = [b / a for a, b in zip(each.values, base.values, strict=True)]
        low, high = min(ratios), max(ratios)
        lines.append(
            f"  {each.tool:24} {1e6 / each.median:8.0f}  {statistics.median(ratios):.3f}"
            f" ({low:.3f}-{high:.3f})"
        )
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.access_checks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each of the two tables")
    options = parser.parse_args()
    person = persons.GetPersonRequest(name=f"poolingAreas/{claims.AREA}/persons/P1")
    asked = person.SerializeToString()
    for title, path, body in (
        ("a person", _GET, lambda: asked),
        ("a checkout of 30 lines", SETTLE_ONE, _checkouts()),
    ):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            cases = [*_cases(stack, _served(stack, Path(folder)), path, body)]
            found = take_turns(
                *("access", 1, "calls/s", cases),
                rounds=options.rounds,
                budget_seconds=options.seconds,
            )
        sys.stdout.write("\n".join([*_table(title, found), ""]))


if __name__ == "__main__":
    main()
