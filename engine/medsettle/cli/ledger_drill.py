"""`medsettle ledger drill`: a backup that was never restored is a hope; this restores one.

The ledger is copied while it is served, the copy restored elsewhere, opened, worked out again from
its entries, and its audit tables are made anew from it. What was lost had the machine died at the
end of the copy, and how long it took to have a ledger that takes claims again, is told.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medsettle import limits
from medsettle.audit import Projector, verify
from medsettle.books.conservation import discrepancies
from medsettle.cli.desks import AUDIT_FOLDER, LEDGER_FILE, ledger_at, now
from medsettle.cli.exits import Exit, Quit, UnreadableFile, told
from medsettle.cli.options import Data, Json
from medsettle.cli.show import print_json, print_lines
from medsettle.ledger import SqliteLedger, SqliteReader
from medsettle.ledger.backup import back_up, restore
from medsettle.ledger.entries import LedgerReader
from medsettle.ledger.verification import check

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Drilled:
    """What a drill came to.

    `lost_entries` and `lost_seconds` are what a machine that died when the copy was whole would
    have lost (RPO): entries recorded after the moment of the copy, and how long that was ago.
    `seconds` has each step; `restored_seconds` is from the copy to a ledger that takes claims
    again (RTO).
    """

    entries: int = 0
    size_bytes: int = 0
    lost_entries: int = 0
    lost_seconds: float = 0.0
    restored_seconds: float = 0.0
    audit_rows_to: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note how long a step takes."""
        begun = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - begun, 3)


def drill(
    data: Data = Path("medsettle-data"),
    scratch: Annotated[
        Path | None,
        typer.Option(help="Folder with room for the copy, the ledger and its audit tables."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Back a served ledger up, restore it elsewhere, and prove that it is the same.

    For a ledger in a file; one in PostgreSQL is restored by its own tools, and its copy verified by
    `ledger verify`. Nothing of the data folder is changed, and what was made is removed.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        source = ledger_at(data, None)
        if not isinstance(source, Path) or not source.is_file():
            raise UnreadableFile(f"{source} is no file; name the data folder of a ledger in a file")
        with tempfile.TemporaryDirectory(prefix="medsettle-drill-", dir=scratch) as folder:
            found = drilled(source, Path(folder), now)
    if as_json:
        print_json(console, asdict(found))
    else:
        print_lines(console, _lines(found))
    if found.findings:
        raise Quit(Exit.FINDING)


def drilled(source: Path, folder: Path, clock: Callable[[], datetime]) -> Drilled:
    """Return what a drill of a ledger came to.

    Args:
        source: The ledger's file, which may be being written.
        folder: An empty folder for what is made.
        clock: Returns the present moment, with a zone.

    Raises:
        LedgerUnavailable: The ledger cannot be copied, or the copy not be opened.
        Precondition: Something is wrong with the copy.
        AuditCorrupt: The audit tables that were made are damaged.
    """
    found = Drilled()
    copy, data = folder / "copy.db", folder / "data"
    data.mkdir()
    with found.timed("back up and check"):
        copied = back_up(source, copy, check)
    found.entries, found.size_bytes = copied.last_seq, copied.size_bytes
    _lost(found, source, clock())
    begun = time.monotonic()
    with found.timed("restore and check"):
        restore(copy, data / LEDGER_FILE, check)
    with found.timed("open"):
        ledger = SqliteLedger(data / LEDGER_FILE)
    found.restored_seconds = round(time.monotonic() - begun, 3)
    with ledger:
        with found.timed("make audit tables"):
            projector = Projector(ledger, data / AUDIT_FOLDER)
            try:
                while projector.run_once():
                    pass
            finally:
                projector.close()
        with found.timed("verify audit tables"):
            found.audit_rows_to = verify(data / AUDIT_FOLDER).last_seq
        with found.timed("work out the books"):
            found.findings += [str(each) for each in discrepancies(ledger, data / AUDIT_FOLDER)]
        with found.timed("compare entries"), SqliteReader(source) as reader:
            if _digest(reader, copied.last_seq) != _digest(ledger, copied.last_seq):
                found.findings.append("an entry of the copy is not that of the ledger")
    if found.audit_rows_to != copied.last_seq:
        found.findings.append(
            f"audit tables go to position {found.audit_rows_to}, the copy to {copied.last_seq}"
        )
    return found


def _lost(found: Drilled, source: Path, moment: datetime) -> None:
    """Note what has been recorded since the copy was taken."""
    with SqliteReader(source) as reader:
        found.lost_entries = reader.last_seq() - found.entries
        later = reader.page(after_seq=found.entries, limit=1)
    if later:
        first = _EPOCH + timedelta(microseconds=later[0].create_time_us)
        found.lost_seconds = round((moment - first).total_seconds(), 3)


def _digest(reader: LedgerReader, last_seq: int) -> bytes:
    """Return a digest of the entries up to one, in order."""
    total, after = sha256(), 0
    while after < last_seq:
        page = reader.page(after_seq=after, limit=min(limits.PAGE_SIZE_MAX, last_seq - after))
        for entry in page:
            parts = (entry.kind, entry.institution, entry.request_id, entry.settlement)
            total.update(f"{entry.seq}\0{entry.create_time_us}\0{'/'.join(parts)}\0".encode())
            total.update(entry.content_digest + entry.record)
        after = page[-1].seq
    return total.digest()


def _lines(found: Drilled) -> Iterator[str]:
    for step, seconds in found.seconds.items():
        yield f"{step}: {seconds} s"
    yield from found.findings
    yield (
        f"{found.entries} entries, {found.size_bytes} bytes restored; audit tables to position "
        f"{found.audit_rows_to}"
    )
    yield (
        f"lost had the machine died with the copy (RPO): {found.lost_entries} entries of "
        f"{found.lost_seconds} s"
    )
    yield f"until a ledger takes claims again (RTO): {found.restored_seconds} s"
    yield f"{len(found.findings)} finding(s)" if found.findings else "the same, entry by entry"
