"""Write `engine/logs.md`, the page of all events of the log, from `medsettle.logs.events`.

`make schema` runs it, and a test compares the page with what it would write today.
"""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.logs import EVENTS

_INTRODUCTION: Final = f"""\
# Logs

Written by `make schema` from `engine/medsettle/logs/events.py`; change that file, not this page.

`medsettle serve` and `medsettle gateway` log to standard error, or to the file of `--log FILE`,
what is at least as grave as `--log-level` (`info`). A line is one JSON object; on a terminal it is
words. `--slow MS` logs calls that take so long, with the milliseconds of each phase. The same are
`MEDSETTLE_LOG`, `MEDSETTLE_LOG_LEVEL` and `MEDSETTLE_SLOW` in the environment. What programs read
on standard output, such as the address line of `--json`, is no part of the log.

Every line has `timestamp` (UTC), `level` and `event`, then the fields of the event. Where
something was raised, `raised` has its kind and the lines of code it came through, and that of what
it came of.

**No line names a person, a card or anybody's name.** The text of an exception is never written,
for it may repeat what somebody sent; libraries are written without the values they put into their
words. Ids of requests and settlements are written: they are how a till and a server speak of one
claim.

Of one event {limits.LOG_LINES_PER_WINDOW_MAX} lines a minute are written; more are counted and
told by `log_lines_left_out`. A value has at most {limits.LOG_VALUE_CHARS_MAX} characters, and a
mark for each that would break a line or move a cursor.

Phases of a slow request: `waiting` for its batch, `checks` (what was asked before, cards), `scope`
(lines to pots, counters read), `waterfall` (the stages of the policy), `assemble`, `record`
(entries are made), `commit` (the ledger makes them durable), `answer`, and `peer`, the wait for
the engine of another area. Phases of a batch are those of all its claims together.

| event | level | fields | meaning |
|---|---|---|---|
"""


def page() -> str:
    """Return the whole page as Markdown, ending in a newline."""
    return _INTRODUCTION + "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    for each in EVENTS.values():
        fields = ", ".join(f"`{field}`" for field in each.fields) or "–"
        level = logging.getLevelName(each.level).lower()
        yield f"| `{each.name}` | {level} | {fields} | {each.doc} |"


def main() -> None:
    """Write the page to the file named on the command line."""
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
