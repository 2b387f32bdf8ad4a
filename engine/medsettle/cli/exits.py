"""Exit codes of every command, and how errors become them."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Final

import orjson
from rich.console import Console
from rich.markup import escape

from medsettle import errors

AFTER_CORRUPTION: Final = (
    "Move the audit folder aside and keep it as evidence: the tables follow from the ledger, and "
    "any command that opens it writes them again (see the guide for auditors)."
)
"""What to do about audit tables that were altered."""
_TABLE_FILE: Final = ".parquet"
# What moves the cursor, colours a terminal or turns the way of reading round.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


_OF_THE_DISK: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE}
)
"""What the machine objects to, whatever the call says."""


class Exit(IntEnum):
    """What the exit code says.

    `FINDING`: the command worked and found something wrong: a rejected claim, a faulty document, an
    example that does not come out, an altered audit table. `USAGE`: the call or a file cannot be
    read. `UNAVAILABLE`: server, ledger or disk out of reach; nothing was recorded by this call, or
    it is safe to send the same request ids again. `BUG`: a fault of medsettle itself.
    """

    OK = 0
    FINDING = 1
    USAGE = 2
    UNAVAILABLE = 3
    BUG = 4


class Quit(Exception):
    """Ends a command with an exit code, after what is to be said has been said."""

    def __init__(self, code: Exit) -> None:
        super().__init__(code.name)
        self.code = code


class UnreadableFile(Exception):
    """A file that the user named is not what its name says; nothing of it was used."""


def code_of(error: errors.SettlementError) -> Exit:
    """Return the exit code of an error."""
    if isinstance(error, errors.InternalError):
        return Exit.BUG
    away = errors.Overloaded | errors.LedgerUnavailable | errors.StoreUnavailable
    away |= errors.PeerUnreachable | errors.OutcomeUnknown | errors.PersonPending
    if isinstance(error, away):
        return Exit.UNAVAILABLE
    return Exit.FINDING


@contextmanager
def told(console: Console, *, as_json: bool, refused: Exit = Exit.FINDING) -> Iterator[None]:
    """Run a command; say an error in words or as JSON, and end with its exit code.

    Args:
        console: Where it is said.
        as_json: Whether a program listens.
        refused: What a refusal ends with: `USAGE` where `FINDING` is an answer of the command.

    Raises:
        Quit: An error of the settlement tree, a file or the network came out.
    """
    try:
        yield
    except errors.SettlementError as error:
        lines = error.message_lines
        if "duplicate" in error.metadata and not as_json:
            lines = [*lines, "It was so answered before; a new request needs a new request id."]
        say(console, error.reason, lines, as_json=as_json)
        if isinstance(error, errors.AuditCorrupt) and "segment" in error.metadata and not as_json:
            console.print(escape(AFTER_CORRUPTION), soft_wrap=True, highlight=False)
        code = code_of(error)
        raise Quit(refused if code is Exit.FINDING else code) from error
    except (TimeoutError, ConnectionError) as error:
        say(console, "UNAVAILABLE", [str(error)], as_json=as_json)
        raise Quit(Exit.UNAVAILABLE) from error
    except (OSError, UnreadableFile) as error:
        if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
            where = f"{error.filename}: " if error.filename else ""
            words = f"{where}{error.strerror}. Free the disk, or see to it, and give the command "
            words += "again: what was finished is kept"
            say(console, "STORE_UNAVAILABLE", [words], as_json=as_json)
            raise Quit(Exit.UNAVAILABLE) from error
        say(console, "USAGE", _words_of(error).splitlines(), as_json=as_json)
        raise Quit(Exit.USAGE) from error


def _words_of(error: OSError | UnreadableFile) -> str:
    """Return what an error says; Arrow tells a missing file by its name and nothing else."""
    told = str(error)
    if isinstance(error, FileNotFoundError):
        if error.errno is None and told.endswith(_TABLE_FILE):
            return f"{told} does not exist; name a file that does"
        if error.filename is not None:
            return f"{error.filename} does not exist; name a file that does"
    if isinstance(error, PermissionError) and error.filename is not None:
        remedy = "give this account the right, or name another place"
        return f"{error.filename}: {error.strerror}; {remedy}"
    return told


@contextmanager
def catching_up(console: Console, *, as_json: bool) -> Iterator[None]:
    """Project what is behind the ledger, and tell where the disk fails that it stays behind.

    Raises:
        Quit: It stays behind.
    """
    try:
        yield
    except OSError as error:
        words = f"the audit tables stay behind the ledger, which has everything: {error}. "
        words += "Free the disk; the next start catches up"
        say(console, "AUDIT_BEHIND", [words], as_json=as_json)
        raise Quit(Exit.UNAVAILABLE) from error


def visible(text: str) -> str:
    r"""Return a text with a mark for each character that would do something to a terminal.

    >>> visible("paid\x1b[2J"), visible("示例　省")
    ('paid�[2J', '示例　省')
    """
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def say(console: Console, reason: str, lines: list[str], *, as_json: bool) -> None:
    """Print an error to people on the error stream, or to programs as one JSON object."""
    if as_json:
        text = orjson.dumps({"error": reason, "messages": lines}).decode()
        console.out(text, highlight=False)
        return
    stderr = Console(stderr=True, soft_wrap=True)
    stderr.print(f"[bold red]{reason}[/]")
    for line in lines:
        stderr.print(f"  {escape(visible(line))}", highlight=False)
