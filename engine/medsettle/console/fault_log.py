"""How a fault of the console stands in its log: where it happened, and nothing of anybody.

Messages of exceptions, addresses and what was sent may hold what somebody is treated for. So a line
names the page by its pattern, and of each exception its kind and the lines of code it came through.
"""

import logging
import traceback
from types import TracebackType
from typing import Any, Final, TypeAlias

_Raised: TypeAlias = (
    "tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]"
)
_CHAIN_MAX: Final = 5


class FaultFormatter(logging.Formatter):
    """Writes a record without what the request or an exception says."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text, with where it was raised if it was."""
        request = getattr(record, "request", None)
        said = record.getMessage() if request is None else _page(request)
        if record.exc_info and record.exc_info[1] is not None and request is None:
            # The libraries put an exception into their words too.
            said = str(record.msg)
        head = f"{self.formatTime(record)} {record.levelname} {record.name}: {said}"
        return head + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")

    def formatException(self, ei: _Raised) -> str:
        """Return the lines of code that an exception came through, and those it was made of."""
        told: list[str] = []
        error = ei[1]
        while error is not None and len(told) < _CHAIN_MAX:
            where = "".join(traceback.format_tb(error.__traceback__)).rstrip()
            told.append(f"{where}\n{type(error).__module__}.{type(error).__qualname__}")
            error = error.__cause__ or error.__context__
        return "\nraised while handling\n".join(told)


def _page(request: Any) -> str:  # noqa: ANN401 - of Django, which may not be set up yet
    match = getattr(request, "resolver_match", None)
    route = "no page" if match is None else f"/{match.route}"
    return f"{getattr(request, 'method', '')} {route}"
