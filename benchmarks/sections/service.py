"""Servers of stock gRPC in turns: medsettle, an echo of the same messages, an empty echo.

Each is a process of its own and so is the load generator. They take turns run by run, so that
ratios are of seconds next to one another. Answers of medsettle are checked, every one.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from benchmarks.load.cpu import resident_bytes
from benchmarks.load.processes import (
    Generator,
    Server,
    echo_words,
    generating,
    medsettle_words,
    serving,
)
from benchmarks.options import Options
from benchmarks.record import OURS, Measured
from benchmarks.sections import audit
from benchmarks.sections import names as of
from benchmarks.sections.memory_and_disk import sync_us
from benchmarks.sections.series import Series

_BULK_LINES: Final = 10
_BULK_CLAIMS: Final = 2_048
_OPEN_PART: Final = 0.7
# Seconds that a call may take on a machine that does other things too: late is not lost.
_PATIENT: Final = ("--deadline", 120)
_SERVER_CORE, _GENERATOR_CORE = 0, 1


@dataclass
class _Field:
    """The servers that take turns, and who drives them."""

    options: Options
    generator: Generator
    servers: dict[str, Server]
    series: Series

    def run(self, section: str, tool: str, at: int, *arguments: object) -> dict[str, Any]:
        """Drive one server once and note what came of it."""
        server = self.servers[tool]
        # Only medsettle answers each claim for itself.
        echo = ["--echo"] if tool in {of.ECHO, of.THREADS, of.EMPTY} else []
        given = ["--server-pid", server.pid, "--seconds", self.options.seconds, *_PATIENT, *echo]
        found = self.generator.run(server.address, *given, *arguments)
        self.series.add_run(section, tool, at, found)
        return found


def measure(options: Options) -> list[Measured]:
    """Return rates, latencies and CPU of all servers, by calls in flight and by schedule."""
    with _field(options) as field_:
        for number in range(options.rounds):
            _round(field_, number)
        _open_loop(field_)
        for tool, server in field_.servers.items():
            if tool in {OURS, of.ONE_BY_ONE}:
                field_.series.add(of.START, OURS, 0, "s", server.ready_seconds)
        return field_.series.measured()


def _round(field_: _Field, number: int) -> None:
    for in_flight in of.IN_FLIGHT:
        tools = [
            OURS,
            of.ECHO,
            *([of.THREADS, of.EMPTY, of.ONE_BY_ONE] if in_flight == of.WIDE else []),
        ]
        turned = tools[number % len(tools) :] + tools[: number % len(tools)]
        found = {
            tool: field_.run(of.UNARY, tool, in_flight, "--in-flight", in_flight) for tool in turned
        }
        if in_flight == 1:
            sync = sync_us(field_.options.scratch)
            floor = sync + found[of.ECHO]["latency_us"]["50"]
            field_.series.add(of.UNARY, of.FLOOR, 1, of.P50, floor)
    batch = ("--in-flight", 2, "--batch", of.MESSAGE_CLAIMS, "--lines", _BULK_LINES)
    field_.run(of.BATCHED, OURS, of.MESSAGE_CLAIMS, *batch)


def _open_loop(field_: _Field) -> None:
    """Note latencies at seven tenths of the rate that medsettle reached, for it and the echo."""
    reached = field_.series.values[of.UNARY, OURS, of.WIDE, of.RATE]
    rate = round(_OPEN_PART * sorted(reached)[len(reached) // 2])
    for _ in range(field_.options.rounds):
        for tool in (OURS, of.ECHO):
            field_.run(of.OPEN, tool, rate, "--rate", rate, "--random")


@contextmanager
def _field(options: Options) -> Iterator[_Field]:
    server_core = _SERVER_CORE if options.pin else None
    generator_core = _GENERATOR_CORE if options.pin else None
    answer = options.scratch / "answer.bin"
    with ExitStack() as stack:
        generator = stack.enter_context(generating(generator_core))
        servers = {}
        for tool, module in (
            (OURS, "medsettle.cli"),
            (of.ONE_BY_ONE, "benchmarks.load.one_by_one"),
        ):
            words = medsettle_words(_folder(options, tool), module)
            servers[tool] = stack.enter_context(serving(words, server_core))
        # The echo encodes what medsettle answered such a claim with.
        first = ("--in-flight", 1, "--seconds", 0.5, "--save-answer", answer)
        generator.run(servers[OURS].address, *first)
        for tool, echo in _echoes(answer).items():
            servers[tool] = stack.enter_context(serving(echo, server_core))
        yield _Field(options, generator, servers, Series())


def _echoes(answer: Path) -> dict[str, Sequence[str]]:
    return {
        of.ECHO: echo_words(answer),
        of.THREADS: echo_words(answer, "threads"),
        of.EMPTY: echo_words(None),
    }


def _folder(options: Options, name: str) -> Path:
    folder = options.scratch / name.replace(" ", "-")
    rmtree(folder, ignore_errors=True)
    return folder


def measure_bulk(options: Options) -> list[Measured]:
    """Return the rate of claims in Arrow streams, until they are in the audit tables too.

    One run over all claims, whose messages are told one by one as well; the end is that of the
    server, which ends when the audit tables hold what it answered.
    """
    series = Series()
    data = _folder(options, of.BULK)
    calls = max(options.rounds, options.bulk_claims // _BULK_CLAIMS)
    with generating() as generator, serving(medsettle_words(data)) as server:
        series.add(of.START, OURS, 0, "s", server.ready_seconds)
        batch = ("--batch", _BULK_CLAIMS, "--lines", _BULK_LINES, *_PATIENT)
        run = ("--in-flight", 2, "--calls", calls, *batch)
        found = generator.run(server.address, "--server-pid", server.pid, *run)
        if found["errors"]:
            raise RuntimeError(f"bulk: {found['errors']}")
        stopped = server.stop()
    claims = found["claims"]
    series.add(of.BULK, OURS, claims, of.RATE, found["claims_per_second"])
    series.add(of.BULK, of.AUDITED, claims, of.RATE, claims / (found["seconds"] + stopped))
    series.add(of.BULK, OURS, claims, of.CPU_CLAIM, found["server_cpu_us"] / _BULK_CLAIMS)
    encodings = audit.encoded(data / "audit", options)
    rmtree(data, ignore_errors=True)
    return [*series.measured(), *encodings]


def measure_soak(options: Options) -> list[Measured]:
    """Return the memory of a server, second after second, while it settles without a pause."""
    data = _folder(options, of.SOAK)
    slices = max(5, round(options.soak_seconds / 2)) if options.soak_seconds < 60 else 60
    seconds = options.soak_seconds / slices
    memory, rates, settled = [], [], 0
    with generating() as generator, serving(medsettle_words(data)) as server:
        started = server.ready_seconds
        for _ in range(slices):
            run = ("--in-flight", of.WIDE, "--seconds", seconds, "--check-every", 16, *_PATIENT)
            found = generator.run(server.address, "--server-pid", server.pid, *run)
            settled += found["claims"]
            memory.append(resident_bytes(server.pid) / 2**20)
            rates.append(found["claims_per_second"])
    rmtree(data, ignore_errors=True)
    facts = {"seconds": options.soak_seconds, "settled": settled}
    at = round(options.soak_seconds)
    return [
        Measured(of.SOAK, OURS, at, "MiB", tuple(memory), facts=facts),
        Measured(of.SOAK, OURS, at, of.RATE, tuple(rates), facts=facts),
        Measured(of.START, "medsettle, soak", 0, "s", (started,)),
    ]
