"""The events of the log: one list, from which `engine/logs.md` is made.

An event has a name, a level, and fields whose values are ours: numbers, reasons, ids of requests
and settlements, areas, files. Never a person, a card, a name, or the text of an exception, which
may repeat what somebody sent.
"""

import logging
from typing import Final, NamedTuple

logger = logging.getLogger("medsettle")


class Event(NamedTuple):
    """One event: its name, level (of `logging`), what its fields are, and what to do about it."""

    name: str
    level: int
    fields: tuple[str, ...]
    doc: str


EVENTS: Final[dict[str, Event]] = {}
"""All events, by name, in the order of the page."""


def _event(name: str, level: int, fields: tuple[str, ...], doc: str) -> Event:
    made = Event(name, level, fields, doc)
    assert name not in EVENTS, name
    EVENTS[name] = made
    return made


_INFO, _WARNING, _ERROR, _CRITICAL = (
    *(logging.INFO, logging.WARNING),
    *(logging.ERROR, logging.CRITICAL),
)

STARTED: Final = _event(
    "server_started", _INFO, ("policies", "version", "addresses"), "The server answers calls."
)
DRAINING: Final = _event(
    "server_draining",
    _INFO,
    (),
    "It was asked to stop: readiness is off, calls under way are finished.",
)
STOPPED: Final = _event(
    "server_stopped", _INFO, ("seconds",), "Everything accepted was answered and projected."
)
RELOADED: Final = _event(
    "reloaded", _INFO, ("what",), "Rules, lists or the directory were read again and are in use."
)
RELOAD_REFUSED: Final = _event(
    "reload_refused",
    _WARNING,
    ("what", "faults"),
    "What was read again has faults; what was loaded before stays. The command that checks it, "
    "such as `medsettle policy check`, lists them.",
)
ACCESS_FILE_REFUSED: Final = _event(
    "access_file_refused",
    _WARNING,
    ("file", "places", "told"),
    "A file of tokens or revoked certificates changed and has faults at these places, or cannot be "
    "read; what it said before stays. Mend it; it is read again once it changes.",
)
ACCESSES_NOT_WRITTEN: Final = _event(
    "accesses_not_written",
    _WARNING,
    ("folder", "told"),
    "The log of accesses cannot be written; lines wait, the oldest go where there is no room. Free "
    "the disk.",
)
SLOW_REQUEST: Final = _event(
    "slow_request",
    _WARNING,
    (
        *("way", "method", "request_id", "settlement", "outcome", "ms"),
        *("slowest", "claims", "phases"),
    ),
    "A call took longer than `--slow`. `phases` has the milliseconds of each phase, those of a "
    "batch of `claims` whole, and `slowest` names the longest.",
)
LEDGER_FAILED: Final = _event(
    "ledger_failed",
    _CRITICAL,
    ("reason", "told"),
    "The disk failed while it was written: writes stop and the process ends with 3. Look at the "
    "disk; the next start decides what was recorded.",
)
WRITE_BUG: Final = _event(
    "write_failed_unforeseen",
    _CRITICAL,
    (),
    "A bug of ours in a write: writes stop and the process ends with 4. Report the lines of code.",
)
BATCH_BUG: Final = _event(
    "batch_failed_unforeseen",
    _CRITICAL,
    ("claims",),
    "A bug of ours in a batch; its callers were told. Report the lines of code.",
)
CALL_BUG: Final = _event(
    "call_failed_unforeseen",
    _ERROR,
    ("way", "method"),
    "A bug of ours in a call; the caller was told `INTERNAL`. Report the lines of code.",
)
THREAD_BUG: Final = _event(
    "thread_failed_unforeseen",
    _ERROR,
    (),
    "A bug of ours, or of a library, that ended a thread. Report the lines of code.",
)
PROJECTION_FAILED: Final = _event(
    "projection_failed",
    _ERROR,
    ("told",),
    "The audit tables could not be written; settling goes on, the next commit tries again. Free "
    "the disk.",
)
AUDIT_BEHIND: Final = _event(
    "audit_tables_behind",
    _WARNING,
    ("folder", "told"),
    "A command settled and could not write the audit tables. Free the disk; the next command or "
    "server catches up.",
)
EXPLANATION_MISSING: Final = _event(
    "told_without_explanation",
    _WARNING,
    ("settlement", "reason"),
    "A recorded settlement was answered without its explanation.",
)
ANY_INSTITUTION: Final = _event(
    "client_for_any_institution",
    _WARNING,
    ("client", "tokens"),
    "A client of the file of tokens may ask for every institution. Name its institutions there.",
)
OTHER_ENTRY: Final = _event(
    "request_recorded_as_another",
    _ERROR,
    ("request_id", "settlement"),
    "The place of insurance delivered a settlement whose request is recorded here as another "
    "entry. Reconcile the two books.",
)
CANCEL_NOT_RECORDED: Final = _event(
    "cancel_not_recorded",
    _ERROR,
    ("settlement", "reason"),
    "A cancel that the place of insurance accepted cannot be recorded here; it is tried again.",
)
NOT_TAKEN_BACK: Final = _event(
    "not_taken_back",
    _WARNING,
    ("settlement", "reason"),
    "What the place of care did not take cannot be taken back now; it is tried again.",
)
CASES_UNREADABLE: Final = _event(
    "open_cases_unreadable",
    _WARNING,
    ("reason",),
    "What is open with other areas cannot be read now; it is tried again.",
)
CASES_WAIT: Final = _event(
    "open_cases_wait",
    _WARNING,
    ("area", "reason"),
    "An area does not answer; its open cases are tried again.",
)
CASES_BUG: Final = _event(
    "open_cases_failed_unforeseen",
    _ERROR,
    ("area",),
    "A bug of ours with the open cases of an area; they stay open. Report the lines of code.",
)
NOT_PASSED_ON: Final = _event(
    "records_not_passed_on",
    _INFO,
    ("records", "reason"),
    "A hub could not pass records on; the place of insurance delivers them again.",
)
COPIES_NOT_KEPT: Final = _event(
    "copies_not_kept",
    _ERROR,
    ("records", "area"),
    "Copies cannot be kept in one write, or one cannot at all. Report the lines of code.",
)
LEDGER_SHORTER: Final = _event(
    "ledger_shorter_than_cases",
    _WARNING,
    ("seq",),
    "The ledger ends before what was delivered: it was restored, and all of it is delivered again.",
)
NOT_ASKED: Final = _event(
    "request_not_asked_about",
    _INFO,
    ("request_id", "reason"),
    "The place of insurance cannot be asked about a request whose outcome is unknown; it is tried "
    "again.",
)
TODAY_UNREADABLE: Final = _event(
    "audit_tables_unreadable",
    _WARNING,
    ("told",),
    "The console cannot read the audit tables of today.",
)
LEFT_OUT: Final = _event(
    "log_lines_left_out",
    _WARNING,
    ("of", "count"),
    "So many lines of one event were counted and not written, for there were too many in a minute.",
)
LIBRARY: Final = _event(
    "library",
    _WARNING,
    ("logger", "said"),
    "A library logged a warning: its words without what it put into them.",
)


def say(event: Event, error: BaseException | None = None, **fields: object) -> None:
    """Log an event.

    Args:
        event: One of this list.
        error: What was raised; of it the log has kinds and lines of code, and no text.
        fields: Values by the names of the event's fields; one that is left out is not told.
    """
    assert fields.keys() <= {*event.fields}, (event.name, fields)
    if not logger.isEnabledFor(event.level):
        return
    # Who configures nothing reads the event with its fields, as any other record of `logging`.
    words = " ".join((event.name, *(f"{name}={value}" for name, value in fields.items())))
    told = {"medsettle_event": event.name, "medsettle_fields": fields}
    logger.log(event.level, "%s", words, extra=told, exc_info=error)
