"""`medsettle ledger`: back the ledger up while it is served, verify it, restore it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from medsettle.audit import check_follows, read_segments
from medsettle.audit import verify as verify_audit
from medsettle.books.conservation import discrepancies
from medsettle.books.resettling import Resettling
from medsettle.cli.books_command import books
from medsettle.cli.checkout import PAYMENTS_FOLDER
from medsettle.cli.desks import AUDIT_FOLDER, LEDGER_FILE, check_is_ledger, ledger_at
from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.ledger_drill import drill
from medsettle.cli.options import Data, Json, Ledger
from medsettle.cli.pseudonym_keys import Keys, reading_pseudonyms
from medsettle.durable import make_folder
from medsettle.errors import Precondition
from medsettle.ledger.backup import Copied, back_up, check_is_copy
from medsettle.ledger.backup import restore as restore_copy
from medsettle.ledger.opening import (
    LedgerPlace,
    OpenReader,
    least_version,
    migrate_ledger,
    open_reader,
    shown,
)
from medsettle.ledger.sqlite import SqliteReader
from medsettle.ledger.verification import check, findings
from medsettle.privacy.pseudonyms import Pseudonyms
from medsettle.rule_cache import rule_book

app = typer.Typer(
    no_args_is_help=True,
    help="Back the ledger up while it is served, verify it, restore it. A ledger in PostgreSQL is "
    "backed up and restored by pg_dump and pg_restore.",
)
app.command()(drill)
app.command()(books)


def _ledger_of(data: Path, named: str | None = None) -> Path:
    """Return the file of a ledger, in a data folder unless it is named.

    Raises:
        FileNotFoundError: There is none.
        Precondition: It is kept in PostgreSQL.
    """
    place = ledger_at(data, named)
    if not isinstance(place, Path):
        raise Precondition("a ledger in PostgreSQL is backed up by pg_dump; this copies files")
    if not place.is_file():
        raise FileNotFoundError(
            f"{place} is no file of a ledger; name its folder with --data. A ledger in PostgreSQL "
            "is backed up by pg_dump"
        )
    return place


@app.command()
def migrate(
    data: Data = Path("medsettle-data"), ledger: Ledger = None, as_json: Json = False
) -> None:
    """Bring the tables of a ledger to the version that this medsettle works with.

    A ledger in a file is brought there by whatever opens it to record something. One in PostgreSQL
    waits for this command, since servers of the older version may be at work on it. What it says at
    the end is the oldest schema version whose servers go on; stop older ones before.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        place = ledger_at(data, ledger)
        if isinstance(place, Path) and not place.is_file():
            raise FileNotFoundError(f"{place} is no file; name the folder with --data")
        before, after = migrate_ledger(place)
        least = least_version(place)
        if as_json:
            body = {"version_before": before, "version": after, "oldest_that_goes_on": least}
            console.out(orjson.dumps(body).decode(), highlight=False)
        else:
            words = f"migrated from {before}" if before != after else "nothing to do"
            words += f"; servers of version {least} and later go on"
            console.print(f"ledger schema version {after}: {words}", highlight=False)


@app.command()
def backup(
    to: Annotated[Path, typer.Option(help="The file to make; it must not exist.")],
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    as_json: Json = False,
) -> None:
    """Copy the ledger into a file, as it is at this moment; a server may go on settling.

    The copy is checked and synced before it gets its name.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        copied = back_up(_ledger_of(data, ledger), to, check)
        notes = _payments_notes(data)
        _show(console, "backed up", copied, notes, as_json=as_json)


def _payments_notes(data: Path) -> list[str]:
    folder = data / PAYMENTS_FOLDER
    if not folder.is_dir():
        return []
    return [
        f"{folder} is not in it: orders given to the bank, and what tills took. Copy that folder "
        "too, after every export and while no payments command runs; an older one forgets what "
        "was paid"
    ]


def _show(console: Console, done: str, copied: Copied, notes: list[str], *, as_json: bool) -> None:
    if as_json:
        found = {
            "file": str(copied.path),
            "last_seq": copied.last_seq,
            "bytes": copied.size_bytes,
            "notes": notes,
        }
        console.out(orjson.dumps(found).decode(), highlight=False)
        return
    words = f"{done} to ledger position {copied.last_seq}: {copied.path}, {copied.size_bytes} bytes"
    for line in (words, *notes):
        console.print(line, markup=False, highlight=False)


@app.command()
def verify(
    what: Annotated[Path, typer.Argument(help="A copy of a ledger, or a data folder.")],
    rules: Annotated[
        list[Path] | None,
        typer.Option(
            help="Rules to settle every entry again by, fen for fen; often, where revisions differ."
        ),
    ] = None,
    ledger: Ledger = None,
    pseudonym_keys: Keys = None,
    as_json: Json = False,
) -> None:
    """Read a whole ledger, and say what is wrong: pages, numbers, counters, keys, shares.

    Everything it holds is worked out again from the entries alone. Of a data folder the audit
    tables are verified too, and held row by row to the ledger, which is in the folder unless it is
    named.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        folder = what if what.is_dir() else None
        place = ledger_at(what, ledger) if folder is not None else what
        with _reader_of(place, still=folder is None) as reader:
            last_seq = reader.last_seq()
            found = list(findings(reader))
            audited = None if folder is None else _audited(folder / AUDIT_FOLDER, reader)
            if not found:
                # What is worked out again presumes that the file can be read.
                keys = reading_pseudonyms(what, pseudonym_keys) if folder is not None else None
                found = _recomputed(reader, folder, rules or [], keys)
    _show_findings(console, shown(place), last_seq, audited, found, as_json=as_json)
    if found:
        raise Quit(Exit.FINDING)


def _recomputed(
    reader: OpenReader, folder: Path | None, rules: Sequence[Path], keys: Pseudonyms | None
) -> list[str]:
    """Return what does not follow from the entries, and which do not settle to what they say."""
    audit = None if folder is None else folder / AUDIT_FOLDER
    found = [str(each) for each in discrepancies(reader, audit, pseudonyms=keys)]
    if rules:
        book, *others = map(rule_book, rules)
        again = Resettling(reader, book, others=others)
        found += [str(each) for each in again.discrepancies()]
        if again.unknown:
            found.append(
                f"{again.unknown} settlement(s) cannot be settled again: "
                f"{', '.join(map(str, rules))} lacks the revisions of the policies that settled "
                "them; name the rules of that time too, with another --rules"
            )
    return found


def _reader_of(place: LedgerPlace, *, still: bool) -> OpenReader:
    """Return a reader of a ledger, or of a copy that nobody writes (`still`), of any version."""
    if still and isinstance(place, Path):
        _check_is_file(place)
        check_is_copy(place)
    check_is_ledger(place)
    if isinstance(place, Path):
        return SqliteReader(place, still=still, older=True)
    return open_reader(place)


def _check_is_file(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; name a copy of a ledger, or a data folder")


def _audited(folder: Path, reader: OpenReader) -> int:
    """Return up to where the audit tables of a ledger go, after verifying them.

    Raises:
        AuditCorrupt: They are damaged, or are not of this ledger.
    """
    if not folder.is_dir():
        return 0
    head = verify_audit(folder)
    check_follows(folder, read_segments(folder), reader)
    return head.last_seq


def _show_findings(
    console: Console,
    name: str,
    last_seq: int,
    audited: int | None,
    found: list[str],
    *,
    as_json: bool,
) -> None:
    if as_json:
        body = {"file": name, "last_seq": last_seq, "audit_seq": audited, "findings": found}
        console.out(orjson.dumps(body).decode(), highlight=False)
        return
    for line in found:
        console.print(line, markup=False, highlight=False)
    words = (
        f"{len(found)} finding(s); name the rules of a revision that is missing, or else restore "
        "a backup, and keep this file"
        if found
        else (f"verified: {name}, {last_seq} entries")
    )
    if audited is not None:
        words += f"; audit tables to position {audited}"
    console.print(words, markup=False, highlight=False)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A copy made by `medsettle ledger backup`.")],
    data: Data = Path("medsettle-data"),
    as_json: Json = False,
) -> None:
    """Make the ledger of a data folder from a copy; a ledger that is there is not touched.

    Audit tables that are older follow at the next start. Where they are newer than the copy, or of
    another ledger, nothing is restored.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        _check_is_file(file)
        check_is_copy(file)
        audit = data / AUDIT_FOLDER

        def complete(reader: SqliteReader) -> None:
            check(reader)
            if audit.is_dir():
                check_follows(audit, read_segments(audit), reader)

        make_folder(data)
        copied = restore_copy(file, data / LEDGER_FILE, complete)
        _show(console, "restored", copied, _restored_notes(data), as_json=as_json)


def _restored_notes(data: Path) -> list[str]:
    notes = ["The audit tables follow at the next start; settlements after this one are not in it"]
    if (data / PAYMENTS_FOLDER).is_dir():
        notes.append(
            f"{data / PAYMENTS_FOLDER} was left as it is: it must be the newest there is, for an "
            "older one forgets what was paid. One that knows more than this ledger refuses to work"
        )
    return notes
