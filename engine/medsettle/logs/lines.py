"""The log as lines: JSON for programs, words on a terminal; no more of one event than is read.

Nothing of a person gets in, whoever logs: of exceptions there are kinds and lines of code, and of
what libraries say there are the words that stand in their source, without the values put in.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO, TypeAlias

import orjson
import structlog

from medsettle import limits
from medsettle.logs.events import LEFT_OUT, LIBRARY, THREAD_BUG, say
from medsettle.logs.telling import raised_lines

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
STDERR: Final = "-"

_MARK: Final = "\N{REPLACEMENT CHARACTER}"
_Line: TypeAlias = MutableMapping[str, Any]


@contextmanager
def logging_to(place: str, level: str) -> Iterator[None]:
    """Write the log of this process to a file, or to standard error, until the block ends.

    Args:
        place: A file, which is added to and readable by this account alone; `-` is standard error,
            in words where that is a terminal.
        level: One of `LEVELS`, the least that is written.

    Raises:
        OSError: The file cannot be opened.
    """
    stream, own = _opened(place)
    handler = BoundedHandler(stream, words=not own and stream.isatty())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level.upper())
    # What ends a thread would else be printed with its text.
    hook, threading.excepthook = threading.excepthook, _thread_failed
    try:
        yield
    finally:
        threading.excepthook = hook
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()
        if own:
            stream.close()


def _thread_failed(told: threading.ExceptHookArgs) -> None:
    say(THREAD_BUG, told.exc_value)


def _opened(place: str) -> tuple[TextIO, bool]:
    if place == STDERR:
        return sys.stderr, False
    path = Path(place)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: the folder {path.parent} does not exist; make it")
    path.touch(mode=0o640)
    # A line a time: whoever reads along sees whole ones, and a crash loses none.
    return path.open("a", encoding="utf-8", buffering=1), True


@dataclass(slots=True)
class _Window:
    """How many lines of an event were written since a moment, and how many only counted."""

    begun: float
    written: int = 0
    left_out: int = 0


class BoundedHandler(logging.StreamHandler[TextIO]):
    """Writes events as lines; past `LOG_LINES_PER_WINDOW_MAX` of one event it only counts."""

    def __init__(
        self, stream: TextIO, *, words: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Write to a stream, in words or as JSON; `clock` is in seconds."""
        super().__init__(stream)
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self.setFormatter(_formatter(words=words))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it; what libraries say of their ordinary work is neither."""
        if not hasattr(record, "medsettle_event") and record.levelno < logging.WARNING:
            return
        name, now = _name_of(record), self._clock()
        window = self._windows.get(name)
        if window is None or now - window.begun >= limits.LOG_WINDOW_SECONDS:
            self._tell_left_out(name)
            window = self._windows[name] = _Window(now)
        if window.written >= limits.LOG_LINES_PER_WINDOW_MAX:
            window.left_out += 1
            return
        window.written += 1
        super().emit(record)

    def close(self) -> None:
        """Tell what was left out and not told yet."""
        for name in [*self._windows]:
            self._tell_left_out(name)
        super().close()

    def _tell_left_out(self, name: str) -> None:
        window = self._windows.pop(name, None)
        if window is None or not window.left_out:
            return
        record = logging.LogRecord("medsettle", LEFT_OUT.level, "", 0, LEFT_OUT.name, None, None)
        fields = {"of": name, "count": window.left_out}
        record.__dict__.update(medsettle_event=LEFT_OUT.name, medsettle_fields=fields)
        super().emit(record)


def _name_of(record: logging.LogRecord) -> str:
    event: str | None = getattr(record, "medsettle_event", None)
    # Of libraries there are few loggers, each with a flood of its own.
    return event if event is not None else f"{LIBRARY.name} {record.name}"


def _formatter(*, words: bool) -> logging.Formatter:
    renderer: Callable[..., str | bytes]
    if words:
        renderer = structlog.dev.ConsoleRenderer(colors=False, sort_keys=False)
    else:
        renderer = structlog.processors.JSONRenderer(serializer=_json)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_line_of],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        keep_exc_info=False,
    )


def _json(line: Mapping[str, object], **_: object) -> str:
    return orjson.dumps(line, default=str).decode()


def _line_of(_logger: object, _method: str, made: _Line) -> _Line:
    """Return what stands in the line of a record, in the order in which it is read."""
    record: logging.LogRecord = made["_record"]
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    line: dict[str, Any] = {"timestamp": moment, "level": record.levelname.lower()}
    event: str | None = getattr(record, "medsettle_event", None)
    if event is not None:
        line["event"] = event
        line |= {name: _shown(value) for name, value in record.medsettle_fields.items()}  # type: ignore[attr-defined]
    else:
        # What a library puts into its words may be what somebody sent.
        line |= {"event": LIBRARY.name, "logger": record.name, "said": _shown(str(record.msg))}
    if record.exc_info:
        line["raised"] = raised_lines(record.exc_info[1])
    return line | {"_record": record, "_from_structlog": False}


def _shown(value: object) -> object:
    """Return a value without what would break a line or move a cursor, and not without end."""
    if isinstance(value, str):
        plain = "".join(each if each.isprintable() else _MARK for each in value)
        most = limits.LOG_VALUE_CHARS_MAX
        return plain if len(plain) <= most else plain[: most - 1] + "…"
    if isinstance(value, Mapping):
        return {str(name): _shown(each) for name, each in value.items()}
    return value if isinstance(value, int | float) or value is None else _shown(str(value))
