"""What a till keeps of the time in which it was alone: sealed records, and what became of each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import apsw

from medsettle import limits
from medsettle.core.dates import microseconds
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.side_file import (
    StoreForm,
    open_store,
    private_folder,
    rows_of,
    transaction,
)
from medsettle.offline.records import SealedRecord, is_receipt

_FORM: Final = StoreForm(
    what="the sealed claims of a till",
    # "MSOF" in ASCII.
    application_id=0x4D53_4F46,
    version=1,
    tables="""
create table records (
  seq integer primary key check (seq >= 1),
  request_id text not null unique,
  header blob not null,
  sealed blob not null,
  signature blob not null
) strict;
create table outcomes (
  seq integer primary key check (seq >= 1),
  state text not null check (state in ('settled', 'refused', 'online')),
  settlement text not null,
  cash_fen integer,
  refund_fen integer,
  reason text not null,
  message text not null,
  moment_us integer not null
) strict;
create table closings (
  seq integer primary key check (seq >= 1),
  person text not null,
  note text not null,
  moment_us integer not null
) strict;
""",
)


class State(StrEnum):
    """What an engine made of a claim: settled it, refused it, or had it online before."""

    SETTLED = "settled"
    REFUSED = "refused"
    ONLINE = "online"


@dataclass(frozen=True, slots=True)
class Kept:
    """A record where it stands in the store; `request_id` is what the store is asked by."""

    seq: int
    request_id: str
    record: SealedRecord


@dataclass(frozen=True, slots=True)
class Decided:
    """What an engine answered for good.

    `settlement` is what stands in the ledger, empty where nothing does; `cash_fen` is what the
    patient owes of it, None where it cannot be read. `refund_fen` is what is to be given back: the
    cash taken less that, negative where more is owed, and of what was settled online, where that is
    paid as well, all the cash that was taken; None where nothing was settled.
    """

    state: State
    settlement: str = ""
    cash_fen: int | None = None
    refund_fen: int | None = None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """Who saw to a record that did not settle, and how."""

    person: str
    note: str


class TillStore:
    """The records of one till, in one file. Several processes may have it open.

    Records are never changed, and what became of one is written once.
    """

    def __init__(self, path: Path) -> None:
        private_folder(path.absolute().parent)
        self.path = path
        self._connection: apsw.Connection = open_store(path, _FORM)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator["Page"]:
        """Yield what reads and adds records in one durable transaction."""
        with transaction(self._connection, self.path):
            yield Page(self._connection)

    def records(self) -> Iterator[Kept]:
        """Yield the records in the order in which they stand."""
        last = 0
        while page := rows_of(
            self._connection,
            "select seq, request_id, header, sealed, signature from records where seq > ?"
            " order by seq limit ?",
            last,
            limits.PAGE_SIZE_DEFAULT,
        ):
            for seq, request_id, *parts in page:
                yield Kept(seq, request_id, SealedRecord(*parts))
            last = page[-1][0]

    def decided(self) -> dict[int, Decided]:
        """Return what became of records, by number."""
        rows = rows_of(
            self._connection,
            "select seq, state, settlement, cash_fen, refund_fen, reason, message from outcomes",
        )
        return {seq: Decided(State(state), *rest) for seq, state, *rest in rows}

    def closings(self) -> dict[int, Closing]:
        """Return who saw to records, by number."""
        rows = rows_of(self._connection, "select seq, person, note from closings")
        return {seq: Closing(person, note) for seq, person, note in rows}

    def decide(self, seq: int, decided: Decided, moment: datetime) -> None:
        """Record what became of a record; what was recorded before stays."""
        with transaction(self._connection, self.path):
            self._connection.execute(
                "insert or ignore into outcomes values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    seq,
                    decided.state.value,
                    decided.settlement,
                    decided.cash_fen,
                    decided.refund_fen,
                    decided.reason,
                    decided.message,
                    microseconds(moment),
                ),
            )

    def closed(self, seq: int, closing: Closing, moment: datetime, receipt: str = "") -> None:
        """Record that somebody saw to a record, which needs neither to stand nor to be whole.

        Args:
            seq: Of a record that the store knows, or that one it knows follows.
            closing: Who saw to it, and how.
            moment: When, with a zone.
            receipt: The patient's, which tells of a record that the store has lost at its end.

        Raises:
            InvalidRequest: Nobody is named, nothing is said or too much, nothing tells of such a
                record, or it is closed already.
        """
        most = limits.OFFLINE_NOTE_CHARS_MAX
        given = (("by", closing.person), ("note", closing.note))
        faults = [
            Fault(name, f"{len(text)} characters; expected 1 to {most}, such as what was done")
            for name, text in given
            if not 1 <= len(text.strip()) <= most
        ]
        if receipt and not (is_receipt(receipt) and receipt.startswith(f"{seq}-")):
            faults.append(Fault("receipt", f"{receipt[:30]!r} is no receipt of record {seq}"))
        with transaction(self._connection, self.path):
            last = self._last_known()
            if seq < 1:
                faults.append(Fault("seq", f"{seq} is no number of a record; they begin with 1"))
            elif seq > last and not receipt:
                text = f"{seq} is no record: the last that this store knows is {last or 'none'}; "
                text += "one lost at its end is closed by the patient's receipt"
                faults.append(Fault("seq", text))
            if seq in (known := self.closings()):
                faults.append(Fault("seq", f"{seq} is closed already, by {known[seq].person}"))
            if faults:
                raise InvalidRequest(faults)
            self._connection.execute(
                "insert into closings values (?, ?, ?, ?)",
                (seq, closing.person, closing.note, microseconds(moment.astimezone(UTC))),
            )

    def _last_known(self) -> int:
        """Return the highest number that stands, was signed or was answered; 0 for none.

        A record that was moved here from behind has a higher number signed than it stands at.
        """
        ((last,),) = rows_of(
            self._connection,
            "select coalesce(max(number), 0) from ("
            "select seq as number from records union all select seq from outcomes union all"
            " select case when json_valid(cast(header as text))"
            " then json_extract(cast(header as text), '$.seq') end from records"
            ") where typeof(number) = 'integer'",
        )
        return int(last)


class Page:
    """The end of the list of records, within a transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def last(self) -> Kept | None:
        """Return the last record; None where there is none."""
        return self._one("order by seq desc limit 1")

    def next_number(self) -> int:
        """Return the number of the next record: beyond the last, and none that is done with.

        Where a record was lost at the end, what was answered to it or who saw to it is still known,
        and would be taken for that of another record of its number.
        """
        ((last,),) = rows_of(
            self._connection,
            "select max((select coalesce(max(seq), 0) from records),"
            " (select coalesce(max(seq), 0) from outcomes))",
        )
        number = int(last) + 1
        while rows_of(self._connection, "select 1 from closings where seq = ?", number):
            number += 1
        return number

    def of_request(self, request_id: str) -> Kept | None:
        """Return the record of a request id; None where there is none."""
        return self._one("where request_id = ?", request_id)

    def add(self, kept: Kept) -> None:
        """Add a record."""
        part = kept.record
        self._connection.execute(
            "insert into records values (?, ?, ?, ?, ?)",
            (kept.seq, kept.request_id, part.header, part.sealed, part.signature),
        )

    def _one(self, which: str, *values: str) -> Kept | None:
        found = rows_of(
            self._connection,
            f"select seq, request_id, header, sealed, signature from records {which}",  # noqa: S608 - ours
            *values,
        )
        return Kept(found[0][0], found[0][1], SealedRecord(*found[0][2:])) if found else None
