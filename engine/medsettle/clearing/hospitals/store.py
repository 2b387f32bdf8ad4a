"""The store of what hospitals are paid, and what stands of a claim in it.

Every change is one durable transaction that reads what it builds on, so commands take turns and a
killed one leaves all of a change or nothing. What can be decided is in the modules beside this one;
what must never be is refused by the tables (`hospital_schema`).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

from medsettle import limits
from medsettle.clearing.hospitals.schema import FORM
from medsettle.core.dates import microseconds
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.ledger.side_file import (
    open_store,
    private_folder,
    rows_of,
    transaction,
    unavailable,
)

HOSPITALS_FILE: Final = "hospitals.db"

Value: TypeAlias = str | int | None


@dataclass(frozen=True, slots=True, order=True)
class Fund:
    """Whose money it is: pooling area (统筹区), insurance type (险种) and payer (基金).

    Money of one is never settled with that of another (ring-fencing, regulation 735 art. 21).
    """

    pooling_area: str
    insurance_type: str
    payer: str

    def row(self) -> dict[str, str]:
        """Return its columns, in the order in which the tables have them."""
        return {
            "pooling_area": self.pooling_area,
            "insurance_type": self.insurance_type,
            "payer": self.payer,
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides something, when, and why where a reason is asked for."""

    by: str
    moment: datetime
    reason: str = ""

    @property
    def moment_us(self) -> int:
        """The moment in microseconds since 1970-01-01, UTC."""
        return microseconds(self.moment)

    def check(self, *, reason: bool = False) -> None:
        """Check that it says who, and why where that is asked for.

        Raises:
            InvalidRequest: It does not, or at more length than is kept.
        """
        faults = []
        most = limits.HOSPITAL_NAME_CHARS_MAX
        if not (1 <= len(self.by) <= most and self.by.isprintable()):
            faults.append(Fault("by", f"expected 1 to {most} printable characters"))
        most, least = limits.HOSPITAL_REASON_CHARS_MAX, int(reason)
        if not least <= len(self.reason.strip()) <= most:
            faults.append(Fault("reason", f"expected {least} to {most} characters"))
        if faults:
            raise InvalidRequest(faults)


@dataclass(frozen=True, slots=True)
class Part:
    """What one payer owes of one claim, in fen.

    `declared_fen` is what stands of it in the book, `approved_fen` what movements come to, and
    `paid_fen` what of them is in payments: paid to date.
    """

    claim: str
    payer: str
    declared_fen: int
    deducted_fen: int
    forfeited_fen: int
    held_fen: int
    approved_fen: int
    paid_fen: int

    @property
    def worth_fen(self) -> int:
        """What is left of it after deductions and forfeits, the reserve included."""
        return max(0, self.declared_fen - self.deducted_fen - self.forfeited_fen)

    @property
    def due_fen(self) -> int:
        """What may be paid of it before the reserve is released."""
        return self.worth_fen - self.held_fen

    @property
    def rest_fen(self) -> int:
        """What is still to be approved; negative where more was approved than is due now."""
        return self.due_fen - self.approved_fen


PART_COLUMNS: Final = (
    "claim, payer, declared_fen, deducted_fen, forfeited_fen, held_fen, approved_fen, paid_fen"
)
OF_PARTS: Final = ", ".join(f"p.{name.strip()}" for name in PART_COLUMNS.split(","))
"""The same of rows `p`."""


class HospitalStore:
    """What hospitals are paid, in one folder. One thread uses it; so may processes."""

    def __init__(self, folder: Path) -> None:
        """Open the store, made with its folder where there is none.

        Raises:
            StoreUnavailable: The file is something else, damaged or cannot be written.
        """
        with unavailable(folder, "make"):
            self.folder = private_folder(folder)
        self.path = folder / HOSPITALS_FILE
        self.connection = open_store(self.path, FORM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""
        self.connection.close()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Run a block as one durable transaction: all of it is recorded when it ends, or nothing.

        Raises:
            StoreUnavailable: The disk failed, another process holds the store for too long, or the
                block would break what the tables hold.
        """
        with transaction(self.connection, self.path):
            yield

    def rows(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        with unavailable(self.path, "use"):
            return rows_of(self.connection, sql, *values)

    def add(self, table: str, row: Mapping[str, Value]) -> int:
        """Add a row to a table, inside a change, and return its number."""
        marks = ",".join("?" * len(row))
        self.rows(
            f"insert into {table} ({','.join(row)}) values ({marks})",  # noqa: S608 - our own names
            *row.values(),
        )
        return self.connection.last_insert_rowid()

    def add_all(self, table: str, columns: str, rows: Iterable[tuple[Value, ...]]) -> None:
        """Add rows to a table, inside a change; a column of each is named once."""
        marks = ",".join("?" * len(columns.split(",")))
        with unavailable(self.path, "write"):
            self.connection.executemany(
                f"insert into {table} ({columns}) values ({marks})",  # noqa: S608 - our own names
                rows,
            )

    def part(self, claim: str, payer: str) -> Part:
        """Return what one payer owes of a claim.

        Raises:
            NotFound: The claim was never reported, or this payer owes nothing of it.
        """
        found = self.rows(
            f"select {PART_COLUMNS} from parts where claim = ? and payer = ?",  # noqa: S608
            claim,
            payer,
        )
        if not found:
            raise NotFound(
                f"{payer} owes nothing of claim {claim!r}; check the id, or report its day first",
                claim=claim,
                payer=payer,
            )
        return Part(*found[0])

    def parts(self, claim: str) -> list[Part]:
        """Return what each payer owes of a claim, by payer; none of a claim that is not known."""
        rows = self.rows(
            f"select {PART_COLUMNS} from parts where claim = ? order by payer",  # noqa: S608
            claim,
        )
        return [Part(*row) for row in rows]

    def grade_of(self, institution: str, day: int) -> str:
        """Return the performance grade of an institution on a day number, empty without one."""
        found = self.rows(
            "select grade from grades where institution = ? and from_day <= ? "
            "order by from_day desc limit 1",
            institution,
            day,
        )
        return str(found[0][0]) if found else ""

    def grade(self, institution: str, from_day: int, grade: str, decision: Decision) -> None:
        """Record the performance grade of an institution from a day number on.

        Raises:
            InvalidRequest: The decision does not say who, or the grade is too long.
            StoreUnavailable: A grade from that day on is recorded; it never changes.
        """
        decision.check()
        most = limits.CODE_CHARS_MAX
        if not 1 <= len(grade) <= most:
            raise InvalidRequest([Fault("grade", f"expected 1 to {most} characters")])
        with self.change():
            self.add(
                "grades",
                {
                    "institution": institution,
                    "from_day": from_day,
                    "grade": grade,
                    "decided_by": decision.by,
                    "create_time_us": decision.moment_us,
                },
            )
