"""What a server lets others see of its work: its log, its slow requests, its traces."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Final

import typer

from medsettle import limits
from medsettle.errors import Precondition
from medsettle.logs.lines import LEVELS, STDERR, logging_to

if TYPE_CHECKING:
    from medsettle.service.call_watch import CallWatch, Watcher

LogTo = Annotated[
    str,
    typer.Option(
        "--log",
        envvar="MEDSETTLE_LOG",
        metavar="FILE|-",
        help="Where the log goes: a file that is added to, or - for standard error.",
    ),
]
LogLevel = Annotated[
    str,
    typer.Option(
        envvar="MEDSETTLE_LOG_LEVEL", help=f"The least that is logged: {', '.join(LEVELS)}."
    ),
]
Slow = Annotated[
    int | None,
    typer.Option(
        envvar="MEDSETTLE_SLOW",
        metavar="MS",
        min=1,
        max=limits.SLOW_MS_MAX,
        help="Log calls that take so many milliseconds, with the phase that was slow.",
    ),
]
TracesTo = Annotated[
    str | None,
    typer.Option(
        "--traces",
        envvar="MEDSETTLE_TRACES",
        metavar="URL",
        help="Export traces by OTLP over gRPC, such as to http://127.0.0.1:4317.",
    ),
]
TracesPercent = Annotated[
    int,
    typer.Option(
        envvar="MEDSETTLE_TRACES_PERCENT",
        min=0,
        max=limits.TRACES_PERCENT_MAX,
        help="How many of a hundred traces that begin here are kept.",
    ),
]
_NEEDED: Final = "opentelemetry.exporter.otlp.proto.grpc"


@dataclass(frozen=True, slots=True)
class Observing:
    """What options ask to be seen; without any, warnings on standard error."""

    log: str = STDERR
    level: str = "info"
    slow_ms: int | None = None
    traces: str | None = None
    traces_percent: int = limits.TRACES_PERCENT_MAX

    @contextmanager
    def begun(self, name: str) -> Iterator["CallWatch | None"]:
        """Log, and yield who looks at calls one by one; None where nobody does.

        Args:
            name: What this engine is called in traces.

        Raises:
            typer.BadParameter: There is no such level, or the address of traces is none.
            Precondition: Traces are asked for, and what exports them is not installed.
            OSError: The file of the log cannot be opened.
        """
        self._check()
        with ExitStack() as stack:
            stack.enter_context(logging_to(self.log, self.level))
            watchers: list[Watcher] = []
            if self.slow_ms is not None:
                from medsettle.service.slow_log import SlowLog  # noqa: PLC0415 - who asks loads it

                watchers.append(SlowLog(self.slow_ms))
            if self.traces is not None:
                from medsettle.service.tracing import Traces  # noqa: PLC0415 - as above

                traces = Traces(self.traces, name, self.traces_percent / limits.TRACES_PERCENT_MAX)
                watchers.append(stack.enter_context(closing(traces)))
            if not watchers:
                yield None
                return
            from medsettle.service.call_watch import CallWatch  # noqa: PLC0415 - as above

            yield CallWatch(watchers)

    def _check(self) -> None:
        if self.level not in LEVELS:
            raise typer.BadParameter(f"--log-level is {self.level!r}; it is one of {LEVELS}")
        if self.traces is None:
            return
        if not self.traces.startswith(("http://", "https://")):
            raise typer.BadParameter(
                f"--traces is {self.traces!r}; it is an address such as http://127.0.0.1:4317"
            )
        try:
            there = find_spec(_NEEDED) is not None
        except ModuleNotFoundError:
            there = False
        if not there:
            raise Precondition(
                "traces are asked for, and opentelemetry is not installed; run pip install "
                "'medsettle[traces]', or leave --traces out"
            )
