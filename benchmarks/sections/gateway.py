"""Requests a second of the national interface, beside an empty handler on the same HTTP server.

Beside them a handler that reads the JSON and keeps what it is told: the least that any gateway does
that loses nothing. All are processes of their own and take turns round by round, transaction by
transaction, with the same bodies; the answers of the handlers are as long as those of the gateway.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from shutil import rmtree
from typing import Final

import psutil

from benchmarks.gateway.driver import Ask, driven
from benchmarks.gateway.till import KINDS, Visit, write_directory
from benchmarks.load.claims import RULES
from benchmarks.load.cpu import cpu_seconds
from benchmarks.load.processes import Server, python_words, serving
from benchmarks.options import Options
from benchmarks.record import OURS, Measured
from benchmarks.sections import names as of

_PERSONS: Final = 2_000
_VISITS: Final = 200
_SERVER_CORE, _DRIVER_CORE = 0, 1

_Values = dict[tuple[str, str, str], list[float]]


def measure(options: Options) -> list[Measured]:
    """Return rates and CPU of the servers, by transaction and for visits in a mix."""
    values: _Values = {}
    numbers = iter(range(1_000_000_000))
    with _field(options) as servers:
        for number in range(options.rounds):
            turned = list(servers.items())
            if number % 2:
                turned.reverse()
            for tool, server in turned:
                _by_kind(
                    values, tool, server, [Visit(next(numbers), _PERSONS) for _ in range(_VISITS)]
                )
            for tool, server in turned:
                _mixed(
                    values, tool, server, [Visit(next(numbers), _PERSONS) for _ in range(_VISITS)]
                )
    return [
        Measured(of.GATEWAY, tool, of.AT_KIND[kind], unit, tuple(found))
        for (kind, tool, unit), found in values.items()
    ]


def _by_kind(values: _Values, tool: str, server: Server, visits: list[Visit]) -> None:
    """Note each transaction by itself: that of every visit, then the next one of every visit."""
    for kind in KINDS:
        answers: list[tuple[Visit, bytes]] = []
        requests = [(visit, visit.request(kind)) for visit in visits]
        works = (_one(visit, request, answers) for visit, request in requests)
        _note(values, tool, kind, server, works, len(visits))
        for visit, answer in answers:
            visit.learn(kind, answer)


def _one(
    visit: Visit, request: bytes, answers: list[tuple[Visit, bytes]]
) -> Callable[[Ask], Awaitable[None]]:
    async def work(ask: Ask) -> None:
        answers.append((visit, await ask(request)))

    return work


def _mixed(values: _Values, tool: str, server: Server, visits: list[Visit]) -> None:
    """Note whole visits, whose transactions come in the order of each and mixed between them."""

    def whole(visit: Visit) -> Callable[[Ask], Awaitable[None]]:
        async def work(ask: Ask) -> None:
            for kind in KINDS:
                visit.learn(kind, await ask(visit.request(kind)))

        return work

    _note(values, tool, of.MIXED_DAY, server, map(whole, visits), len(visits) * len(KINDS))


def _note(
    values: _Values,
    tool: str,
    kind: str,
    server: Server,
    works: Iterator[Callable[[Ask], Awaitable[None]]],
    count: int,
) -> None:
    before = cpu_seconds(server.pid)
    seconds = driven(server.address, works, of.GATEWAY_IN_FLIGHT)
    spent = cpu_seconds(server.pid) - before
    values.setdefault((kind, tool, of.REQUESTS), []).append(count / seconds)
    values.setdefault((kind, tool, of.CPU_CALL), []).append(spent / count * 1e6)


@contextmanager
def _field(options: Options) -> Iterator[dict[str, Server]]:
    """Yield the servers; the handlers answer what the gateway answered one visit."""
    core = _SERVER_CORE if options.pin else None
    folder = options.scratch / "gateway"
    rmtree(folder, ignore_errors=True)
    write_directory(folder / "directory", _PERSONS)
    place = ["--directory", str(folder / "directory"), "--data", str(folder / "data")]
    listen = ["--rules", str(RULES), "--listen", "127.0.0.1:0", "--no-sign-in", "--json"]
    with ExitStack() as stack:
        if options.pin:
            mine = psutil.Process()
            stack.callback(mine.cpu_affinity, mine.cpu_affinity())
            mine.cpu_affinity([_DRIVER_CORE])
        words = python_words("medsettle.cli", "gateway", *place, *listen)
        gateway = stack.enter_context(serving(words, core))
        answers = folder / "answers.json"
        answers.write_text(json.dumps(_answers(gateway)))
        words = python_words("benchmarks.gateway.empty_handler", "--answers", str(answers))
        empty = stack.enter_context(serving(words, core))
        words += ["--keep", str(folder / "told.db")]
        kept = stack.enter_context(serving(words, core))
        yield {OURS: gateway, of.EMPTY_HANDLER: empty, of.KEEPING_HANDLER: kept}
    rmtree(folder, ignore_errors=True)


def _answers(gateway: Server) -> dict[str, str]:
    """Return the answers of one visit by path, after some visits that warm the gateway up."""
    found: dict[str, str] = {}

    def whole(visit: Visit) -> Callable[[Ask], Awaitable[None]]:
        async def work(ask: Ask) -> None:
            for kind in KINDS:
                answer = await ask(visit.request(kind))
                visit.learn(kind, answer)
                found[f"/{kind}"] = answer.decode()

        return work

    driven(gateway.address, map(whole, (Visit(-each - 1, _PERSONS) for each in range(20))), 4)
    return found
