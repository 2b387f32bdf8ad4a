"""The log is lines of listed events, bounded, and without anything that somebody sent."""

import ast
import io
import json
import logging
from pathlib import Path
from typing import Any

import generate_logs
import pytest
from medsettle import errors, limits
from medsettle.logs import EVENTS, events, say
from medsettle.logs.lines import BoundedHandler, logging_to
from medsettle.logs.telling import reason_of, told_of

_ENGINE = Path(__file__).parents[2] / "engine"


class _Log:
    """A handler of its own, on a clock of its own, and what it wrote."""

    def __init__(self, *, words: bool = False) -> None:
        self.stream, self.now = io.StringIO(), 0.0
        self.handler = BoundedHandler(self.stream, words=words, clock=lambda: self.now)

    def emit(self, event: events.Event, error: BaseException | None = None, **fields: Any) -> None:  # noqa: ANN401 - any field
        """Hand over an event as `say` does."""
        log = logging.getLogger("medsettle")
        log.addHandler(self.handler)
        try:
            say(event, error, **fields)
        finally:
            log.removeHandler(self.handler)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was written, as JSON."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def test_the_page_is_that_of_today_s_events() -> None:
    """`engine/logs.md` is what `make schema` writes now, and it names every event."""
    page = (_ENGINE / "logs.md").read_text(encoding="utf-8")

    assert generate_logs.page() == page
    assert all(f"| `{name}` |" in page for name in EVENTS)


def test_whoever_logs_says_a_listed_event() -> None:
    """No module logs by itself, each event is said somewhere, and only with its own fields."""
    own = {each.name: each for each in EVENTS.values()}
    constants = {
        name: each for name, each in vars(events).items() if isinstance(each, events.Event)
    }
    used: set[str] = set()
    for path in (_ENGINE / "medsettle").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "logging.getLogger" in text:
            # The console tells of faults by its own handler, in a process of its own.
            assert path.parent.name in {"logs", "torture", "console"}, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "say" and node.args:
                constant = ast.unparse(node.args[0]).rpartition(".")[2]
                if constant not in constants:
                    continue
                used.add(constant)
                fields = {each.arg for each in node.keywords}
                assert fields <= {*constants[constant].fields}, (path, node.lineno)

    # What the log says of itself, it writes itself.
    assert {"LEFT_OUT", "LIBRARY"} == constants.keys() - used
    assert len(constants) == len(own)


def test_a_line_is_json_with_time_level_and_fields() -> None:
    """An event becomes one object, in the order in which it is read."""
    log = _Log()

    log.emit(events.CASES_WAIT, area="999941", reason="PEER_UNREACHABLE")

    (line,) = log.lines
    assert ["timestamp", "level", "event", "area", "reason"] == list(line)
    assert ("warning", "open_cases_wait", "999941") == (line["level"], line["event"], line["area"])
    assert line["timestamp"].endswith("+00:00")


def test_on_a_terminal_a_line_is_words() -> None:
    """The same, for people."""
    log = _Log(words=True)

    log.emit(events.CASES_WAIT, area="999941", reason="PEER_UNREACHABLE")

    text = log.stream.getvalue()
    assert "open_cases_wait" in text
    assert "area=999941" in text
    assert 1 == len(text.splitlines())


def test_of_what_was_raised_there_is_no_text() -> None:
    """Kinds and lines of code, also of what an exception came of; never what it says."""
    log = _Log()

    def fail() -> None:
        try:
            int("CANARY-7 is not a number")
        except ValueError as error:
            raise KeyError("CANARY-8") from error

    try:
        fail()
    except KeyError as error:
        log.emit(events.WRITE_BUG, error)

    (line,) = log.lines
    assert "CANARY" not in log.stream.getvalue()
    assert ["builtins.KeyError", "builtins.ValueError"] == [
        each.partition(":")[0] for each in line["raised"]
    ]
    assert "fail logs/test_lines.py" in line["raised"][0]


def test_libraries_are_written_without_their_values() -> None:
    """Their words stand there as in their source, from warnings on."""
    log = _Log()
    library = logging.getLogger("some.library")
    library.addHandler(log.handler)
    try:
        library.warning("no answer for %s", "CANARY-9")
        library.info("all is well")
    finally:
        library.removeHandler(log.handler)

    (line,) = log.lines
    assert ("library", "some.library", "no answer for %s") == (
        *(line["event"], line["logger"]),
        line["said"],
    )
    assert "CANARY" not in log.stream.getvalue()


def test_a_value_can_neither_break_a_line_nor_fill_a_disk() -> None:
    """Breaks and controls become marks; `LOG_VALUE_CHARS_MAX` characters stay, not one more."""
    log = _Log()
    forged = 'x\n{"event": "server_started"}\x1b[2J'
    most = "y" * limits.LOG_VALUE_CHARS_MAX

    for area in (forged, most, most + "y"):
        log.emit(events.CASES_WAIT, area=area)

    first, exact, longer = log.lines
    assert 3 == len(log.stream.getvalue().splitlines())
    assert "�[2J" in first["area"]
    assert most == exact["area"]
    assert most[:-1] + "…" == longer["area"]


def test_a_flood_is_counted() -> None:
    """`LOG_LINES_PER_WINDOW_MAX` lines of one event are written, and how many more there were."""
    log, most = _Log(), limits.LOG_LINES_PER_WINDOW_MAX

    for _ in range(most + 5):
        log.emit(events.CASES_WAIT, area="999941")
    log.emit(events.CASES_BUG, area="999941")
    assert most + 1 == len(log.lines), "another event has a flood of its own"
    log.now += limits.LOG_WINDOW_SECONDS - 1
    log.emit(events.CASES_WAIT, area="999941")
    assert most + 1 == len(log.lines)
    log.now += 1
    log.emit(events.CASES_WAIT, area="999941")

    told, after = log.lines[-2:]
    assert ("log_lines_left_out", "open_cases_wait", 6) == (
        *(told["event"], told["of"]),
        told["count"],
    )
    assert "open_cases_wait" == after["event"]


def test_what_was_left_out_is_told_at_the_end() -> None:
    """A log that is closed tells what it had counted."""
    log = _Log()
    for _ in range(limits.LOG_LINES_PER_WINDOW_MAX + 2):
        log.emit(events.CASES_WAIT, area="999941")

    log.handler.close()

    assert ("log_lines_left_out", 2) == (log.lines[-1]["event"], log.lines[-1]["count"])


def test_a_file_is_added_to_and_the_level_holds(tmp_path: Path) -> None:
    """A second process adds lines; what is less grave than the level is not written."""
    path = tmp_path / "medsettle.log"
    for _ in range(2):
        with logging_to(str(path), "warning"):
            say(events.RELOADED, what="policies")
            say(events.CASES_WAIT, area="999941")

    lines = path.read_text(encoding="utf-8").splitlines()
    assert ["open_cases_wait"] * 2 == [json.loads(line)["event"] for line in lines]
    assert 0 == path.stat().st_mode & 0o007


@pytest.mark.parametrize(
    ("error", "told", "reason"),
    [
        (OSError(28, "No space left"), "[Errno 28] No space left", "OSError"),
        (errors.LedgerUnavailable("locked"), "locked", "LEDGER_UNAVAILABLE"),
        (errors.NotFound("CANARY-1"), "NOT_FOUND", "NOT_FOUND"),
        (ValueError("CANARY-2"), "ValueError", "ValueError"),
    ],
)
def test_only_the_machine_is_quoted(error: Exception, told: str, reason: str) -> None:
    """What disks and stores say may stand in a log, what a caller's words came to may not."""
    assert (told, reason) == (told_of(error), reason_of(error))
